/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/layer_select.h"

enum { S = 1000000 };

static void lowest_layer_that_is_high_enough(void **state)
{
        const struct layer_info l[3] = { { true, 180 }, { true, 360 }, { true, 720 } };

        (void)state;
        assert_int_equal(layer_select(l, 3, 0), 0);
        assert_int_equal(layer_select(l, 3, 180), 0);
        assert_int_equal(layer_select(l, 3, 181), 1);
        assert_int_equal(layer_select(l, 3, 360), 1);
        assert_int_equal(layer_select(l, 3, 2000), 2);
        assert_int_equal(layer_select(l, 1, 2000), 0);
}

static void unknown_heights_are_guessed(void **state)
{
        const struct layer_info none[3] = { { true, 0 }, { true, 0 }, { true, 0 } };
        const struct layer_info low[3] = { { true, 90 }, { true, 0 }, { true, 0 } };
        const struct layer_info high[3] = { { true, 0 }, { true, 0 }, { true, 1080 } };

        (void)state;
        assert_int_equal(layer_select(none, 3, 200), 1);
        assert_int_equal(layer_select(low, 3, 200), 2);
        assert_int_equal(layer_select(low, 3, 180), 1);
        assert_int_equal(layer_select(high, 3, 270), 0);
        assert_int_equal(layer_select(high, 3, 271), 1);
}

static void stopped_layers_are_passed_over(void **state)
{
        struct layer_info l[3] = { { true, 180 }, { true, 360 }, { false, 720 } };

        (void)state;
        assert_int_equal(layer_select(l, 3, 720), 1);
        l[0].flows = l[1].flows = false;
        l[2].flows = true;
        assert_int_equal(layer_select(l, 3, 100), 2);
        l[2].flows = false;
        assert_int_equal(layer_select(l, 3, 360), 1); /* nothing flows: the one to wait for */
}

static void falling_remb_limits_at_once(void **state)
{
        struct line_budget line;

        (void)state;
        line_budget_init(&line);
        line_budget_on_remb(&line, 2000000, 1000000, S);
        assert_true(line_budget_poll(&line, 1000000, S) == UINT64_MAX);
        line_budget_on_remb(&line, 600000, 1000000, 2 * S);
        assert_int_equal(line_budget_poll(&line, 1000000, 2 * S), 600000);
        assert_int_equal(line_budget_poll(&line, 1000000, 5 * S), 600000); /* held */
        assert_true(line_budget_poll(&line, 1000000, 7 * S) > 600000);
        for (int64_t t = 8; t < 20; t++)
                (void)line_budget_poll(&line, 1000000, t * S);
        assert_true(line_budget_poll(&line, 1000000, 20 * S) == UINT64_MAX);
}

static void remb_that_follows_growing_media_does_not_limit(void **state)
{
        struct line_budget line;
        uint64_t remb = 200000;

        (void)state;
        line_budget_init(&line);
        for (int64_t t = 1; t < 30; t++) {
                /* 8 % a second is all that libwebrtc adds after a step up. */
                line_budget_on_remb(&line, remb, t < 3 ? 150000 : 1000000, t * S);
                remb += remb * 8 / 100;
                assert_true(line_budget_poll(&line, 1000000, t * S) == UINT64_MAX);
        }
}

static void standing_remb_limits_after_a_while(void **state)
{
        struct line_budget line;

        (void)state;
        line_budget_init(&line);
        for (int64_t t = 1; t <= 3; t++)
                line_budget_on_remb(&line, 300000, 1000000, t * S);
        assert_true(line_budget_poll(&line, 1000000, 3 * S) == UINT64_MAX);
        line_budget_on_remb(&line, 300000, 1000000, 4 * S);
        assert_int_equal(line_budget_poll(&line, 1000000, 4 * S), 300000);
}

static void each_relapse_waits_longer(void **state)
{
        struct line_budget line;
        int64_t hold = 0, t = S;

        (void)state;
        line_budget_init(&line);
        for (int i = 0; i < 8; i++) {
                line_budget_on_remb(&line, 2000000, 1000000, t);
                line_budget_on_remb(&line, 900000, 1000000, t + 1);
                assert_true(line.hold_us >= hold);
                hold = line.hold_us;
                for (int64_t end = t + 3 * hold; t < end && line.limited; t += S)
                        (void)line_budget_poll(&line, 900000, t);
        }
        assert_in_range(hold, 8 * S, LINE_HOLD_MAX_US);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lowest_layer_that_is_high_enough),
                cmocka_unit_test(unknown_heights_are_guessed),
                cmocka_unit_test(stopped_layers_are_passed_over),
                cmocka_unit_test(falling_remb_limits_at_once),
                cmocka_unit_test(remb_that_follows_growing_media_does_not_limit),
                cmocka_unit_test(standing_remb_limits_after_a_while),
                cmocka_unit_test(each_relapse_waits_longer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
