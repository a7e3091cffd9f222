/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/rtcp.h"

static const struct {
        const char *name;
        uint8_t data[24];
        size_t len;
        int result;
        size_t n; /* packets before the fault or the end */
} walks[] = {
        { "empty", { 0 }, 0, RTCP_E_SHORT, 0 },
        { "head cut", { 0x80, 201, 0 }, 3, RTCP_E_SHORT, 0 },
        { "version 1", { 0x40, 201, 0, 0 }, 4, RTCP_E_VERSION, 0 },
        { "length passes end", { 0x80, 201, 0, 1 }, 4, RTCP_E_LENGTH, 0 },
        { "length 65535", { 0x80, 201, 0xff, 0xff, 0, 0, 0, 0 }, 8, RTCP_E_LENGTH, 0 },
        { "one", { 0x80, 201, 0, 1, 0, 0, 0, 1 }, 8, 0, 1 },
        { "two", { 0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 203, 0, 0 }, 12, 0, 2 },
        { "unknown type is yielded", { 0x80, 255, 0, 0 }, 4, 0, 1 },
        { "second is cut", { 0x80, 203, 0, 0, 0x80, 201 }, 6, RTCP_E_SHORT, 1 },
        { "padding", { 0xa0, 203, 0, 1, 0, 0, 0, 4 }, 8, 0, 1 },
        { "padding before another", { 0xa0, 203, 0, 1, 0, 0, 0, 4, 0x80, 203, 0, 0 }, 12, 0, 2 },
        { "padding zero", { 0xa0, 203, 0, 1, 0, 0, 0, 0 }, 8, RTCP_E_PADDING, 0 },
        { "padding not of 4", { 0xaf, 205, 0, 1, 0, 0, 0, 3 }, 8, 0, 1 }, /* as libwebrtc */
        { "padding too long", { 0xa0, 203, 0, 1, 0, 0, 0, 8 }, 8, RTCP_E_PADDING, 0 },
        { "padding of nothing", { 0xa0, 203, 0, 0 }, 4, RTCP_E_PADDING, 0 },
};

static void compound_is_walked_within_bounds(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(walks[i].data, walks[i].len);
                struct rtcp_iter it = rtcp_iter_init(data, walks[i].len);
                struct rtcp_pkt pkt;
                size_t n = 0;

                while (rtcp_next(&it, &pkt))
                        n++;
                if (it.err != walks[i].result || n != walks[i].n)
                        fail_msg("%s: %d after %zu", walks[i].name, it.err, n);
                assert_false(rtcp_next(&it, &pkt)); /* stays ended */
                assert_int_equal(rtcp_check(data, walks[i].len), walks[i].result);
        }
}

/* The one packet in what was written. */
static struct rtcp_pkt only_pkt(const struct wr *w)
{
        struct rtcp_iter it = rtcp_iter_init(w->start, wr_len(w));
        struct rtcp_pkt pkt, more;

        assert_false(w->bad);
        assert_true(rtcp_next(&it, &pkt));
        assert_false(rtcp_next(&it, &more));
        assert_int_equal(it.err, 0);
        return pkt;
}

static struct rtcp_block example_block(uint32_t ssrc, int32_t lost)
{
        return (struct rtcp_block){
                .ssrc = ssrc,
                .fraction_lost = 128,
                .cumulative_lost = lost,
                .highest_seq = 0x0001fffe,
                .jitter = 77,
                .lsr = 0x12345678,
                .dlsr = 65536,
        };
}

static void check_block(const struct rtcp_block *got, const struct rtcp_block *want)
{
        assert_int_equal(got->ssrc, want->ssrc);
        assert_int_equal(got->fraction_lost, want->fraction_lost);
        assert_int_equal(got->cumulative_lost, want->cumulative_lost);
        assert_int_equal(got->highest_seq, want->highest_seq);
        assert_int_equal(got->jitter, want->jitter);
        assert_int_equal(got->lsr, want->lsr);
        assert_int_equal(got->dlsr, want->dlsr);
}

static void sender_report_reads_back(void **state)
{
        struct rtcp_sr sr = { .ssrc = 1,
                              .ntp = 0x0123456789abcdef,
                              .rtp_ts = 3,
                              .packets = 4,
                              .octets = 5,
                              .n_blocks = RTCP_MAX_COUNT },
                       got;
        uint8_t data[1024];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        for (size_t i = 0; i < sr.n_blocks; i++)
                sr.blocks[i] = example_block((uint32_t)i, (int32_t)i - 5);
        rtcp_write_sr(&w, &sr);

        struct rtcp_pkt pkt = only_pkt(&w);

        assert_int_equal(rtcp_parse_sr(&got, &pkt), 0);
        assert_int_equal(got.ssrc, 1);
        assert_true(got.ntp == sr.ntp);
        assert_int_equal(rtcp_ntp_middle(got.ntp), 0x456789ab);
        assert_true(got.rtp_ts == 3 && got.packets == 4 && got.octets == 5);
        assert_int_equal(got.n_blocks, RTCP_MAX_COUNT);
        for (size_t i = 0; i < got.n_blocks; i++)
                check_block(&got.blocks[i], &sr.blocks[i]);
        pkt.body.len -= 4;
        assert_int_equal(rtcp_parse_sr(&got, &pkt), RTCP_E_LENGTH);
}

static void receiver_report_reads_back_with_negative_loss(void **state)
{
        static const int32_t losses[] = { 0, 1, -1, 8388607, -8388608 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
                struct rtcp_rr rr = { .ssrc = 9, .n_blocks = 1 }, got;
                uint8_t data[32];
                struct wr w = wr_init(data, sizeof(data));

                rr.blocks[0] = example_block(2, losses[i]);
                rtcp_write_rr(&w, &rr);

                struct rtcp_pkt pkt = only_pkt(&w);

                assert_int_equal(rtcp_parse_rr(&got, &pkt), 0);
                assert_int_equal(got.ssrc, 9);
                assert_int_equal(got.n_blocks, 1);
                check_block(&got.blocks[0], &rr.blocks[0]);
        }
}

static void count_beyond_the_body_is_refused(void **state)
{
        static const uint8_t body[8] = { 0 };
        struct rtcp_sr sr;
        struct rtcp_rr rr = { .n_blocks = 99 };
        struct rtcp_bye bye;

        (void)state;
        for (uint8_t count = 1; count <= RTCP_MAX_COUNT; count++) {
                struct rtcp_pkt pkt = { RTCP_RR, count, { body, sizeof(body) } };

                assert_int_equal(rtcp_parse_rr(&rr, &pkt), RTCP_E_LENGTH);
                pkt.type = RTCP_SR;
                assert_int_equal(rtcp_parse_sr(&sr, &pkt), RTCP_E_LENGTH);
                pkt.type = RTCP_BYE;
                assert_int_equal(rtcp_parse_bye(&bye, &pkt), count <= 2 ? 0 : RTCP_E_LENGTH);
        }
        assert_int_equal(rr.n_blocks, 99); /* untouched on failure */
}

static void packet_of_another_type_is_refused(void **state)
{
        static const uint8_t body[64] = { 0 };
        const struct rtcp_pkt pkt = { RTCP_APP, 0, { body, sizeof(body) } };
        struct rtcp_fb fb;
        struct rtcp_sr sr;
        struct rtcp_rr rr;
        struct rtcp_bye bye;
        struct rtcp_remb remb;
        struct rtcp_fir_item item;
        uint16_t seq;
        size_t n;

        (void)state;
        assert_int_equal(rtcp_parse_sr(&sr, &pkt), RTCP_E_TYPE);
        assert_int_equal(rtcp_parse_rr(&rr, &pkt), RTCP_E_TYPE);
        assert_int_equal(rtcp_parse_bye(&bye, &pkt), RTCP_E_TYPE);
        assert_int_equal(rtcp_parse_pli(&fb, &pkt), RTCP_E_TYPE);
        assert_int_equal(rtcp_parse_remb(&remb, &pkt), RTCP_E_TYPE);
        assert_int_equal(rtcp_parse_nack(&fb, &seq, 1, &n, &pkt), RTCP_E_TYPE);
        assert_int_equal(rtcp_parse_fir(&fb, &item, 1, &n, &pkt), RTCP_E_TYPE);
}

static void bye_reads_back(void **state)
{
        static const uint32_t ssrcs[] = { 0xdeadbeef, 2 };
        struct rtcp_bye bye;
        uint8_t data[16];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        rtcp_write_bye(&w, ssrcs, 2);

        struct rtcp_pkt pkt = only_pkt(&w);

        assert_int_equal(rtcp_parse_bye(&bye, &pkt), 0);
        assert_int_equal(bye.n_ssrcs, 2);
        assert_int_equal(bye.ssrcs[0], 0xdeadbeef);
}

static void cname_chunk_always_ends_with_a_zero(void **state)
{
        static const char *const names[] = { "", "a", "ab", "abc", "abcd", "abcde" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                uint8_t data[32];
                struct wr w = wr_init(data, sizeof(data));

                memset(data, 0xff, sizeof(data));
                rtcp_write_sdes_cname(&w, 7, names[i]);

                struct rtcp_pkt pkt = only_pkt(&w);
                size_t len = strlen(names[i]);

                assert_int_equal(pkt.type, RTCP_SDES);
                assert_int_equal(pkt.count, 1);
                assert_int_equal(pkt.body.data[4], 1);
                assert_int_equal(pkt.body.data[5], len);
                assert_memory_equal(pkt.body.data + 6, names[i], len);
                assert_true(pkt.body.len > 6 + len && pkt.body.len <= 6 + len + 4);
                for (size_t at = 6 + len; at < pkt.body.len; at++)
                        assert_int_equal(pkt.body.data[at], 0);
        }
}

static void long_cname_is_cut(void **state)
{
        char name[300];
        uint8_t data[300];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        rtcp_write_sdes_cname(&w, 7, name);
        assert_int_equal(only_pkt(&w).body.data[5], RTCP_MAX_CNAME);
}

static void check_nack(const uint16_t *seqs, size_t n, size_t n_pairs)
{
        const struct rtcp_fb fb = { 5, 6 };
        struct rtcp_fb got_fb;
        uint16_t got[64];
        size_t got_n = 0;
        uint8_t data[512];
        struct wr w = wr_init(data, sizeof(data));

        rtcp_write_nack(&w, &fb, seqs, n);
        assert_int_equal(wr_len(&w), 12 + 4 * n_pairs);

        struct rtcp_pkt pkt = only_pkt(&w);

        assert_int_equal(rtcp_parse_nack(&got_fb, got, n - 1, &got_n, &pkt), 0);
        assert_int_equal(got_n, n - 1);
        assert_memory_equal(got, seqs, got_n * sizeof(*seqs));
        assert_int_equal(rtcp_parse_nack(&got_fb, got, n, &got_n, &pkt), 0);
        assert_true(got_fb.sender_ssrc == 5 && got_fb.media_ssrc == 6);
        assert_int_equal(got_n, n);
        assert_memory_equal(got, seqs, n * sizeof(*seqs));
}

static void nack_packs_seventeen_numbers_into_a_pair(void **state)
{
        uint16_t run[34];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(run); i++)
                run[i] = (uint16_t)(65530 + i); /* over the wrap */
        check_nack(run, 17, 1);
        check_nack(run, 18, 2);
        check_nack(run, 34, 2);
        check_nack((const uint16_t[]){ 1 }, 1, 1);
        check_nack((const uint16_t[]){ 1, 17 }, 2, 1);
        check_nack((const uint16_t[]){ 1, 18 }, 2, 2);
        check_nack((const uint16_t[]){ 9, 8 }, 2, 2);
        check_nack((const uint16_t[]){ 9, 9 }, 2, 2);
}

static void nack_of_nothing_is_refused(void **state)
{
        static const uint8_t body[10] = { 0 };
        struct rtcp_pkt pkt = { RTCP_RTPFB, RTCP_FMT_NACK, { body, 8 } };
        struct rtcp_fb fb;
        uint16_t seqs[4];
        size_t n;

        (void)state;
        assert_int_equal(rtcp_parse_nack(&fb, seqs, 4, &n, &pkt), RTCP_E_LENGTH);
        pkt.body.len = 4;
        assert_int_equal(rtcp_parse_nack(&fb, seqs, 4, &n, &pkt), RTCP_E_LENGTH);
        pkt.body.len = 10;
        assert_int_equal(rtcp_parse_nack(&fb, seqs, 4, &n, &pkt), RTCP_E_LENGTH);
}

static void pli_reads_back(void **state)
{
        struct rtcp_fb fb;
        uint8_t data[12];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        rtcp_write_pli(&w, &(struct rtcp_fb){ 0x11, 0x22 });

        struct rtcp_pkt pkt = only_pkt(&w);

        assert_int_equal(rtcp_parse_pli(&fb, &pkt), 0);
        assert_true(fb.sender_ssrc == 0x11 && fb.media_ssrc == 0x22);
}

static void fir_names_each_stream(void **state)
{
        static const uint8_t body[] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7,
                                        3, 0, 0, 0, 0, 0, 0, 8, 4, 0, 0, 0 };
        struct rtcp_pkt pkt = { RTCP_PSFB, RTCP_FMT_FIR, { body, sizeof(body) } };
        struct rtcp_fir_item items[2];
        struct rtcp_fb fb;
        size_t n;

        (void)state;
        assert_int_equal(rtcp_parse_fir(&fb, items, 1, &n, &pkt), RTCP_E_MANY);
        assert_int_equal(rtcp_parse_fir(&fb, items, 2, &n, &pkt), 0);
        assert_int_equal(n, 2);
        assert_true(items[0].ssrc == 7 && items[0].seq == 3);
        assert_true(items[1].ssrc == 8 && items[1].seq == 4);
        pkt.body.len = 8;
        assert_int_equal(rtcp_parse_fir(&fb, items, 2, &n, &pkt), RTCP_E_LENGTH);
        pkt.body.len = 20;
        assert_int_equal(rtcp_parse_fir(&fb, items, 2, &n, &pkt), RTCP_E_LENGTH);
}

static void remb_reads_back_within_its_precision(void **state)
{
        static const uint64_t rates[] = { 0,       1,           262143,  262144,
                                          2500000, 10000000000, 1 << 30, UINT64_MAX };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
                struct rtcp_remb remb = {
                        .sender_ssrc = 1, .bitrate_bps = rates[i], .n_ssrcs = 2, .ssrcs = { 3, 4 }
                };
                struct rtcp_remb got;
                uint8_t data[64];
                struct wr w = wr_init(data, sizeof(data));

                rtcp_write_remb(&w, &remb);

                struct rtcp_pkt pkt = only_pkt(&w);

                assert_true(rtcp_is_remb(&pkt));
                assert_int_equal(rtcp_parse_remb(&got, &pkt), 0);
                assert_true(got.bitrate_bps <= rates[i]);
                assert_true(got.bitrate_bps >= rates[i] - rates[i] / 131072);
                assert_true(got.n_ssrcs == 2 && got.ssrcs[1] == 4);
                pkt.body.len -= 4;
                assert_int_equal(rtcp_parse_remb(&got, &pkt), RTCP_E_LENGTH);
        }
}

static void remb_too_large_for_64_bits_is_capped(void **state)
{
        static const uint8_t body[] = { 0,   0,   0,   1,   0, 0,    0,    0,
                                        'R', 'E', 'M', 'B', 0, 0xff, 0xff, 0xff };
        const struct rtcp_pkt pkt = { RTCP_PSFB, RTCP_FMT_ALFB, { body, sizeof(body) } };
        struct rtcp_remb remb;

        (void)state;
        assert_int_equal(rtcp_parse_remb(&remb, &pkt), 0);
        assert_true(remb.bitrate_bps == UINT64_MAX);
}

static void other_application_feedback_is_no_remb(void **state)
{
        static const uint8_t body[] = { 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'C', 0, 0, 0, 0 };
        const struct rtcp_pkt pkt = { RTCP_PSFB, RTCP_FMT_ALFB, { body, sizeof(body) } };

        (void)state;
        assert_false(rtcp_is_remb(&pkt));
}

static void ntp_time_counts_from_1900(void **state)
{
        (void)state;
        assert_true(rtcp_ntp_from_wall_us(0) == 2208988800ull << 32);
        assert_true(rtcp_ntp_from_wall_us(1500000) == (2208988801ull << 32 | 0x80000000));
}

static void writers_stop_at_the_end_of_the_buffer(void **state)
{
        const struct rtcp_remb remb = { .n_ssrcs = 1 };
        const struct rtcp_sr sr = { .n_blocks = 1 };
        const struct rtcp_fb fb = { 0 };
        const uint16_t seq = 1;
        const uint32_t ssrc = 1;

        (void)state;
        for (size_t cap = 0; cap < 8; cap++) {
                cleanup(wire_freep) uint8_t *data = malloc(cap + !cap);
                struct wr w[6];

                for (size_t i = 0; i < ARRAY_LEN(w); i++)
                        w[i] = wr_init(data, cap);
                rtcp_write_sr(&w[0], &sr);
                rtcp_write_sdes_cname(&w[1], 1, "abc");
                rtcp_write_bye(&w[2], &ssrc, 1);
                rtcp_write_pli(&w[3], &fb);
                rtcp_write_remb(&w[4], &remb);
                rtcp_write_nack(&w[5], &fb, &seq, 1);
                for (size_t i = 0; i < ARRAY_LEN(w); i++)
                        assert_true(w[i].bad);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(compound_is_walked_within_bounds),
                cmocka_unit_test(sender_report_reads_back),
                cmocka_unit_test(receiver_report_reads_back_with_negative_loss),
                cmocka_unit_test(count_beyond_the_body_is_refused),
                cmocka_unit_test(packet_of_another_type_is_refused),
                cmocka_unit_test(bye_reads_back),
                cmocka_unit_test(cname_chunk_always_ends_with_a_zero),
                cmocka_unit_test(long_cname_is_cut),
                cmocka_unit_test(nack_packs_seventeen_numbers_into_a_pair),
                cmocka_unit_test(nack_of_nothing_is_refused),
                cmocka_unit_test(pli_reads_back),
                cmocka_unit_test(fir_names_each_stream),
                cmocka_unit_test(remb_reads_back_within_its_precision),
                cmocka_unit_test(remb_too_large_for_64_bits_is_capped),
                cmocka_unit_test(other_application_feedback_is_no_remb),
                cmocka_unit_test(ntp_time_counts_from_1900),
                cmocka_unit_test(writers_stop_at_the_end_of_the_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
