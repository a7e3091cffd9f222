/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/wire/turn.h"

static void uris_are_judged(void **state)
{
        static const struct {
                const char *uri;
                bool good;
        } cases[] = {
                { "turn:turn.example.vn", true },
                { "turn:203.0.113.9:3478", true },
                { "turn:203.0.113.9:3478?transport=udp", true },
                { "turns:turn.example.vn:443?transport=tcp", true },
                { "turn:[2001:db8::1]:3478", true },
                { "", false },
                { "turn:", false },
                { "turn", false },
                { "stun:203.0.113.9", false },
                { "turn:turn.example.vn:", false },
                { "turn:turn.example.vn:0", false },
                { "turn:turn.example.vn:65536", false },
                { "turn:turn.example.vn:123456", false },
                { "turn:turn.example.vn?transport=sctp", false },
                { "turn:turn.example.vn>; rel=x", false },
                { "turn:user@turn.example.vn", false },
                { "turn:[::1", false },
                { "turn:a b", false },
                { "TURN:turn.example.vn", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                if (turn_uri_is_good(cases[i].uri) != cases[i].good)
                        fail_msg("%s", cases[i].uri);
}

/* The password is what
 *   printf 1700086400:p17 | openssl dgst -sha1 -hmac north -binary | base64
 * prints. */
static void a_credential_is_what_coturn_computes(void **state)
{
        const struct turn_config turn = { .secret = "north" };
        struct turn_credential credential;

        (void)state;
        assert_int_equal(
                turn_credential_make(&credential, &turn, "p17", INT64_C(1700000000) * 1000), 0);
        assert_string_equal(credential.username, "1700086400:p17");
        assert_string_equal(credential.password, "QL9OGONzJQglRV9m+mrTCxX8mTw=");
}

static void the_longest_id_fits(void **state)
{
        const struct turn_config turn = { .secret = "north" };
        struct turn_credential credential;
        char id[MEETING_ID];

        (void)state;
        memset(id, 'x', sizeof(id) - 1);
        id[sizeof(id) - 1] = '\0';
        assert_int_equal(turn_credential_make(&credential, &turn, id, INT64_MAX / 2000000), 0);
        assert_non_null(strstr(credential.username, id));
        assert_int_equal(strlen(credential.password), TURN_PASSWORD - 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(uris_are_judged),
                cmocka_unit_test(a_credential_is_what_coturn_computes),
                cmocka_unit_test(the_longest_id_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
