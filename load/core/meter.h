/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meter — counts what a receiver got of the streams it was shown: loss,
 *         corruption, duplicates, reordering.
 *
 * Layer:  load/core. Pure.
 * Owner:  struct meter: one receiving slot. struct meter_counts: as the caller
 *         likes, shared by slots.
 *
 * A slot shows one stream after another (another speaker, another simulcast
 * layer). A stretch of one stream is counted from its first packet that arrived
 * to its last. What is missing in between is lost where the RTP sequence numbers
 * have a hole too; where they have none the server withheld it: it paused a
 * picture, or left out a temporal layer, because the line is narrow.
 *
 * Invariants:
 *  (1) lost = expected - unique, and never negative at the end of a run.
 *  (2) a packet that was repaired in time (late, but inside the window) is not lost.
 */
#ifndef LOAD_CORE_METER_H
#define LOAD_CORE_METER_H

#include "load/core/pattern.h"

enum { METER_WINDOW = 512 }; /* packets that may still come late */

struct meter_counts {
        uint64_t expected, unique; /* packets; lost is the difference */
        uint64_t bytes;
        uint64_t corrupted, foreign;
        uint64_t duplicates; /* the same packet twice, and it was not a repair */
        uint64_t reordered;  /* behind a later one, and it was not a repair */
        uint64_t repaired;   /* came by retransmission, and was missing */
        uint64_t repeated;   /* came by retransmission, and was there */
        uint64_t withheld;   /* never sent by the server, see above */
        uint64_t switches;   /* of the stream shown */
};

struct meter_stretch { /* private */
        bool used;
        uint32_t stream, highest;
        uint16_t seq; /* RTP, of the highest */
        uint64_t seen[METER_WINDOW / 64];
};

struct meter { /* zero-initialise */
        struct meter_stretch now, before;
};

/* seq: its RTP sequence number, by RTX the original one; is_repair: it came by
 * RTX. Returns true when the packet is new: then its
 * latency means something unless it was a repair. */
bool meter_on_packet(struct meter *meter, struct meter_counts *counts,
                     const struct pattern *pattern, uint16_t seq, bool is_repair);

/* The stream ended with packet `last`, and the slot should have got it. */
void meter_finish(struct meter *meter, struct meter_counts *counts, uint32_t stream, uint32_t last);

int64_t meter_lost(const struct meter_counts *counts);

#endif
