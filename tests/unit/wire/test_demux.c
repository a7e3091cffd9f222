/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/demux.h"

static const struct {
        uint8_t data[2];
        size_t len;
        enum demux_kind kind;
} cases[] = {
        { { 0 }, 0, DEMUX_UNKNOWN },           { { 0x80 }, 1, DEMUX_UNKNOWN },
        { { 0, 1 }, 2, DEMUX_STUN },           { { 3, 0xff }, 2, DEMUX_STUN },
        { { 4, 0 }, 2, DEMUX_UNKNOWN },        { { 16, 0 }, 2, DEMUX_UNKNOWN },
        { { 19, 0 }, 2, DEMUX_UNKNOWN },       { { 20, 0xfe }, 2, DEMUX_DTLS },
        { { 63, 0xfe }, 2, DEMUX_DTLS },       { { 64, 0 }, 2, DEMUX_UNKNOWN },
        { { 127, 0 }, 2, DEMUX_UNKNOWN },      { { 0x80, 111 }, 2, DEMUX_RTP },
        { { 0xbf, 0xff }, 2, DEMUX_RTP },      { { 0xc0, 200 }, 2, DEMUX_UNKNOWN },
        { { 0x80, 191 }, 2, DEMUX_RTP },       { { 0x80, 192 }, 2, DEMUX_RTCP },
        { { 0x81, 200 }, 2, DEMUX_RTCP },      { { 0x8f, 206 }, 2, DEMUX_RTCP },
        { { 0x80, 223 }, 2, DEMUX_RTCP },      { { 0x80, 224 }, 2, DEMUX_RTP },
        { { 0x90, 0x80 | 96 }, 2, DEMUX_RTP },
};

static void kind_follows_from_the_first_two_bytes(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);

                assert_int_equal(demux_classify(data, cases[i].len), cases[i].kind);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kind_follows_from_the_first_two_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
