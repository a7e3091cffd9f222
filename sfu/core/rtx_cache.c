/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/rtx_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { STEPS_PER_PUT = 4 }; /* more than one: gaps are walked too */

struct entry {
        struct pkt *pkt;
        uint32_t ext_seq;
};

struct rtx_cache {
        size_t capacity, size;
        uint32_t oldest, newest; /* ext_seq; nothing held is older or newer */
        struct entry entries[];
};

int rtx_cache_new(struct rtx_cache **ret_cache, size_t capacity)
{
        struct rtx_cache *cache;

        assert(capacity > 0 && (capacity & (capacity - 1)) == 0);

        cache = calloc(1, sizeof(*cache) + capacity * sizeof(cache->entries[0]));
        if (!cache)
                return -ENOMEM;
        cache->capacity = capacity;
        *ret_cache = cache;
        return 0;
}

struct rtx_cache *rtx_cache_free(struct rtx_cache *cache)
{
        rtx_cache_clear(cache);
        free(cache);
        return NULL;
}

void rtx_cache_clear(struct rtx_cache *cache)
{
        if (!cache || cache->size == 0)
                return;
        for (size_t i = 0; i < cache->capacity; i++)
                cache->entries[i].pkt = pkt_unref(cache->entries[i].pkt);
        cache->size = 0;
}

static void drop(struct rtx_cache *cache, struct entry *e)
{
        e->pkt = pkt_unref(e->pkt);
        cache->size--;
}

/* Walks up from the oldest number, at most max_steps numbers. */
static void trim(struct rtx_cache *cache, int64_t before_us, size_t max_steps)
{
        for (; max_steps > 0 && cache->size > 0; max_steps--, cache->oldest++) {
                struct entry *e = &cache->entries[cache->oldest & (cache->capacity - 1)];

                if (!e->pkt || e->ext_seq != cache->oldest)
                        continue;
                if (e->pkt->arrival_us >= before_us)
                        return;
                drop(cache, e);
        }
}

void rtx_cache_trim(struct rtx_cache *cache, int64_t before_us)
{
        if (cache)
                trim(cache, before_us, cache->capacity);
}

/* The places of the numbers that were left out on the way to this one belong to nobody. */
static void leap_to(struct rtx_cache *cache, uint32_t ext_seq)
{
        uint32_t left_out = ext_seq - cache->newest - 1;

        if (cache->size == 0 || (int32_t)(ext_seq - cache->newest) <= 0)
                return;
        if (left_out >= cache->capacity) {
                rtx_cache_clear(cache);
                return;
        }
        for (; left_out > 0; left_out--) {
                struct entry *e = &cache->entries[(ext_seq - left_out) & (cache->capacity - 1)];

                if (e->pkt)
                        drop(cache, e);
        }
}

static void note_range(struct rtx_cache *cache, uint32_t ext_seq)
{
        if (cache->size == 0)
                cache->oldest = cache->newest = ext_seq;
        if ((int32_t)(ext_seq - cache->newest) > 0)
                cache->newest = ext_seq;
        if ((int32_t)(ext_seq - cache->oldest) < 0)
                cache->oldest = ext_seq;
        if (cache->newest - cache->oldest >= cache->capacity)
                cache->oldest = cache->newest - (uint32_t)cache->capacity + 1;
}

void rtx_cache_put(struct rtx_cache *cache, uint32_t ext_seq, struct pkt *pkt)
{
        struct entry *e = &cache->entries[ext_seq & (cache->capacity - 1)];

        if (e->pkt && (int32_t)(ext_seq - e->ext_seq) <= 0)
                return;
        if (cache->size > 0 && (int32_t)(cache->newest - ext_seq) >= (int32_t)cache->capacity)
                return;
        leap_to(cache, ext_seq);
        note_range(cache, ext_seq);
        if (e->pkt)
                drop(cache, e);
        e->pkt = pkt_ref(pkt);
        e->ext_seq = ext_seq;
        cache->size++;
        trim(cache, pkt->arrival_us - RTX_CACHE_AGE_US, STEPS_PER_PUT);
}

struct pkt *rtx_cache_get(const struct rtx_cache *cache, uint32_t ext_seq)
{
        const struct entry *e = &cache->entries[ext_seq & (cache->capacity - 1)];

        return e->pkt && e->ext_seq == ext_seq ? e->pkt : NULL;
}

size_t rtx_cache_size(const struct rtx_cache *cache)
{
        return cache ? cache->size : 0;
}
