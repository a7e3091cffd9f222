/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/rtp.h"
#include "sfu/wire/rtx.h"

#define HDR 0, 7, 0, 0, 0, 9, 0xca, 0xfe, 0, 1 /* seq 7, ts 9, ssrc 0xcafe0001 */

static const struct {
        const char *name;
        uint8_t data[24];
        size_t len;
        int result;
        size_t payload_len, payload_offset;
} cases[] = {
        { "empty", { 0 }, 0, RTP_E_SHORT, 0, 0 },
        { "cut in ssrc", { 0x80, 111, HDR }, 11, RTP_E_SHORT, 0, 0 },
        { "version 1", { 0x40, 111, HDR }, 12, RTP_E_VERSION, 0, 0 },
        { "bare header", { 0x80, 111, HDR }, 12, 0, 0, 12 },
        { "payload", { 0x80, 111, HDR, 1, 2, 3 }, 15, 0, 3, 12 },
        { "padding", { 0xa0, 111, HDR, 1, 0, 2 }, 15, 0, 1, 12 },
        { "padding only", { 0xa0, 111, HDR, 0, 0, 3 }, 15, 0, 0, 12 },
        { "padding zero", { 0xa0, 111, HDR, 1, 0, 0 }, 15, RTP_E_PADDING, 0, 0 },
        { "padding long", { 0xa0, 111, HDR, 1, 0, 9 }, 15, RTP_E_PADDING, 0, 0 },
        { "padding one too long", { 0xa0, 111, HDR, 1, 0, 4 }, 15, RTP_E_PADDING, 0, 0 },
        { "padding of nothing", { 0xa0, 111, HDR }, 12, RTP_E_PADDING, 0, 0 },
        { "extension", { 0x90, 111, HDR, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 5 }, 21, 0, 1, 20 },
        { "empty extension", { 0x90, 111, HDR, 0xbe, 0xde, 0, 0, 5 }, 17, 0, 1, 16 },
        { "extension cut", { 0x90, 111, HDR, 0xbe, 0xde, 0, 9, 1 }, 17, RTP_E_SHORT, 0, 0 },
        { "extension head cut", { 0x90, 111, HDR, 0xbe }, 13, RTP_E_SHORT, 0, 0 },
        { "csrc", { 0x81, 111, HDR, 0, 0, 0, 1, 5 }, 17, 0, 1, 16 },
        { "csrc cut", { 0x8f, 111, HDR, 0, 0, 0, 1, 5 }, 17, RTP_E_SHORT, 0, 0 },
};

static void header_is_read_within_bounds(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);
                struct rtp_pkt pkt = { .seq = 0xffff };
                int result = rtp_parse(&pkt, data, cases[i].len);

                if (result != cases[i].result)
                        fail_msg("%s: %d, not %d", cases[i].name, result, cases[i].result);
                if (result) {
                        assert_int_equal(pkt.seq, 0xffff); /* untouched on failure */
                        continue;
                }
                assert_int_equal(pkt.seq, 7);
                assert_int_equal(pkt.ts, 9);
                assert_int_equal(pkt.ssrc, 0xcafe0001);
                assert_int_equal(pkt.payload.len, cases[i].payload_len);
                assert_int_equal(pkt.payload_offset, cases[i].payload_offset);
                assert_int_equal(pkt.payload_offset + pkt.payload.len + pkt.padding, cases[i].len);
        }
}

static void written_header_reads_back(void **state)
{
        static const uint8_t mid[] = "v1", level[] = { 0x80 | 30 };
        const struct rtp_ext_item items[] = {
                { .id = 4, .data = { mid, 2 } },
                { .id = 10, .data = { level, 1 } },
        };
        const struct rtp_pkt pkt = {
                .marker = true, .pt = 96, .seq = 0xfffe, .ts = 90000, .ssrc = 0xdeadbeef
        };
        uint8_t data[64];
        struct wr w = wr_init(data, sizeof(data));
        struct rtp_pkt got;
        struct span value;

        (void)state;
        rtp_write_header(&w, &pkt, items, 2);
        wr_u8(&w, 0x77);
        assert_false(w.bad);
        assert_int_equal(rtp_parse(&got, data, wr_len(&w)), 0);
        assert_true(got.marker && got.pt == 96 && got.seq == 0xfffe && got.ts == 90000);
        assert_int_equal(got.ssrc, 0xdeadbeef);
        assert_int_equal(got.payload.len, 1);
        assert_int_equal(got.payload.data[0], 0x77);
        assert_true(rtp_ext_find(got.ext_profile, got.ext, 4, &value));
        assert_memory_equal(value.data, "v1", 2);
        assert_true(rtp_ext_find(got.ext_profile, got.ext, 10, &value));
}

static void header_without_extensions_has_twelve_bytes(void **state)
{
        const struct rtp_pkt pkt = { .pt = 111, .seq = 1 };
        uint8_t data[RTP_HEADER];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        rtp_write_header(&w, &pkt, NULL, 0);
        assert_false(w.bad);
        assert_int_equal(wr_len(&w), RTP_HEADER);
        assert_int_equal(data[0], 0x80);
}

static void header_that_does_not_fit_is_marked_bad(void **state)
{
        static const uint8_t value[3] = { 0 };
        const struct rtp_ext_item item = { .id = 1, .data = { value, 3 } };

        (void)state;
        for (size_t cap = 0; cap < 20; cap++) {
                cleanup(wire_freep) uint8_t *data = malloc(cap + !cap);
                struct wr w = wr_init(data, cap);

                rtp_write_header(&w, &(struct rtp_pkt){ 0 }, &item, 1);
                assert_true(w.bad);
        }
}

static void retransmission_names_its_original(void **state)
{
        static const uint8_t data[] = { 0x12, 0x34, 9, 8 };
        struct span original;
        uint16_t osn = 1;

        (void)state;
        assert_int_equal(rtx_parse(&osn, &original, (struct span){ data, 0 }), RTX_E_SHORT);
        assert_int_equal(rtx_parse(&osn, &original, (struct span){ data, 1 }), RTX_E_SHORT);
        assert_int_equal(osn, 1);
        assert_int_equal(rtx_parse(&osn, &original, (struct span){ data, 2 }), 0);
        assert_int_equal(original.len, 0);
        assert_int_equal(rtx_parse(&osn, &original, (struct span){ data, 4 }), 0);
        assert_int_equal(osn, 0x1234);
        assert_int_equal(original.len, 2);
        assert_ptr_equal(original.data, data + 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(header_is_read_within_bounds),
                cmocka_unit_test(written_header_reads_back),
                cmocka_unit_test(header_without_extensions_has_twelve_bytes),
                cmocka_unit_test(header_that_does_not_fit_is_marked_bad),
                cmocka_unit_test(retransmission_names_its_original),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
