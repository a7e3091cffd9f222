/* SPDX-License-Identifier: Apache-2.0 */
/* Input: an access unit as an encoder gives it. What comes out of our own depayloader, behind a key
 * frame that it can begin with, is what went in. */
#include <stdlib.h>
#include <string.h>

#include "sfu/jobs/core/depay.h"
#include "sfu/jobs/core/feed_rtp.h"
#include "sfu/wire/rtp.h"
#include "tests/fuzz/fuzz.h"

enum { TYPE = 0x1f, FORBIDDEN = 0x80, SLICE = 1, IDR = 5, SPS = 7, PPS = 8, LENGTH = 4 };

static const uint8_t key_frame[] = { 0,    0,    0,    1,    0x67, 0x42, 0xc0, 0x0d, 0xdb, 0x0a,
                                     0x0c, 0x6c, 4,    0x40, 0,    0,    3,    0,    0x40, 0,
                                     0,    0x0c, 0x83, 0xc5, 0x0a, 0x92, 0,    0,    1,    0x68,
                                     0xca, 0x83, 0xcb, 0x20, 0,    0,    1,    0x65, 0x88, 0x84 };

struct seen {
        struct depay *depay;
        const uint8_t *expected;
        size_t expected_len;
        bool is_first, came, ended;
};

static void on_packet(void *user, const uint8_t *packet, size_t len)
{
        struct seen *seen = user;
        struct depay_frame frame;
        struct rtp_pkt pkt;

        FUZZ_CHECK(len <= FEED_PACKET_MAX && !seen->ended);
        FUZZ_CHECK(rtp_parse(&pkt, packet, len) == 0);
        seen->ended = pkt.marker;
        if (depay_put(seen->depay,
                      &(struct depay_packet){ .payload = pkt.payload,
                                              .ts = pkt.ts,
                                              .marker = pkt.marker,
                                              .new_stream = seen->is_first },
                      &frame) == 1) {
                seen->came = true;
                if (seen->expected) {
                        FUZZ_CHECK(frame.bytes.len == seen->expected_len);
                        FUZZ_CHECK(memcmp(frame.bytes.data, seen->expected, frame.bytes.len) == 0);
                }
        }
        seen->is_first = false;
}

struct expected {
        uint8_t *bytes;
        size_t len;
        bool has_picture, begins_stream;
};

static void expect(struct expected *to, const uint8_t *nal, size_t len)
{
        unsigned type;

        while (len > 0 && nal[len - 1] == 0)
                len--;
        type = len > 0 ? nal[0] & TYPE : 0;
        if (type == 0 || nal[0] & FORBIDDEN || (type > IDR && type != SPS && type != PPS))
                return;
        to->has_picture |= type <= IDR;
        to->begins_stream |= type == IDR || type == SPS;
        for (int i = 0; i < LENGTH; i++)
                to->bytes[to->len++] = (uint8_t)(len >> (24 - 8 * i));
        memcpy(to->bytes + to->len, nal, len);
        to->len += len;
}

static size_t split(size_t *ret_starts, const uint8_t *data, size_t size)
{
        size_t n = 0;

        for (size_t i = 0; i + 3 <= size;) {
                bool starts = memcmp(data + i, "\0\0\1", 3) == 0;

                if (starts)
                        ret_starts[n++] = i;
                i += starts ? 3 : 1;
        }
        return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        cleanup(freep) size_t *starts = calloc(size + 1, sizeof(*starts));
        /* A unit has a start code of three bytes at least, and a length of four. */
        cleanup(freep) uint8_t *bytes = malloc(2 * size + LENGTH);
        cleanup(depay_freep) struct depay *depay = NULL;
        struct expected expected = { .bytes = bytes };
        struct feed_stream stream;
        struct seen seen = { .is_first = true };
        size_t n;

        if (!starts || !bytes || depay_new(&depay, JOB_H264) < 0)
                return 0;
        n = split(starts, data, size);
        for (size_t i = 0; i < n; i++)
                expect(&expected, data + starts[i] + 3,
                       (i + 1 < n ? starts[i + 1] : size) - starts[i] - 3);
        seen.depay = depay;
        feed_stream_init(&stream, 1, 90000, 1);
        feed_h264(&stream, (struct span){ key_frame, sizeof(key_frame) }, 0, on_packet, &seen);
        FUZZ_CHECK(seen.came);

        seen = (struct seen){ .depay = depay,
                              .expected = expected.bytes,
                              .expected_len = expected.len };
        feed_h264(&stream, (struct span){ data, size }, 40000, on_packet, &seen);
        FUZZ_CHECK(seen.ended == expected.has_picture);
        if (expected.has_picture && !expected.begins_stream)
                FUZZ_CHECK(seen.came);
        return 0;
}
