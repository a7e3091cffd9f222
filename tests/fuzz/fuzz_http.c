/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's bytes: a head, then its body, chunked or as WebSocket frames. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "signaling/wire/http_chunked.h"
#include "signaling/wire/http_fields.h"
#include "signaling/wire/http_head.h"
#include "signaling/wire/http_peer.h"
#include "signaling/wire/http_range.h"
#include "signaling/wire/http_uri.h"
#include "signaling/wire/live_path.h"
#include "signaling/wire/ws_frame.h"

enum { FILE_SIZE = 1000 };

static void check_target(struct http_head *head)
{
        struct live_path live;
        char value[64];

        if (http_query_find(head->query, "id", value, sizeof(value)) == 0)
                FUZZ_CHECK(strlen(value) < sizeof(value));
        if (http_path_decode(head->path) < 0)
                return;
        FUZZ_CHECK(head->path[0] == '/' && !strstr(head->path, "/../"));
        FUZZ_CHECK(!strchr(head->path, '\\') && !strchr(head->path, '\n'));
        if (live_path_parse(&live, head->path) == 0)
                FUZZ_CHECK(live_key_is_good(live.key) && !strpbrk(live.name, "/\\") &&
                           live.name[0] != '.');
}

static void check_range(const char *text)
{
        uint64_t first = 0, last = 0;

        if (http_range_parse(text, FILE_SIZE, &first, &last) == HTTP_RANGE_PART)
                FUZZ_CHECK(first <= last && last < FILE_SIZE);
}

static void check_fields(const struct http_head *head)
{
        static const uint8_t peer[16] = { [15] = 1 };
        struct cidr trusted = { .bits = 0 };
        char text[512];
        uint8_t client[16];

        for (int id = 0; id < HTTP_FIELD_COUNT; id++)
                FUZZ_CHECK(head->field[id] && !strpbrk(head->field[id], "\r\n"));
        FUZZ_CHECK(head->content_length >= -1);
        FUZZ_CHECK(!head->chunked || head->content_length == -1);
        check_range(head->field[HTTP_F_RANGE]);
        if (http_cookie_find(head->field[HTTP_F_COOKIE], "dinh", text, sizeof(text)) == 0)
                FUZZ_CHECK(!strchr(text, ';'));
        http_accepts_coding(head->field[HTTP_F_ACCEPT_ENCODING], "br");
        http_if_match(head->field[HTTP_F_IF_MATCH], "\"v1\"");
        http_etag_matches(head->field[HTTP_F_IF_NONE_MATCH], "\"v1\"");
        peer_client(client, peer, &trusted, head->field[HTTP_F_X_FORWARDED_FOR]);
        if (http_disposition_write(text, sizeof(text), head->field[HTTP_F_HOST]) == 0)
                FUZZ_CHECK(!strpbrk(text, "\r\n/\\"));
}

/* The same bytes in one piece and in pieces of `piece` give the same body. */
static uint64_t read_chunked(const uint8_t *data, size_t size, size_t piece, bool *ret_bad)
{
        struct http_chunked chunked = { 0 };
        uint64_t total = 0;
        bool done = false;
        size_t at = 0;

        *ret_bad = false;
        while (at < size && !done) {
                size_t n = size - at < piece ? size - at : piece, used;
                struct span body;

                if (http_chunked_next(&chunked, data + at, n, &used, &body, &done) < 0) {
                        *ret_bad = true;
                        break;
                }
                FUZZ_CHECK(used > 0 && used <= n && fuzz_within(body, data + at, n));
                total += body.len;
                at += used;
        }
        return total;
}

static void check_chunked(const uint8_t *data, size_t size)
{
        bool whole_bad, pieces_bad;
        uint64_t whole = read_chunked(data, size, size, &whole_bad);

        FUZZ_CHECK(read_chunked(data, size, 3, &pieces_bad) == whole && whole_bad == pieces_bad);
}

static void check_frames(const uint8_t *data, size_t size)
{
        struct ws_frame frame;
        size_t used;

        while (size > 0 && ws_frame_parse(&frame, data, size, &used) == 0) {
                uint8_t header[WS_HEADER_OUT_MAX];

                FUZZ_CHECK(used <= size && used <= WS_HEADER_IN_MAX);
                /* Ours for the same payload is as long, without the mask. */
                FUZZ_CHECK(ws_frame_write(header, frame.op, frame.len) + 4 == used);
                data += used;
                size -= used;
                if (frame.len > size)
                        break;
                data += frame.len;
                size -= (size_t)frame.len;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t len = http_head_length(data, size, 0);
        struct http_head head;
        char *copy;

        FUZZ_CHECK(len <= size);
        check_chunked(data + len, size - len);
        check_frames(data + len, size - len);
        if (len == 0)
                return 0;
        copy = malloc(len);
        FUZZ_CHECK(copy);
        memcpy(copy, data, len);
        if (http_head_parse(&head, copy, len) == 0) {
                check_fields(&head);
                check_target(&head);
        }
        free(copy);
        return 0;
}
