/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/rtp_ext.h"

/* Expected ids are in order; sizes follow from the bytes. */
static const struct {
        const char *name;
        uint16_t profile;
        uint8_t data[24];
        size_t len;
        uint8_t ids[4], sizes[4];
        size_t n;
} cases[] = {
        { "empty", 0xbede, { 0 }, 0, { 0 }, { 0 }, 0 },
        { "foreign profile", 0xabcd, { 0x10, 1, 0, 0 }, 4, { 0 }, { 0 }, 0 },
        { "one", 0xbede, { 0x10, 1, 0, 0 }, 4, { 1 }, { 1 }, 1 },
        { "two with padding between",
          0xbede,
          { 0x10, 1, 0, 0, 0x31, 5, 6, 0 },
          8,
          { 1, 3 },
          { 1, 2 },
          2 },
        { "longest",
          0xbede,
          { 0xef, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
          17,
          { 14 },
          { 16 },
          1 },
        { "passes the end", 0xbede, { 0x10, 1, 0x33, 1 }, 4, { 1 }, { 1 }, 1 },
        { "head is the last byte", 0xbede, { 0x10, 1, 0x10 }, 3, { 1 }, { 1 }, 1 },
        { "id 15 stops", 0xbede, { 0x10, 1, 0xf0, 1, 0x20, 2 }, 6, { 1 }, { 1 }, 1 },
        { "id 0 with length stops", 0xbede, { 0x10, 1, 0x01, 1, 0x20, 2 }, 6, { 1 }, { 1 }, 1 },
        { "two-byte",
          0x1000,
          { 1, 1, 9, 0, 200, 0, 0, 16, 2, 1, 2 },
          11,
          { 1, 200, 16 },
          { 1, 0, 2 },
          3 },
        { "two-byte with application bits", 0x100f, { 1, 1, 9 }, 3, { 1 }, { 1 }, 1 },
        { "two-byte passes the end", 0x1000, { 1, 255, 9 }, 3, { 0 }, { 0 }, 0 },
        { "two-byte head cut", 0x1000, { 1 }, 1, { 0 }, { 0 }, 0 },
        { "not quite two-byte", 0x1010, { 1, 1, 9 }, 3, { 0 }, { 0 }, 0 },
};

static void items_are_walked_within_bounds(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);
                struct rtp_ext_iter it = rtp_ext_iter_init(cases[i].profile,
                                                           (struct span){ data, cases[i].len });
                struct rtp_ext_item item;
                size_t n = 0;

                while (rtp_ext_next(&it, &item)) {
                        if (n >= cases[i].n)
                                fail_msg("%s: too many items", cases[i].name);
                        assert_int_equal(item.id, cases[i].ids[n]);
                        assert_int_equal(item.data.len, cases[i].sizes[n]);
                        n++;
                }
                if (n != cases[i].n)
                        fail_msg("%s: %zu items, not %zu", cases[i].name, n, cases[i].n);
                assert_false(rtp_ext_next(&it, &item)); /* stays ended */
        }
}

static void the_first_item_of_an_id_is_found(void **state)
{
        static const uint8_t data[] = { 0x10, 1, 0x20, 2, 0x20, 3, 0, 0 };
        const struct span block = { data, sizeof(data) };
        struct span value = { 0 };

        (void)state;
        assert_false(rtp_ext_find(0xbede, block, 3, &value));
        assert_false(rtp_ext_find(0xbede, block, 0, &value)); /* not negotiated */
        assert_null(value.data);
        assert_true(rtp_ext_find(0xbede, block, 2, &value));
        assert_int_equal(value.data[0], 2);
}

static void values_are_decoded_by_their_size(void **state)
{
        static const uint8_t data[] = { 0x9e, 0x02, 0x03, 0x04 };
        uint8_t level = 0;
        bool voice = false;
        uint16_t seq = 0;

        (void)state;
        assert_false(rtp_ext_audio_level((struct span){ data, 0 }, &level, &voice));
        assert_false(rtp_ext_audio_level((struct span){ data, 3 }, &level, &voice));
        assert_true(rtp_ext_audio_level((struct span){ data, 1 }, &level, &voice));
        assert_true(voice);
        assert_int_equal(level, 30);
        assert_false(rtp_ext_transport_seq((struct span){ data, 1 }, &seq));
        assert_false(rtp_ext_transport_seq((struct span){ data, 4 }, &seq));
        assert_true(rtp_ext_transport_seq((struct span){ data, 2 }, &seq));
        assert_int_equal(seq, 0x9e02);
}

static void abs_send_time_is_seconds_in_6_18_bits(void **state)
{
        (void)state;
        assert_int_equal(rtp_ext_abs_send_time_at(0), 0);
        assert_int_equal(rtp_ext_abs_send_time_at(1000000), 1 << 18);
        assert_int_equal(rtp_ext_abs_send_time_at(63999999), 0xffffff);
        assert_int_equal(rtp_ext_abs_send_time_at(64000000), 0);
        assert_int_equal(rtp_ext_abs_send_time_at(64500000), 1 << 17);
        assert_true(rtp_ext_abs_send_time_at(INT64_MAX) <= 0xffffff);
}

static void written_block_is_padded_and_reads_back(void **state)
{
        static const uint8_t bytes[16] = { 1, 2, 3 };

        (void)state;
        for (size_t len = 1; len <= 16; len++) {
                const struct rtp_ext_item items[] = { { 1, { bytes, len } }, { 14, { bytes, 1 } } };
                uint8_t data[32];
                struct wr w = wr_init(data, sizeof(data));
                struct span value;

                rtp_ext_write(&w, items, 2);
                assert_false(w.bad);
                assert_int_equal(wr_len(&w) % 4, 0);
                assert_int_equal(wr_len(&w), 4 + 4 * data[3]);
                assert_true(rtp_ext_find(0xbede, (struct span){ data + 4, wr_len(&w) - 4 }, 14,
                                         &value));
                assert_int_equal(value.len, 1);
                assert_true(
                        rtp_ext_find(0xbede, (struct span){ data + 4, wr_len(&w) - 4 }, 1, &value));
                assert_int_equal(value.len, len);
                assert_memory_equal(value.data, bytes, len);
        }
}

static void what_is_long_or_has_a_high_id_takes_the_two_byte_form(void **state)
{
        static const uint8_t bytes[255] = { 1, 2, 3 };
        static const struct rtp_ext_item items[][2] = {
                { { 1, { bytes, 17 } }, { 14, { bytes, 1 } } },
                { { 1, { bytes, 255 } }, { 14, { bytes, 3 } } },
                { { 1, { bytes, 1 } }, { 15, { bytes, 16 } } },
                { { 1, { bytes, 0 } }, { 255, { bytes, 1 } } },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(items); i++) {
                uint8_t data[300];
                struct wr w = wr_init(data, sizeof(data));
                struct span value;

                rtp_ext_write(&w, items[i], 2);
                assert_false(w.bad);
                assert_int_equal(data[0] << 8 | data[1], RTP_EXT_TWO_BYTE);
                assert_int_equal(wr_len(&w), 4 + 4 * data[3]);
                for (size_t k = 0; k < 2; k++) {
                        assert_true(rtp_ext_find(RTP_EXT_TWO_BYTE,
                                                 (struct span){ data + 4, wr_len(&w) - 4 },
                                                 items[i][k].id, &value));
                        assert_int_equal(value.len, items[i][k].data.len);
                        assert_memory_equal(value.data, bytes, value.len);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(items_are_walked_within_bounds),
                cmocka_unit_test(the_first_item_of_an_id_is_found),
                cmocka_unit_test(values_are_decoded_by_their_size),
                cmocka_unit_test(abs_send_time_is_seconds_in_6_18_bits),
                cmocka_unit_test(written_block_is_padded_and_reads_back),
                cmocka_unit_test(what_is_long_or_has_a_high_id_takes_the_two_byte_form),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
