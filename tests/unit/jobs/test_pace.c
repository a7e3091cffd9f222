/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "sfu/jobs/core/pace.h"

#define MS INT64_C(1000)
#define S INT64_C(1000000)

enum { FRAME_US = 40000, TICK_US = 10000 };

/* An encoder on a virtual clock that needs so long for a picture, and for all that is no picture. */
struct machine {
        int64_t picture_us, rest_us;
        int64_t stall_at_us, stall_us; /* once it gets no CPU at all */
};

struct outcome {
        int64_t max_lag_us; /* how far what is composed is behind, after the first second */
        int64_t max_gap_us; /* between two pictures */
        unsigned pictures, frames;
};

static struct outcome run(const struct machine *machine, int64_t length_us)
{
        struct outcome outcome = { 0 };
        struct pace pace = { 0 };
        int64_t now_us = 0, t_us = 0, picture_at_us = 0, stall_at_us = machine->stall_at_us;

        while (now_us < length_us) {
                enum pace_step step = pace_next(&pace, now_us - t_us);

                if (step == PACE_WAIT) {
                        now_us += TICK_US;
                        continue;
                }
                now_us += machine->rest_us + (step == PACE_WHOLE ? machine->picture_us : 0);
                if (machine->stall_us && now_us >= stall_at_us) {
                        now_us += machine->stall_us;
                        stall_at_us = INT64_MAX;
                }
                if (step == PACE_WHOLE) {
                        if (t_us - picture_at_us > outcome.max_gap_us)
                                outcome.max_gap_us = t_us - picture_at_us;
                        picture_at_us = t_us;
                        outcome.pictures++;
                }
                t_us += FRAME_US;
                outcome.frames++;
                if (now_us > S && now_us - t_us > outcome.max_lag_us)
                        outcome.max_lag_us = now_us - t_us;
        }
        return outcome;
}

static void test_a_machine_that_keeps_up_leaves_out_nothing(void **state)
{
        const struct machine machine = { .picture_us = 25 * MS, .rest_us = 10 * MS };
        struct outcome outcome = run(&machine, 60 * S);

        (void)state;
        assert_int_equal(outcome.pictures, outcome.frames);
        assert_true(outcome.max_lag_us < FRAME_US);
        assert_int_equal(outcome.frames, 60 * 25);
}

static void test_an_encoder_that_is_starved_is_never_far_behind(void **state)
{
        static const int64_t costs_us[] = { 41 * MS, 60 * MS, 100 * MS, 250 * MS, 1 * S };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(costs_us); i++) {
                const struct machine machine = { .picture_us = costs_us[i], .rest_us = 4 * MS };
                struct outcome outcome = run(&machine, 300 * S);

                printf("figure: %lld ms a picture: %.1f of 25 are shown, at most %lld ms behind, %lld"
                       " ms between two\n",
                       (long long)costs_us[i] / MS, outcome.pictures / 300.0,
                       (long long)outcome.max_lag_us / MS, (long long)outcome.max_gap_us / MS);
                assert_true(outcome.max_lag_us <= PACE_LATE_US + costs_us[i]);
                assert_true(outcome.max_gap_us <= 2 * costs_us[i] + FRAME_US);
                /* What CPU there is, is used. */
                assert_true(outcome.pictures >
                            300 * S * 8 / 10 / (costs_us[i] + 4 * MS * costs_us[i] / FRAME_US));
        }
}

static void test_after_a_pause_the_clock_is_reached_again(void **state)
{
        const struct machine machine = {
                .picture_us = 15 * MS, .rest_us = 3 * MS, .stall_at_us = 10 * S, .stall_us = 3 * S
        };
        struct outcome outcome = run(&machine, 20 * S);

        (void)state;
        assert_int_equal(outcome.frames, 20 * 25);
        assert_true(outcome.pictures > outcome.frames - 4 * 25);
        assert_true(outcome.max_gap_us < 4 * S);
}

static void test_who_cannot_even_keep_up_with_sound_sees_a_picture_now_and_then(void **state)
{
        const struct machine machine = { .picture_us = 100 * MS, .rest_us = 50 * MS };
        struct outcome outcome = run(&machine, 100 * S);

        (void)state;
        assert_true(outcome.max_gap_us <= (int64_t)(PACE_MOST_LEFT_OUT + 1) * FRAME_US);
        assert_true(outcome.pictures >= 100 * S / (150 * MS) / (PACE_MOST_LEFT_OUT + 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_machine_that_keeps_up_leaves_out_nothing),
                cmocka_unit_test(test_an_encoder_that_is_starved_is_never_far_behind),
                cmocka_unit_test(test_after_a_pause_the_clock_is_reached_again),
                cmocka_unit_test(
                        test_who_cannot_even_keep_up_with_sound_sees_a_picture_now_and_then),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
