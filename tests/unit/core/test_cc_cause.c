/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/cc_internal.h"

enum { PACKET = 1100, N_SLICES = 40, N_SEEDS = 200, SLICE_MS = CC_SLICE_US / 1000 };

/* Loses each packet with the same chance, or what a token bucket has no room for. */
struct line {
        uint64_t random;
        uint32_t loss_permille;
        int64_t policer_bps, tokens; /* 0: none; bytes */
};

/* Knuth's, the upper half. */
static uint32_t draw(uint64_t *random)
{
        *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (uint32_t)(*random >> 32);
}

static bool passes(struct line *line)
{
        if (line->policer_bps > 0) {
                if (line->tokens < PACKET)
                        return false;
                line->tokens -= PACKET;
        }
        return draw(&line->random) % 1000 >= line->loss_permille;
}

static struct cc_slice send_slice(struct line *line, unsigned n_packets)
{
        struct cc_slice slice = { 0 };

        line->tokens += line->policer_bps * SLICE_MS / 8000;
        if (line->tokens > 8 * PACKET)
                line->tokens = 8 * PACKET;
        for (unsigned i = 0; i < n_packets; i++) {
                if (passes(line))
                        slice.acked_bytes += PACKET;
                else
                        slice.lost_bytes += PACKET;
        }
        return slice;
}

/* Frames of two cameras: one to nine packets in a slice, five on the average. */
static enum cc_cause cause_after(struct line *line, unsigned n_slices)
{
        struct cc_fit fit = { 0 };

        for (unsigned i = 0; i < n_slices; i++) {
                struct cc_slice slice = send_slice(line, 1 + draw(&line->random) % 9);

                cc_fit_slice(&fit, &slice);
        }
        return cc_cause_of(&fit);
}

static unsigned count(enum cc_cause cause, uint32_t loss_permille, int64_t policer_bps)
{
        unsigned n = 0;

        for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
                struct line line = { .random = seed * UINT64_C(0x9e3779b97f4a7c15),
                                     .loss_permille = loss_permille,
                                     .policer_bps = policer_bps };

                n += cause_after(&line, N_SLICES) == cause;
        }
        return n;
}

static void what_a_radio_loses_is_its_nature(void **state)
{
        (void)state;
        for (uint32_t permille = 30; permille <= 210; permille += 90) {
                unsigned n = count(CC_ITS_NATURE, permille, 0);

                print_message(
                        "figure: %u per mille lost at random: known as such at once in %u of %d\n",
                        permille, n, N_SEEDS);
                assert_true(n > N_SEEDS / 3);
                assert_int_equal(count(CC_OUR_RATE, permille, 0), 0);
        }
}

static void what_a_policer_takes_is_our_rate(void **state)
{
        static const int64_t sent_bps = 5 * PACKET * 8 * 1000 / SLICE_MS;

        (void)state;
        for (int64_t percent = 40; percent <= 60; percent += 20) {
                unsigned n = count(CC_OUR_RATE, 0, sent_bps * percent / 100);

                print_message(
                        "figure: a policer of %d %% of what is sent: found at once in %u of %d\n",
                        (int)percent, n, N_SEEDS);
                assert_true(n > N_SEEDS * 9 / 10);
                assert_int_equal(count(CC_ITS_NATURE, 0, sent_bps * percent / 100), 0);
        }
}

static void a_radio_behind_a_policer_is_our_rate_first(void **state)
{
        (void)state;
        assert_true(count(CC_OUR_RATE, 50, 5 * PACKET * 8 * 1000 / SLICE_MS / 2) >
                    N_SEEDS * 9 / 10);
}

static void few_slices_tell_nothing(void **state)
{
        struct line radio = { .random = 1, .loss_permille = 200 };
        struct line policer = { .random = 1, .policer_bps = 300 * 1000 };

        (void)state;
        assert_int_equal(cause_after(&radio, 15), CC_UNKNOWN_CAUSE);
        assert_int_equal(cause_after(&policer, 15), CC_UNKNOWN_CAUSE);
}

static void slices_that_are_all_alike_tell_nothing(void **state)
{
        struct line line = { .random = 1, .loss_permille = 200 };
        struct cc_fit fit = { 0 };

        (void)state;
        for (int i = 0; i < N_SLICES; i++) {
                struct cc_slice slice = send_slice(&line, 5);

                cc_fit_slice(&fit, &slice);
        }
        assert_int_equal(cc_cause_of(&fit), CC_UNKNOWN_CAUSE);
}

/* One frame in a slice, or two, all of the same size: a policer without repeats takes the same of each. */
static void frames_that_are_all_alike_are_no_radios(void **state)
{
        struct cc_fit fit = { 0 };

        (void)state;
        for (int i = 0; i < N_SLICES; i++) {
                uint32_t n_frames = 1 + (i % 3 == 0);
                struct cc_slice slice = { .acked_bytes = n_frames * 4 * PACKET,
                                          .lost_bytes = n_frames * PACKET };

                cc_fit_slice(&fit, &slice);
        }
        assert_int_equal(cc_cause_of(&fit), CC_UNKNOWN_CAUSE);
}

/* What is lost is sent again: with the time before, it would be lost because more is sent. */
static void losses_that_begin_are_not_held_against_their_own_repeats(void **state)
{
        unsigned n_rate = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= N_SEEDS; seed++) {
                struct line line = { .random = seed * UINT64_C(0x9e3779b97f4a7c15) };
                struct cc_fit fit = { 0 };
                unsigned again = 0;

                for (int i = 0; i < N_SLICES; i++) {
                        struct cc_slice slice;

                        line.loss_permille = i < N_SLICES / 2 ? 0 : 300;
                        slice = send_slice(&line, 4 + draw(&line.random) % 3 + again);
                        again = slice.lost_bytes / PACKET;
                        cc_fit_slice(&fit, &slice);
                }
                n_rate += cc_cause_of(&fit) == CC_OUR_RATE;
        }
        print_message("figure: taken for our rate: %u of %d\n", n_rate, N_SEEDS);
        assert_true(n_rate * 20 < N_SEEDS);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_a_radio_loses_is_its_nature),
                cmocka_unit_test(what_a_policer_takes_is_our_rate),
                cmocka_unit_test(a_radio_behind_a_policer_is_our_rate_first),
                cmocka_unit_test(few_slices_tell_nothing),
                cmocka_unit_test(slices_that_are_all_alike_tell_nothing),
                cmocka_unit_test(frames_that_are_all_alike_are_no_radios),
                cmocka_unit_test(losses_that_begin_are_not_held_against_their_own_repeats),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
