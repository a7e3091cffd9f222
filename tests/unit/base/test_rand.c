/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rand.h"

#include <ctype.h>

static void words_have_letters_and_digits_only(void **state)
{
        bool seen[256] = { false };
        size_t n_seen = 0;

        (void)state;
        for (size_t round = 0; round < 200; round++) {
                char *word = malloc(33);

                rand_word(word, 32);
                assert_int_equal(strlen(word), 32);
                for (size_t i = 0; i < 32; i++) {
                        assert_true(isalnum((unsigned char)word[i]));
                        seen[(uint8_t)word[i]] = true;
                }
                free(word);
        }
        for (size_t i = 0; i < 256; i++)
                n_seen += seen[i];
        assert_int_equal(n_seen, 62); /* 6,400 letters miss one with a chance of 1e-43 */
}

static void two_words_differ(void **state)
{
        char a[25], b[25];

        (void)state;
        rand_word(a, 24);
        rand_word(b, 24);
        assert_string_not_equal(a, b);
        rand_word(a, 0);
        assert_string_equal(a, "");
}

static void uuid_has_version_and_variant(void **state)
{
        char text[UUID_TEXT];

        (void)state;
        for (size_t round = 0; round < 100; round++) {
                uuid_v7(text, 1700000000123456);
                assert_int_equal(strlen(text), 36);
                for (size_t i = 0; i < 36; i++) {
                        if (i == 8 || i == 13 || i == 18 || i == 23)
                                assert_int_equal(text[i], '-');
                        else
                                assert_non_null(strchr("0123456789abcdef", text[i]));
                }
                assert_memory_equal(text, "018bcfe5-687b", 13); /* 1,700,000,000,123 ms */
                assert_int_equal(text[14], '7');
                assert_non_null(strchr("89ab", text[19]));
        }
}

static void uuids_sort_by_their_time(void **state)
{
        char last[UUID_TEXT] = "", text[UUID_TEXT];

        (void)state;
        for (int64_t ms = 1; ms < INT64_C(1) << 47; ms *= 3) {
                uuid_v7(text, ms * 1000);
                assert_true(strcmp(last, text) < 0);
                memcpy(last, text, sizeof(last));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_have_letters_and_digits_only),
                cmocka_unit_test(two_words_differ),
                cmocka_unit_test(uuid_has_version_and_variant),
                cmocka_unit_test(uuids_sort_by_their_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
