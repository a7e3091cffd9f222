/* SPDX-License-Identifier: Apache-2.0 */
/*
 * av1_depay — RTP payloads of AV1 (AOM "RTP Payload Format For AV1" §4) to temporal units in the
 *             low-overhead format (AV1 §5.2): each OBU with its size.
 *
 * Temporal delimiters, padding and tile lists are left out, as Matroska wants it; what shows a
 * decoder where a unit begins is the frame around it.
 *
 * Layer:  jobs/core. No I/O, no clock, no threads.
 * Owner:  the track's.
 *
 * Invariants:
 *  (1) a unit that comes out is whole: each OBU of it in full, none lost between. A packet that was
 *      lost, or one that cannot be read, costs the unit it was part of.
 *  (2) at most AV1_MAX_UNIT bytes are held; a larger unit is dropped.
 *  (3) the first unit that comes out of a stream is a key frame with its sequence header.
 */
#ifndef SFU_JOBS_CORE_AV1_DEPAY_H
#define SFU_JOBS_CORE_AV1_DEPAY_H

#include "base/base.h"

enum { AV1_MAX_UNIT = 4 * 1024 * 1024 };

struct av1_unit {
        struct span bytes; /* until the next call */
        uint32_t ts;       /* of RTP */
        bool is_keyframe;  /* with its sequence header: a decoder can begin here */
};

struct av1_depay;

must_use int av1_depay_new(struct av1_depay **ret_depay);  /* 0 or -ENOMEM */
struct av1_depay *av1_depay_free(struct av1_depay *depay); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct av1_depay *, av1_depay_free)

struct av1_payload {
        struct span bytes; /* of one RTP packet, in the order of reorder.h */
        uint32_t ts;
        bool marker;
        bool after_loss; /* packets before it are missing */
        bool new_stream; /* the first of another one: see (3) */
};

/* Returns 1 and a unit when one is complete, 0 when not yet, -ENOMEM (what was held is dropped).
 * A unit ends with its marker; one whose marker was lost is not whole. */
must_use int av1_depay_put(struct av1_depay *depay, const struct av1_payload *payload,
                           struct av1_unit *ret_unit);

/* The sequence header of a unit: what a file and a decoder are set up with. */
struct av1_sequence {
        struct span obu; /* with its size */
        uint32_t width, height;
        uint8_t config[4]; /* the fixed part of an av1C box (AV1 in ISOBMFF §2.3.3) */
};

/* False when the unit has none, or it cannot be read. */
must_use bool av1_find_sequence(struct span unit, struct av1_sequence *ret_sequence);

#endif
