/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "sfu/core/cc.h"

enum { PACKET = 1200, DELAY_US = 30 * 1000, STEP_US = 10 * 1000 };

#define EPOCH_US INT64_C(777000000000) /* of the receiver's clock */

static bool no_memory;

void *__wrap_calloc(size_t n, size_t size);
void *__real_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
        return no_memory ? NULL : __real_calloc(n, size);
}

static struct cc *make(uint64_t start_bps)
{
        struct cc *cc;

        assert_int_equal(cc_new(&cc, start_bps, 0), 0);
        return cc;
}

/* A packet every 10 ms (960 kbit/s), reported every 100 ms with an even delay. */
static int64_t run(struct cc *cc, int64_t from_us, int64_t for_us)
{
        int64_t arrivals_us[10];
        uint16_t base = 0;
        size_t n = 0;

        for (int64_t now_us = from_us; now_us < from_us + for_us; now_us += STEP_US) {
                uint16_t seq = cc_on_sent(cc, PACKET, 1, 0, now_us);

                if (n == 0)
                        base = seq;
                arrivals_us[n++] = EPOCH_US + now_us + DELAY_US;
                if (n == 10) {
                        cc_on_tcc(cc, base, arrivals_us, n, now_us + DELAY_US * 2);
                        n = 0;
                }
        }
        return from_us + for_us + DELAY_US * 2;
}

static void assert_same_info(const struct cc_info *a, const struct cc_info *b)
{
        assert_int_equal(a->target_bps, b->target_bps);
        assert_int_equal(a->acked_bps, b->acked_bps);
        assert_int_equal(a->queue_us, b->queue_us);
        assert_int_equal(a->loss_permille, b->loss_permille);
        assert_int_equal(a->overuses, b->overuses);
}

static void starts_where_it_is_told(void **state)
{
        static const struct {
                uint64_t start_bps, expected_bps;
        } cases[] = { { 0, CC_START_BPS },
                      { 250000, 250000 },
                      { 1, CC_MIN_BPS },
                      { UINT64_MAX, CC_MAX_BPS } };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(cc_freep) struct cc *cc = make(cases[i].start_bps);

                assert_int_equal(cc_target_bps(cc), cases[i].expected_bps);
        }
}

static void without_memory_there_is_none(void **state)
{
        struct cc *cc = NULL;

        (void)state;
        no_memory = true;
        assert_int_equal(cc_new(&cc, 0, 0), -ENOMEM);
        no_memory = false;
        assert_null(cc);
        assert_null(cc_free(NULL));
}

static void numbers_wrap(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        struct cc_info info;

        (void)state;
        cc_set_demand(cc, 960000, 960000);
        for (unsigned i = 0; i < 65530; i++)
                assert_int_equal(cc_on_sent(cc, PACKET, 1, 0, 0), i);

        int64_t now_us = run(cc, 1000000, 3000000);

        cc_info(cc, &info);
        assert_in_range(info.acked_bps, 900000, 1000000);
        assert_int_equal(cc_on_sent(cc, PACKET, 1, 0, now_us), (65530 + 300) % 65536);
}

static void numbers_never_sent_or_reported_again_change_nothing(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        int64_t arrivals_us[1000];
        struct cc_info before, after;
        int64_t now_us;

        (void)state;
        cc_set_demand(cc, 960000, 2000000);
        now_us = run(cc, 0, 5000000);
        cc_info(cc, &before);
        for (size_t i = 0; i < ARRAY_LEN(arrivals_us); i++)
                arrivals_us[i] = EPOCH_US + now_us + (int64_t)i;
        cc_on_tcc(cc, 500, arrivals_us, ARRAY_LEN(arrivals_us), now_us); /* not yet sent */
        cc_on_tcc(cc, 33000, arrivals_us, ARRAY_LEN(arrivals_us), now_us);
        cc_on_tcc(cc, 65000, arrivals_us, 600, now_us); /* half of them before the first */
        cc_on_tcc(cc, 400, arrivals_us, 100, now_us);   /* again */
        for (size_t i = 0; i < ARRAY_LEN(arrivals_us); i++)
                arrivals_us[i] = CC_LOST;
        cc_on_tcc(cc, 0, arrivals_us, 500, now_us); /* they did arrive */
        cc_info(cc, &after);
        assert_same_info(&before, &after);
}

static void what_is_older_than_the_history_is_ignored(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        int64_t arrivals_us[100];
        struct cc_info info;

        (void)state;
        for (unsigned i = 0; i < CC_HISTORY + 100; i++)
                (void)cc_on_sent(cc, PACKET, 1, 0, i * 1000);
        for (size_t i = 0; i < ARRAY_LEN(arrivals_us); i++)
                arrivals_us[i] = EPOCH_US;
        cc_on_tcc(cc, 0, arrivals_us, 100, 2000000);
        cc_info(cc, &info);
        assert_int_equal(info.acked_bps, 0);
        assert_int_equal(info.target_bps, CC_START_BPS);
}

static void a_late_packet_is_not_lost(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        struct cc_info info;

        (void)state;
        for (int64_t now_us = 0; now_us < 6000000; now_us += 100000) {
                int64_t arrivals_us[10], late_us;
                uint16_t base = 0;

                for (int64_t i = 0; i < 10; i++) {
                        uint16_t seq = cc_on_sent(cc, PACKET, 1, 0, now_us + i * STEP_US);

                        base = i == 0 ? seq : base;
                        arrivals_us[i] = EPOCH_US + now_us + i * STEP_US + DELAY_US;
                }
                late_us = arrivals_us[4] + 70000;
                arrivals_us[4] = CC_LOST;
                cc_on_tcc(cc, base, arrivals_us, 10, now_us + 150000);
                cc_on_tcc(cc, (uint16_t)(base + 4), &late_us, 1, now_us + 160000);
        }
        cc_info(cc, &info);
        assert_int_equal(info.loss_permille, 0);
        assert_false(info.overusing);
}

static void clocks_may_say_anything(void **state)
{
        static const int64_t clocks_us[] = {
                0,
                INT64_MAX,
                INT64_MIN + 1,
                INT64_C(1) << 52,
                -(INT64_C(1) << 52),
                -1,
                INT64_C(16777216) * 64000,
                -INT64_C(8388608) * 64000,
                INT32_MAX,
                INT32_MIN,
        };
        cleanup(cc_freep) struct cc *cc = make(0);

        (void)state;
        cc_set_demand(cc, 960000, 2000000);
        for (unsigned i = 0; i < 20000; i++) {
                int64_t now_us = (int64_t)i * STEP_US;
                int64_t arrivals_us[2] = { clocks_us[i % ARRAY_LEN(clocks_us)],
                                           clocks_us[i * 7 % ARRAY_LEN(clocks_us)] };
                uint16_t seq = cc_on_sent(cc, PACKET, 1, 0, now_us);

                (void)cc_on_sent(cc, PACKET, 1, 0, now_us);
                cc_on_tcc(cc, seq, arrivals_us, 2, now_us + 50000);
                if (now_us >= cc_deadline_us(cc))
                        cc_on_timeout(cc, now_us);
                (void)cc_probe_bytes(cc, now_us);
                assert_in_range(cc_target_bps(cc), CC_MIN_BPS, 2000000 * 11 / 10 + 30000);
        }
}

static void a_clock_that_was_set_is_no_queue(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        struct cc_info before, after;
        int64_t now_us;

        (void)state;
        cc_set_demand(cc, 960000, 960000);
        now_us = run(cc, 0, 5000000);
        cc_info(cc, &before);
        /* run() counts its clock from ours: an hour later is a jump for both alike, so jump by
         * reporting one packet with another epoch in between. */
        for (int i = 0; i < 3; i++) {
                int64_t arrival_us = now_us + (i % 2 ? 3 : -3) * INT64_C(3600000000);
                uint16_t seq = cc_on_sent(cc, PACKET, 1, 0, now_us);

                now_us += 100000;
                cc_on_tcc(cc, seq, &arrival_us, 1, now_us);
        }
        (void)run(cc, now_us, 5000000);
        cc_info(cc, &after);
        assert_int_equal(after.overuses, before.overuses);
        assert_true(after.target_bps >= before.target_bps);
}

static void nothing_happens_without_traffic(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);

        (void)state;
        cc_set_demand(cc, 0, 5000000);
        assert_int_equal(cc_deadline_us(cc), INT64_MAX);
        cc_on_timeout(cc, INT64_C(3600000000));
        assert_int_equal(cc_target_bps(cc), CC_START_BPS);
        assert_int_equal(cc_probe_bytes(cc, INT64_C(3600000000)), 0);
}

static void without_reports_it_falls_and_comes_back(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        int64_t now_us, from_us;
        size_t probed = 0;

        (void)state;
        cc_set_demand(cc, 960000, 960000);
        from_us = now_us = run(cc, 0, 5000000);

        uint64_t before_bps = cc_target_bps(cc);

        for (; now_us < from_us + 5000000; now_us += STEP_US) {
                (void)cc_on_sent(cc, 100, 1, 0, now_us);
                if (now_us >= cc_deadline_us(cc))
                        cc_on_timeout(cc, now_us);
        }
        assert_true(cc_target_bps(cc) < before_bps / 4);
        for (int64_t end_us = now_us + 3000000; now_us < end_us;) {
                int64_t at_us = now_us;

                now_us = run(cc, now_us, 100000);
                probed += cc_probe_bytes(cc, at_us);
        }
        assert_true(probed > 0);
        assert_true(cc_target_bps(cc) > before_bps / 4);
}

static void probes_only_for_who_wants_more(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        struct cc_info info;
        int64_t now_us;

        (void)state;
        cc_set_demand(cc, 500000, 500000);
        now_us = run(cc, 0, 5000000);
        assert_int_equal(cc_probe_bytes(cc, now_us), 0);
        cc_set_demand(cc, 500000, 5000000);
        assert_true(cc_deadline_us(cc) <= now_us + 1000000);
        assert_true(cc_probe_bytes(cc, now_us) > 0);
        cc_info(cc, &info);
        assert_true(info.probing);

        /* Whoever has nothing to send is not asked for ever, nor all at once. */
        size_t asked = 0;

        for (int i = 0; i < 200; i++, now_us += 5000)
                asked = cc_probe_bytes(cc, now_us) > asked ? cc_probe_bytes(cc, now_us) : asked;
        assert_in_range(asked, 1, 30000);
        cc_info(cc, &info);
        assert_false(info.probing);
}

/* RFC 8888 names packets by stream and RTP number. */
static void streams_are_told_apart(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        struct cc_info info;

        (void)state;
        for (int64_t now_us = 0; now_us < 6000000; now_us += 100000) {
                uint16_t first = (uint16_t)(65500 + now_us / STEP_US); /* wraps soon */
                int64_t here_us[10], missing_us[10];

                for (uint16_t i = 0; i < 10; i++) {
                        int64_t at_us = now_us + i * STEP_US;

                        (void)cc_on_sent(cc, PACKET, 3, (uint16_t)(first + i), at_us);
                        (void)cc_on_sent(cc, PACKET, 4, (uint16_t)(first + i), at_us);
                        here_us[i] = EPOCH_US + at_us + DELAY_US;
                        missing_us[i] = i % 2 ? CC_LOST : here_us[i];
                }
                cc_on_ccfb(cc, 4, first, missing_us, 10, now_us + 150000);
                cc_on_ccfb(cc, 3, first, here_us, 10, now_us + 150000);
                cc_on_ccfb(cc, 5, first, missing_us, 10, now_us + 150000); /* unknown */
                cc_on_ccfb_end(cc, now_us + 150000);
        }
        cc_info(cc, &info);
        assert_in_range(info.loss_permille, 230, 270); /* half of one of two */
        assert_in_range(info.acked_bps, 1300000, 1500000);
}

static double now_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

enum { N_BACKLOG = 1000 };

/* A line that carries 960 kbit/s, then half of it: reports come every 50 ms. */
static void what_waits_is_told_until_it_is_gone(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(960000);
        int64_t arrivals_us[N_BACKLOG], free_us = 0, now_us = 0, worst_us = 0;
        uint16_t next = 0, sent = 0;

        (void)state;
        cc_set_demand(cc, 960000, 960000);
        assert_int_equal(cc_backlog_us(cc, now_us), 0);
        for (; now_us < 5000000; now_us += STEP_US) {
                int64_t each_us = now_us < 3000000 ? STEP_US : 2 * STEP_US;
                uint16_t n = 0;

                if (now_us < 3800000) {
                        assert_int_equal(cc_on_sent(cc, PACKET, 1, 0, now_us), sent);
                        free_us = (free_us > now_us ? free_us : now_us) + each_us;
                        arrivals_us[sent++] = free_us + DELAY_US;
                }
                if (now_us == 2990000)
                        assert_in_range(cc_backlog_us(cc, now_us), 0, 100000);
                if (now_us > 3800000 && free_us > now_us) {
                        int64_t wrong_us = cc_backlog_us(cc, now_us) - (free_us - now_us);

                        wrong_us = wrong_us < 0 ? -wrong_us : wrong_us;
                        worst_us = wrong_us > worst_us ? wrong_us : worst_us;
                }
                while (next + n < sent && arrivals_us[next + n] + DELAY_US <= now_us)
                        n++;
                if (now_us % 50000 == 0 && n > 0) {
                        cc_on_tcc(cc, next, &arrivals_us[next], n, now_us);
                        next = (uint16_t)(next + n);
                }
        }
        assert_in_range(worst_us, 0, 120000); /* of 800 */
        assert_int_equal(next, sent);
        assert_int_equal(cc_backlog_us(cc, now_us), 0);
        /* Whose reports stay away costs no more. */
        assert_int_equal(cc_backlog_us(cc, now_us + INT64_C(1000) * 365 * 86400 * 1000000), 0);
}

/* A fall to a fifth: reports of what left before it go on to arrive, but no packet of after
 * the first cut has, when the estimate is already right. */
static void a_fall_is_measured_while_its_queue_drains(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(960000);
        int64_t arrivals_us[N_BACKLOG], free_us = 0, cut_us = 0;
        uint16_t next = 0, sent = 0;

        (void)state;
        cc_set_demand(cc, 960000, 960000);
        for (int64_t now_us = 0; now_us < 3900000; now_us += STEP_US) {
                int64_t each_us = now_us < 3000000 ? STEP_US : 5 * STEP_US;
                uint16_t n = 0;

                if (cut_us == 0) {
                        (void)cc_on_sent(cc, PACKET, 1, 0, now_us);
                        free_us = (free_us > now_us ? free_us : now_us) + each_us;
                        arrivals_us[sent++] = free_us + DELAY_US;
                }
                while (next + n < sent && arrivals_us[next + n] + DELAY_US <= now_us)
                        n++;
                if (now_us % 50000 == 0 && n > 0) {
                        cc_on_tcc(cc, next, &arrivals_us[next], n, now_us);
                        next = (uint16_t)(next + n);
                }
                if (cut_us == 0 && cc_target_bps(cc) < 600000)
                        cut_us = now_us;
        }
        assert_in_range(cut_us, 3000000, 3400000);
        assert_true(next < sent);
        assert_in_range(cc_target_bps(cc), 60000, 200000); /* of 192 */
}

/* From 3.0 s on nothing arrives, at 3.3 s a little, at 3.65 s all that waited. */
static void a_pause_of_everything_is_no_rate(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(960000);
        int64_t arrivals_us[N_BACKLOG];
        uint16_t next = 0, sent = 0;

        (void)state;
        cc_set_demand(cc, 960000, 960000);
        for (int64_t now_us = 0; now_us < 5000000; now_us += STEP_US) {
                int64_t at_us = now_us;
                uint16_t n = 0;

                if (now_us >= 3000000 && now_us < 3650000)
                        at_us = now_us < 3050000 ? 3300000 : 3650000;
                (void)cc_on_sent(cc, PACKET, 1, 0, now_us);
                arrivals_us[sent] = at_us + DELAY_US;
                sent++;
                while (next + n < sent && arrivals_us[next + n] + DELAY_US <= now_us)
                        n++;
                if (now_us % 50000 == 0 && n > 0) {
                        cc_on_tcc(cc, next, &arrivals_us[next], n, now_us);
                        next = (uint16_t)(next + n);
                }
                assert_true(cc_target_bps(cc) > 250000);
        }
        assert_true(cc_target_bps(cc) > 500000);
}

/* 1 Mbit/s of picture and a voice; from stop_us on the voice alone, and what leaves in the 150 ms
 * from late_us on comes extra_us late. Returns the lowest target since. */
static uint64_t lowest_after_stop(int64_t stop_us, int64_t late_us, int64_t extra_us)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        int64_t arrivals_us[64], newest_us = 0;
        uint64_t lowest_bps = UINT64_MAX;
        uint16_t base = 0;
        size_t n = 0;

        cc_set_demand(cc, 1200000, 1500000);
        for (int64_t now_us = 0; now_us < stop_us + 2000000; now_us += STEP_US) {
                bool late = now_us >= late_us && now_us < late_us + 150000;
                unsigned packets = now_us < stop_us && now_us % 30000 == 0 ? 4 : 0;

                for (unsigned i = 0; i <= packets; i++) {
                        uint16_t seq = cc_on_sent(cc, i < packets ? 1100 : 100, 1, 0, now_us);
                        int64_t at_us = now_us + DELAY_US + (late ? extra_us : 0);

                        base = n == 0 ? seq : base;
                        newest_us = at_us > newest_us ? at_us : newest_us;
                        arrivals_us[n++] = EPOCH_US + newest_us;
                }
                if (now_us % 50000 == 0) {
                        cc_on_tcc(cc, base, arrivals_us, n, newest_us + DELAY_US);
                        n = 0;
                }
                if (now_us >= stop_us && cc_target_bps(cc) < lowest_bps)
                        lowest_bps = cc_target_bps(cc);
        }
        return lowest_bps;
}

static void who_sends_less_is_not_on_a_line_that_fell(void **state)
{
        (void)state;
        for (int64_t pause_us = 100000; pause_us <= 400000; pause_us += 50000) {
                for (int64_t extra_us = 60000; extra_us <= 120000; extra_us += 20000)
                        assert_true(lowest_after_stop(3000000, 3000000 + pause_us, extra_us) >
                                    400000);
        }
}

static void what_a_report_needs_may_be_loaded_before_there_was_one(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);

        (void)state;
        for (unsigned step = 0; step < 4; step++)
                cc_prefetch_report(cc, step);
        assert_int_equal(cc_target_bps(cc), CC_START_BPS);
}

/* Not judged: machines differ. */
static void costs_little(void **state)
{
        cleanup(cc_freep) struct cc *cc = make(0);
        int64_t arrivals_us[CC_HISTORY];
        enum { ROUNDS = 20000, N = 20 };
        double sent_ns = 0, report_ns = 0, hostile_ns = 0;

        (void)state;
        cc_set_demand(cc, 1000000, 5000000);
        for (int64_t r = 0; r < ROUNDS; r++) {
                int64_t now_us = r * 60000;
                uint16_t base = 0;
                double t0 = now_ns(), t1;

                for (int64_t i = 0; i < N; i++) {
                        uint16_t seq = cc_on_sent(cc, 1100, 1, (uint16_t)(r * N + i),
                                                  now_us + i * 3000);

                        base = i == 0 ? seq : base;
                        arrivals_us[i] = EPOCH_US + now_us + i * 3000 + DELAY_US;
                }
                t1 = now_ns();
                sent_ns += t1 - t0;
                cc_on_tcc(cc, base, arrivals_us, N, now_us + 90000);
                report_ns += now_ns() - t1;
        }
        for (size_t i = 0; i < CC_HISTORY; i++)
                arrivals_us[i] = i % 2 ? INT64_C(1) << 51 : CC_LOST;
        for (int r = 0; r < 1000; r++) {
                double t0 = now_ns();

                for (int block = 0; block < 40; block++)
                        cc_on_ccfb(cc, 1, (uint16_t)(block * 1000), arrivals_us, CC_HISTORY,
                                   INT64_C(60000) * ROUNDS);
                cc_on_ccfb_end(cc, INT64_C(60000) * ROUNDS);
                hostile_ns += now_ns() - t0;
        }
        printf("figure: cc_on_sent %.0f ns, a report of %d packets %.0f ns, a hostile RFC 8888 "
               "message of 40 blocks %.0f ns\n",
               sent_ns / ROUNDS / N, N, report_ns / ROUNDS, hostile_ns / 1000);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(starts_where_it_is_told),
                cmocka_unit_test(without_memory_there_is_none),
                cmocka_unit_test(numbers_wrap),
                cmocka_unit_test(numbers_never_sent_or_reported_again_change_nothing),
                cmocka_unit_test(what_is_older_than_the_history_is_ignored),
                cmocka_unit_test(a_late_packet_is_not_lost),
                cmocka_unit_test(clocks_may_say_anything),
                cmocka_unit_test(a_clock_that_was_set_is_no_queue),
                cmocka_unit_test(nothing_happens_without_traffic),
                cmocka_unit_test(without_reports_it_falls_and_comes_back),
                cmocka_unit_test(probes_only_for_who_wants_more),
                cmocka_unit_test(streams_are_told_apart),
                cmocka_unit_test(what_waits_is_told_until_it_is_gone),
                cmocka_unit_test(a_fall_is_measured_while_its_queue_drains),
                cmocka_unit_test(a_pause_of_everything_is_no_rate),
                cmocka_unit_test(who_sends_less_is_not_on_a_line_that_fell),
                cmocka_unit_test(what_a_report_needs_may_be_loaded_before_there_was_one),
                cmocka_unit_test(costs_little),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
