/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtx_cache — the most recent packets of one incoming layer, kept for
 *             retransmission to every one of its subscribers (RFC 4588).
 *
 * Layer:  core.
 * Owner:  the incoming layer. Each kept packet is one reference of ours.
 * Thread: the worker's.
 *
 * Invariants:
 *  (1) only the newest `capacity` numbers are held, each in the place of its extended
 *      sequence number modulo capacity: a newer packet evicts what is as old.
 *  (2) packets that arrived more than RTX_CACHE_AGE_US before the newest are
 *      given back by and by, and all by rtx_cache_trim(): a slow layer holds few.
 *  (3) a packet that is older than that is not taken.
 */
#ifndef SFU_CORE_RTX_CACHE_H
#define SFU_CORE_RTX_CACHE_H

#include "base/base.h"
#include "sfu/core/pkt.h"

enum { RTX_CACHE_AGE_US = 1500 * 1000 }; /* some round trips of a bad line */

struct rtx_cache;

/* capacity is a power of two. Returns 0 or -ENOMEM. */
must_use int rtx_cache_new(struct rtx_cache **ret_cache, size_t capacity);

/* Gives every packet back. Accepts NULL, returns NULL. */
struct rtx_cache *rtx_cache_free(struct rtx_cache *cache);
DEFINE_CLEANUP(struct rtx_cache *, rtx_cache_free)

/* Gives every packet back and stays usable. Accepts NULL. */
void rtx_cache_clear(struct rtx_cache *cache);

/* Takes its own reference; pkt->arrival_us is read. */
void rtx_cache_put(struct rtx_cache *cache, uint32_t ext_seq, struct pkt *pkt);

/* The packet, still ours, or NULL. */
struct pkt *rtx_cache_get(const struct rtx_cache *cache, uint32_t ext_seq);

/* Gives back what arrived before then. Accepts NULL. */
void rtx_cache_trim(struct rtx_cache *cache, int64_t before_us);

/* Packets held. Accepts NULL. */
size_t rtx_cache_size(const struct rtx_cache *cache);

#endif
