/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/transport_cc.h"
#include "sfu/wire/rtcp_tcc.h"

static size_t read_back(struct transport_cc *tcc, struct rtcp_tcc *ret, int64_t *arrivals,
                        size_t cap)
{
        uint8_t buf[1200];
        struct wr w = wr_init(buf, sizeof(buf));
        struct rtcp_iter it;
        struct rtcp_pkt pkt;
        size_t n;

        assert_true(transport_cc_write(tcc, &w, 1, 2));
        assert_false(w.bad);
        it = rtcp_iter_init(buf, wr_len(&w));
        assert_true(rtcp_next(&it, &pkt));
        assert_int_equal(rtcp_parse_tcc(ret, arrivals, cap, &n, &pkt), 0);
        return n;
}

static void arrivals_and_losses_are_reported_once(void **state)
{
        struct transport_cc tcc = { 0 };
        struct rtcp_tcc msg;
        int64_t at[256];
        uint8_t buf[64];
        struct wr w = wr_init(buf, sizeof(buf));

        (void)state;
        transport_cc_on_packet(&tcc, 0xfffe, false, 1000000);
        transport_cc_on_packet(&tcc, 1, false, 1010000);
        transport_cc_on_packet(&tcc, 0xffff, false, 1020000); /* late */
        assert_int_equal(read_back(&tcc, &msg, at, 256), 4);
        assert_int_equal(msg.base_seq, 0xfffe);
        assert_int_equal(msg.fb_count, 0);
        assert_int_equal(at[3] - at[0], 10000);
        assert_int_equal(at[1] - at[0], 20000);
        assert_true(at[2] == RTCP_TCC_LOST);
        assert_false(transport_cc_write(&tcc, &w, 1, 2));
        transport_cc_on_packet(&tcc, 0, false, 1030000); /* was reported lost: not again */
        assert_false(transport_cc_write(&tcc, &w, 1, 2));
        transport_cc_on_packet(&tcc, 3, false, 1040000);
        assert_int_equal(read_back(&tcc, &msg, at, 256), 2); /* 2 is lost */
        assert_int_equal(msg.base_seq, 2);
        assert_int_equal(msg.fb_count, 1);
}

static void report_is_due_in_time(void **state)
{
        struct transport_cc tcc = { 0 };

        (void)state;
        assert_int_equal(transport_cc_deadline_us(&tcc), INT64_MAX);
        transport_cc_on_packet(&tcc, 0, false, 1000000);
        assert_int_equal(transport_cc_deadline_us(&tcc), 1000000 + TRANSPORT_CC_SLOW_US);
        transport_cc_on_packet(&tcc, 1, true, 1000000);
        assert_int_equal(transport_cc_deadline_us(&tcc), 1000000 + TRANSPORT_CC_INTERVAL_US);
        for (uint16_t seq = 2; seq < TRANSPORT_CC_BUSY_PACKETS; seq++)
                transport_cc_on_packet(&tcc, seq, false, 1000000);
        assert_int_equal(transport_cc_deadline_us(&tcc), 1000000 + TRANSPORT_CC_BUSY_US);
        for (uint16_t seq = TRANSPORT_CC_BUSY_PACKETS; seq < 200; seq++)
                transport_cc_on_packet(&tcc, seq, false, 1000000);
        assert_true(transport_cc_deadline_us(&tcc) <= 1000000);
}

static void wild_numbers_stay_in_bounds(void **state)
{
        struct transport_cc tcc = { 0 };
        uint32_t x = 1;

        (void)state;
        for (int i = 0; i < 100000; i++) {
                uint8_t buf[1200];
                struct wr w = wr_init(buf, sizeof(buf));

                x = x * 1664525 + 1013904223;
                transport_cc_on_packet(&tcc, (uint16_t)(x >> 16), false, i * 1000);
                assert_true(tcc.n <= TRANSPORT_CC_WINDOW);
                if (i % 37 == 0)
                        (void)transport_cc_write(&tcc, &w, 1, 2);
                assert_false(w.bad);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(arrivals_and_losses_are_reported_once),
                cmocka_unit_test(report_is_due_in_time),
                cmocka_unit_test(wild_numbers_stay_in_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
