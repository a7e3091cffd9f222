/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "tests/unit/wire/wire_test.h"

#include "signaling/wire/http_fields.h"

static void cookies_are_found_by_their_whole_name(void **state)
{
        static const struct {
                const char *field, *name, *value; /* NULL: not there */
        } cases[] = {
                { "a=1", "a", "1" },         { "xa=1; a=2", "a", "2" },
                { "a=1;b=2", "b", "2" },     { " a=x=y ; b=2", "a", "x=y" },
                { "a=", "a", "" },           { "A=1", "a", NULL },
                { "a", "a", NULL },          { "", "a", NULL },
                { "ab=1", "a", NULL },       { "a=1234567", "a", "1234567" },
                { "a=12345678", "a", NULL },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char value[8];

                assert_int_equal(
                        http_cookie_find(cases[i].field, cases[i].name, value, sizeof(value)),
                        cases[i].value ? 0 : -ENOENT);
                if (cases[i].value)
                        assert_string_equal(value, cases[i].value);
        }
}

static void codings_with_weight_0_are_not_accepted(void **state)
{
        static const struct {
                const char *field;
                bool br;
        } cases[] = {
                { "br", true },
                { "gzip, deflate, br", true },
                { "gzip,br;q=0.5", true },
                { "br;q=0", false },
                { "br; q=0.000", false },
                { "br;q=0.001", true },
                { "*", true },
                { "*;q=0", false },
                { "br;q=0, *", false },
                { "*;q=0, br", true },
                { "gzip", false },
                { "", false },
                { "brotli", false },
                { "BR", true },
                { "gzip;q=1.0, ,br", true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                if (http_accepts_coding(cases[i].field, "br") != cases[i].br)
                        fail_msg("%s", cases[i].field);
        }
}

static void tags_compare_weakly(void **state)
{
        (void)state;
        assert_true(http_etag_matches("\"a\"", "\"a\""));
        assert_true(http_etag_matches("\"b\", W/\"a\"", "\"a\""));
        assert_true(http_etag_matches("\"a\"", "W/\"a\""));
        assert_true(http_etag_matches("*", "\"a\""));
        assert_false(http_etag_matches("\"ab\"", "\"a\""));
        assert_false(http_etag_matches("a", "\"a\""));
        assert_false(http_etag_matches("", "\"a\""));
        assert_false(http_etag_matches("W/", "\"a\""));
}

static void download_names_cannot_leave_the_field(void **state)
{
        static const struct {
                const char *name, *text;
        } cases[] = {
                { "a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf" },
                { "Báo cáo.pdf",
                  "attachment; filename=\"B_o c_o.pdf\"; filename*=UTF-8''B%C3%A1o%20c%C3%A1o.pdf" },
                { "../\"x\"\r\n\\y",
                  "attachment; filename=\"..__x____y\"; filename*=UTF-8''..__x____y" },
                { "50%;'", "attachment; filename=\"50_;'\"; filename*=UTF-8''50%25%3B%27" },
        };
        char text[256];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                assert_int_equal(http_disposition_write(text, sizeof(text), cases[i].name), 0);
                assert_string_equal(text, cases[i].text);
        }
        assert_int_equal(http_disposition_write(text, 40, "a.pdf"), -ENOSPC);
}

static void if_match_compares_strongly(void **state)
{
        static const struct {
                const char *field;
                bool matches;
        } cases[] = {
                { "\"v1\"", true },    { " \"v0\" ,\"v1\"", true },
                { "W/\"v1\"", false }, { "v1", false },
                { "\"v1", false },     { "\"v10\"", false },
                { "*", false },        { ",,", false },
                { "", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                if (http_if_match(cases[i].field, "\"v1\"") != cases[i].matches)
                        fail_msg("%s", cases[i].field);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(cookies_are_found_by_their_whole_name),
                cmocka_unit_test(codings_with_weight_0_are_not_accepted),
                cmocka_unit_test(tags_compare_weakly),
                cmocka_unit_test(download_names_cannot_leave_the_field),
                cmocka_unit_test(if_match_compares_strongly),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
