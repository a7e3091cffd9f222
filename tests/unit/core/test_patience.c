/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/patience.h"

static void lone_report_is_read_at_once(void **state)
{
        struct patience patience;

        (void)state;
        patience_init(&patience);
        for (int64_t now_us = 0; now_us < 100 * PATIENCE_US; now_us += PATIENCE_US) {
                assert_int_equal(patience.due_us, INT64_MAX);
                assert_false(patience_wants(&patience, false, now_us));
                assert_true(patience_wants(&patience, true, now_us));
                patience_on_read(&patience, 1, false, now_us);
                assert_true(patience.watched);
        }
}

/* Reports every gap_us, a reader that sleeps until it is due. Returns how often it woke. */
static unsigned wakes(int64_t gap_us, int64_t end_us, int64_t *ret_longest_us)
{
        struct patience patience;
        int64_t now_us = 0, next_us = 0; /* report */
        unsigned n_wakes = 0;

        patience_init(&patience);
        *ret_longest_us = 0;
        while (now_us < end_us) {
                size_t n = 0;
                bool ready = patience.watched;

                now_us = ready ? next_us : patience.due_us;
                n_wakes++;
                assert_true(patience_wants(&patience, ready, now_us));
                for (; next_us <= now_us; next_us += gap_us, n++)
                        if (now_us - next_us > *ret_longest_us)
                                *ret_longest_us = now_us - next_us;
                patience_on_read(&patience, n, false, now_us);
        }
        return n_wakes;
}

static void crowd_is_read_together_and_none_waits_long(void **state)
{
        int64_t longest_us;

        (void)state;
        assert_true(wakes(1000, 1000 * 1000, &longest_us) < 210);
        assert_in_range(longest_us, 1, PATIENCE_US);
        assert_true(wakes(100, 1000 * 1000, &longest_us) < 210);
        assert_in_range(longest_us, 1, PATIENCE_US);
        assert_true(wakes(20 * 1000, 1000 * 1000, &longest_us) <= 51);
        assert_int_equal(longest_us, 0);
}

static void quiet_line_is_watched_again(void **state)
{
        struct patience patience;

        (void)state;
        patience_init(&patience);
        patience_on_read(&patience, 1, false, 1000);
        patience_on_read(&patience, 1, false, 2000);
        assert_false(patience.watched);
        assert_int_equal(patience.due_us, 2000 + PATIENCE_US);
        patience_on_read(&patience, 0, false, 4000); /* awake for something else */
        assert_false(patience.watched);
        assert_int_equal(patience.due_us, 2000 + PATIENCE_US);
        assert_true(patience_wants(&patience, false, 2000 + PATIENCE_US));
        patience_on_read(&patience, 0, false, 2000 + PATIENCE_US);
        assert_true(patience.watched);
        assert_int_equal(patience.due_us, INT64_MAX);
}

static void reader_who_is_awake_reads_but_not_in_each_turn(void **state)
{
        struct patience patience;

        (void)state;
        patience_init(&patience);
        patience_on_read(&patience, 1, false, 1000);
        patience_on_read(&patience, 1, false, 2000);
        assert_false(patience_wants(&patience, false, 2100));
        assert_true(patience_wants(&patience, false, 3000));
        patience_on_read(&patience, 64, true, 3000); /* and not all */
        assert_true(patience_wants(&patience, false, 3000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lone_report_is_read_at_once),
                cmocka_unit_test(crowd_is_read_together_and_none_waits_long),
                cmocka_unit_test(quiet_line_is_watched_again),
                cmocka_unit_test(reader_who_is_awake_reads_but_not_in_each_turn),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
