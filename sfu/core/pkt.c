/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/pkt.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { CACHE_LINE = 64, FIRST_LINES = 3 /* of a packet: what stands before a payload */ };

struct pkt_pool {
        struct pkt *packets; /* calloc: pages cost nothing until a packet is first used */
        struct pkt *free;    /* last returned first: its cache lines are still warm */
        size_t n, n_fresh;   /* packets[n_fresh..n) were never handed out */
        size_t n_out;        /* with those on the stack */
        /* Written by whoever gives back, so not on the owner's cache line. */
        _Alignas(CACHE_LINE) struct pkt *returned;
};

int pkt_pool_new(struct pkt_pool **ret_pool, size_t n)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = aligned_alloc(CACHE_LINE, sizeof(*pool));

        assert(n > 0);
        if (!pool)
                return -ENOMEM;
        *pool = (struct pkt_pool){ 0 };
        pool->packets = calloc(n, sizeof(*pool->packets));
        if (!pool->packets)
                return -ENOMEM;
        pool->n = n;
        *ret_pool = take_ptr(pool);
        return 0;
}

/* The whole stack at once: no element can come back while it is taken apart. */
static void take_returned(struct pkt_pool *pool)
{
        struct pkt *pkt = NULL, *next;

        if (__atomic_load_n(&pool->returned, __ATOMIC_RELAXED))
                pkt = __atomic_exchange_n(&pool->returned, NULL, __ATOMIC_ACQUIRE);
        for (; pkt; pkt = next) {
                next = pkt->next_free;
                pkt->next_free = pool->free;
                pool->free = pkt;
                pool->n_out--;
        }
}

struct pkt_pool *pkt_pool_free(struct pkt_pool *pool)
{
        if (!pool)
                return NULL;
        take_returned(pool);
        assert(pool->n_out == 0);
        free(pool->packets);
        free(pool);
        return NULL;
}

size_t pkt_pool_available(struct pkt_pool *pool)
{
        take_returned(pool);
        return pool->n - pool->n_out;
}

struct pkt *pkt_get(struct pkt_pool *pool)
{
        struct pkt *pkt;

        if (!pool->free)
                take_returned(pool);
        pkt = pool->free;
        if (pkt) {
                pool->free = pkt->next_free;
                prefetch_lines(pool->free, FIRST_LINES); /* the next one */
        } else if (pool->n_fresh < pool->n)
                pkt = &pool->packets[pool->n_fresh++];
        else
                return NULL;
        pkt->pool = pool;
        pkt->next_free = NULL;
        __atomic_store_n(&pkt->refs, 1, __ATOMIC_RELAXED);
        pkt->len = 0;
        pool->n_out++;
        return pkt;
}

/* Release: the owner writes into the packet again only when our reads are done. */
static void give_back(struct pkt *pkt)
{
        struct pkt_pool *pool = pkt->pool;
        struct pkt *top = __atomic_load_n(&pool->returned, __ATOMIC_RELAXED);

        do
                pkt->next_free = top;
        while (!__atomic_compare_exchange_n(&pool->returned, &top, pkt, true, __ATOMIC_RELEASE,
                                            __ATOMIC_RELAXED));
}

struct pkt *pkt_unref(struct pkt *pkt)
{
        uint32_t before;

        if (!pkt)
                return NULL;
        before = __atomic_fetch_sub(&pkt->refs, 1, __ATOMIC_ACQ_REL);
        assert(before > 0);
        if (before == 1)
                give_back(pkt);
        return NULL;
}
