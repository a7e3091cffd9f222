/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/rtcp_tcc.h"

#define BODY_HEAD 0, 0, 0, 1, 0, 0, 0, 2, 0, 10 /* ssrcs 1, 2; base 10 */

enum { L = -1 }; /* lost, in the tables below */

/* Chunks as in the draft's §3.1.3 and §3.1.4, and faults. */
static const struct {
        const char *name;
        uint8_t body[40];
        size_t len;
        int result;
        size_t n;
        int64_t ticks[16]; /* expected arrivals, of 250 us, or L */
} cases[] = {
        { "head cut", { BODY_HEAD, 0, 1, 0, 0, 0 }, 15, RTCP_E_LENGTH, 0, { 0 } },
        { "no packets", { BODY_HEAD, 0, 0, 0, 0, 0, 0 }, 16, RTCP_E_VALUE, 0, { 0 } },
        { "no chunk", { BODY_HEAD, 0, 1, 0, 0, 0, 0 }, 16, RTCP_E_LENGTH, 0, { 0 } },
        { "half a chunk", { BODY_HEAD, 0, 1, 0, 0, 0, 0, 0x20 }, 17, RTCP_E_LENGTH, 0, { 0 } },
        { "run of nothing",
          { BODY_HEAD, 0, 1, 0, 0, 0, 0, 0x20, 0, 0x20, 1, 5 },
          21,
          RTCP_E_LENGTH,
          0,
          { 0 } },
        { "run of small",
          { BODY_HEAD, 0, 2, 0, 0, 1, 7, 0x20, 2, 4, 255 },
          20,
          0,
          2,
          { 256 + 4, 256 + 259 } },
        { "run of lost", { BODY_HEAD, 0, 2, 0, 0, 0, 0, 0x00, 2 }, 18, 0, 2, { L, L } },
        { "run longer than the count is cut",
          { BODY_HEAD, 0, 1, 0, 0, 0, 0, 0x3f, 0xff, 4 },
          19,
          0,
          1,
          { 4 } },
        { "reference before zero",
          { BODY_HEAD, 0, 1, 0xff, 0xff, 0xff, 0, 0x20, 1, 1 },
          19,
          0,
          1,
          { -255 } },
        { "large and negative",
          { BODY_HEAD, 0, 2, 0, 0, 0, 0, 0x40, 2, 0x7f, 0xff, 0xff, 0xfe },
          22,
          0,
          2,
          { 32767, 32765 } },
        { "delta cut", { BODY_HEAD, 0, 2, 0, 0, 0, 0, 0x20, 2, 4 }, 19, RTCP_E_LENGTH, 0, { 0 } },
        { "large delta cut",
          { BODY_HEAD, 0, 1, 0, 0, 0, 0, 0x40, 1, 4 },
          19,
          RTCP_E_LENGTH,
          0,
          { 0 } },
        { "reserved in a run",
          { BODY_HEAD, 0, 1, 0, 0, 0, 0, 0x60, 1, 4 },
          19,
          RTCP_E_VALUE,
          0,
          { 0 } },
        { "reserved in a vector",
          { BODY_HEAD, 0, 1, 0, 0, 0, 0, 0xf0, 0, 4 },
          19,
          RTCP_E_VALUE,
          0,
          { 0 } },
        { "one-bit vector", /* 0111110001110(0), the draft's example */
          { BODY_HEAD, 0, 13, 0, 0, 0, 0, 0x9f, 0x1c, 1, 1, 1, 1, 1, 1, 1, 1 },
          26,
          0,
          13,
          { L, 1, 2, 3, 4, 5, L, L, L, 6, 7, 8, L } },
        { "two-bit vector", /* 0 2 1 1 1 0 0 */
          { BODY_HEAD, 0, 7, 0, 0, 0, 0, 0xc9, 0x50, 0, 9, 1, 1, 1 },
          23,
          0,
          7,
          { L, 9, 10, 11, 12, L, L } },
};

static void feedback_is_read_within_bounds(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *body = wire_copy(cases[i].body, cases[i].len);
                const struct rtcp_pkt pkt = { RTCP_RTPFB, RTCP_FMT_TCC, { body, cases[i].len } };
                struct rtcp_tcc tcc = { .base_seq = 0xffff };
                int64_t got[16];
                size_t n = 99;
                int result = rtcp_parse_tcc(&tcc, got, 16, &n, &pkt);

                if (result != cases[i].result)
                        fail_msg("%s: %d, not %d", cases[i].name, result, cases[i].result);
                if (result) {
                        assert_true(tcc.base_seq == 0xffff && n == 99);
                        continue;
                }
                assert_true(tcc.base_seq == 10 && tcc.fb.media_ssrc == 2);
                assert_int_equal(n, cases[i].n);
                for (size_t k = 0; k < n; k++) {
                        int64_t ticks = cases[i].ticks[k];
                        int64_t want = ticks == L ? RTCP_TCC_LOST : ticks * RTCP_TCC_TICK_US;

                        if (got[k] != want)
                                fail_msg("%s: packet %zu", cases[i].name, k);
                }
        }
}

static void more_packets_than_room_are_refused(void **state)
{
        static const uint8_t body[] = { BODY_HEAD, 0xff, 0xff, 0, 0, 0, 0, 0x1f, 0xff };
        const struct rtcp_pkt pkt = { RTCP_RTPFB, RTCP_FMT_TCC, { body, sizeof(body) } };
        struct rtcp_tcc tcc;
        int64_t got[4];
        size_t n;

        (void)state;
        assert_int_equal(rtcp_parse_tcc(&tcc, got, 4, &n, &pkt), RTCP_E_MANY);
}

static const struct rtcp_tcc head = { .fb = { 1, 2 }, .base_seq = 65530, .fb_count = 200 };

/* Writes, reads back and compares; returns how many packets were covered. */
static size_t round_trip(const int64_t *arrivals_us, size_t n)
{
        static uint8_t data[8192];
        static int64_t got[RTCP_TCC_MAX_PACKETS];
        struct wr w = wr_init(data, 24 + 2 * n + 2 * (n / 7 + 1)); /* as the header promises */
        size_t covered = rtcp_write_tcc(&w, &head, arrivals_us, n);
        struct rtcp_iter it = rtcp_iter_init(data, wr_len(&w));
        struct rtcp_pkt pkt;
        struct rtcp_tcc tcc;
        size_t got_n;

        assert_false(w.bad);
        assert_int_equal(wr_len(&w) % 4, 0);
        assert_true(rtcp_next(&it, &pkt));
        assert_int_equal(rtcp_parse_tcc(&tcc, got, RTCP_TCC_MAX_PACKETS, &got_n, &pkt), 0);
        assert_false(rtcp_next(&it, &pkt));
        assert_int_equal(it.err, 0);
        assert_int_equal(got_n, covered);
        assert_true(tcc.base_seq == 65530 && tcc.fb_count == 200 && tcc.fb.sender_ssrc == 1);
        for (size_t i = 0; i < covered; i++) {
                int64_t want = arrivals_us[i];

                if (want != RTCP_TCC_LOST)
                        want -= want % RTCP_TCC_TICK_US;
                assert_true(got[i] == want);
        }
        return covered;
}

static void arrivals_read_back_rounded_to_250_us(void **state)
{
        int64_t arrivals_us[100];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(arrivals_us); i++)
                arrivals_us[i] = 3600000000 + (int64_t)i * 1333; /* rounding must not add up */
        assert_int_equal(round_trip(arrivals_us, 100), 100);
}

static void every_mix_of_lost_small_and_large_reads_back(void **state)
{
        uint32_t seed = 1;

        (void)state;
        for (size_t round = 0; round < 3000; round++) {
                int64_t arrivals_us[64], at_us = 5000000;
                size_t n = 1 + round % ARRAY_LEN(arrivals_us);
                unsigned changes = 1 + round / 64 % 40; /* long and short runs */
                unsigned kind = 0;

                for (size_t i = 0; i < n; i++) {
                        seed = seed * 1664525 + 1013904223;
                        if (seed >> 24 < 6 * changes)
                                kind = seed >> 16 & 3;
                        at_us += kind == 1   ? seed >> 20 & 0xfff
                                 : kind == 2 ? 100000 + (seed >> 18)
                                 : kind == 3 ? -(int64_t)(seed >> 22)
                                             : 0;
                        arrivals_us[i] = kind == 0 ? RTCP_TCC_LOST : at_us;
                }
                arrivals_us[n / 2] = at_us; /* at least one has arrived */

                size_t covered = round_trip(arrivals_us, n);

                assert_true(covered > n / 2);
        }
}

static void long_runs_take_one_chunk(void **state)
{
        int64_t arrivals_us[1000];
        uint8_t data[2048];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        for (size_t i = 0; i < 1000; i++)
                arrivals_us[i] = (int64_t)i * 1000;
        assert_int_equal(rtcp_write_tcc(&w, &head, arrivals_us, 1000), 1000);
        assert_int_equal(wr_len(&w), (20 + 2 + 1000 + 3) / 4 * 4);
        assert_int_equal(round_trip(arrivals_us, 1000), 1000);
}

static void message_ends_where_a_delta_would_not_fit(void **state)
{
        const int64_t arrivals_us[] = { 0, 1000, RTCP_TCC_LOST, 9000000, 9001000 };

        (void)state;
        assert_int_equal(round_trip(arrivals_us, 5), 3);
        assert_int_equal(round_trip(arrivals_us + 3, 2), 2);
}

static void deltas_take_the_smallest_size_that_holds_them(void **state)
{
        static const struct {
                int64_t ticks;
                size_t covered, delta_bytes;
        } limits[] = {
                { 0, 2, 1 },     { 255, 2, 1 }, { 256, 2, 2 },    { 32767, 2, 2 },
                { 32768, 1, 0 }, { -1, 2, 2 },  { -32768, 2, 2 }, { -32769, 1, 0 },
        };
        const int64_t start_us = 9600000; /* a multiple of 64 ms: its own delta is 0 */

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
                const int64_t arrivals_us[] = { start_us,
                                                start_us + limits[i].ticks * RTCP_TCC_TICK_US };
                /* head, one chunk, the first packet's delta, the second's, zeros */
                size_t bytes = 20 + 2 + 1 + limits[i].delta_bytes;
                uint8_t data[32];
                struct wr w = wr_init(data, sizeof(data));

                assert_int_equal(round_trip(arrivals_us, 2), limits[i].covered);
                assert_int_equal(rtcp_write_tcc(&w, &head, arrivals_us, 2), limits[i].covered);
                assert_int_equal(wr_len(&w), (bytes + 3) / 4 * 4);
        }
}

static void leading_losses_are_covered(void **state)
{
        const int64_t arrivals_us[] = { RTCP_TCC_LOST, RTCP_TCC_LOST, 1000, RTCP_TCC_LOST };

        (void)state;
        assert_int_equal(round_trip(arrivals_us, 4), 4);
}

static void nothing_is_written_when_nothing_arrived(void **state)
{
        const int64_t arrivals_us[] = { RTCP_TCC_LOST, RTCP_TCC_LOST };
        uint8_t data[64];
        struct wr w = wr_init(data, sizeof(data));

        (void)state;
        assert_int_equal(rtcp_write_tcc(&w, &head, arrivals_us, 2), 0);
        assert_int_equal(rtcp_write_tcc(&w, &head, NULL, 0), 0);
        assert_int_equal(wr_len(&w), 0);
        assert_false(w.bad);
}

static void at_most_max_packets_are_covered(void **state)
{
        static int64_t arrivals_us[RTCP_TCC_MAX_PACKETS + 10];

        (void)state;
        assert_int_equal(round_trip(arrivals_us, ARRAY_LEN(arrivals_us)), RTCP_TCC_MAX_PACKETS);
}

static void writer_stops_at_the_end_of_the_buffer(void **state)
{
        const int64_t arrivals_us[] = { 1000, 500000 };

        (void)state;
        for (size_t cap = 0; cap < 24; cap++) {
                cleanup(wire_freep) uint8_t *data = malloc(cap + !cap);
                struct wr w = wr_init(data, cap);

                assert_int_equal(rtcp_write_tcc(&w, &head, arrivals_us, 2), 2);
                assert_true(w.bad);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(feedback_is_read_within_bounds),
                cmocka_unit_test(more_packets_than_room_are_refused),
                cmocka_unit_test(arrivals_read_back_rounded_to_250_us),
                cmocka_unit_test(every_mix_of_lost_small_and_large_reads_back),
                cmocka_unit_test(long_runs_take_one_chunk),
                cmocka_unit_test(message_ends_where_a_delta_would_not_fit),
                cmocka_unit_test(deltas_take_the_smallest_size_that_holds_them),
                cmocka_unit_test(leading_losses_are_covered),
                cmocka_unit_test(nothing_is_written_when_nothing_arrived),
                cmocka_unit_test(at_most_max_packets_are_covered),
                cmocka_unit_test(writer_stops_at_the_end_of_the_buffer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
