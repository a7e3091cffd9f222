/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/red.h"

static int parse(struct red_block *blocks, size_t *ret_n, const void *bytes, size_t len)
{
        cleanup(wire_freep) uint8_t *data = wire_copy(bytes, len);
        int r = red_parse(blocks, ret_n, (struct span){ data, len });

        for (size_t i = 0; r == 0 && i < *ret_n; i++)
                assert_true(blocks[i].data.data >= data &&
                            blocks[i].data.data + blocks[i].data.len <= data + len);
        return r;
}

static void the_primary_block_is_last(void **state)
{
        static const uint8_t data[] = { 0xef, 0x0f, 0x00, 0x02, 0x6f, 1, 2, 3 };
        struct red_block blocks[RED_MAX_BLOCKS];
        size_t n;

        (void)state;
        assert_int_equal(parse(blocks, &n, data, sizeof(data)), 0);
        assert_int_equal(n, 2);
        assert_int_equal(blocks[0].pt, 111);
        assert_int_equal(blocks[0].ts_offset, 960);
        assert_int_equal(blocks[0].data.len, 2);
        assert_int_equal(blocks[1].pt, 111);
        assert_int_equal(blocks[1].ts_offset, 0);
        assert_int_equal(blocks[1].data.len, 1);

        assert_int_equal(parse(blocks, &n, "\x6f\x01\x02", 3), 0); /* nothing redundant */
        assert_int_equal(n, 1);
        assert_int_equal(blocks[0].data.len, 2);
        assert_int_equal(parse(blocks, &n, "\x6f", 1), 0); /* nothing at all */
        assert_int_equal(n, 1);
        assert_int_equal(blocks[0].data.len, 0);
}

static void whatever_is_cut_is_refused(void **state)
{
        static const uint8_t data[] = { 0xef, 0x0f, 0x00, 0x02, 0xef, 0x07,
                                        0x80, 0x01, 0x6f, 1,    2,    3 };
        struct red_block blocks[RED_MAX_BLOCKS] = { { .pt = 5 } };
        size_t n = 77;

        (void)state;
        for (size_t len = 0; len < sizeof(data); len++)
                assert_int_equal(parse(blocks, &n, data, len), RED_E_SHORT);
        assert_int_equal(n, 77);
        assert_int_equal(blocks[0].pt, 5);
        assert_int_equal(parse(blocks, &n, data, sizeof(data)), 0);
        assert_int_equal(n, 3);
}

static void blocks_are_bounded(void **state)
{
        uint8_t data[RED_MAX_BLOCKS * 4 + 1];
        struct red_block blocks[RED_MAX_BLOCKS];
        size_t n;

        (void)state;
        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = i % 4 == 0 ? 0x80 | 111 : 0;
        data[RED_MAX_BLOCKS * 4] = 111;
        assert_int_equal(parse(blocks, &n, data, sizeof(data)), RED_E_TOO_MANY);
        assert_int_equal(parse(blocks, &n, data + 4, sizeof(data) - 4), 0);
        assert_int_equal(n, RED_MAX_BLOCKS);
}

static void what_is_written_reads_back(void **state)
{
        static const uint8_t bytes[RED_MAX_BLOCK_LEN] = { 1, 2, 3 };
        const struct red_block blocks[] = {
                { 127, RED_MAX_TS_OFFSET, { bytes, RED_MAX_BLOCK_LEN } },
                { 0, 960, { bytes, 0 } },
                { 111, 0, { bytes, 3 } },
        };
        struct red_block again[RED_MAX_BLOCKS];
        uint8_t data[1200];
        struct wr w = wr_init(data, sizeof(data));
        size_t n;

        (void)state;
        red_write(&w, blocks, ARRAY_LEN(blocks));
        assert_false(w.bad);
        assert_int_equal(parse(again, &n, data, wr_len(&w)), 0);
        assert_int_equal(n, ARRAY_LEN(blocks));
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(again[i].pt, blocks[i].pt);
                assert_int_equal(again[i].ts_offset, blocks[i].ts_offset);
                assert_int_equal(again[i].data.len, blocks[i].data.len);
        }
        w = wr_init(data, 8);
        red_write(&w, blocks, ARRAY_LEN(blocks));
        assert_true(w.bad);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_primary_block_is_last),
                cmocka_unit_test(whatever_is_cut_is_refused),
                cmocka_unit_test(blocks_are_bounded),
                cmocka_unit_test(what_is_written_reads_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
