/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vp8 — the VP8 payload descriptor (RFC 7741 §4.2) and the head of a key frame
 *       (§4.3, RFC 6386 §9.1); rewriting of picture id and tl0picidx in place.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 */
#ifndef SFU_WIRE_VP8_H
#define SFU_WIRE_VP8_H

#include "base/base.h"

enum vp8_err {
        VP8_E_SHORT = 1, /* the payload ends inside the descriptor, or right after it */
};

struct vp8_desc {
        size_t len;           /* bytes of the descriptor */
        bool non_reference;   /* N: may be dropped without harm */
        bool starts_frame;    /* S is set and the partition is 0: first packet of a frame */
        bool partition_start; /* S */
        uint8_t partition;    /* PID, 0..7 */
        bool has_picture_id, long_picture_id;
        uint16_t picture_id;      /* 15 bits when long, else 7 */
        size_t picture_id_offset; /* in the payload; of the byte with the M bit */
        bool has_tl0picidx;
        uint8_t tl0picidx;
        size_t tl0picidx_offset;  /* in the payload */
        bool has_tid, layer_sync; /* T; Y: depends on temporal layer 0 only */
        uint8_t tid;              /* temporal layer, 0..3 */
        bool has_keyidx;
        uint8_t keyidx;         /* 0..31 */
        bool is_keyframe;       /* first packet of a key frame */
        uint16_t width, height; /* of that key frame; 0 when not given */
};

/* Reads the payload of one RTP packet. Returns 0 and fills *ret_desc, or
 * VP8_E_SHORT and leaves *ret_desc untouched. */
must_use int vp8_parse(struct vp8_desc *ret_desc, struct span payload);

/* Write into the payload that gave *desc (or a copy of it, same length). The
 * picture id keeps its size: higher bits are cut off. No-op when *desc has no
 * such field. */
void vp8_set_picture_id(uint8_t *payload, const struct vp8_desc *desc, uint16_t picture_id);
void vp8_set_tl0picidx(uint8_t *payload, const struct vp8_desc *desc, uint8_t tl0picidx);

#endif
