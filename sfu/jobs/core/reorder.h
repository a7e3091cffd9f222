/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reorder — the packets of one track of a tap in the order in which they were sent.
 *
 * A tap hands packets on as they come; what was lost comes late, by retransmission. A packet
 * waits here until all before it came, but not longer than hold_us.
 *
 * Layer:  jobs/core. No I/O, no clock, no threads.
 * Owner:  the track's; the bytes of what waits are copies of its own.
 * Units:  *_us: microseconds of the server's monotonic clock, as arrival_us in records.
 *
 * Invariants:
 *  (1) packets come out by (generation, ext), rising, each once.
 *  (2) generations rise. One of pictures begins with a packet that starts a key frame; what
 *      it has before that is thrown away. It begins start_us after that packet came, so that what
 *      belongs before it and was lost is still in time.
 *  (3) a packet that waited hold_us since it came comes out at the next take; the oldest does when
 *      max_packets wait, and all of a generation as soon as a newer one waits.
 *  (4) what comes for a place already passed is refused, and more than max_packets.
 */
#ifndef SFU_JOBS_CORE_REORDER_H
#define SFU_JOBS_CORE_REORDER_H

#include "base/base.h"
#include "sfu/wire/job_record.h"

enum reorder_err {
        REORDER_E_LATE = 1, /* its place was passed, or an older generation's */
        REORDER_E_TWICE,    /* it waits already */
        REORDER_E_FULL,     /* take first */
};

struct reorder_config {
        int64_t hold_us;
        int64_t start_us; /* see (2); at most hold_us */
        uint32_t max_packets;
        bool pictures; /* see (2) */
};

struct reorder_packet {
        struct job_record record; /* a JOB_RTP; its bytes are valid until the next call */
        bool new_generation;      /* the first of its generation */
        uint32_t lost;            /* so many between the one before, in its generation, and this */
};

struct reorder;

/* Returns 0 or -ENOMEM. */
must_use int reorder_new(struct reorder **ret_reorder, const struct reorder_config *config);
struct reorder *reorder_free(struct reorder *reorder); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct reorder *, reorder_free)

/* Takes a copy of a JOB_RTP record. Returns 0, an enum reorder_err or -ENOMEM. */
must_use int reorder_put(struct reorder *reorder, const struct job_record *record);

/* The next packet that need not wait any more. */
must_use bool reorder_take(struct reorder *reorder, int64_t now_us,
                           struct reorder_packet *ret_packet);

/* After a take that yielded nothing: when to try again if nothing else comes; INT64_MAX: never. */
int64_t reorder_deadline_us(const struct reorder *reorder);

/* The track has ended: nothing that is here waits any more. What comes afterwards does again. */
void reorder_flush(struct reorder *reorder);

#endif
