/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/http_chunked.h"

static const struct {
        const char *name, *text;
        const char *body; /* NULL: refused */
        const char *rest; /* after the body */
} cases[] = {
        { "empty", "0\r\n\r\n", "", "" },
        { "one", "3\r\nabc\r\n0\r\n\r\n", "abc", "" },
        { "two", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\nGET", "abc", "GET" },
        { "hex and zeros", "00a\r\n0123456789\r\n0\r\n\r\n", "0123456789", "" },
        { "upper case", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", "" },
        { "extension", "1;x=y\r\na\r\n0;z\r\n\r\n", "a", "" },
        { "trailers", "1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\nx", "a", "x" },
        { "no size", "\r\na\r\n", NULL, "" },
        { "negative", "-1\r\na\r\n", NULL, "" },
        { "size too long", "1000000000000\r\n", NULL, "" },
        { "too much data", "1\r\nab\r\n", NULL, "" },
        { "bare LF", "1\na\n0\n\n", NULL, "" },
        { "LF in extension", "1;\nx\r\na\r\n", NULL, "" },
};

/* Feeds text in pieces of n bytes; returns 0 with body and rest, or -EINVAL. */
static int feed(const char *text, size_t n, char *ret_body, const char **ret_rest)
{
        struct http_chunked chunked = { 0 };
        size_t at = 0, len = strlen(text);
        bool done = false;

        *ret_body = '\0';
        while (at < len && !done) {
                size_t piece = len - at < n ? len - at : n, used;
                cleanup(wire_freep) uint8_t *data = wire_copy(text + at, piece);
                struct span body;

                if (http_chunked_next(&chunked, data, piece, &used, &body, &done) < 0)
                        return -EINVAL;
                assert_true(used > 0 && used <= piece);
                if (body.len > 0)
                        strncat(ret_body, (const char *)body.data, body.len);
                at += used;
        }
        *ret_rest = text + at;
        return done ? 0 : -EAGAIN;
}

static void bodies_are_the_same_in_any_pieces(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                for (size_t n = 1; n < 40; n++) {
                        const char *rest = "";
                        char body[64];
                        int r = feed(cases[i].text, n, body, &rest);

                        if (r != (cases[i].body ? 0 : -EINVAL))
                                fail_msg("%s by %zu: %d", cases[i].name, n, r);
                        if (!cases[i].body)
                                continue;
                        assert_string_equal(body, cases[i].body);
                        assert_string_equal(rest, cases[i].rest);
                }
        }
}

static void endless_trailers_are_refused(void **state)
{
        struct http_chunked chunked = { 0 };
        size_t used, total = 0;
        struct span body;
        bool done;

        (void)state;
        assert_int_equal(
                http_chunked_next(&chunked, (const uint8_t *)"0\r\n", 3, &used, &body, &done), 0);
        while (http_chunked_next(&chunked, (const uint8_t *)"A: b\r\n", 6, &used, &body, &done) ==
               0)
                assert_true((total += 6) < 10000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bodies_are_the_same_in_any_pieces),
                cmocka_unit_test(endless_trailers_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
