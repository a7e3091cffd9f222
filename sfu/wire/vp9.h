/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vp9 — the VP9 payload descriptor (RFC 9628 §4.2) with its scalability structure
 *       (§4.2.1). Picture id and tl0picidx have the form that vp8.h rewrites.
 *
 * A *picture* is everything of one instant (one RTP timestamp); a *frame* is one
 * spatial layer of it.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 */
#ifndef SFU_WIRE_VP9_H
#define SFU_WIRE_VP9_H

#include "base/base.h"

enum vp9_err {
        VP9_E_SHORT = 1, /* the payload ends inside the descriptor, or right after it */
        VP9_E_DIFFS,     /* more than VP9_MAX_DIFFS references (RFC 9628 §4.2) */
};

enum {
        VP9_MAX_SPATIAL = 8,
        VP9_MAX_DIFFS = 3,
};

struct vp9_desc {
        size_t len;           /* bytes of the descriptor */
        bool inter_predicted; /* P: depends on earlier pictures */
        bool flexible;        /* F: references are in the packets, not in the structure */
        bool starts_frame;    /* B */
        bool ends_frame;      /* E */
        bool not_for_upper;   /* Z: no higher spatial layer of this picture needs it */
        bool has_picture_id, long_picture_id;
        uint16_t picture_id;      /* 15 bits when long, else 7 */
        size_t picture_id_offset; /* in the payload; of the byte with the M bit */
        bool has_layers;          /* L */
        uint8_t tid, sid;         /* 0..7 each */
        bool switching_up;        /* U: what follows needs nothing older of a higher tid */
        bool inter_layer;         /* D: depends on the spatial layer below */
        bool has_tl0picidx;       /* in non-flexible mode with layers */
        uint8_t tl0picidx;
        size_t tl0picidx_offset; /* in the payload */
        uint8_t n_diffs;         /* flexible mode: how many pictures back, each 1..127 */
        uint8_t diffs[VP9_MAX_DIFFS];
        bool has_structure; /* V */
        uint8_t n_spatial;  /* of the structure: 1..8; 0 without one */
        uint16_t widths[VP9_MAX_SPATIAL], heights[VP9_MAX_SPATIAL]; /* 0: not given */
        bool is_keyframe; /* first packet of the lowest frame of a key picture */
};

/* Reads the payload of one RTP packet. Returns 0 and fills *ret_desc, or an enum
 * vp9_err and leaves *ret_desc untouched. */
must_use int vp9_parse(struct vp9_desc *ret_desc, struct span payload);

#endif
