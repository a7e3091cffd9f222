/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/ws_frame.h"

#define MASK 1, 2, 3, 4

static const struct {
        const char *name;
        uint8_t data[WS_HEADER_IN_MAX];
        size_t len;
        int result;
        uint64_t payload;
} cases[] = {
        { "nothing", { 0 }, 0, WS_E_MORE, 0 },
        { "one byte", { 0x81 }, 1, WS_E_MORE, 0 },
        { "mask cut", { 0x81, 0x85, 1, 2, 3 }, 5, WS_E_MORE, 0 },
        { "text", { 0x81, 0x85, MASK }, 6, 0, 5 },
        { "first fragment", { 0x01, 0x80, MASK }, 6, 0, 0 },
        { "16 bits", { 0x81, 0xfe, 0, 126, MASK }, 8, 0, 126 },
        { "16 bits, not minimal", { 0x81, 0xfe, 0, 125, MASK }, 8, WS_E_PROTOCOL, 0 },
        { "64 bits", { 0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, MASK }, 14, 0, 65536 },
        { "64 bits, not minimal",
          { 0x81, 0xff, 0, 0, 0, 0, 0, 0, 255, 255, MASK },
          14,
          WS_E_PROTOCOL,
          0 },
        { "64 bits, negative",
          { 0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, MASK },
          14,
          WS_E_PROTOCOL,
          0 },
        { "not masked", { 0x81, 0x05 }, 2, WS_E_PROTOCOL, 0 },
        { "RSV1", { 0xc1, 0x85, MASK }, 6, WS_E_PROTOCOL, 0 },
        { "unknown op", { 0x83, 0x85, MASK }, 6, WS_E_PROTOCOL, 0 },
        { "unknown control", { 0x8b, 0x80, MASK }, 6, WS_E_PROTOCOL, 0 },
        { "ping", { 0x89, 0xfd, MASK }, 6, 0, 125 },
        { "long ping", { 0x89, 0xfe, 0, 126, MASK }, 8, WS_E_PROTOCOL, 0 },
        { "ping in fragments", { 0x09, 0x80, MASK }, 6, WS_E_PROTOCOL, 0 },
};

static void headers_are_read_within_bounds(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);
                struct ws_frame frame;
                size_t used = 0;
                int result = ws_frame_parse(&frame, data, cases[i].len, &used);

                if (result != cases[i].result)
                        fail_msg("%s: %d, not %d", cases[i].name, result, cases[i].result);
                if (result)
                        continue;
                assert_int_equal(used, cases[i].len);
                assert_int_equal(frame.len, cases[i].payload);
                assert_memory_equal(frame.mask, ((uint8_t[]){ MASK }), 4);
        }
}

static void payload_unmasks_from_any_offset(void **state)
{
        static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
        /* The example of RFC 6455 §5.7. */
        static const uint8_t data[] = { 0x7f, 0x9f, 0x4d, 0x51, 0x58 };

        (void)state;
        for (size_t cut = 0; cut <= sizeof(data); cut++) {
                uint8_t text[sizeof(data)];

                ws_unmask(text, data, cut, mask, 0);
                ws_unmask(text + cut, data + cut, sizeof(data) - cut, mask, cut);
                assert_memory_equal(text, "Hello", 5);
        }
}

static void written_headers_have_the_shortest_form(void **state)
{
        static const struct {
                uint64_t len;
                size_t header;
                uint8_t bytes[WS_HEADER_OUT_MAX];
        } sizes[] = {
                { 0, 2, { 0x81, 0 } },
                { 125, 2, { 0x81, 125 } },
                { 126, 4, { 0x81, 126, 0, 126 } },
                { 65535, 4, { 0x81, 126, 255, 255 } },
                { 65536, 10, { 0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0 } },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                uint8_t header[WS_HEADER_OUT_MAX];

                assert_int_equal(ws_frame_write(header, WS_OP_TEXT, sizes[i].len), sizes[i].header);
                assert_memory_equal(header, sizes[i].bytes, sizes[i].header);
        }
}

static void close_codes_that_may_not_travel(void **state)
{
        (void)state;
        assert_true(ws_close_code_is_valid(1000) && ws_close_code_is_valid(1013) &&
                    ws_close_code_is_valid(3000) && ws_close_code_is_valid(4999));
        assert_false(ws_close_code_is_valid(0) || ws_close_code_is_valid(999) ||
                     ws_close_code_is_valid(1004) || ws_close_code_is_valid(1005) ||
                     ws_close_code_is_valid(1006) || ws_close_code_is_valid(1015) ||
                     ws_close_code_is_valid(2999) || ws_close_code_is_valid(5000));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(headers_are_read_within_bounds),
                cmocka_unit_test(payload_unmasks_from_any_offset),
                cmocka_unit_test(written_headers_have_the_shortest_form),
                cmocka_unit_test(close_codes_that_may_not_travel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
