/* SPDX-License-Identifier: Apache-2.0 */
/* token — what was signed comes back; what was touched does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/wire/token.h"

#define MEETING "018f0000-0000-7000-8000-000000000001"

static const uint8_t secret[TOKEN_SECRET] = "thirty-two bytes, known to few.";
static const struct token sample = { .kind = TOKEN_JOIN,
                                     .meeting = MEETING,
                                     .role = ROLE_PRESENTER,
                                     .name = "Báo cáo viên \"Sơn\"",
                                     .seat = "n-abc",
                                     .expires_ms = 2000 };

static void a_token_comes_back_as_it_was(void **state)
{
        char text[TOKEN_MAX];
        struct token token;

        (void)state;
        assert_int_equal(token_write(text, &sample, secret), 0);
        assert_int_equal(token_read(&token, text, 1999, secret), 0);
        assert_int_equal(token.kind, TOKEN_JOIN);
        assert_int_equal(token.role, ROLE_PRESENTER);
        assert_string_equal(token.meeting, MEETING);
        assert_string_equal(token.name, sample.name);
        assert_string_equal(token.seat, "n-abc");
        assert_int_equal(token.expires_ms, 2000);
}

static void an_expired_token_says_so(void **state)
{
        char text[TOKEN_MAX];
        struct token token;

        (void)state;
        assert_int_equal(token_write(text, &sample, secret), 0);
        assert_int_equal(token_read(&token, text, 2000, secret), TOKEN_E_EXPIRED);
}

static void a_change_of_any_character_is_seen(void **state)
{
        char text[TOKEN_MAX];
        struct token token;

        (void)state;
        assert_int_equal(token_write(text, &sample, secret), 0);
        for (size_t i = 0; text[i]; i++) {
                char before = text[i];

                text[i] = before == 'A' ? 'B' : 'A';
                assert_int_equal(token_read(&token, text, 0, secret), TOKEN_E_INVALID);
                text[i] = before;
        }
}

static void another_secret_does_not_do(void **state)
{
        static const uint8_t other[TOKEN_SECRET] = "thirty-two bytes, known to all.";
        char text[TOKEN_MAX];
        struct token token;

        (void)state;
        assert_int_equal(token_write(text, &sample, other), 0);
        assert_int_equal(token_read(&token, text, 0, secret), TOKEN_E_INVALID);
}

static void cut_long_and_strange_texts_are_invalid(void **state)
{
        static const char *const texts[] = { "", ".", "a", "a.b", "..", "\xff.\xff" };
        char text[TOKEN_MAX], longer[3 * TOKEN_MAX];
        struct token token;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                assert_int_equal(token_read(&token, texts[i], 0, secret), TOKEN_E_INVALID);
        assert_int_equal(token_write(text, &sample, secret), 0);
        for (size_t len = strlen(text); len-- > 0;) {
                text[len] = '\0';
                assert_int_equal(token_read(&token, text, 0, secret), TOKEN_E_INVALID);
        }
        memset(longer, 'A', sizeof(longer));
        longer[sizeof(longer) - 1] = '\0';
        assert_int_equal(token_read(&token, longer, 0, secret), TOKEN_E_INVALID);
}

static void the_longest_name_fits(void **state)
{
        struct token longest = sample, token;
        char text[TOKEN_MAX];

        (void)state;
        for (int i = 0; i < MEETING_NAME_CHARS; i++)
                memcpy(longest.name + 4 * (size_t)i, "😀", 4);
        longest.name[4 * MEETING_NAME_CHARS] = '\0';
        memset(longest.seat, 'x', MEETING_ID - 1);
        assert_int_equal(token_write(text, &longest, secret), 0);
        assert_int_equal(token_read(&token, text, 0, secret), 0);
        assert_string_equal(token.name, longest.name);
}

static void a_stream_has_a_key_of_its_own_that_stays(void **state)
{
        static const uint8_t other[TOKEN_SECRET] = "thirty-two bytes, known to all.";
        char key[TOKEN_STREAM_KEY + 1], again[TOKEN_STREAM_KEY + 1];

        (void)state;
        assert_int_equal(token_stream_key(key, MEETING, 1000, secret), 0);
        assert_int_equal(strlen(key), TOKEN_STREAM_KEY);
        assert_int_equal(token_stream_key(again, MEETING, 1000, secret), 0);
        assert_string_equal(key, again);
        assert_int_equal(token_stream_key(again, MEETING, 1001, secret), 0);
        assert_string_not_equal(key, again);
        assert_int_equal(token_stream_key(again, "x", 1000, secret), 0);
        assert_string_not_equal(key, again);
        assert_int_equal(token_stream_key(again, MEETING, 1000, other), 0);
        assert_string_not_equal(key, again);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_token_comes_back_as_it_was),
                cmocka_unit_test(an_expired_token_says_so),
                cmocka_unit_test(a_change_of_any_character_is_seen),
                cmocka_unit_test(another_secret_does_not_do),
                cmocka_unit_test(cut_long_and_strange_texts_are_invalid),
                cmocka_unit_test(the_longest_name_fits),
                cmocka_unit_test(a_stream_has_a_key_of_its_own_that_stays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
