/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/rtp_recv.h"

static enum rtp_recv_verdict take(struct rtp_recv *recv, uint16_t seq, int64_t now_us,
                                  uint32_t *ret_ext)
{
        const struct rtp_recv_packet pkt = { .seq = seq, .ts = (uint32_t)seq * 960, .bytes = 100 };

        return rtp_recv_on_packet(recv, &pkt, now_us, ret_ext);
}

static void duplicates_are_known_across_the_wrap(void **state)
{
        struct rtp_recv recv;
        uint32_t first, ext;

        (void)state;
        rtp_recv_init(&recv, 48000);
        assert_int_equal(take(&recv, 0xfffe, 0, &first), RTP_RECV_NEW);
        assert_int_equal(take(&recv, 1, 0, &ext), RTP_RECV_NEW);
        assert_int_equal(ext, first + 3);
        assert_int_equal(take(&recv, 0, 0, &ext), RTP_RECV_NEW);
        assert_int_equal(ext, first + 2);
        assert_int_equal(take(&recv, 0, 0, &ext), RTP_RECV_DUPLICATE);
        assert_int_equal(take(&recv, 0xfffe, 0, &ext), RTP_RECV_DUPLICATE);
        assert_int_equal(rtp_recv_lost(&recv), 1);
}

static void too_old_counts_as_duplicate(void **state)
{
        struct rtp_recv recv;
        uint32_t ext;

        (void)state;
        rtp_recv_init(&recv, 48000);
        assert_int_equal(take(&recv, 1000, 0, &ext), RTP_RECV_NEW);
        assert_int_equal(take(&recv, 2000, 0, &ext), RTP_RECV_NEW);
        assert_int_equal(take(&recv, 2000 - RTP_RECV_WINDOW + 1, 0, &ext), RTP_RECV_NEW);
        assert_int_equal(take(&recv, 2000 - RTP_RECV_WINDOW, 0, &ext), RTP_RECV_DUPLICATE);
}

static void jump_needs_two_packets_in_a_row(void **state)
{
        struct rtp_recv recv;
        uint32_t ext, last;

        (void)state;
        rtp_recv_init(&recv, 48000);
        assert_int_equal(take(&recv, 50000, 0, &last), RTP_RECV_NEW);
        assert_int_equal(take(&recv, 100, 0, &ext), RTP_RECV_JUMP);
        assert_int_equal(take(&recv, 9000, 0, &ext), RTP_RECV_JUMP);
        assert_int_equal(take(&recv, 50001, 0, &ext), RTP_RECV_NEW); /* it was noise */
        assert_int_equal(take(&recv, 100, 0, &ext), RTP_RECV_JUMP);
        assert_int_equal(take(&recv, 101, 0, &ext), RTP_RECV_NEW); /* a restart */
        assert_true(ext > last);
        assert_int_equal(ext & 0xffff, 101);
        assert_int_equal(rtp_recv_lost(&recv), 0);
        assert_int_equal(take(&recv, 102, 0, &ext), RTP_RECV_NEW);
}

static void report_tells_loss_of_the_interval(void **state)
{
        struct rtp_recv recv;
        struct rtcp_block block;
        uint32_t ext;

        (void)state;
        rtp_recv_init(&recv, 48000);
        for (uint16_t seq = 0; seq < 100; seq++) {
                if (seq % 4 != 2)
                        assert_int_equal(take(&recv, seq, seq * 20000, &ext), RTP_RECV_NEW);
        }
        rtp_recv_on_sr(&recv, 0x1234567890abcdefull, 0, 2000000);
        rtp_recv_report(&recv, 2500000, &block);
        assert_in_range(block.fraction_lost, 60, 64);
        assert_int_equal(block.cumulative_lost, 25);
        assert_int_equal(block.highest_seq, 99);
        assert_int_equal(block.lsr, 0x567890ab);
        assert_int_equal(block.dlsr, 32768);
        assert_int_equal(block.jitter, 0);
        for (uint16_t seq = 100; seq < 200; seq++)
                assert_int_equal(take(&recv, seq, seq * 20000, &ext), RTP_RECV_NEW);
        rtp_recv_report(&recv, 5000000, &block);
        assert_int_equal(block.fraction_lost, 0);
        assert_int_equal(block.cumulative_lost, 25);
}

static void numbers_of_a_pause_are_no_loss(void **state)
{
        struct rtp_recv_packet pkt = { .bytes = 100 };
        struct rtcp_block block;
        struct rtp_recv recv;
        uint32_t ext, newest;

        (void)state;
        rtp_recv_init(&recv, 48000);
        for (pkt.seq = 0xfff0; pkt.seq != 0xfffe; pkt.seq++)
                assert_int_equal(rtp_recv_on_packet(&recv, &pkt, 1000000, &newest), RTP_RECV_NEW);
        rtp_recv_pause(&recv);
        pkt.seq = 0xfffe - 1;
        assert_int_equal(rtp_recv_on_packet(&recv, &pkt, 1000000, &ext), RTP_RECV_DUPLICATE);
        pkt.seq = 1000;
        assert_int_equal(rtp_recv_on_packet(&recv, &pkt, 1000000, &ext), RTP_RECV_NEW);
        assert_int_equal(ext, newest + 1003);
        assert_int_equal(rtp_recv_lost(&recv), 0);
        pkt.seq = 1002;
        assert_int_equal(rtp_recv_on_packet(&recv, &pkt, 1000000, &ext), RTP_RECV_NEW);
        rtp_recv_report(&recv, 1000000, &block);
        assert_int_equal(block.cumulative_lost, 1);
        assert_int_equal(block.fraction_lost, 256 / 4);
        assert_int_equal(block.highest_seq, 0x10000 + 1002);
}

/* Each packet as far ahead as is believed at once. */
static void a_stream_that_leaps_all_the_time_can_be_reported(void **state)
{
        struct rtp_recv_packet pkt = { .bytes = 100 };
        struct rtcp_block block;
        struct rtp_recv recv;
        uint32_t ext;

        (void)state;
        rtp_recv_init(&recv, 90000);
        for (int i = 0; i < 3000; i++, pkt.seq += RTP_RECV_MAX_DROPOUT)
                assert_int_equal(rtp_recv_on_packet(&recv, &pkt, 1000000, &ext), RTP_RECV_NEW);
        rtp_recv_report(&recv, 1000000, &block);
        assert_int_equal(block.fraction_lost, 255);
        assert_int_equal(block.cumulative_lost, 0x7fffff);
        for (int i = 0; i < 800000; i++, pkt.seq += RTP_RECV_MAX_DROPOUT)
                assert_int_equal(rtp_recv_on_packet(&recv, &pkt, 1000000, &ext), RTP_RECV_NEW);
        rtp_recv_report(&recv, 1000000, &block);
        assert_int_equal(block.fraction_lost, 255);
        assert_int_equal(block.cumulative_lost, 0x7fffff);
}

static void jitter_follows_arrival(void **state)
{
        struct rtp_recv recv;
        struct rtcp_block block;
        uint32_t ext;

        (void)state;
        rtp_recv_init(&recv, 48000);
        for (uint16_t seq = 0; seq < 500; seq++) /* 10 ms to and fro: 480 units */
                assert_int_equal(take(&recv, seq, seq * 20000 + seq % 2 * 10000, &ext),
                                 RTP_RECV_NEW);
        rtp_recv_report(&recv, 0, &block);
        assert_in_range(block.jitter, 430, 481);
}

static void sender_clock_is_mapped(void **state)
{
        struct rtp_recv recv;
        uint64_t ntp;

        (void)state;
        rtp_recv_init(&recv, 90000);
        assert_false(rtp_recv_ntp_at(&recv, 0, &ntp));
        rtp_recv_on_sr(&recv, 1000ull << 32, 0xffffff00, 0);
        assert_true(rtp_recv_ntp_at(&recv, 0xffffff00u + 45000, &ntp)); /* across the wrap */
        assert_int_equal(ntp, (1000ull << 32) + (1ull << 31));
        assert_true(rtp_recv_ntp_at(&recv, 0xffffff00u - 90000, &ntp));
        assert_int_equal(ntp, 999ull << 32);
}

/* Three seconds of pause, in which so much passed by timestamps. */
static void pause_three_seconds(struct rtp_recv *recv, uint32_t ts_passed)
{
        struct rtp_recv_packet pkt = { .seq = 1, .ts = 48000, .bytes = 100 };
        uint32_t ext;

        rtp_recv_init(recv, 48000);
        assert_int_equal(rtp_recv_on_packet(recv, &pkt, 1000000, &ext), RTP_RECV_NEW);
        rtp_recv_on_sr(recv, 1000ull << 32, 48000, 1000000);
        pkt.seq = 2;
        pkt.ts += ts_passed;
        assert_int_equal(rtp_recv_on_packet(recv, &pkt, 4000000, &ext), RTP_RECV_NEW);
}

static void a_pause_in_which_timestamps_stood_still_outdates_the_report(void **state)
{
        struct rtp_recv recv;
        uint64_t ntp;

        (void)state;
        pause_three_seconds(&recv, 3 * 48000);
        assert_true(rtp_recv_ntp_at(&recv, 4 * 48000, &ntp));
        pause_three_seconds(&recv, 960);
        assert_false(rtp_recv_ntp_at(&recv, 48960, &ntp));
        pause_three_seconds(&recv, 30 * 48000);
        assert_false(rtp_recv_ntp_at(&recv, 31 * 48000, &ntp));
}

static void the_second_report_behind_a_pause_counts(void **state)
{
        struct rtp_recv recv;
        uint64_t ntp;

        (void)state;
        pause_three_seconds(&recv, 960);
        rtp_recv_on_sr(&recv, 1003ull << 32, 3 * 48000, 4000000);
        assert_false(rtp_recv_ntp_at(&recv, 48960, &ntp));
        rtp_recv_on_sr(&recv, 1008ull << 32, 48960 + 5 * 48000, 9000000);
        assert_true(rtp_recv_ntp_at(&recv, 48960, &ntp));
        assert_int_equal(ntp, 1003ull << 32);
}

static void rate_is_of_the_last_step_and_goes_stale(void **state)
{
        struct rtp_rate rate = { 0 };

        (void)state;
        for (int64_t t = 10000000; t <= 12000000; t += 10000)
                rtp_rate_add(&rate, 125, t);
        assert_in_range(rtp_rate_bps(&rate, 12000000), 99000, 101000);
        assert_int_equal(rtp_rate_bps(&rate, 15000000), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(duplicates_are_known_across_the_wrap),
                cmocka_unit_test(too_old_counts_as_duplicate),
                cmocka_unit_test(jump_needs_two_packets_in_a_row),
                cmocka_unit_test(report_tells_loss_of_the_interval),
                cmocka_unit_test(numbers_of_a_pause_are_no_loss),
                cmocka_unit_test(a_stream_that_leaps_all_the_time_can_be_reported),
                cmocka_unit_test(jitter_follows_arrival),
                cmocka_unit_test(sender_clock_is_mapped),
                cmocka_unit_test(a_pause_in_which_timestamps_stood_still_outdates_the_report),
                cmocka_unit_test(the_second_report_behind_a_pause_counts),
                cmocka_unit_test(rate_is_of_the_last_step_and_goes_stale),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
