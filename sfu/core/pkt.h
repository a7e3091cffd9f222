/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkt — a reference-counted packet buffer from a pool made at start.
 *
 * Layer:  core.
 * Owner:  whoever holds a reference; the last pkt_unref() gives it back.
 * Thread: one pool per worker; a packet never leaves the worker that took it,
 *         so counts are plain integers.
 *
 * Invariants:
 *  (1) data has PKT_CAP + PKT_SPARE bytes: libnice's STUN validation may read
 *      20 bytes past a message, and SRTP protection appends a tag.
 *  (2) pkt_get() never allocates; an empty pool yields NULL and the caller
 *      drops and counts.
 */
#ifndef SFU_CORE_PKT_H
#define SFU_CORE_PKT_H

#include "base/base.h"

enum { PKT_CAP = 1500, PKT_SPARE = 164 };

struct pkt_pool;

struct pkt {
        struct pkt_pool *pool;
        struct pkt *next_free;
        uint32_t refs;
        uint16_t len;
        int64_t arrival_us;
        uint8_t data[PKT_CAP + PKT_SPARE];
};

must_use int pkt_pool_new(struct pkt_pool **ret_pool, size_t n);
struct pkt_pool *pkt_pool_free(struct pkt_pool *pool); /* all packets must be back */
DEFINE_CLEANUP(struct pkt_pool *, pkt_pool_free)
size_t pkt_pool_available(const struct pkt_pool *pool);

/* One reference, len 0; or NULL when the pool is empty. */
struct pkt *pkt_get(struct pkt_pool *pool);

static inline struct pkt *pkt_ref(struct pkt *pkt)
{
        pkt->refs++;
        return pkt;
}

/* Accepts NULL, returns NULL. */
struct pkt *pkt_unref(struct pkt *pkt);

#endif
