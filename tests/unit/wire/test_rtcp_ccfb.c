/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/rtcp_ccfb.h"

#define SENDER 0, 0, 0, 1
#define STAMP 0, 5, 0, 0 /* 5 s */

enum { L = -1 }; /* lost, in the tables below */

static const struct {
        const char *name;
        uint8_t body[48];
        size_t len;
        int result;
        size_t n_blocks;
} cases[] = {
        { "nothing", { 0 }, 0, RTCP_E_LENGTH, 0 },
        { "no timestamp", { SENDER }, 4, RTCP_E_LENGTH, 0 },
        { "timestamp cut", { SENDER, 0, 5, 0 }, 7, RTCP_E_LENGTH, 0 },
        { "no block", { SENDER, STAMP }, 8, 0, 0 },
        { "half a head", { SENDER, 0, 0, 0, 2, STAMP }, 12, RTCP_E_LENGTH, 0 },
        { "empty block", { SENDER, 0, 0, 0, 2, 0, 10, 0, 0, STAMP }, 16, 0, 1 },
        { "metrics missing", { SENDER, 0, 0, 0, 2, 0, 10, 0, 1, STAMP }, 16, RTCP_E_LENGTH, 0 },
        { "padding of metrics missing",
          { SENDER, 0, 0, 0, 2, 0, 10, 0, 3, 0, 0, 0, 0, STAMP },
          20,
          RTCP_E_LENGTH,
          0 },
        { "odd number of packets",
          { SENDER, 0, 0, 0, 2, 0, 10, 0, 1, 0x80, 0, 0, 0, STAMP },
          20,
          0,
          1 },
        { "two blocks",
          { SENDER, 0, 0, 0, 2, 0, 10, 0, 2, 0x80, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0, STAMP },
          28,
          0,
          2 },
        { "more reports than a block may have, all missing",
          { SENDER, 0, 0, 0, 2, 0, 10, 0x40, 0x01, 0, 0, 0, 0, STAMP },
          20,
          RTCP_E_LENGTH,
          0 },
};

static struct rtcp_pkt packet(const uint8_t *body, size_t len)
{
        return (struct rtcp_pkt){ RTCP_RTPFB, RTCP_FMT_CCFB, { body, len } };
}

static void checks_lengths(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *body = wire_copy(cases[i].body, cases[i].len);
                struct rtcp_pkt pkt = packet(body, cases[i].len);
                struct rtcp_ccfb_block block;
                struct rtcp_ccfb ccfb;
                size_t n_blocks = 0;
                int result = rtcp_parse_ccfb(&ccfb, &pkt);

                if (result != cases[i].result)
                        fail_msg("%s: %d instead of %d", cases[i].name, result, cases[i].result);
                while (result == 0 && rtcp_ccfb_next(&ccfb, &block)) {
                        for (size_t k = 0; k < block.n; k++)
                                (void)rtcp_ccfb_arrival_us(&ccfb, &block, k);
                        n_blocks++;
                }
                if (result == 0 && n_blocks != cases[i].n_blocks)
                        fail_msg("%s: %zu blocks", cases[i].name, n_blocks);
        }
}

static void refuses_other_types(void **state)
{
        static const uint8_t body[] = { SENDER, STAMP };
        struct rtcp_pkt pkt = packet(body, sizeof(body));
        struct rtcp_ccfb ccfb;

        (void)state;
        pkt.count = RTCP_FMT_TCC;
        assert_int_equal(rtcp_parse_ccfb(&ccfb, &pkt), RTCP_E_TYPE);
        pkt.count = RTCP_FMT_CCFB;
        pkt.type = RTCP_PSFB;
        assert_int_equal(rtcp_parse_ccfb(&ccfb, &pkt), RTCP_E_TYPE);
}

static void refuses_more_reports_than_a_block_may_have(void **state)
{
        size_t n = RTCP_CCFB_MAX_REPORTS + 1, len = 4 + 8 + (n + 1) / 2 * 4 + 4;
        cleanup(wire_freep) uint8_t *body = calloc(1, len);
        struct rtcp_pkt pkt = packet(body, len);
        struct rtcp_ccfb ccfb;

        (void)state;
        assert_non_null(body);
        body[10] = (uint8_t)(n >> 8);
        body[11] = (uint8_t)n;
        assert_int_equal(rtcp_parse_ccfb(&ccfb, &pkt), RTCP_E_VALUE);
}

/* RFC 8888 §3.1: R, two bits of ECN, 13 bits of 1/1024 s before the timestamp. */
static void reads_arrivals(void **state)
{
        static const uint8_t body[] = { SENDER, 0,    0,    0,    2,    0xff, 0xff, 0,
                                        5,      0x80, 0x00, 0x00, 0x00, 0xe4, 0x00, 0x9f,
                                        0xfe,   0x9f, 0xff, 0x00, 0x00, STAMP };
        static const int64_t expected_us[] = { 5000000, RTCP_CCFB_LOST, 4000000, 5000000 - 7998046,
                                               5000000 };
        struct rtcp_pkt pkt = packet(body, sizeof(body));
        struct rtcp_ccfb_block block;
        struct rtcp_ccfb ccfb;

        (void)state;
        assert_int_equal(rtcp_parse_ccfb(&ccfb, &pkt), 0);
        assert_int_equal(ccfb.sender_ssrc, 1);
        assert_true(rtcp_ccfb_next(&ccfb, &block));
        assert_int_equal(block.ssrc, 2);
        assert_int_equal(block.begin_seq, 65535);
        assert_int_equal(block.n, 5);
        for (size_t i = 0; i < block.n; i++)
                assert_int_equal(rtcp_ccfb_arrival_us(&ccfb, &block, i), expected_us[i]);
        assert_false(rtcp_ccfb_next(&ccfb, &block));
}

static void what_is_written_is_read(void **state)
{
        static const int64_t ticks[] = { 100, L, 103, 100, 250 }; /* of 1/1024 s before */
        int64_t arrivals_us[ARRAY_LEN(ticks)], report_us = 3600 * INT64_C(1000000);
        uint8_t data[256];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(ticks); i++)
                arrivals_us[i] = ticks[i] == L ? RTCP_CCFB_LOST
                                               : report_us - ticks[i] * 1000000 / 1024 - 1;

        struct rtcp_ccfb_writer writer = rtcp_ccfb_begin(&w, 7, report_us);

        rtcp_ccfb_add(&writer, 8, 65534, arrivals_us, ARRAY_LEN(ticks));
        rtcp_ccfb_add(&writer, 9, 1, arrivals_us, 2);
        rtcp_ccfb_end(&writer);
        assert_false(w.bad);

        struct rtcp_iter it = rtcp_iter_init(data, wr_len(&w));
        struct rtcp_ccfb_block block;
        struct rtcp_ccfb ccfb;
        struct rtcp_pkt pkt;

        assert_true(rtcp_next(&it, &pkt));
        assert_int_equal(rtcp_parse_ccfb(&ccfb, &pkt), 0);
        assert_int_equal(ccfb.sender_ssrc, 7);
        assert_true(rtcp_ccfb_next(&ccfb, &block));
        assert_int_equal(block.ssrc, 8);
        assert_int_equal(block.n, ARRAY_LEN(ticks));
        for (size_t i = 0; i < block.n; i++) {
                int64_t us = rtcp_ccfb_arrival_us(&ccfb, &block, i);

                if (ticks[i] == L)
                        assert_int_equal(us, RTCP_CCFB_LOST);
                else
                        assert_in_range(us - arrivals_us[i] + 16, 0, 1000); /* a tick at most */
        }
        assert_true(rtcp_ccfb_next(&ccfb, &block));
        assert_int_equal(block.ssrc, 9);
        assert_int_equal(block.n, 2);
        assert_false(rtcp_ccfb_next(&ccfb, &block));
        assert_false(rtcp_next(&it, &pkt));
}

static void a_message_that_does_not_fit_is_bad(void **state)
{
        int64_t arrivals_us[4] = { 0 };
        uint8_t data[24];

        (void)state;
        for (size_t cap = 0; cap <= sizeof(data); cap++) {
                struct wr w = wr_init(data, cap);
                struct rtcp_ccfb_writer writer = rtcp_ccfb_begin(&w, 7, 1000);

                rtcp_ccfb_add(&writer, 8, 1, arrivals_us, 2);
                rtcp_ccfb_end(&writer);
                assert_int_equal(w.bad, cap < sizeof(data));
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(checks_lengths),
                cmocka_unit_test(refuses_other_types),
                cmocka_unit_test(refuses_more_reports_than_a_block_may_have),
                cmocka_unit_test(reads_arrivals),
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(a_message_that_does_not_fit_is_bad),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
