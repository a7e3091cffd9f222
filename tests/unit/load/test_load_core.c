/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "load/core/feedback.h"
#include "load/core/histogram.h"
#include "load/core/meter.h"
#include "load/core/sdp.h"
#include "load/core/source.h"
#include "sfu/wire/rtcp_tcc.h"

/* ---- pattern ---- */

static void a_pattern_reads_back_in_every_length(void **state)
{
        (void)state;
        for (size_t len = PATTERN_BYTES; len < 1300; len++) {
                const struct pattern written = { 0xabcd0001, (uint32_t)len, 123456789 };
                uint8_t *data = malloc(len);
                struct pattern read;

                assert_non_null(data);
                pattern_write(data, len, &written);
                assert_int_equal(pattern_parse(&read, data, len), 0);
                assert_int_equal(read.stream, written.stream);
                assert_int_equal(read.number, written.number);
                assert_int_equal(read.sent_ns, written.sent_ns);
                free(data);
        }
}

static void every_flipped_bit_is_noticed(void **state)
{
        uint8_t data[100];
        struct pattern read;

        (void)state;
        pattern_write(data, sizeof(data), &(struct pattern){ 7, 8, 9 });
        for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
                data[bit / 8] ^= (uint8_t)(1u << bit % 8);
                assert_int_not_equal(pattern_parse(&read, data, sizeof(data)), 0);
                data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(pattern_parse(&read, data, sizeof(data)), 0);
        assert_int_equal(pattern_parse(&read, data, sizeof(data) - 1), PATTERN_E_CORRUPT);
        assert_int_equal(pattern_parse(&read, data, PATTERN_BYTES - 1), PATTERN_E_FOREIGN);
        data[50]++;
        assert_int_equal(pattern_parse(&read, data, sizeof(data)), PATTERN_E_CORRUPT);
        data[0]++;
        assert_int_equal(pattern_parse(&read, data, sizeof(data)), PATTERN_E_FOREIGN);
}

/* ---- meter ---- */

struct metered {
        struct meter meter;
        struct meter_counts counts;
};

static bool get(struct metered *m, uint32_t stream, uint32_t number)
{
        return meter_on_packet(&m->meter, &m->counts, &(struct pattern){ stream, number, 0 },
                               (uint16_t)number, false);
}

static bool repair(struct metered *m, uint32_t stream, uint32_t number)
{
        return meter_on_packet(&m->meter, &m->counts, &(struct pattern){ stream, number, 0 },
                               (uint16_t)number, true);
}

static void loss_is_what_never_came(void **state)
{
        struct metered m = { 0 };

        (void)state;
        for (uint32_t n = 1000; n < 3000; n++)
                if (n % 100 != 0 || n == 1000)
                        assert_true(get(&m, 1, n));
        assert_int_equal(m.counts.expected, 2000);
        assert_int_equal(meter_lost(&m.counts), 19);
        assert_int_equal(m.counts.duplicates + m.counts.reordered + m.counts.repaired, 0);
}

static void late_packets_are_reordered_and_not_lost(void **state)
{
        struct metered m = { 0 };

        (void)state;
        get(&m, 1, 1);
        get(&m, 1, 3);
        assert_int_equal(meter_lost(&m.counts), 1);
        assert_true(get(&m, 1, 2));
        assert_int_equal(meter_lost(&m.counts), 0);
        assert_int_equal(m.counts.reordered, 1);
}

static void a_packet_twice_is_a_duplicate(void **state)
{
        struct metered m = { 0 };

        (void)state;
        for (uint32_t n = 5; n < 10; n++)
                get(&m, 1, n);
        assert_false(get(&m, 1, 9));
        assert_false(get(&m, 1, 5));
        assert_int_equal(m.counts.duplicates, 2);
        assert_int_equal(meter_lost(&m.counts), 0);
        /* What lies further back than the window was counted long ago. */
        get(&m, 1, 10 + METER_WINDOW);
        assert_false(get(&m, 1, 10));
        assert_int_equal(m.counts.duplicates, 3);
}

static void repairs_heal_and_are_told_apart(void **state)
{
        struct metered m = { 0 };

        (void)state;
        get(&m, 1, 1);
        get(&m, 1, 4);
        assert_true(repair(&m, 1, 2));
        assert_true(repair(&m, 1, 3));
        assert_false(repair(&m, 1, 3));
        assert_int_equal(m.counts.repaired, 2);
        assert_int_equal(m.counts.repeated, 1);
        assert_int_equal(m.counts.duplicates, 0);
        assert_int_equal(meter_lost(&m.counts), 0);
}

static void a_switch_of_streams_is_no_loss(void **state)
{
        struct metered m = { 0 };

        (void)state;
        get(&m, 1, 1);
        get(&m, 1, 3);
        get(&m, 2, 700);
        assert_true(get(&m, 1, 2)); /* a straggler of the old stream */
        get(&m, 2, 701);
        get(&m, 1, 5000);
        assert_int_equal(m.counts.switches, 2);
        assert_int_equal(meter_lost(&m.counts), 0);
        assert_int_equal(m.counts.unique, 6);
}

static void an_end_that_never_came_is_loss(void **state)
{
        struct metered m = { 0 };

        (void)state;
        get(&m, 1, 10);
        meter_finish(&m.meter, &m.counts, 2, 50); /* another stream's */
        assert_int_equal(meter_lost(&m.counts), 0);
        meter_finish(&m.meter, &m.counts, 1, 14);
        assert_int_equal(meter_lost(&m.counts), 4);
}

static void what_the_server_withholds_is_not_lost(void **state)
{
        const struct pattern before = { 1, 100, 0 }, after = { 1, 160, 0 }, next = { 1, 163, 0 };
        struct metered m = { 0 };

        (void)state;
        meter_on_packet(&m.meter, &m.counts, &before, 65535, false);
        meter_on_packet(&m.meter, &m.counts, &after, 0, false); /* a pause */
        assert_int_equal(m.counts.withheld, 59);
        assert_int_equal(meter_lost(&m.counts), 0);
        meter_on_packet(&m.meter, &m.counts, &next, 2, false); /* a loss, and one left out */
        assert_int_equal(m.counts.withheld, 60);
        assert_int_equal(meter_lost(&m.counts), 1);
}

static void numbers_wrap(void **state)
{
        struct metered m = { 0 };

        (void)state;
        for (uint32_t n = UINT32_MAX - 10; n != 10; n++)
                assert_true(get(&m, 1, n));
        assert_int_equal(meter_lost(&m.counts), 0);
        assert_int_equal(m.counts.expected, 21);
}

/* ---- histogram ---- */

static void percentiles_are_within_a_thirtieth(void **state)
{
        static struct histogram h;

        (void)state;
        assert_int_equal(histogram_at(&h, 500), 0);
        for (int64_t us = 1; us <= 1000000; us++)
                histogram_add(&h, us);
        assert_in_range(histogram_at(&h, 500), 500000, 516000);
        assert_in_range(histogram_at(&h, 990), 990000, 1000000);
        assert_int_equal(histogram_at(&h, 1000), 1000000);
        assert_int_equal(h.max_us, 1000000);
        histogram_add(&h, -5);
        histogram_add(&h, INT64_MAX);
        assert_in_range(histogram_at(&h, 1), 990, 1032);
}

static void small_values_are_exact(void **state)
{
        (void)state;
        for (int64_t us = 0; us < 64; us++) {
                struct histogram h = { 0 };

                histogram_add(&h, us);
                histogram_add(&h, 5000);
                assert_int_equal(histogram_at(&h, 500), us);
        }
}

/* ---- source ---- */

static const struct source_config one_mbit = { .n_layers = 1,
                                               .video_bps = { 1000000 },
                                               .fps = 25,
                                               .key_every_us = 3000000,
                                               .key_ratio = 10,
                                               .pacing = 2.5,
                                               .sound = true };

struct drained {
        uint64_t bytes[SOURCE_MAX_LAYERS], packets, sound, keys, largest_burst;
};

static struct drained drain(struct source *source, int64_t from_us, int64_t until_us)
{
        struct drained d = { 0 };
        struct source_packet packet;

        for (int64_t now_us = from_us; now_us < until_us; now_us += 1000) {
                uint64_t burst = 0;

                while (source_next(source, &packet, now_us)) {
                        if (packet.layer == SOURCE_SOUND) {
                                d.sound++;
                                continue;
                        }
                        burst++;
                        d.packets++;
                        d.bytes[packet.layer] += packet.bytes;
                        d.keys += packet.first && packet.key;
                }
                if (burst > d.largest_burst)
                        d.largest_burst = burst;
                assert_true(source_deadline_us(source) > now_us);
        }
        return d;
}

static void the_rate_is_what_was_asked_for(void **state)
{
        struct source source;
        struct drained d;

        (void)state;
        source_init(&source, &one_mbit, 1000);
        d = drain(&source, 1000, 30001000);
        assert_in_range(d.bytes[0] * 8 / 30, 990000, 1010000);
        assert_int_equal(d.sound, 1500);
        assert_int_equal(d.keys, 10);
}

static void a_key_frame_leaves_in_paced_trains(void **state)
{
        struct source_config at_once = one_mbit;
        struct source source;
        struct drained d;

        (void)state;
        source_init(&source, &one_mbit, 1000);
        d = drain(&source, 1000, 3001000);
        assert_int_equal(d.largest_burst, 11); /* 40 ms at 2.5 Mbit/s: 12,500 bytes */
        at_once.pacing = 0;
        source_init(&source, &at_once, 1000);
        d = drain(&source, 1000, 3001000);
        assert_int_equal(d.largest_burst, 40); /* 44,640 bytes */
}

static void a_key_frame_comes_when_asked_for(void **state)
{
        struct source source;

        (void)state;
        source_init(&source, &one_mbit, 1000);
        assert_int_equal(drain(&source, 1000, 1001000).keys, 1);
        source_want_key(&source, 0);
        source_want_key(&source, 1); /* no such layer */
        assert_int_equal(drain(&source, 1001000, 1201000).keys, 1);
        source_want_key(&source, 0); /* too soon: not twice in 300 ms */
        assert_int_equal(drain(&source, 1201000, 1281000).keys, 0);
        assert_int_equal(drain(&source, 1281000, 1481000).keys, 1);
}

static void simulcast_layers_have_rates_of_their_own(void **state)
{
        struct source_config config = one_mbit;
        struct source source;
        struct drained d;

        (void)state;
        config.n_layers = 3;
        config.video_bps[0] = 150000;
        config.video_bps[1] = 600000;
        config.video_bps[2] = 1800000;
        config.sound = false;
        source_init(&source, &config, 1000);
        d = drain(&source, 1000, 30001000);
        assert_in_range(d.bytes[0] * 8 / 30, 145000, 151000);
        assert_in_range(d.bytes[1] * 8 / 30, 590000, 610000);
        assert_in_range(d.bytes[2] * 8 / 30, 1780000, 1820000);
        assert_int_equal(d.sound, 0);
}

/* ---- SDP ---- */

static void an_answer_yields_slots_and_what_was_agreed(void **state)
{
        static const char text[] =
                "v=0\r\na=fingerprint:sha-256 AB:CD\r\na=ice-ufrag:u1\r\na=ice-pwd:secret\r\n"
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 1 127.0.0.1 7000 typ host\r\n"
                "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ssrc:11 cname:dinh\r\n"
                "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"
                "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-"
                "extensions-01\r\na=rtcp-fb:96 transport-cc\r\n"
                "a=ssrc-group:FID 21 22\r\na=ssrc:21 cname:dinh\r\na=ssrc:22 cname:dinh\r\n";
        struct load_answer answer;

        (void)state;
        assert_int_equal(load_answer_read(&answer, text, 1), 0);
        assert_string_equal(answer.ufrag, "u1");
        assert_int_equal(answer.n_candidates, 1);
        assert_int_equal(answer.n_slots, 2);
        assert_true(answer.slots[0].sound);
        assert_int_equal(answer.slots[0].ssrc, 11);
        assert_int_equal(answer.slots[1].ssrc, 21);
        assert_int_equal(answer.slots[1].rtx_ssrc, 22);
        assert_false(answer.sends_tcc);
        assert_true(answer.receives_tcc);
        assert_true(load_answer_read(&answer, "v=0\r\n", 0) < 0);
}

/* ---- feedback ---- */

static void arrivals_are_told_with_their_holes(void **state)
{
        static const struct load_slot slots[] = { { false, 21, 22 } };
        struct feedback feedback;
        struct rtcp_tcc tcc;
        struct rtcp_pkt pkt;
        struct rtcp_iter it;
        uint8_t data[600];
        struct wr w = wr_init(data, sizeof(data));
        int64_t arrivals_us[16];
        size_t n;

        (void)state;
        assert_int_equal(feedback_init(&feedback, 1, slots, 1), 0);
        assert_false(feedback_on_transport_seq(&feedback, 21, 65534, 1000000));
        feedback_on_transport_seq(&feedback, 21, 65535, 1001000);
        feedback_on_transport_seq(&feedback, 21, 1, 1002000);
        feedback_write_tcc(&feedback, &w);
        it = rtcp_iter_init(data, wr_len(&w));
        assert_true(rtcp_next(&it, &pkt));
        assert_int_equal(rtcp_parse_tcc(&tcc, arrivals_us, 16, &n, &pkt), 0);
        assert_int_equal(tcc.base_seq, 65534);
        assert_int_equal(n, 4);
        assert_int_equal(arrivals_us[1] - arrivals_us[0], 1000);
        assert_true(arrivals_us[2] == RTCP_TCC_LOST);
        assert_int_equal(feedback.n_arrivals, 0);
        feedback_done(&feedback);
}

static void losses_are_asked_for_until_they_come(void **state)
{
        static const struct load_slot slots[] = { { false, 21, 22 } };
        struct feedback feedback;
        uint8_t data[1200];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        assert_int_equal(feedback_init(&feedback, 1, slots, 1), 0);
        assert_false(feedback_on_rtp(&feedback, 0, 65533, 0));
        assert_true(feedback_on_rtp(&feedback, 0, 2, 0));
        assert_int_equal(feedback_write_nacks(&feedback, &w, 0), 4);
        assert_int_equal(feedback_write_nacks(&feedback, &w, FEEDBACK_ASK_US - 1), 0);
        feedback_on_repair(&feedback, 0, 65535);
        assert_false(feedback_on_rtp(&feedback, 0, 1, 0));
        assert_int_equal(feedback_write_nacks(&feedback, &w, FEEDBACK_ASK_US), 2);
        for (int i = 2; i <= FEEDBACK_ASKS; i++)
                feedback_write_nacks(&feedback, &w, i * FEEDBACK_ASK_US);
        assert_int_equal(feedback.streams[0].n_missing, 0); /* given up */
        feedback_done(&feedback);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_pattern_reads_back_in_every_length),
                cmocka_unit_test(every_flipped_bit_is_noticed),
                cmocka_unit_test(loss_is_what_never_came),
                cmocka_unit_test(late_packets_are_reordered_and_not_lost),
                cmocka_unit_test(a_packet_twice_is_a_duplicate),
                cmocka_unit_test(repairs_heal_and_are_told_apart),
                cmocka_unit_test(a_switch_of_streams_is_no_loss),
                cmocka_unit_test(an_end_that_never_came_is_loss),
                cmocka_unit_test(what_the_server_withholds_is_not_lost),
                cmocka_unit_test(numbers_wrap),
                cmocka_unit_test(percentiles_are_within_a_thirtieth),
                cmocka_unit_test(small_values_are_exact),
                cmocka_unit_test(the_rate_is_what_was_asked_for),
                cmocka_unit_test(a_key_frame_leaves_in_paced_trains),
                cmocka_unit_test(a_key_frame_comes_when_asked_for),
                cmocka_unit_test(simulcast_layers_have_rates_of_their_own),
                cmocka_unit_test(an_answer_yields_slots_and_what_was_agreed),
                cmocka_unit_test(arrivals_are_told_with_their_holes),
                cmocka_unit_test(losses_are_asked_for_until_they_come),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
