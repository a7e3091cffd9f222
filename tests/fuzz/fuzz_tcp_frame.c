/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "sfu/wire/tcp_frame.h"

/* What one way of cutting the stream yields. */
struct outcome {
        uint64_t hash;
        size_t n_whole, n_long, n_bytes;
};

static void note(struct outcome *outcome, struct span frame)
{
        FUZZ_CHECK(frame.len <= TCP_FRAME_CAP);
        for (size_t i = 0; i < frame.len; i++)
                outcome->hash = (outcome->hash ^ frame.data[i]) * 1099511628211u;
        outcome->hash += frame.len;
        outcome->n_bytes += frame.len;
        outcome->n_whole++;
}

static struct outcome read_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
        static struct tcp_frame_reader reader;
        struct outcome outcome = { 0 };

        tcp_frame_init(&reader);
        for (size_t at = 0; at < size; at += piece) {
                struct span stream = { data + at, size - at < piece ? size - at : piece }, frame;
                enum tcp_frame_event event;

                while ((event = tcp_frame_read(&reader, &stream, &frame)) != TCP_FRAME_MORE) {
                        FUZZ_CHECK(fuzz_within(stream, data, size));
                        if (event == TCP_FRAME_WHOLE)
                                note(&outcome, frame);
                        else
                                outcome.n_long++;
                }
                FUZZ_CHECK(stream.len == 0);
        }
        return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct outcome whole = read_in_pieces(data, size, size + 1);
        static const size_t pieces[] = { 1, 2, 7, 1460 };

        FUZZ_CHECK(whole.n_bytes + whole.n_long * (TCP_FRAME_CAP + 1) +
                           (whole.n_whole + whole.n_long) * TCP_FRAME_HEAD <=
                   size);
        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
                struct outcome cut = read_in_pieces(data, size, pieces[i]);

                FUZZ_CHECK(memcmp(&cut, &whole, sizeof(cut)) == 0);
        }
        return 0;
}
