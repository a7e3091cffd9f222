/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "sfu/jobs/lines.h"

struct seen {
        size_t n;
        char last[64];
};

static void note(void *user, const json_t *line)
{
        struct seen *seen = user;

        seen->n++;
        snprintf(seen->last, sizeof(seen->last), "%s",
                 json_string_value(json_object_get(line, "type")));
}

/* In pieces of `piece`, each an exact copy on the heap. */
static int put(struct line_reader *reader, const char *text, size_t len, size_t piece,
               struct seen *seen)
{
        int r = 0;

        for (size_t at = 0; r == 0 && at < len; at += piece) {
                size_t n = len - at < piece ? len - at : piece;
                char *copy = malloc(n);

                memcpy(copy, text + at, n);
                r = line_reader_put(reader, copy, n, note, seen);
                free(copy);
        }
        return r;
}

static const struct {
        const char *name, *text;
        int result;
        size_t n;
        const char *last;
} rows[] = {
        { "one", "{\"type\":\"a\"}\n", 0, 1, "a" },
        { "two", "{\"type\":\"a\"}\n{\"type\":\"b\",\"n\":1}\n", 0, 2, "b" },
        { "not ended", "{\"type\":\"a\"}\n{\"type\":\"b\"", 0, 1, "a" },
        { "empty line", "\n", -EBADMSG, 0, "" },
        { "no JSON", "hello\n", -EBADMSG, 0, "" },
        { "an array", "[]\n", -EBADMSG, 0, "" },
        { "no type", "{\"t\":1}\n", -EBADMSG, 0, "" },
        { "type is a number", "{\"type\":1}\n", -EBADMSG, 0, "" },
        { "twice", "{\"type\":\"a\",\"type\":\"b\"}\n", -EBADMSG, 0, "" },
        { "rest after it", "{\"type\":\"a\"} x\n", -EBADMSG, 0, "" },
        { "not UTF-8", "{\"type\":\"\xff\"}\n", -EBADMSG, 0, "" },
        { "good, then bad", "{\"type\":\"a\"}\n{}\n", -EBADMSG, 1, "a" },
        { "as long as may be", "{\"type\":\"0123456789012345678\"}\n", 0, 1,
          "0123456789012345678" },
        { "longer", "{\"type\":\"01234567890123456789\"}\n", -EBADMSG, 0, "" },
        { "longer, without an end", "0123456789012345678901234567890123456789", -EBADMSG, 0, "" },
};

static void test_lines_come_whole_or_not_at_all(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                for (size_t piece = 1; piece < 64; piece += 7) {
                        cleanup(line_reader_freep) struct line_reader *reader = NULL;
                        struct seen seen = { 0 };

                        assert_int_equal(line_reader_new(&reader, 30), 0);
                        if (put(reader, rows[i].text, strlen(rows[i].text), piece, &seen) !=
                                    rows[i].result ||
                            seen.n != rows[i].n || strcmp(seen.last, rows[i].last) != 0)
                                fail_msg("%s, in pieces of %zu", rows[i].name, piece);
                }
        }
}

static void test_a_line_with_a_zero_byte_is_none(void **state)
{
        static const char text[] = "{\"type\":\"a\0b\"}\n";
        cleanup(line_reader_freep) struct line_reader *reader = NULL;
        struct seen seen = { 0 };

        (void)state;
        assert_int_equal(line_reader_new(&reader, 100), 0);
        assert_int_equal(put(reader, text, sizeof(text) - 1, 100, &seen), -EBADMSG);
        assert_int_equal(seen.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_come_whole_or_not_at_all),
                cmocka_unit_test(test_a_line_with_a_zero_byte_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
