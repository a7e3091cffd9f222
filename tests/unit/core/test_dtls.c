/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "sfu/core/dtls.h"

/* Two sessions and the network between them, which loses by a seeded rule. */
struct wire {
        struct dtls_context *contexts[2];
        struct dtls *ends[2];
        unsigned lose_percent, seed, n_sent, n_longest;
};

static struct dtls_context *context_new(void)
{
        cleanup(freep) char *pem = NULL;
        struct dtls_context *context = NULL;

        assert_int_equal(dtls_identity_make(&pem, clock_wall_us()), 0);
        assert_int_equal(dtls_context_new(&context, pem, strlen(pem)), 0);
        return context;
}

static void wire_init(struct wire *wire, unsigned lose_percent)
{
        *wire = (struct wire){ .lose_percent = lose_percent, .seed = 1 };
        for (int i = 0; i < 2; i++)
                wire->contexts[i] = context_new();
        for (int i = 0; i < 2; i++) {
                struct dtls_params params = {
                        .client = i == 0,
                        .fingerprint = dtls_context_fingerprint(wire->contexts[1 - i]),
                        .initial_timeout_us = 20 * 1000,
                };

                assert_int_equal(dtls_new(&wire->ends[i], wire->contexts[i], &params), 0);
        }
}

static void wire_done(struct wire *wire)
{
        for (int i = 0; i < 2; i++) {
                wire->ends[i] = dtls_free(wire->ends[i]);
                wire->contexts[i] = dtls_context_free(wire->contexts[i]);
        }
}

static bool carry(struct wire *wire, int from)
{
        uint8_t data[DTLS_MTU], *exact;
        size_t len = dtls_poll(wire->ends[from], data, sizeof(data));

        if (len == 0)
                return false;
        wire->n_sent++;
        if (len > wire->n_longest)
                wire->n_longest = (unsigned)len;
        wire->seed = wire->seed * 1103515245 + 12345;
        if ((wire->seed >> 16) % 100 < wire->lose_percent)
                return true;
        exact = malloc(len);
        memcpy(exact, data, len);
        dtls_on_datagram(wire->ends[1 - from], exact, len);
        free(exact);
        return true;
}

/* OpenSSL's timers follow the real clock, so waiting for one is all there is. */
static bool wait_for_timer(struct wire *wire)
{
        int64_t now_us = clock_now_us(), next_us = INT64_MAX;

        for (int i = 0; i < 2; i++) {
                int64_t deadline_us = dtls_deadline_us(wire->ends[i], now_us);

                if (deadline_us < next_us)
                        next_us = deadline_us;
        }
        if (next_us == INT64_MAX)
                return false;
        if (next_us > now_us)
                nanosleep(&(struct timespec){ .tv_nsec = (next_us - now_us) % 1000000 * 1000,
                                              .tv_sec = (next_us - now_us) / 1000000 },
                          NULL);
        for (int i = 0; i < 2; i++)
                dtls_on_timeout(wire->ends[i]);
        return true;
}

static bool over(const struct wire *wire)
{
        return dtls_state(wire->ends[0]) != DTLS_HANDSHAKING &&
               dtls_state(wire->ends[1]) != DTLS_HANDSHAKING;
}

static void shake_hands(struct wire *wire)
{
        dtls_start(wire->ends[0]);
        for (int round = 0; round < 100; round++) {
                while (carry(wire, 0) || carry(wire, 1))
                        ;
                if (over(wire) || !wait_for_timer(wire))
                        return;
        }
}

static void assert_same_keys(const struct wire *wire)
{
        struct media_crypt_keys a = { 0 }, b = { 0 };

        assert_int_equal(dtls_export_keys(wire->ends[0], &a), 0);
        assert_int_equal(dtls_export_keys(wire->ends[1], &b), 0);
        assert_int_equal(a.profile, MEDIA_CRYPT_AEAD_AES_128_GCM);
        assert_int_equal(b.profile, MEDIA_CRYPT_AEAD_AES_128_GCM);
        assert_memory_equal(a.local, b.remote, 28);
        assert_memory_equal(a.remote, b.local, 28);
        assert_memory_not_equal(a.local, a.remote, 28);
}

static void both_roles_agree_on_keys(void **state)
{
        struct wire wire;

        (void)state;
        wire_init(&wire, 0);
        shake_hands(&wire);
        assert_int_equal(dtls_state(wire.ends[0]), DTLS_CONNECTED);
        assert_int_equal(dtls_state(wire.ends[1]), DTLS_CONNECTED);
        assert_same_keys(&wire);
        assert_true(wire.n_longest <= DTLS_MTU);
        wire_done(&wire);
}

static void handshake_survives_loss(void **state)
{
        (void)state;
        for (unsigned seed = 1; seed <= 5; seed++) {
                struct wire wire;

                wire_init(&wire, 30);
                wire.seed = seed;
                shake_hands(&wire);
                assert_int_equal(dtls_state(wire.ends[0]), DTLS_CONNECTED);
                assert_int_equal(dtls_state(wire.ends[1]), DTLS_CONNECTED);
                assert_same_keys(&wire);
                wire_done(&wire);
        }
}

static void no_keys_before_the_handshake_is_over(void **state)
{
        struct media_crypt_keys keys;
        struct wire wire;

        (void)state;
        wire_init(&wire, 0);
        assert_int_equal(dtls_export_keys(wire.ends[1], &keys), -EPROTO);
        wire_done(&wire);
}

/* A client or a server whose certificate is not the announced one. */
static void wrong_certificate_fails_either_way(void **state)
{
        (void)state;
        for (int liar = 0; liar < 2; liar++) {
                uint8_t wrong[DTLS_FINGERPRINT];
                struct wire wire;
                struct dtls_params params = { .client = liar == 1,
                                              .fingerprint = wrong,
                                              .initial_timeout_us = 20 * 1000 };

                wire_init(&wire, 0);
                memcpy(wrong, dtls_context_fingerprint(wire.contexts[liar]), sizeof(wrong));
                wrong[31] ^= 1;
                wire.ends[1 - liar] = dtls_free(wire.ends[1 - liar]);
                assert_int_equal(dtls_new(&wire.ends[1 - liar], wire.contexts[1 - liar], &params),
                                 0);
                shake_hands(&wire);
                assert_int_equal(dtls_state(wire.ends[1 - liar]), DTLS_FAILED);
                assert_string_equal(dtls_failure(wire.ends[1 - liar]),
                                    "certificate is not the one of the offer");
                assert_int_not_equal(dtls_state(wire.ends[liar]), DTLS_CONNECTED);
                wire_done(&wire);
        }
}

static void goodbye_is_heard_and_answered(void **state)
{
        (void)state;
        for (int leaver = 0; leaver < 2; leaver++) {
                struct wire wire;

                wire_init(&wire, 0);
                shake_hands(&wire);
                dtls_close(wire.ends[leaver]);
                assert_int_equal(dtls_state(wire.ends[leaver]), DTLS_CLOSED);
                assert_true(carry(&wire, leaver));
                assert_int_equal(dtls_state(wire.ends[1 - leaver]), DTLS_CLOSED);
                assert_true(carry(&wire, 1 - leaver));
                wire_done(&wire);
        }
}

/* Against OpenSSL's own session on the other side, both roles, both directions. */
static void settled_session_hears_and_says_goodbye(void **state)
{
        (void)state;
        for (int i = 0; i < 4; i++) {
                int settled = i & 1, leaver = i >> 1;
                struct wire wire;

                wire_init(&wire, 0);
                shake_hands(&wire);
                dtls_settle(wire.ends[settled]);
                assert_int_equal(dtls_deadline_us(wire.ends[settled], 0), INT64_MAX);
                dtls_close(wire.ends[leaver]);
                assert_true(carry(&wire, leaver));
                assert_int_equal(dtls_state(wire.ends[1 - leaver]), DTLS_CLOSED);
                assert_true(carry(&wire, 1 - leaver));
                wire_done(&wire);
        }
}

static void settled_session_ignores_what_is_forged(void **state)
{
        struct wire wire;
        uint8_t goodbye[DTLS_MTU];
        size_t len;

        (void)state;
        wire_init(&wire, 0);
        shake_hands(&wire);
        dtls_settle(wire.ends[1]);
        dtls_close(wire.ends[0]);
        len = dtls_poll(wire.ends[0], goodbye, sizeof(goodbye));
        for (size_t i = 0; i < len; i++) {
                goodbye[i] ^= 1;
                assert_false(dtls_on_datagram(wire.ends[1], goodbye, len));
                goodbye[i] ^= 1;
                assert_false(dtls_on_datagram(wire.ends[1], goodbye, i));
        }
        assert_int_equal(dtls_state(wire.ends[1]), DTLS_CONNECTED);
        assert_true(dtls_on_datagram(wire.ends[1], goodbye, len));
        wire_done(&wire);
}

static void unfinished_session_does_not_settle(void **state)
{
        struct wire wire;

        (void)state;
        wire_init(&wire, 0);
        dtls_settle(wire.ends[0]);
        shake_hands(&wire);
        assert_int_equal(dtls_state(wire.ends[0]), DTLS_CONNECTED);
        assert_same_keys(&wire);
        wire_done(&wire);
}

static void garbage_changes_nothing(void **state)
{
        struct wire wire;
        uint8_t junk[200];

        (void)state;
        wire_init(&wire, 0);
        for (unsigned i = 0; i < 2000; i++) {
                size_t len = i % sizeof(junk);
                uint8_t *exact = malloc(len ? len : 1);

                for (size_t k = 0; k < len; k++)
                        exact[k] = (uint8_t)((i * 31 + k * 17) ^ (i >> 3));
                if (len > 13) {
                        exact[0] = (uint8_t)(20 + i % 4);
                        exact[1] = 0xfe;
                        exact[2] = 0xfd;
                        exact[3] = exact[4] = 0;
                }
                dtls_on_datagram(wire.ends[1], exact, len);
                free(exact);
        }
        assert_true(dtls_state(wire.ends[1]) == DTLS_HANDSHAKING ||
                    dtls_state(wire.ends[1]) == DTLS_FAILED);
        wire_done(&wire);
}

static void connected_session_ignores_what_is_forged(void **state)
{
        static const uint8_t alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40 };
        struct wire wire;

        (void)state;
        wire_init(&wire, 0);
        shake_hands(&wire);
        dtls_on_datagram(wire.ends[1], alert, sizeof(alert));
        for (uint8_t type = 20; type <= 25; type++) {
                for (uint8_t len = 0; len <= 32; len++) { /* nonce and tag are 24 */
                        uint8_t record[13 + 32] = { type, 0xfe, 0xfd, 0, 1, [10] = 9, [12] = len };

                        dtls_on_datagram(wire.ends[1], record, 13u + len);
                        assert_int_equal(dtls_state(wire.ends[1]), DTLS_CONNECTED);
                }
        }
        assert_false(dtls_on_datagram(wire.ends[1], alert, 12));
        dtls_close(wire.ends[0]);
        assert_true(carry(&wire, 0));
        assert_int_equal(dtls_state(wire.ends[1]), DTLS_CLOSED);
        wire_done(&wire);
}

static void client_hello_is_recognised(void **state)
{
        struct wire wire;
        uint8_t hello[DTLS_MTU],
                finished[] = { 22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 1, 4 };
        size_t len;

        (void)state;
        wire_init(&wire, 0);
        dtls_start(wire.ends[0]);
        len = dtls_poll(wire.ends[0], hello, sizeof(hello));
        assert_true(dtls_is_client_hello(hello, len));
        assert_false(dtls_is_client_hello(hello, 13));
        assert_false(dtls_is_client_hello(finished, sizeof(finished)));
        wire_done(&wire);
}

static void broken_identity_is_refused(void **state)
{
        struct dtls_context *context = NULL;

        (void)state;
        assert_int_equal(dtls_context_new(&context, "hello", 5), -EINVAL);
        assert_null(context);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_roles_agree_on_keys),
                cmocka_unit_test(handshake_survives_loss),
                cmocka_unit_test(no_keys_before_the_handshake_is_over),
                cmocka_unit_test(wrong_certificate_fails_either_way),
                cmocka_unit_test(goodbye_is_heard_and_answered),
                cmocka_unit_test(settled_session_hears_and_says_goodbye),
                cmocka_unit_test(settled_session_ignores_what_is_forged),
                cmocka_unit_test(unfinished_session_does_not_settle),
                cmocka_unit_test(garbage_changes_nothing),
                cmocka_unit_test(connected_session_ignores_what_is_forged),
                cmocka_unit_test(client_hello_is_recognised),
                cmocka_unit_test(broken_identity_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
