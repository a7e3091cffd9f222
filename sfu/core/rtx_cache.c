/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/rtx_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct entry {
        struct pkt *pkt;
        uint32_t ext_seq;
};

struct rtx_cache {
        size_t capacity, size;
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

void rtx_cache_put(struct rtx_cache *cache, uint32_t ext_seq, struct pkt *pkt)
{
        struct entry *e = &cache->entries[ext_seq & (cache->capacity - 1)];

        if (e->pkt && (int32_t)(ext_seq - e->ext_seq) <= 0)
                return;
        if (e->pkt)
                pkt_unref(e->pkt);
        else
                cache->size++;
        e->pkt = pkt_ref(pkt);
        e->ext_seq = ext_seq;
}

struct pkt *rtx_cache_get(const struct rtx_cache *cache, uint32_t ext_seq)
{
        const struct entry *e = &cache->entries[ext_seq & (cache->capacity - 1)];

        return e->pkt && e->ext_seq == ext_seq ? e->pkt : NULL;
}

size_t rtx_cache_size(const struct rtx_cache *cache)
{
        return cache->size;
}
