/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/steady.h"

/* Packets come at from, from + every, ... (ms); returns at which sweep the pause
 * was noticed first, or 0; and how often. */
static unsigned run(struct steady *steady, unsigned n_sweeps, unsigned every_ms, unsigned *ret_n)
{
        unsigned first = 0, n = 0, next_ms = 0;

        for (unsigned i = 1; i <= n_sweeps; i++) {
                while (every_ms && next_ms < i * 100) {
                        steady->heard++;
                        next_ms += every_ms;
                }
                if (steady_sweep(steady) && n++ == 0)
                        first = i;
        }
        *ret_n = n;
        return first;
}

static void silence_of_a_steady_one_is_noticed_once(void **state)
{
        static const unsigned intervals_ms[] = { 2, 20, 50, 100 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(intervals_ms); i++) {
                struct steady steady = { 0 };
                unsigned n;

                assert_int_equal(run(&steady, 20, intervals_ms[i], &n), 0);
                assert_int_equal(run(&steady, 100, 0, &n), 5);
                assert_int_equal(n, 1);
                assert_int_equal(run(&steady, 20, intervals_ms[i], &n), 0);
                assert_int_equal(run(&steady, 100, 0, &n), 5);
        }
}

static void whoever_says_little_is_never_missed(void **state)
{
        static const unsigned intervals_ms[] = { 150, 200, 400, 1000, 5000 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(intervals_ms); i++) {
                struct steady steady = { 0 };
                unsigned n;

                run(&steady, 300, intervals_ms[i], &n);
                assert_int_equal(n, 0);
                run(&steady, 100, 0, &n);
                assert_int_equal(n, 0);
        }
}

static void talker_who_pauses_is_still_heard(void **state)
{
        struct steady steady = { 0 };
        unsigned n;

        (void)state;
        run(&steady, 20, 20, &n);
        run(&steady, 100, 400, &n); /* DTX */
        assert_int_equal(n, 0);
}

static void told_change_is_no_silence(void **state)
{
        struct steady steady = { 0 };
        unsigned n;

        (void)state;
        run(&steady, 20, 20, &n);
        steady_reset(&steady);
        run(&steady, 100, 0, &n);
        assert_int_equal(n, 0);
        run(&steady, 5, 20, &n); /* half a second is no habit */
        run(&steady, 100, 0, &n);
        assert_int_equal(n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(silence_of_a_steady_one_is_noticed_once),
                cmocka_unit_test(whoever_says_little_is_never_missed),
                cmocka_unit_test(talker_who_pauses_is_still_heard),
                cmocka_unit_test(told_change_is_no_silence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
