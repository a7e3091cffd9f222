/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bytes.h"

#include <errno.h>

static void hex_reads_back_in_either_case(void **state)
{
        static const uint8_t data[] = { 0x00, 0x9a, 0xff };
        char text[7];
        uint8_t got[3];

        (void)state;
        hex_encode(text, data, 3);
        assert_string_equal(text, "009aff");
        assert_int_equal(hex_decode(got, 3, "009aFF", 6), 0);
        assert_memory_equal(got, data, 3);
        assert_int_equal(hex_decode(got, 0, "", 0), 0);
}

static void hex_of_wrong_length_or_letters_is_refused(void **state)
{
        uint8_t got[2] = { 7, 7 };

        (void)state;
        assert_int_equal(hex_decode(got, 2, "123", 3), -EINVAL);
        assert_int_equal(hex_decode(got, 2, "12345", 5), -EINVAL);
        assert_int_equal(hex_decode(got, 2, "123g", 4), -EINVAL);
        assert_int_equal(hex_decode(got, 2, "12 4", 4), -EINVAL);
        assert_int_equal(hex_decode(got, 2, "+1:4", 4), -EINVAL);
        assert_int_equal(got[0], 7);
}

static void base64url_matches_rfc_4648(void **state)
{
        static const struct {
                const char *plain, *text;
        } cases[] = {
                { "", "" },
                { "f", "Zg" },
                { "fo", "Zm8" },
                { "foo", "Zm9v" },
                { "foob", "Zm9vYg" },
                { "fooba", "Zm9vYmE" },
                { "foobar", "Zm9vYmFy" },
                { "\xfb\xff\xbf", "-_-_" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                size_t n = strlen(cases[i].plain), len = 99;
                char *text = malloc(base64url_size(n));
                uint8_t *got = malloc(n + !n);

                base64url_encode(text, (const uint8_t *)cases[i].plain, n);
                assert_string_equal(text, cases[i].text);
                assert_int_equal(base64url_size(n), strlen(text) + 1);
                assert_int_equal(base64url_decode(got, n, &len, text, strlen(text)), 0);
                assert_int_equal(len, n);
                assert_memory_equal(got, cases[i].plain, n);
                free(text);
                free(got);
        }
}

static void base64url_is_strict(void **state)
{
        static const char *const bad[] = { "A",    "AAAAA", "Zg==", "Zh",    "Zm9",
                                           "Zm+v", "Zm/v",  "Zm 9", "Zm9v\n" };
        uint8_t got[8];
        size_t len = 99;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(base64url_decode(got, 8, &len, bad[i], strlen(bad[i])), -EINVAL);
        assert_int_equal(base64url_decode(got, 2, &len, "Zm9v", 4), -EINVAL); /* no room */
        assert_int_equal(len, 99);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hex_reads_back_in_either_case),
                cmocka_unit_test(hex_of_wrong_length_or_letters_is_refused),
                cmocka_unit_test(base64url_matches_rfc_4648),
                cmocka_unit_test(base64url_is_strict),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
