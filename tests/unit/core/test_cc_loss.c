/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "sfu/core/cc.h"

enum { PACKET = 1200, DELAY_US = 30 * 1000, STEP_US = 10 * 1000 };

#define EPOCH_US INT64_C(777000000000) /* of the receiver's clock */

static struct cc *make(void)
{
        struct cc *cc;

        assert_int_equal(cc_new(&cc, 0, 0), 0);
        return cc;
}

/* Ten packets, reported 150 ms later, of which n are missing: number `lost` and those after. */
static uint16_t ten_but(struct cc *cc, int lost, int n, int64_t now_us)
{
        int64_t arrivals_us[10];
        uint16_t base = 0;

        for (int i = 0; i < 10; i++) {
                uint16_t seq = cc_on_sent(cc, PACKET, 1, 0, now_us + i * STEP_US);

                base = i == 0 ? seq : base;
                arrivals_us[i] = i >= lost && i < lost + n
                                         ? CC_LOST
                                         : EPOCH_US + now_us + i * STEP_US + DELAY_US;
        }
        cc_on_tcc(cc, base, arrivals_us, 10, now_us + 150000);
        return base;
}

/* Number `lost` of them is missing, -1: none. */
static uint16_t ten(struct cc *cc, int lost, int64_t now_us)
{
        return ten_but(cc, lost, lost >= 0, now_us);
}

static void what_was_missed_is_lost_though_its_repeat_arrives(void **state)
{
        cleanup(cc_freep) struct cc *cc = make();
        struct cc_info info;

        (void)state;
        for (int64_t now_us = 0; now_us < 6000000; now_us += 100000) {
                uint16_t number = (uint16_t)(ten(cc, 4, now_us) + 4);
                int64_t late_us = EPOCH_US + now_us + 170000;

                cc_on_resent(cc, number, true, now_us + 150000);
                cc_on_tcc(cc, number, &late_us, 1, now_us + 200000);
        }
        cc_info(cc, &info);
        assert_in_range(info.loss_permille, 90, 110);
}

/* A voice of which each packet goes twice, and a picture of which every tenth is lost. */
static void what_went_twice_says_nothing_about_losses(void **state)
{
        cleanup(cc_freep) struct cc *cc = make();
        struct cc_info info;

        (void)state;
        for (int64_t now_us = 0; now_us < 6000000; now_us += 200000) {
                for (int64_t at_us = now_us; at_us < now_us + 100000; at_us += 2 * STEP_US) {
                        uint16_t number = cc_on_sent(cc, PACKET, 2, 0, at_us);
                        int64_t arrival_us = EPOCH_US + at_us + DELAY_US;

                        cc_on_resent(cc, number, false, at_us + STEP_US);
                        cc_on_tcc(cc, number, &arrival_us, 1, at_us + 2 * DELAY_US);
                }
                ten(cc, 4, now_us + 100000);
        }
        cc_info(cc, &info);
        assert_in_range(info.loss_permille, 90, 110);
}

/* Nor does what was lost in both copies: it would be all of the voice that is counted. */
static void what_went_twice_and_was_missed_says_nothing_either(void **state)
{
        (void)state;
        for (int told = 0; told < 2; told++) { /* by a report, by asking for it */
                cleanup(cc_freep) struct cc *cc = make();
                struct cc_info info;

                for (int64_t now_us = 0; now_us < 6000000; now_us += 200000) {
                        for (int i = 0; i < 10; i++) {
                                int64_t at_us = now_us + i * STEP_US;
                                uint16_t number = cc_on_sent(cc, PACKET, 2, 0, at_us);
                                int64_t arrival_us = EPOCH_US + at_us + DELAY_US;

                                cc_on_resent(cc, number, false, at_us + STEP_US / 2);
                                if (i % 2 == 0 && told == 1)
                                        cc_on_resent(cc, number, true, at_us + STEP_US);
                                else if (i % 2 == 0)
                                        arrival_us = CC_LOST;
                                cc_on_tcc(cc, number, &arrival_us, 1, at_us + 2 * DELAY_US);
                        }
                        ten(cc, -1, now_us + 100000);
                }
                cc_info(cc, &info);
                assert_int_equal(info.loss_permille, 0);
        }
}

static void what_went_twice_counts_when_there_is_nothing_else(void **state)
{
        cleanup(cc_freep) struct cc *cc = make();
        struct cc_info info;

        (void)state;
        for (int64_t now_us = 0; now_us < 6000000; now_us += 100000) {
                for (int i = 0; i < 10; i++) {
                        int64_t at_us = now_us + i * STEP_US;
                        uint16_t number = cc_on_sent(cc, PACKET, 2, 0, at_us);
                        int64_t arrival_us = i < 2 ? CC_LOST : EPOCH_US + at_us + DELAY_US;

                        cc_on_resent(cc, number, false, at_us + STEP_US);
                        cc_on_tcc(cc, number, &arrival_us, 1, at_us + 2 * DELAY_US);
                }
        }
        cc_info(cc, &info);
        assert_in_range(info.loss_permille, 180, 220);
}

/* It takes room on the line like the rest, and arrives like the rest. */
static void what_goes_again_is_counted_in_what_is_delivered(void **state)
{
        uint64_t acked_bps[2];

        (void)state;
        for (int again = 0; again < 2; again++) {
                cleanup(cc_freep) struct cc *cc = make();
                struct cc_info info;

                for (int64_t now_us = 0; now_us < 6000000; now_us += 100000) {
                        uint16_t number = ten(cc, 4, now_us);

                        for (uint16_t i = 0; again && i < 10; i++)
                                cc_on_resent(cc, number + i, false, now_us + i * STEP_US);
                }
                cc_info(cc, &info);
                acked_bps[again] = info.acked_bps;
        }
        assert_in_range(acked_bps[1] * 100 / acked_bps[0], 190, 210);
}

/* Of a voice that goes twice a test of losses would see none. */
static void what_went_twice_starts_no_test(void **state)
{
        cleanup(cc_freep) struct cc *cc = make();

        (void)state;
        for (int64_t i = 0; i < 1000; i++) {
                int64_t at_us = i * STEP_US;
                uint16_t number = cc_on_sent(cc, PACKET, 2, 0, at_us);
                int64_t arrival_us = i % 5 == 0 ? CC_LOST : EPOCH_US + at_us + DELAY_US;

                if (i % 20 > 0) /* a repeat now and then has no room */
                        cc_on_resent(cc, number, false, at_us + STEP_US);
                cc_on_tcc(cc, number, &arrival_us, 1, at_us + 2 * DELAY_US);
                assert_int_equal(cc_test_permille(cc), 1000);
        }
}

static void a_test_of_losses_says_what_to_keep_of_what_was_sent(void **state)
{
        cleanup(cc_freep) struct cc *cc = make();
        int64_t now_us = 0;

        (void)state;
        for (; now_us < 5000000; now_us += 100000)
                ten(cc, -1, now_us);
        assert_int_equal(cc_test_permille(cc), 1000);
        for (; cc_test_permille(cc) == 1000 && now_us < 10000000; now_us += 100000)
                ten(cc, 4, now_us);
        assert_in_range(cc_test_permille(cc), 790, 930); /* a little less than nine of ten */
        now_us += 20000000; /* nothing is sent any more that could tell */
        cc_on_timeout(cc, now_us);
        assert_int_equal(cc_test_permille(cc), 1000);
        for (; cc_test_permille(cc) == 1000 && now_us < 35000000; now_us += 100000)
                ten(cc, 4, now_us);
        for (; cc_test_permille(cc) < 1000 && now_us < 40000000; now_us += 100000)
                ten(cc, 4, now_us);
        assert_int_equal(cc_test_permille(cc), 1000);
        for (; now_us < 80000000; now_us += 100000) {
                ten(cc, 4, now_us);
                assert_int_equal(cc_test_permille(cc), 1000); /* it is known now */
        }
}

/* Every tenth packet is lost, or every fifth. */
static void a_dear_test_is_put_off_twice_but_not_when_much_is_lost(void **state)
{
        (void)state;
        for (int much = 0; much < 2; much++) {
                cleanup(cc_freep) struct cc *cc = make();
                int64_t now_us = 0;
                int n_put_off = 0;

                for (bool made = false; !made && now_us < 30000000; now_us += 100000) {
                        ten_but(cc, 4, much ? 2 : 1, now_us);
                        if (cc_test_permille(cc) == 1000)
                                continue;
                        made = !cc_put_off_test(cc, now_us);
                        n_put_off += !made;
                        assert_int_equal(cc_test_permille(cc) == 1000, !made);
                }
                assert_true(now_us < 30000000);
                assert_int_equal(n_put_off, much ? 0 : 2);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_missed_is_lost_though_its_repeat_arrives),
                cmocka_unit_test(what_went_twice_says_nothing_about_losses),
                cmocka_unit_test(what_went_twice_and_was_missed_says_nothing_either),
                cmocka_unit_test(what_went_twice_counts_when_there_is_nothing_else),
                cmocka_unit_test(what_goes_again_is_counted_in_what_is_delivered),
                cmocka_unit_test(what_went_twice_starts_no_test),
                cmocka_unit_test(a_test_of_losses_says_what_to_keep_of_what_was_sent),
                cmocka_unit_test(a_dear_test_is_put_off_twice_but_not_when_much_is_lost),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
