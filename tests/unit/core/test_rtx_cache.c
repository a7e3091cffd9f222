/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/rtx_cache.h"

enum { N_PACKETS = 16, CAPACITY = 8 };

static struct pkt *put(struct rtx_cache *cache, struct pkt_pool *pool, uint32_t ext)
{
        struct pkt *pkt = pkt_get(pool);

        assert_non_null(pkt);
        rtx_cache_put(cache, ext, pkt);
        return pkt_unref(pkt);
}

static void newest_capacity_packets_are_kept(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        cleanup(rtx_cache_freep) struct rtx_cache *cache = NULL;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        assert_int_equal(rtx_cache_new(&cache, CAPACITY), 0);
        for (uint32_t ext = 0x1fff0; ext < 0x1fff0 + 100; ext++)
                put(cache, pool, ext);
        assert_int_equal(rtx_cache_size(cache), CAPACITY);
        assert_int_equal(pkt_pool_available(pool), N_PACKETS - CAPACITY);
        for (uint32_t back = 0; back < 20; back++) {
                bool kept = rtx_cache_get(cache, 0x1fff0 + 99 - back) != NULL;

                assert_int_equal(kept, back < CAPACITY);
        }
        assert_null(rtx_cache_get(cache, 0x1fff0 + 100));
}

static void older_packet_does_not_evict_a_newer(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        cleanup(rtx_cache_freep) struct rtx_cache *cache = NULL;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        assert_int_equal(rtx_cache_new(&cache, CAPACITY), 0);
        put(cache, pool, 100);
        put(cache, pool, 100 - CAPACITY);
        assert_non_null(rtx_cache_get(cache, 100));
        assert_null(rtx_cache_get(cache, 100 - CAPACITY));
        put(cache, pool, 97); /* late, but its place is free */
        assert_non_null(rtx_cache_get(cache, 97));
}

static void clear_gives_everything_back(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        cleanup(rtx_cache_freep) struct rtx_cache *cache = NULL;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, N_PACKETS), 0);
        assert_int_equal(rtx_cache_new(&cache, CAPACITY), 0);
        put(cache, pool, 1);
        put(cache, pool, 2);
        rtx_cache_clear(cache);
        assert_int_equal(pkt_pool_available(pool), N_PACKETS);
        assert_int_equal(rtx_cache_size(cache), 0);
        assert_null(rtx_cache_get(cache, 1));
        put(cache, pool, 3);
        assert_non_null(rtx_cache_get(cache, 3));
        rtx_cache_clear(NULL);
        assert_null(rtx_cache_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(newest_capacity_packets_are_kept),
                cmocka_unit_test(older_packet_does_not_evict_a_newer),
                cmocka_unit_test(clear_gives_everything_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
