/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spsc — a bounded ring of fixed-size records from one thread to another,
 *        without a lock.
 *
 * Owner:  whoever made it; freed when both sides are done.
 * Thread: one puts, one takes; the functions say whose they are.
 *
 * Invariants:
 *  (1) records come out in the order in which they were put, each once, and
 *      with all that the putting thread wrote before spsc_publish().
 *  (2) nothing blocks and nothing is allocated: a full ring says so.
 *  (3) each side writes its own cache line only, and reads the other's when its
 *      copy of that index says full or empty.
 */
#ifndef BASE_SPSC_H
#define BASE_SPSC_H

#include "base/base.h"

struct spsc;

/* cap records (a power of two) of record_size bytes. Returns 0 or -ENOMEM. */
must_use int spsc_new(struct spsc **ret_ring, size_t record_size, size_t cap);
struct spsc *spsc_free(struct spsc *ring); /* accepts NULL; what pointers in records own is lost */
DEFINE_CLEANUP(struct spsc *, spsc_free)

/* The putting thread's. Copies one record in, unless that would leave fewer than
 * keep_free places; the taker sees it after spsc_publish(). */
must_use bool spsc_put(struct spsc *ring, const void *record, size_t keep_free);

/* The putting thread's. Returns true when there was something to publish. */
bool spsc_publish(struct spsc *ring);

/* The taking thread's. False when the ring is empty. */
must_use bool spsc_take(struct spsc *ring, void *ret_record);

/* The taking thread's. */
bool spsc_is_empty(struct spsc *ring);

#endif
