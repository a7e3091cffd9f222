/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include <errno.h>

#include "signaling/wire/seal.h"

static const uint8_t secret[SEAL_SECRET] = "thirty-two bytes, known to few.";
static const uint8_t nonce[SEAL_NONCE] = "once only..";

static void what_was_sealed_is_read_again(void **state)
{
        static const char *const texts[] = { "", "x", "{\"key\":\"abcd-efgh\"}" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                struct span text = { (const uint8_t *)texts[i], strlen(texts[i]) };
                uint8_t *sealed = malloc(text.len + SEAL_MORE), *back = malloc(text.len + 1);

                assert_int_equal(seal_write(sealed, text, "id", nonce, secret), 0);
                assert_null(text.len > 1 ? memmem(sealed, text.len + SEAL_MORE, text.data, text.len)
                                         : NULL);
                assert_int_equal(seal_read(back, (struct span){ sealed, text.len + SEAL_MORE },
                                           "id", secret),
                                 0);
                assert_memory_equal(back, text.data, text.len);
                free(sealed);
                free(back);
        }
}

static void what_was_touched_or_is_anothers_is_refused(void **state)
{
        static const uint8_t other[SEAL_SECRET] = "thirty-two bytes, known to all.";
        struct span text = { (const uint8_t *)"secret", 6 };
        uint8_t sealed[6 + SEAL_MORE], back[6];
        struct span whole = { sealed, sizeof(sealed) };

        (void)state;
        assert_int_equal(seal_write(sealed, text, "id", nonce, secret), 0);
        assert_int_equal(seal_read(back, whole, "id2", secret), -EBADMSG);
        assert_int_equal(seal_read(back, whole, "id", other), -EBADMSG);
        for (size_t len = 0; len < whole.len; len++)
                assert_int_equal(seal_read(back, (struct span){ sealed, len }, "id", secret),
                                 -EBADMSG);
        for (size_t i = 0; i < whole.len; i++) {
                sealed[i] ^= 1;
                assert_int_equal(seal_read(back, whole, "id", secret), -EBADMSG);
                sealed[i] ^= 1;
        }
        assert_int_equal(seal_read(back, whole, "id", secret), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_sealed_is_read_again),
                cmocka_unit_test(what_was_touched_or_is_anothers_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
