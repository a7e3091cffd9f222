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
        put(cache, pool, 91); /* later than that */
        assert_null(rtx_cache_get(cache, 91));
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

static void old_packets_are_given_back(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        cleanup(rtx_cache_freep) struct rtx_cache *cache = NULL;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, 1024), 0);
        assert_int_equal(rtx_cache_new(&cache, 512), 0);
        for (uint32_t i = 0; i < 1000; i++) { /* 100 a second, every third lost */
                struct pkt *pkt = pkt_get(pool);

                assert_non_null(pkt);
                pkt->arrival_us = i * 10000;
                if (i % 3)
                        rtx_cache_put(cache, 70000 + i, pkt);
                pkt_unref(pkt);
        }
        assert_in_range(rtx_cache_size(cache), 99, 103);
        assert_int_equal(pkt_pool_available(pool), 1024 - rtx_cache_size(cache));
        rtx_cache_trim(cache, 9900000);
        assert_in_range(rtx_cache_size(cache), 6, 7);
        rtx_cache_trim(cache, INT64_MAX);
        assert_int_equal(rtx_cache_size(cache), 0);
        rtx_cache_trim(NULL, 0);
        assert_int_equal(rtx_cache_size(NULL), 0);
}

/* A stream that leaps, and then sends little: what lies in places that it left out is
 * given back too. */
static void a_leap_leaves_nothing_behind(void **state)
{
        static const uint32_t leaps[] = { 100, 511, 512, 70000 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(leaps); i++) {
                cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
                cleanup(rtx_cache_freep) struct rtx_cache *cache = NULL;

                assert_int_equal(pkt_pool_new(&pool, 1024), 0);
                assert_int_equal(rtx_cache_new(&cache, 512), 0);
                for (uint32_t ext = 70000; ext < 70000 + 512; ext++)
                        put(cache, pool, ext);
                put(cache, pool, 70000 + 511 + leaps[i]);
                assert_int_equal(rtx_cache_size(cache), leaps[i] < 512 ? 513 - leaps[i] : 1);
                rtx_cache_trim(cache, INT64_MAX);
                assert_int_equal(rtx_cache_size(cache), 0);
                assert_int_equal(pkt_pool_available(pool), 1024);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(newest_capacity_packets_are_kept),
                cmocka_unit_test(older_packet_does_not_evict_a_newer),
                cmocka_unit_test(clear_gives_everything_back),
                cmocka_unit_test(old_packets_are_given_back),
                cmocka_unit_test(a_leap_leaves_nothing_behind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
