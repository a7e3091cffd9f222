/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

#include <errno.h>

static void utf8_is_judged_by_rfc_3629(void **state)
{
        static const struct {
                const char *text;
                size_t len;
                bool good;
        } cases[] = {
                { "", 0, true },
                { "abc", 3, true },
                { "Đình làng", 12, true },
                { "\xf0\x9f\x8f\xa0", 4, true },
                { "a\0b", 3, false },
                { "\x80", 1, false },
                { "\xc3", 1, false },             /* cut */
                { "\xe1\xba", 2, false },         /* cut */
                { "\xf0\x9f\x8f", 3, false },     /* cut */
                { "\xc3(", 2, false },            /* no continuation */
                { "\xc0\x80", 2, false },         /* overlong NUL */
                { "\xc1\xbf", 2, false },         /* overlong */
                { "\xe0\x9f\xbf", 3, false },     /* overlong */
                { "\xf0\x8f\xbf\xbf", 4, false }, /* overlong */
                { "\xed\x9f\xbf", 3, true },      /* the last before the surrogates */
                { "\xed\xa0\x80", 3, false },     /* surrogate */
                { "\xed\xbf\xbf", 3, false },     /* surrogate */
                { "\xf4\x8f\xbf\xbf", 4, true },  /* U+10FFFF */
                { "\xf4\x90\x80\x80", 4, false }, /* beyond it */
                { "\xf8\x88\x80\x80\x80", 5, false },
                { "\xff", 1, false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char *copy = malloc(cases[i].len + !cases[i].len);

                memcpy(copy, cases[i].text, cases[i].len);
                if (text_is_utf8(copy, cases[i].len) != cases[i].good)
                        fail_msg("case %zu", i);
                free(copy);
        }
}

static void check_clean(const char *text, enum text_flags flags, const char *want)
{
        char got[64];
        size_t len;

        assert_int_equal(text_clean(got, sizeof(got), &len, text, strlen(text), flags), 0);
        assert_string_equal(got, want);
        assert_int_equal(len, strlen(want));
}

static void controls_and_hidden_characters_go(void **state)
{
        (void)state;
        check_clean("Nguy\xe1\xbb\x85n", 0, "Nguy\xe1\xbb\x85n");
        check_clean("a\x1b[31mb\x7f", 0, "a[31mb");
        check_clean("a\xc2\x9b"
                    "b",
                    0, "ab"); /* C1 */
        check_clean("\xe2\x80\xae"
                    "fdp.exe",
                    0, "fdp.exe");
        check_clean("a\xe2\x81\xa6"
                    "b\xe2\x81\xa9"
                    "c\xd8\x9c"
                    "d",
                    0, "abcd");
        check_clean("a\xe2\x80\x8b\xe2\x81\xa0\xef\xbb\xbf"
                    "b",
                    0, "ab");
        check_clean("\xef\xbf\xb9"
                    "a\xef\xbf\xbb",
                    0, "a");
        check_clean("a\xe2\x80\x8d"
                    "b",
                    0,
                    "a\xe2\x80\x8d"
                    "b"); /* joiner stays */
        check_clean("\xe2\x80\xaa\xe2\x80\xac", 0, "");
}

static void a_text_that_shows_nothing_is_empty(void **state)
{
        static const char *const blanks[] = {
                "\xcd\x8f",         /* U+034F */
                "\xe1\x85\x9f",     /* U+115F */
                "\xe1\x85\xa0",     /* U+1160 */
                "\xe1\x9e\xb4",     /* U+17B4 */
                "\xe1\xa0\x8b",     /* U+180B */
                "\xe2\x80\x8c",     /* U+200C */
                "\xe2\x80\x8d",     /* U+200D */
                "\xe2\xa0\x80",     /* U+2800 */
                "\xe3\x85\xa4",     /* U+3164 */
                "\xef\xb8\x8f",     /* U+FE0F */
                "\xef\xbe\xa0",     /* U+FFA0 */
                "\xf3\xa0\x84\x80", /* U+E0100 */
        };
        char text[16];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(blanks); i++) {
                check_clean(blanks[i], 0, "");
                snprintf(text, sizeof(text), "%s %s", blanks[i], blanks[i]);
                check_clean(text, TEXT_KEEP_NEWLINES, "");
                snprintf(text, sizeof(text), "a%sb", blanks[i]);
                check_clean(text, 0, text); /* it may be needed there */
                snprintf(text, sizeof(text), "%sa", blanks[i]);
                check_clean(text, 0, text);
        }
        assert_true(text_shows("\xe2\x9d\xa4\xef\xb8\x8f", 6)); /* a red heart */
        assert_false(text_shows("", 0));
}

static void white_space_becomes_one_space_and_is_trimmed(void **state)
{
        (void)state;
        check_clean("", 0, "");
        check_clean("   ", 0, "");
        check_clean("  a \t b\xc2\xa0\xe3\x80\x80"
                    "c  ",
                    0, "a b c");
        check_clean("a\r\nb", 0, "a b");
        check_clean("a \n b", 0, "a b");
        check_clean("a \xe2\x80\x8b b", 0, "a b");
}

static void chat_keeps_line_ends(void **state)
{
        (void)state;
        check_clean("a\nb", TEXT_KEEP_NEWLINES, "a\nb");
        check_clean("\n a \r\n b \n", TEXT_KEEP_NEWLINES, "a\nb");
        check_clean("a b", TEXT_KEEP_NEWLINES, "a b");
}

static void long_text_is_cut_between_characters(void **state)
{
        static const char text[] = "a\xe1\xba\xbf b"; /* 1 + 3 + 1 + 1 bytes */
        static const size_t want[] = { 0, 0, 1, 1, 1, 4, 4, 6, 6 };

        (void)state;
        for (size_t cap = 1; cap < ARRAY_LEN(want); cap++) {
                char *got = malloc(cap);
                size_t len;

                assert_int_equal(text_clean(got, cap, &len, text, sizeof(text) - 1, 0), 0);
                assert_int_equal(len, want[cap]);
                assert_memory_equal(got, text, len);
                assert_int_equal(got[len], 0);
                free(got);
        }
}

static void bytes_that_are_not_utf8_are_refused(void **state)
{
        char got[8] = "old";
        size_t len = 3;

        (void)state;
        assert_int_equal(text_clean(got, sizeof(got), &len, "a\xff", 2, 0), -EILSEQ);
        assert_int_equal(text_clean(got, sizeof(got), &len, "a\0b", 3, 0), -EILSEQ);
        assert_string_equal(got, "old");
        assert_int_equal(len, 3);
}

static void characters_are_counted_not_bytes(void **state)
{
        (void)state;
        assert_int_equal(text_chars("", 0), 0);
        assert_int_equal(text_chars("\xe1\xba\xbf"
                                    "a\xf0\x9f\x8f\xa0",
                                    8),
                         3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(utf8_is_judged_by_rfc_3629),
                cmocka_unit_test(controls_and_hidden_characters_go),
                cmocka_unit_test(a_text_that_shows_nothing_is_empty),
                cmocka_unit_test(white_space_becomes_one_space_and_is_trimmed),
                cmocka_unit_test(chat_keeps_line_ends),
                cmocka_unit_test(long_text_is_cut_between_characters),
                cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
                cmocka_unit_test(characters_are_counted_not_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
