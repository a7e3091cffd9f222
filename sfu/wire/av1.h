/* SPDX-License-Identifier: Apache-2.0 */
/*
 * av1 — the aggregation header of AV1 RTP payloads (AOM "RTP Payload Format For
 *       AV1" §4.4) and the type of the first OBU.
 *
 * Layer:  wire. Pure: no I/O, clock, allocation, logging or global state.
 */
#ifndef SFU_WIRE_AV1_H
#define SFU_WIRE_AV1_H

#include "base/base.h"

enum av1_err {
        AV1_E_SHORT = 1, /* nothing behind the aggregation header */
        AV1_E_HEADER,    /* a new sequence that continues an older OBU (N and Z) */
};

enum av1_obu { /* AV1 specification §6.2.2 */
               AV1_OBU_SEQUENCE_HEADER = 1,
               AV1_OBU_TEMPORAL_DELIMITER = 2,
               AV1_OBU_FRAME_HEADER = 3,
               AV1_OBU_TILE_GROUP = 4,
               AV1_OBU_FRAME = 6,
               AV1_OBU_TILE_LIST = 8,
               AV1_OBU_PADDING = 15,
};

struct av1_desc {
        bool continues;   /* Z: the first element continues an OBU of the packet before */
        bool unfinished;  /* Y: the last element goes on in the next packet */
        bool is_keyframe; /* N: first packet of a coded video sequence, which begins with a key
                             frame; and it brings the sequence header */
};

/* Reads the payload of one RTP packet. Returns 0 and fills *ret_desc, or an enum
 * av1_err and leaves *ret_desc untouched. */
must_use int av1_parse(struct av1_desc *ret_desc, struct span payload);

/* Reads a number of variable length (AV1 specification §4.10.5). Sets r->bad when it has no end. */
uint64_t av1_read_leb128(struct rd *r);

#endif
