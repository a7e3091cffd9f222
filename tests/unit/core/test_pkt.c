/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/pkt.h"

static void empty_pool_yields_null_and_recovers(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct pkt *a, *b;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, 2), 0);
        assert_int_equal(pkt_pool_available(pool), 2);
        a = pkt_get(pool);
        b = pkt_get(pool);
        assert_non_null(a);
        assert_non_null(b);
        assert_ptr_not_equal(a, b);
        assert_int_equal(pkt_pool_available(pool), 0);
        assert_null(pkt_get(pool));
        pkt_unref(a);
        assert_int_equal(pkt_pool_available(pool), 1);
        a = pkt_get(pool);
        assert_non_null(a);
        pkt_unref(a);
        pkt_unref(b);
}

static void last_reference_gives_back(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct pkt *pkt;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, 1), 0);
        pkt = pkt_ref(pkt_get(pool));
        pkt_unref(pkt);
        assert_int_equal(pkt_pool_available(pool), 0);
        pkt_unref(pkt);
        assert_int_equal(pkt_pool_available(pool), 1);
        assert_null(pkt_unref(NULL));
}

static void warm_packets_come_first(void **state)
{
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;
        struct pkt *first;

        (void)state;
        assert_int_equal(pkt_pool_new(&pool, 8), 0);
        first = pkt_get(pool);
        for (int i = 0; i < 100; i++) {
                pkt_unref(first);
                assert_ptr_equal(pkt_get(pool), first);
        }
        first->data[PKT_CAP + PKT_SPARE - 1] = 1;
        pkt_unref(first);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(empty_pool_yields_null_and_recovers),
                cmocka_unit_test(last_reference_gives_back),
                cmocka_unit_test(warm_packets_come_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
