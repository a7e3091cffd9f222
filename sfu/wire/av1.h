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

struct av1_desc {
        bool continues;   /* Z: the first element continues an OBU of the packet before */
        bool unfinished;  /* Y: the last element goes on in the next packet */
        bool is_keyframe; /* N: first packet of a coded video sequence, which begins with a key
                             frame; and it brings the sequence header */
};

/* Reads the payload of one RTP packet. Returns 0 and fills *ret_desc, or an enum
 * av1_err and leaves *ret_desc untouched. */
must_use int av1_parse(struct av1_desc *ret_desc, struct span payload);

#endif
