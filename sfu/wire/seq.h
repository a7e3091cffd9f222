/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seq — arithmetic on 16-bit sequence numbers that wrap (RFC 3550 §A.1,
 *       RFC 1982 in spirit).
 *
 * Layer:  wire. Pure.
 */
#ifndef SFU_WIRE_SEQ_H
#define SFU_WIRE_SEQ_H

#include "base/base.h"

/* a - b on the shortest way round: -32768..32767. */
static inline int seq16_diff(uint16_t a, uint16_t b)
{
        return (int16_t)(uint16_t)(a - b);
}

/* Zero-initialise; one per stream. */
struct seq16_unwrapper {
        bool started;
        int64_t newest; /* highest value given out so far */
};

/* The number without wrap. The first one is 65536 + seq, so that packets a
 * little older than the first are still positive. Numbers older than the newest
 * do not move it. */
static inline int64_t seq16_unwrap(struct seq16_unwrapper *u, uint16_t seq)
{
        if (!u->started) {
                u->started = true;
                u->newest = 65536 + seq;
                return u->newest;
        }
        int64_t value = u->newest + seq16_diff(seq, (uint16_t)u->newest);

        if (value > u->newest)
                u->newest = value;
        return value;
}

#endif
