/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/tcp_frame.h"

#include <string.h>

static uint8_t take_byte(struct span *stream)
{
        uint8_t byte = stream->data[0];

        stream->data++;
        stream->len--;
        return byte;
}

/* Bytes past TCP_FRAME_CAP are counted, not kept. */
static void take_payload(struct tcp_frame_reader *reader, struct span *stream)
{
        size_t n = (size_t)(reader->want - reader->len);
        size_t room = reader->len < TCP_FRAME_CAP ? (size_t)(TCP_FRAME_CAP - reader->len) : 0;

        if (n > stream->len)
                n = stream->len;
        if (n > 0 && room > 0)
                memcpy(reader->data + reader->len, stream->data, n < room ? n : room);
        reader->len = (uint16_t)(reader->len + n);
        stream->data += n;
        stream->len -= n;
}

enum tcp_frame_event tcp_frame_read(struct tcp_frame_reader *reader, struct span *stream,
                                    struct span *ret_frame)
{
        uint16_t want;

        while (reader->n_head < TCP_FRAME_HEAD) {
                if (stream->len == 0)
                        return TCP_FRAME_MORE;
                reader->want = (uint16_t)(reader->want << 8 | take_byte(stream));
                reader->n_head++;
        }
        take_payload(reader, stream);
        want = reader->want;
        if (reader->len < want)
                return TCP_FRAME_MORE;
        tcp_frame_init(reader);
        if (want > TCP_FRAME_CAP)
                return TCP_FRAME_LONG;
        *ret_frame = (struct span){ reader->data, want };
        return TCP_FRAME_WHOLE;
}
