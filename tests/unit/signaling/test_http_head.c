/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/http_head.h"

#define HOST "Host: x\r\n"

static const struct {
        const char *name, *text;
        int result;
} cases[] = {
        { "least", "GET / HTTP/1.1\r\n" HOST "\r\n", 0 },
        { "1.0 needs no host", "GET / HTTP/1.0\r\n\r\n", 0 },
        { "1.1 needs a host", "GET / HTTP/1.1\r\n\r\n", HTTP_E_SYNTAX },
        { "two hosts", "GET / HTTP/1.1\r\n" HOST HOST "\r\n", HTTP_E_SYNTAX },
        { "absolute form", "GET http://x/p?q HTTP/1.1\r\n" HOST "\r\n", 0 },
        { "absolute form without path", "GET http://x HTTP/1.1\r\n" HOST "\r\n", HTTP_E_SYNTAX },
        { "asterisk", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", HTTP_E_SYNTAX },
        { "fragment", "GET /#t=secret HTTP/1.1\r\n" HOST "\r\n", HTTP_E_SYNTAX },
        { "no version", "GET /\r\n" HOST "\r\n", HTTP_E_SYNTAX },
        { "two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n", HTTP_E_SYNTAX },
        { "HTTP/2", "GET / HTTP/2.0\r\n" HOST "\r\n", HTTP_E_VERSION },
        { "HTTP/1.1 and more", "GET / HTTP/1.1 x\r\n" HOST "\r\n", HTTP_E_VERSION },
        { "method not a token", "G(T / HTTP/1.1\r\n" HOST "\r\n", HTTP_E_SYNTAX },
        { "no colon", "GET / HTTP/1.1\r\n" HOST "abc\r\n\r\n", HTTP_E_SYNTAX },
        { "space before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", HTTP_E_SYNTAX },
        { "folded line", "GET / HTTP/1.1\r\n" HOST " y\r\n\r\n", HTTP_E_SYNTAX },
        { "empty name", "GET / HTTP/1.1\r\n" HOST ": y\r\n\r\n", HTTP_E_SYNTAX },
        { "bare LF", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", HTTP_E_SYNTAX },
        { "bare CR", "GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n", HTTP_E_SYNTAX },
        { "control character", "GET / HTTP/1.1\r\nHost: x\x01\r\n\r\n", HTTP_E_SYNTAX },
        { "length", "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 0 },
        { "length signed", "PUT / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", HTTP_E_SYNTAX },
        { "length empty", "PUT / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", HTTP_E_SYNTAX },
        { "length list", "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", HTTP_E_SYNTAX },
        { "length twice",
          "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\ncontent-length: 5\r\n\r\n",
          HTTP_E_SYNTAX },
        { "length too large",
          "PUT / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", HTTP_E_SYNTAX },
        { "length and chunked",
          "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
          HTTP_E_SYNTAX },
        { "chunked", "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n", 0 },
        { "chunked in 1.0", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_E_SYNTAX },
        { "other coding", "PUT / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n",
          HTTP_E_CODING },
        { "cut", "GET / HTTP/1.1\r\n" HOST, HTTP_E_SYNTAX },
};

static void heads_are_taken_or_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                size_t len = strlen(cases[i].text);
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].text, len);
                struct http_head head = { .content_length = 77 };
                int result = http_head_parse(&head, (char *)data, len);

                if (result != cases[i].result)
                        fail_msg("%s: %d, not %d", cases[i].name, result, cases[i].result);
                if (result)
                        assert_int_equal(head.content_length, 77); /* untouched on failure */
        }
}

static void parts_are_found(void **state)
{
        static const char text[] = "POST /a%20b?x=1?y HTTP/1.1\r\nhOST:\t h:1 \r\nCookie: a=b\r\n"
                                   "Unknown: 1\r\nExpect: 100-Continue\r\n"
                                   "Content-Length: 12\r\n\r\n";
        cleanup(wire_freep) uint8_t *data = wire_copy(text, sizeof(text) - 1);
        struct http_head head;

        (void)state;
        assert_int_equal(http_head_parse(&head, (char *)data, sizeof(text) - 1), 0);
        assert_string_equal(head.method, "POST");
        assert_string_equal(head.path, "/a%20b");
        assert_string_equal(head.query, "x=1?y");
        assert_string_equal(head.field[HTTP_F_HOST], "h:1");
        assert_string_equal(head.field[HTTP_F_COOKIE], "a=b");
        assert_string_equal(head.field[HTTP_F_RANGE], "");
        assert_int_equal(head.content_length, 12);
        assert_true(head.expect_continue && head.keep_alive);
        assert_false(head.chunked || head.upgrade_websocket);
}

static const struct {
        const char *version, *fields;
        bool keep_alive, upgrade;
} connections[] = {
        { "1.1", "", true, false },
        { "1.0", "", false, false },
        { "1.1", "Connection: close\r\n", false, false },
        { "1.0", "Connection: Keep-Alive\r\n", true, false },
        { "1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n", true, true },
        { "1.1", "Connection: Upgrade\r\nConnection: close\r\nUpgrade: WebSocket\r\n", false,
          true },
        { "1.1", "Connection: Upgrade\r\nUpgrade: h2c\r\n", true, false },
        { "1.1", "Upgrade: websocket\r\n", true, false },
        { "1.1", "Connection: upgraded\r\nUpgrade: websocket\r\n", true, false },
};

static void connection_options_are_read_over_all_lines(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(connections); i++) {
                struct http_head head;
                char text[256];
                int n = snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: x\r\n%s\r\n",
                                 connections[i].version, connections[i].fields);

                assert_int_equal(http_head_parse(&head, text, (size_t)n), 0);
                assert_int_equal(head.keep_alive, connections[i].keep_alive);
                assert_int_equal(head.upgrade_websocket, connections[i].upgrade);
        }
}

static void too_many_fields_are_refused(void **state)
{
        char text[HTTP_HEAD_MAX] = "GET / HTTP/1.1\r\nHost: x\r\n";
        struct http_head head;

        (void)state;
        for (int i = 0; i < HTTP_FIELDS_MAX; i++)
                strcat(text, "A: b\r\n");
        strcat(text, "\r\n");
        assert_int_equal(http_head_parse(&head, text, strlen(text)), HTTP_E_FIELDS);
}

static void end_of_head_is_found_however_it_arrives(void **state)
{
        static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\nbody\r\n\r\n";
        size_t end = (size_t)(strstr(text, "body") - text);

        (void)state;
        for (size_t len = 0; len < sizeof(text); len++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(text, len);
                size_t seen = len > 0 ? len - 1 : 0;

                assert_int_equal(http_head_length(data, len, 0), len >= end ? end : 0);
                if (len <= end)
                        assert_int_equal(http_head_length(data, len, seen), len == end ? end : 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(heads_are_taken_or_refused),
                cmocka_unit_test(parts_are_found),
                cmocka_unit_test(connection_options_are_read_over_all_lines),
                cmocka_unit_test(too_many_fields_are_refused),
                cmocka_unit_test(end_of_head_is_found_however_it_arrives),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
