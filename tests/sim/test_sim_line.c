/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What congestion control makes of a line: the scenarios of line_scenarios.c, each with
 * several seeds. Everything is in simulated time, so the bounds are exact promises.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sim/line_scenarios.h"

enum { SEEDS = 6, KBIT = 1000 };

#define EACH_SEED(seed) for (uint64_t seed = 1; seed <= SEEDS; seed++)

static struct line_config config_of(const char *name, uint64_t seed)
{
        const struct line_scenario *scenario = line_scenario_find(name);
        struct line_config config;

        assert_non_null(scenario);
        config = scenario->config;
        config.seed = seed;
        return config;
}

static void run(struct line_result *result, const char *name, uint64_t seed)
{
        struct line_config config = config_of(name, seed);

        line_run(&config, result);
}

#define MEAN_KBIT(result, field, from_s, to_s)                                                     \
        ((int)(LINE_MEAN(result, field, from_s, to_s) / KBIT))

static int wait_ms(const struct line_result *result, double from_s, double to_s, int percent)
{
        return line_wait_percentile(result, from_s, to_s, percent) / 1000;
}

/* Seconds from `from_s` until the target stays under (over) a bound for a second. */
static double target_settles(const struct line_result *result, double from_s, bool under,
                             uint64_t bps)
{
        size_t from = (size_t)(from_s * 10), good = 0;

        for (size_t i = from; i < result->n_rows; i++) {
                good = (result->rows[i].target_bps < bps) == under ? good + 1 : 0;
                if (good == 10)
                        return (double)(i - 9 - from) / 10;
        }
        return 1e9;
}

static double layer_reached(const struct line_result *result, double from_s, int layer)
{
        size_t from = (size_t)(from_s * 10);

        for (size_t i = from; i < result->n_rows; i++) {
                if (result->rows[i].layer == layer)
                        return (double)(i - from) / 10;
        }
        return 1e9;
}

static uint64_t worst_second(const struct line_result *result, double from_s, double to_s)
{
        uint64_t worst = UINT64_MAX;

        for (double s = from_s; s + 1 <= to_s; s += 0.5) {
                uint64_t mean = LINE_MEAN(result, received_bps, s, s + 1);

                worst = mean < worst ? mean : worst;
        }
        return worst;
}

#define CHECK(condition, seed)                                                                     \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        fail_msg("seed %d: %s", (int)(seed), #condition);                          \
        } while (0)

static void steady_line_is_used_without_a_standing_queue(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "steady-elastic", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 10, 120) >= 1700, seed); /* of 2000 */
                CHECK(wait_ms(&result, 10, 120, 95) <= 60, seed);
                line_result_done(&result);
        }
}

/* Layers come in steps and switch with key frames of 10 frames' size, which wait longer than that:
 * that is the price of a switch, not of the estimate. */
static void steady_line_with_layers_is_used(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "steady", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 10, 120) >= 1700, seed);
                CHECK(wait_ms(&result, 10, 120, 50) <= 30, seed);
                CHECK(wait_ms(&result, 10, 120, 95) <= 160, seed);
                line_result_done(&result);
        }
}

static void key_frames_are_not_congestion(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "keys", seed);
                CHECK(MEAN_KBIT(&result, target_bps, 10, 120) >= 1600, seed);
                line_result_done(&result);
        }
}

static void falls_under_a_lower_limit_in_time_and_comes_back(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "step", seed);
                CHECK(target_settles(&result, 30, true, 500 * KBIT) <= 0.3, seed);
                CHECK(MEAN_KBIT(&result, sent_bps, 31.5, 34) < 500, seed);
                CHECK(MEAN_KBIT(&result, received_bps, 40, 60) >= 200, seed);
                CHECK(layer_reached(&result, 60, 2) <= 8, seed);
                CHECK(MEAN_KBIT(&result, received_bps, 68, 90) >= 1700, seed);
                line_result_done(&result);

                run(&result, "step-many", seed);
                CHECK(target_settles(&result, 30, true, 500 * KBIT) <= 0.3, seed);
                CHECK(MEAN_KBIT(&result, sent_bps, 31.5, 34) < 500, seed);
                CHECK(target_settles(&result, 60, false, 2000 * KBIT) <= 8, seed);
                line_result_done(&result);
        }
}

static void a_new_subscriber_gets_all_within_two_seconds(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "join", seed);
                CHECK(target_settles(&result, 0, false, 11000 * KBIT) <= 2, seed);
                CHECK(MEAN_KBIT(&result, received_bps, 6, 30) >= 10000, seed);
                line_result_done(&result);
        }
}

static void random_loss_does_not_collapse_the_rate(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "loss5", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 15, 90) >= 2200, seed); /* of 3000 */
                line_result_done(&result);

                run(&result, "loss20", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 15, 90) >= 1300, seed);
                line_result_done(&result);

                run(&result, "bursts", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 15, 90) >= 1800, seed);
                line_result_done(&result);
        }
}

static void a_policer_is_found_though_nothing_queues(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;
                uint64_t sent = 0, lost = 0;

                run(&result, "policer", seed);
                for (size_t i = 150; i < result.n_rows; i++) {
                        sent += result.rows[i].n_sent;
                        lost += result.rows[i].n_lost;
                }
                CHECK(MEAN_KBIT(&result, received_bps, 15, 90) >= 900, seed); /* of 1500 */
                CHECK(lost * 100 <= sent * 8, seed);
                line_result_done(&result);

                run(&result, "short-queue", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 15, 90) >= 1600, seed); /* of 2000 */
                line_result_done(&result);
        }
}

static void a_narrow_line_carries_the_voice_and_video_comes_back(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "narrow", seed);
                CHECK(MEAN_KBIT(&result, target_bps, 20, 60) <= 70, seed);
                for (size_t i = 200; i < 600; i++)
                        CHECK(result.rows[i].n_shown == 0, seed);
                CHECK(wait_ms(&result, 25, 60, 50) <= 130, seed);
                CHECK(layer_reached(&result, 60, 0) <= 12, seed);
                line_result_done(&result);
        }
}

static void jitter_is_not_congestion(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "wifi", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 10, 90) >= 2800, seed); /* of 3650 */
                CHECK(wait_ms(&result, 10, 90, 95) <= 80, seed);
                line_result_done(&result);

                run(&result, "4g", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 15, 120) >= 1800, seed); /* of about 3000 */
                CHECK(wait_ms(&result, 15, 120, 95) <= 120, seed);
                line_result_done(&result);
        }
}

static void a_longer_path_is_no_queue(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "handover", seed);
                CHECK(MEAN_KBIT(&result, target_bps, 32, 40) >= 1000, seed);
                CHECK(MEAN_KBIT(&result, target_bps, 40, 60) >= 1600, seed);
                CHECK(MEAN_KBIT(&result, received_bps, 30, 90) >= 1400, seed);
                line_result_done(&result);
        }
}

static void neighbours_share(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "tcp", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 25, 80) >= 800, seed); /* of 4000 */
                CHECK(MEAN_KBIT(&result, cross_bps, 25, 80) >= 1400, seed);
                CHECK(MEAN_KBIT(&result, received_bps, 92, 100) >= 2800, seed);
                line_result_done(&result);

                run(&result, "cbr", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 25, 60) >= 1400, seed); /* of 2000 */
                CHECK(MEAN_KBIT(&result, cross_bps, 25, 60) >= 1900, seed);
                CHECK(MEAN_KBIT(&result, received_bps, 72, 90) >= 2800, seed);
                line_result_done(&result);
        }
}

/* Three phones of one office, 20 s apart, each of which would fill the line alone. */
static void who_comes_late_gets_a_share(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_config configs[3];
                struct line_result results[3];

                for (size_t i = 0; i < 3; i++) {
                        configs[i] = config_of("steady", seed);
                        configs[i].link.steps[0].rate_bps = 4000 * KBIT;
                        configs[i].cams_from_us = (int64_t)i * 20000000;
                }
                line_run_together(configs, 3, results);
                for (size_t i = 0; i < 3; i++) {
                        CHECK(MEAN_KBIT(&results[i], received_bps, 80, 120) >= 450, seed);
                        CHECK(wait_ms(&results[i], 60, 120, 50) <= 30, seed);
                        line_result_done(&results[i]);
                }
        }
}

static void lost_reports_are_no_lost_line(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "silence", seed);
                CHECK(MEAN_KBIT(&result, sent_bps, 33, 34) < 700, seed);
                CHECK(layer_reached(&result, 34.5, 2) <= 8, seed);
                CHECK(MEAN_KBIT(&result, received_bps, 45, 60) >= 1500, seed);
                line_result_done(&result);
        }
}

/* Only a voice at first (a paused tile, ALR): its rate says nothing about the line. */
static void who_needs_little_keeps_the_estimate_and_climbs_when_needed(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "paused", seed);
                CHECK(LINE_MEAN(&result, target_bps, 5, 30) >= CC_START_BPS * 9 / 10, seed);
                CHECK(layer_reached(&result, 30, 2) <= 5, seed);
                CHECK(MEAN_KBIT(&result, received_bps, 40, 60) >= 1700, seed);
                line_result_done(&result);
        }
}

static void long_queues_and_long_paths(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "bloat", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 10, 90) >= 800, seed); /* of 1000 */
                CHECK(wait_ms(&result, 10, 90, 95) <= 80, seed);
                line_result_done(&result);

                run(&result, "satellite", seed);
                CHECK(MEAN_KBIT(&result, received_bps, 15, 90) >= 1500, seed); /* of 2000 */
                line_result_done(&result);
        }
}

static void feedback_of_rfc_8888_serves_as_well(void **state)
{
        (void)state;
        EACH_SEED(seed)
        {
                struct line_result result;

                run(&result, "rfc8888", seed);
                CHECK(MEAN_KBIT(&result, target_bps, 10, 60) >= 1600, seed); /* of 2000 */
                CHECK(MEAN_KBIT(&result, received_bps, 10, 60) >= 1200, seed);
                CHECK(wait_ms(&result, 10, 60, 50) <= 40, seed);
                line_result_done(&result);
        }
}

/* The rhythm of feedback, unnumbered voice, the receiver's clock. */
static void kinds_of_receivers(void **state)
{
        static const struct {
                int64_t report_us, clock_us;
                int drift_ppm, back_loss_permille;
                bool voice_unnumbered;
        } cases[] = {
                { 50000, 0, 0, 0, false },
                { 250000, 0, 0, 0, false },
                { 100000, INT64_C(1073741820) * 1000, 200, 0,
                  true }, /* the 24 bits wrap on the way */
                { 100000, 12345, -200, 0, false },
                { 100000, 0, 0, 200, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct line_config config = config_of("steady-elastic", 1 + i);
                struct line_result result;

                config.report_us = cases[i].report_us;
                config.clock_us = cases[i].clock_us;
                config.drift_ppm = cases[i].drift_ppm;
                config.back_loss_permille = cases[i].back_loss_permille;
                config.voice_unnumbered = cases[i].voice_unnumbered;
                line_run(&config, &result);
                CHECK(MEAN_KBIT(&result, received_bps, 10, 120) >= 1650, i);
                CHECK(wait_ms(&result, 10, 120, 95) <= 80, i);
                line_result_done(&result);
        }
}

static void resumes_with_what_worked_a_minute_ago(void **state)
{
        struct line_config config = config_of("step", 1);
        struct line_result result;

        (void)state;
        config.start_bps = 2000 * KBIT;
        config.for_us = 5000000;
        line_run(&config, &result);
        CHECK(layer_reached(&result, 0, 2) <= 1, 1);
        line_result_done(&result);
}

/* ---- receivers that lie */

static void says_all_arrived_at_once(void *data, uint16_t *base, int64_t *arrivals_us, size_t *n,
                                     int64_t now_us)
{
        (void)data;
        (void)base;
        for (size_t i = 0; i < *n; i++)
                arrivals_us[i] = now_us;
}

static void names_the_future(void *data, uint16_t *base, int64_t *arrivals_us, size_t *n,
                             int64_t now_us)
{
        says_all_arrived_at_once(data, base, arrivals_us, n, now_us);
        *base = (uint16_t)(*base + 20000);
}

static void names_the_past(void *data, uint16_t *base, int64_t *arrivals_us, size_t *n,
                           int64_t now_us)
{
        says_all_arrived_at_once(data, base, arrivals_us, n, now_us);
        *base = 0;
}

static void jumps(void *data, uint16_t *base, int64_t *arrivals_us, size_t *n, int64_t now_us)
{
        uint64_t *random = data;

        (void)base;
        (void)now_us;
        for (size_t i = 0; i < *n; i++) {
                if (arrivals_us[i] != CC_LOST)
                        arrivals_us[i] += link_random(random) % 20000000;
                if (link_random(random) % 10 == 0)
                        arrivals_us[i] = link_random(random) % 2 ? now_us : CC_LOST;
        }
}

/* What a liar may get is what he asks for in view, one step at a time: the demand. */
static void liars_stay_within_bounds(void **state)
{
        static const struct {
                line_lie lie;
                uint64_t max_bps; /* of the target after 10 s */
        } cases[] = {
                { says_all_arrived_at_once, 2100 * KBIT },
                { names_the_future, 100 * KBIT },
                { names_the_past, 100 * KBIT },
                { jumps, 2100 * KBIT },
        };
        uint64_t random = 5;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct line_config config = config_of("step", 1 + i);
                struct line_result result;

                config.lie = cases[i].lie;
                config.lie_data = &random;
                line_run(&config, &result);
                CHECK(LINE_MEAN(&result, target_bps, 10, 90) <= cases[i].max_bps, i);
                CHECK(result.max_target_bps <= 2100 * KBIT, i);
                line_result_done(&result);
        }
}

/* Wraps of numbers and of buckets; no drift into a standing queue. */
static void an_hour(void **state)
{
        struct line_config config = config_of("steady-elastic", 1);
        struct line_result result;

        (void)state;
        config.for_us = INT64_C(3600) * 1000000;
        line_run(&config, &result);
        CHECK(MEAN_KBIT(&result, received_bps, 10, 3600) >= 1700, 1);
        CHECK(worst_second(&result, 10, 3600) >= 1000 * KBIT, 1);
        CHECK(wait_ms(&result, 10, 3600, 95) <= 60, 1);
        CHECK(wait_ms(&result, 3000, 3600, 95) <= 60, 1);
        line_result_done(&result);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(steady_line_is_used_without_a_standing_queue),
                cmocka_unit_test(steady_line_with_layers_is_used),
                cmocka_unit_test(key_frames_are_not_congestion),
                cmocka_unit_test(falls_under_a_lower_limit_in_time_and_comes_back),
                cmocka_unit_test(a_new_subscriber_gets_all_within_two_seconds),
                cmocka_unit_test(random_loss_does_not_collapse_the_rate),
                cmocka_unit_test(a_policer_is_found_though_nothing_queues),
                cmocka_unit_test(a_narrow_line_carries_the_voice_and_video_comes_back),
                cmocka_unit_test(jitter_is_not_congestion),
                cmocka_unit_test(a_longer_path_is_no_queue),
                cmocka_unit_test(neighbours_share),
                cmocka_unit_test(who_comes_late_gets_a_share),
                cmocka_unit_test(lost_reports_are_no_lost_line),
                cmocka_unit_test(who_needs_little_keeps_the_estimate_and_climbs_when_needed),
                cmocka_unit_test(long_queues_and_long_paths),
                cmocka_unit_test(feedback_of_rfc_8888_serves_as_well),
                cmocka_unit_test(kinds_of_receivers),
                cmocka_unit_test(resumes_with_what_worked_a_minute_ago),
                cmocka_unit_test(liars_stay_within_bounds),
                cmocka_unit_test(an_hour),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
