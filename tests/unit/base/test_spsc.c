/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/spsc.h"

enum { N_THROUGH = 200000 };

static bool put(struct spsc *ring, uint64_t n)
{
        return spsc_put(ring, &n, 0);
}

static void records_come_out_in_order_once_published(void **state)
{
        cleanup(spsc_freep) struct spsc *ring = NULL;
        uint64_t got = 0;

        (void)state;
        assert_int_equal(spsc_new(&ring, sizeof(uint64_t), 4), 0);
        assert_false(spsc_publish(ring));
        assert_true(put(ring, 1));
        assert_true(put(ring, 2));
        assert_false(spsc_take(ring, &got));
        assert_true(spsc_is_empty(ring));
        assert_true(spsc_publish(ring));
        assert_false(spsc_is_empty(ring));
        assert_true(spsc_take(ring, &got));
        assert_int_equal(got, 1);
        assert_true(spsc_take(ring, &got));
        assert_int_equal(got, 2);
        assert_false(spsc_take(ring, &got));
}

static void full_ring_refuses_and_takes_again_after_a_take(void **state)
{
        cleanup(spsc_freep) struct spsc *ring = NULL;
        uint64_t got = 0;

        (void)state;
        assert_int_equal(spsc_new(&ring, sizeof(uint64_t), 4), 0);
        for (uint64_t round = 0; round < 10; round++) {
                for (uint64_t n = 0; n < 4; n++)
                        assert_true(put(ring, round * 4 + n));
                assert_false(put(ring, 99));
                spsc_publish(ring);
                for (uint64_t n = 0; n < 4; n++) {
                        assert_true(spsc_take(ring, &got));
                        assert_int_equal(got, round * 4 + n);
                }
        }
}

static void places_are_kept_free_for_those_who_need_them(void **state)
{
        cleanup(spsc_freep) struct spsc *ring = NULL;
        const uint64_t n = 7;

        (void)state;
        assert_int_equal(spsc_new(&ring, sizeof(uint64_t), 8), 0);
        for (int i = 0; i < 6; i++)
                assert_true(spsc_put(ring, &n, 2));
        assert_false(spsc_put(ring, &n, 2));
        assert_true(spsc_put(ring, &n, 0));
        assert_true(spsc_put(ring, &n, 0));
        assert_false(spsc_put(ring, &n, 0));
}

static void *take_all(void *user)
{
        struct spsc *ring = user;
        uintptr_t n_wrong = 0;

        for (uint64_t n = 0; n < N_THROUGH; n++) {
                uint64_t *got = NULL;

                while (!spsc_take(ring, &got))
                        sched_yield();
                n_wrong += *got != n;
                free(got);
        }
        return (void *)n_wrong;
}

/* What a record points to is handed over with it. */
static void two_threads_agree(void **state)
{
        cleanup(spsc_freep) struct spsc *ring = NULL;
        pthread_t thread;
        void *n_wrong;

        (void)state;
        assert_int_equal(spsc_new(&ring, sizeof(uint64_t *), 64), 0);
        assert_int_equal(pthread_create(&thread, NULL, take_all, ring), 0);
        for (uint64_t n = 0; n < N_THROUGH; n++) {
                uint64_t *number = malloc(sizeof(*number));

                *number = n;
                while (!spsc_put(ring, &number, 0)) {
                        spsc_publish(ring);
                        sched_yield();
                }
                if (n % 8 == 7)
                        spsc_publish(ring);
        }
        spsc_publish(ring);
        pthread_join(thread, &n_wrong);
        assert_null(n_wrong);
        assert_true(spsc_is_empty(ring));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(records_come_out_in_order_once_published),
                cmocka_unit_test(full_ring_refuses_and_takes_again_after_a_take),
                cmocka_unit_test(places_are_kept_free_for_those_who_need_them),
                cmocka_unit_test(two_threads_agree),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
