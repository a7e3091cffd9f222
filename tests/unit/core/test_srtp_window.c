/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/srtp_window.h"

/* In fives, backwards, over three rounds of the sequence number. */
static void each_index_comes_once(void **state)
{
        struct srtp_window window = { 0 };

        (void)state;
        for (uint64_t five = 0; five < 200000; five += 5) {
                for (uint64_t index = five + 5; index-- > five;) {
                        assert_int_equal(srtp_window_index(&window, (uint16_t)index), index);
                        assert_false(srtp_window_has(&window, index));
                        srtp_window_note(&window, index);
                        assert_true(srtp_window_has(&window, index));
                }
                assert_true(srtp_window_has(&window, five));
        }
}

static void what_is_late_is_known_as_far_as_the_window_goes(void **state)
{
        static const uint64_t newest[] = { 5000, 65536 + 3, 3 * 65536 + 1022 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(newest); i++) {
                struct srtp_window window = { 0 };

                srtp_window_note(&window, newest[i]);
                assert_false(srtp_window_has(&window, newest[i] - 1));
                assert_false(srtp_window_has(&window, newest[i] - SRTP_WINDOW + 1));
                assert_true(srtp_window_has(&window, newest[i] - SRTP_WINDOW));
                srtp_window_note(&window, newest[i] - SRTP_WINDOW + 1);
                assert_true(srtp_window_has(&window, newest[i] - SRTP_WINDOW + 1));
                /* Its place becomes the next one's. */
                assert_false(srtp_window_has(&window, newest[i] + 1));
                srtp_window_note(&window, newest[i] + 1);
                assert_true(srtp_window_has(&window, newest[i]));
                assert_false(srtp_window_has(&window, newest[i] + 2));
        }
}

static void gap_longer_than_the_window_empties_it(void **state)
{
        struct srtp_window window = { 0 };

        (void)state;
        for (uint64_t i = 0; i < 2000; i++)
                srtp_window_note(&window, i);
        srtp_window_note(&window, 2000 + 3 * SRTP_WINDOW);
        for (uint64_t i = 1; i < SRTP_WINDOW; i++)
                assert_false(srtp_window_has(&window, 2000 + 3 * SRTP_WINDOW - i));
        srtp_window_note(&window, 2000 + 3 * SRTP_WINDOW + 500);
        assert_true(srtp_window_has(&window, 2000 + 3 * SRTP_WINDOW));
        assert_false(srtp_window_has(&window, 2000 + 3 * SRTP_WINDOW + 1));
}

static void number_stands_for_the_nearest_index(void **state)
{
        static const struct {
                uint64_t newest;
                uint16_t seq;
                uint64_t index;
        } cases[] = {
                { 65535, 0, 65536 },
                { 65536, 65535, 65535 },
                { 65536 + 10, 11, 65536 + 11 },
                { 40000, 10, 65546 },
                { 10, 65530, 65530 }, /* before the beginning there is nothing */
                { 5 * 65536 + 100, 40000, 4 * 65536 + 40000 },
                { 5 * 65536 + 100, 32868, 5 * 65536 + 32868 },
                { 5 * 65536 + 60000, 5, 6 * 65536 + 5 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct srtp_window window = { 0 };

                srtp_window_note(&window, cases[i].newest);
                assert_int_equal(srtp_window_index(&window, cases[i].seq), cases[i].index);
        }
        assert_int_equal(srtp_window_index(&(struct srtp_window){ 0 }, 777), 777);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_index_comes_once),
                cmocka_unit_test(what_is_late_is_known_as_far_as_the_window_goes),
                cmocka_unit_test(gap_longer_than_the_window_empties_it),
                cmocka_unit_test(number_stands_for_the_nearest_index),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
