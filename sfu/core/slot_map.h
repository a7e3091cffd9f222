/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_map — maps packets of changing sources onto one outgoing stream:
 *            contiguous sequence numbers, and the offsets that make timestamps
 *            and VP8 picture ids (RFC 7741 §4.2) run on.
 *
 * Layer:  core. Pure arithmetic on a caller's struct.
 * Owner:  one per slot.
 * Thread: the worker's.
 * Units:  ext: extended sequence numbers (RFC 3550 A.1), of the source ("in")
 *         or of the slot ("out"); only the low 16 bits go on the wire.
 *
 * A *segment* is a run with constant offsets. A new one begins at each switch
 * of source, and behind each packet that is skipped (padding, a layer that the
 * slot does not take). The last SLOT_MAP_SEGMENTS are kept: that is all a
 * subscription needs to answer a NACK from the source's own ring of packets. A
 * slot that skips frames all the time remembers SLOT_MAP_OLDER more, in memory of
 * their own: the others, most of all, do not pay for it.
 *
 * Invariants:
 *  (1) out numbers of consecutive switches touch: no gap, no overlap.
 *  (2) a gap in a source stays a gap of the same size, so the receiver asks for
 *      what was lost; unless it passes SLOT_MAP_MAX_GAP, then it is closed.
 *  (3) a packet from before the last switch is never mapped by
 *      slot_map_forward().
 */
#ifndef SFU_CORE_SLOT_MAP_H
#define SFU_CORE_SLOT_MAP_H

#include "base/base.h"

enum {
        SLOT_MAP_SEGMENTS = 8,
        SLOT_MAP_OLDER = 48, /* with one run skipped per picture: more than a second */
        SLOT_MAP_NO_TOP = 0xff,
        SLOT_MAP_MAX_GAP = 512, /* the ring's size: older losses cannot be served */
};

struct slot_seg {
        uint32_t layer_id; /* whose packets; the caller's number */
        uint32_t in_first, out_first;
        uint32_t ts_offset; /* out = in + offset, modulo */
        uint16_t picture_id_offset;
        uint16_t frame_offset; /* of the dependency descriptor's frame number */
        uint8_t tl0_offset;
        uint8_t top_sid; /* this spatial layer's last packet ends a picture */
        bool mark;       /* its very first packet gets the marker bit */
        bool continues;  /* the same source as the segment before */
};

struct slot_map_older {
        uint8_t n, at; /* segs[at] is the next to be overwritten */
        struct slot_seg segs[SLOT_MAP_OLDER];
};

struct slot_map {
        uint32_t out_next; /* one past the highest out number given */
        uint32_t in_highest;
        struct slot_map_older *older; /* or NULL */
        uint16_t gap_left;            /* numbers that gaps may take: each packet earns a few */
        uint8_t n_segs;
        struct slot_seg segs[SLOT_MAP_SEGMENTS]; /* newest first: each packet needs that one */
};

/* first_out: the first sequence number the slot will send. */
void slot_map_init(struct slot_map *map, uint16_t first_out);

void slot_map_done(struct slot_map *map);

/* From now on many packets will be skipped. Returns 0 or -ENOMEM. */
must_use int slot_map_remember(struct slot_map *map);

/* A new source begins with its packet seg->in_first; out_first is filled in. */
void slot_map_switch(struct slot_map *map, const struct slot_seg *seg);

/* The out number of a packet of the current source and the segment it lies in
 * (valid until the next call); or false: it is from before the switch. */
must_use bool slot_map_forward(struct slot_map *map, uint32_t in_ext, uint32_t *ret_out_ext,
                               const struct slot_seg **ret_seg);

/* True: the packet needs no number, later ones close ranks. False: later ones
 * went out already (or it is from before the switch), and its number is spent. */
must_use bool slot_map_skip(struct slot_map *map, uint32_t in_ext);

/* From packet in_ext on, which is newer than all before, the segment's other values
 * may be changed; its numbers go on. NULL: there is no source, or the packet is not
 * the newest one. Valid until the next call. */
struct slot_seg *slot_map_split(struct slot_map *map, uint32_t in_ext);

/* Whether a segment is of the present source, from its last switch on. */
must_use bool slot_map_is_current(const struct slot_map *map, const struct slot_seg *seg);

/* Where the packet went out as out_seq came from. False: not known any more. */
must_use bool slot_map_find(const struct slot_map *map, uint16_t out_seq, uint32_t *ret_in_ext,
                            uint32_t *ret_out_ext, const struct slot_seg **ret_seg);

#endif
