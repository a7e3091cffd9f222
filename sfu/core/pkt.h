/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkt — a reference-counted packet buffer from a pool made at start.
 *
 * Layer:  core.
 * Owner:  whoever holds a reference; the last pkt_unref() gives it back.
 * Thread: one pool per worker, and only that worker takes packets from it. A
 *         packet may be handed to other workers: pkt_ref() and pkt_unref() are
 *         any thread's. What was returned waits on a lock-free stack, which the
 *         owner takes as a whole when its own list is empty.
 *
 * Invariants:
 *  (1) data has PKT_CAP + PKT_SPARE bytes: libnice's STUN validation may read
 *      20 bytes past a message, and SRTP protection appends a tag.
 *  (2) pkt_get() never allocates; an empty pool yields NULL and the caller
 *      drops and counts.
 *  (3) the bytes of a packet are written by who took it from the pool, until he
 *      passes a reference on; from then on they are read-only.
 */
#ifndef SFU_CORE_PKT_H
#define SFU_CORE_PKT_H

#include "base/base.h"

enum { PKT_CAP = 1500, PKT_SPARE = 164 };

struct pkt_pool;

struct pkt {
        struct pkt_pool *pool;
        struct pkt *next_free;
        uint32_t refs; /* atomic; by pkt_ref() and pkt_unref() only */
        uint16_t len;
        int64_t arrival_us;
        uint8_t data[PKT_CAP + PKT_SPARE];
};

must_use int pkt_pool_new(struct pkt_pool **ret_pool, size_t n);
struct pkt_pool *pkt_pool_free(struct pkt_pool *pool); /* all packets must be back */
DEFINE_CLEANUP(struct pkt_pool *, pkt_pool_free)

/* The owner's: packets that pkt_get() could hand out now. */
size_t pkt_pool_available(struct pkt_pool *pool);

/* The owner's: one reference, len 0; or NULL when the pool is empty. */
struct pkt *pkt_get(struct pkt_pool *pool);

static inline struct pkt *pkt_ref(struct pkt *pkt)
{
        __atomic_fetch_add(&pkt->refs, 1, __ATOMIC_RELAXED);
        return pkt;
}

/* Accepts NULL, returns NULL. */
struct pkt *pkt_unref(struct pkt *pkt);

#endif
