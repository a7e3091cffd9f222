/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/pkt.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct pkt_pool {
        struct pkt *packets; /* calloc: pages cost nothing until a packet is first used */
        struct pkt *free;    /* last returned first: its cache lines are still warm */
        size_t n, n_fresh;   /* packets[n_fresh..n) were never handed out */
        size_t n_out;
};

int pkt_pool_new(struct pkt_pool **ret_pool, size_t n)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = calloc(1, sizeof(*pool));

        assert(n > 0);
        if (!pool)
                return -ENOMEM;
        pool->packets = calloc(n, sizeof(*pool->packets));
        if (!pool->packets)
                return -ENOMEM;
        pool->n = n;
        *ret_pool = take_ptr(pool);
        return 0;
}

struct pkt_pool *pkt_pool_free(struct pkt_pool *pool)
{
        if (!pool)
                return NULL;
        assert(pool->n_out == 0);
        free(pool->packets);
        free(pool);
        return NULL;
}

size_t pkt_pool_available(const struct pkt_pool *pool)
{
        return pool->n - pool->n_out;
}

struct pkt *pkt_get(struct pkt_pool *pool)
{
        struct pkt *pkt = pool->free;

        if (pkt)
                pool->free = pkt->next_free;
        else if (pool->n_fresh < pool->n)
                pkt = &pool->packets[pool->n_fresh++];
        else
                return NULL;
        pkt->pool = pool;
        pkt->next_free = NULL;
        pkt->refs = 1;
        pkt->len = 0;
        pool->n_out++;
        return pkt;
}

struct pkt *pkt_unref(struct pkt *pkt)
{
        if (!pkt)
                return NULL;
        assert(pkt->refs > 0);
        if (--pkt->refs > 0)
                return NULL;
        assert(pkt->pool->n_out > 0);
        pkt->pool->n_out--;
        pkt->next_free = pkt->pool->free;
        pkt->pool->free = pkt;
        return NULL;
}
