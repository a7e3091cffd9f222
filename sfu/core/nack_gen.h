/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nack_gen — decides which lost RTP packets to ask for again
 *            (generic NACK, RFC 4585 §6.2.1).
 *
 * Layer:  core. No I/O, no clock, no threads, no logging.
 * Owner:  one per received RTP stream that somebody watches.
 * Thread: the worker that owns the peer; nothing here is locked.
 * Units:  *_us: microseconds of the caller's monotonic clock.
 *
 * Invariants:
 *  (1) missing[0..n_missing) is in RTP order, oldest first, without repeats.
 *  (2) every listed seq is older than highest_seq.
 *  (3) n_missing <= max_missing; when it would pass, the oldest are given up.
 *  (4) a loss is asked for NACK_GEN_MAX_TRIES times at most.
 */
#ifndef SFU_CORE_NACK_GEN_H
#define SFU_CORE_NACK_GEN_H

#include "base/base.h"

enum {
        NACK_GEN_MAX_TRIES = 8,
        NACK_GEN_REORDER_US = 5000, /* a gap this young may still be plain reordering */
};

struct nack_gen;

/* Creates a generator that tracks at most max_missing (> 0) losses.
 * Returns 0 and hands ownership to the caller through *ret_gen, or -ENOMEM. */
must_use int nack_gen_new(struct nack_gen **ret_gen, size_t max_missing);

/* Accepts NULL. Always returns NULL, for `gen = nack_gen_free(gen)`. */
struct nack_gen *nack_gen_free(struct nack_gen *gen);
DEFINE_CLEANUP(struct nack_gen *, nack_gen_free)

/* Forgets everything; the next packet starts afresh. Accepts NULL. */
void nack_gen_reset(struct nack_gen *gen);

/* Notes the arrival of seq, in any order; duplicates are harmless. */
void nack_gen_on_packet(struct nack_gen *gen, uint16_t seq, int64_t now_us);

/* Writes up to cap sequence numbers now due to ret_seqs and returns how many.
 * Each is repeated every rtt_us until it arrives or is given up. */
size_t nack_gen_poll(struct nack_gen *gen, int64_t now_us, int64_t rtt_us, uint16_t *ret_seqs,
                     size_t cap);

/* When nack_gen_poll() has something to say; INT64_MAX: nothing is missing. */
int64_t nack_gen_deadline_us(const struct nack_gen *gen);

#endif
