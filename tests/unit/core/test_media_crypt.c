/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/core/media_crypt.h"

enum { FIRST_EXT = 0x10000 };

struct pair {
        struct media_crypt *a, *b;
};

static const enum media_crypt_profile profiles[] = { MEDIA_CRYPT_AES128_CM_SHA1_80,
                                                     MEDIA_CRYPT_AEAD_AES_128_GCM };

static struct pair pair_new(enum media_crypt_profile profile)
{
        struct media_crypt_keys a = { .profile = profile }, b = { .profile = profile };
        struct pair pair = { 0 };

        for (size_t i = 0; i < MEDIA_CRYPT_KEY_CAP; i++) {
                a.local[i] = b.remote[i] = (uint8_t)(i * 7 + 1);
                a.remote[i] = b.local[i] = (uint8_t)(i * 11 + 3);
        }
        assert_int_equal(media_crypt_global_init(), 0);
        assert_int_equal(media_crypt_new(&pair.a, &a), 0);
        assert_int_equal(media_crypt_new(&pair.b, &b), 0);
        return pair;
}

static void pair_done(struct pair *pair)
{
        pair->a = media_crypt_free(pair->a);
        pair->b = media_crypt_free(pair->b);
}

/* An exact-size heap copy would hide the trailer; this has room for it and no more. */
static uint8_t *rtp_new(uint16_t seq, uint32_t ssrc, size_t payload_len, size_t *ret_len)
{
        uint8_t *data = calloc(1, 12 + payload_len + MEDIA_CRYPT_TRAILER);
        struct wr w;

        assert_non_null(data);
        w = wr_init(data, 12);
        wr_u8(&w, 0x80);
        wr_u8(&w, 96);
        wr_u16(&w, seq);
        wr_u32(&w, 1234);
        wr_u32(&w, ssrc);
        memset(data + 12, 0x5a, payload_len);
        *ret_len = 12 + payload_len;
        return data;
}

static void rtp_round_trip(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
                struct pair pair = pair_new(profiles[i]);
                size_t len, plain_len;
                uint8_t *data = rtp_new(1, 0x1111, 1100, &plain_len), copy[1112];

                memcpy(copy, data, plain_len);
                len = plain_len;
                assert_int_equal(media_crypt_protect_rtp(pair.a, data, &len, FIRST_EXT), 0);
                assert_true(len > plain_len && len <= plain_len + MEDIA_CRYPT_TRAILER);
                assert_memory_not_equal(data + 12, copy + 12, 1100);
                assert_int_equal(media_crypt_unprotect_rtp(pair.b, data, &len), 0);
                assert_int_equal(len, plain_len);
                assert_memory_equal(data, copy, plain_len);
                free(data);
                pair_done(&pair);
        }
}

static void rtcp_round_trip_fits_the_trailer(void **state)
{
        static const uint8_t rr[8] = { 0x80, 201, 0, 1, 0, 0, 0x22, 0x22 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
                struct pair pair = pair_new(profiles[i]);
                size_t len = sizeof(rr);
                uint8_t *data = calloc(1, sizeof(rr) + MEDIA_CRYPT_TRAILER);

                memcpy(data, rr, sizeof(rr));
                assert_int_equal(media_crypt_protect_rtcp(pair.a, data, &len), 0);
                assert_true(len <= sizeof(rr) + MEDIA_CRYPT_TRAILER);
                assert_int_equal(media_crypt_unprotect_rtcp(pair.b, data, &len), 0);
                assert_int_equal(len, sizeof(rr));
                assert_memory_equal(data, rr, sizeof(rr));
                free(data);
                pair_done(&pair);
        }
}

static void tampered_packet_is_refused_and_takes_no_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
                struct pair pair = pair_new(profiles[i]);

                for (uint32_t ssrc = 0; ssrc < 2 * MEDIA_CRYPT_MAX_INBOUND; ssrc++) {
                        size_t len;
                        uint8_t *data = rtp_new(1, ssrc, 100, &len);

                        assert_int_equal(media_crypt_protect_rtp(pair.a, data, &len, FIRST_EXT), 0);
                        data[40] ^= 1;
                        assert_int_equal(media_crypt_unprotect_rtp(pair.b, data, &len),
                                         MEDIA_CRYPT_E_AUTH);
                        assert_int_equal(
                                len, 112 + (profiles[i] == MEDIA_CRYPT_AEAD_AES_128_GCM ? 16 : 10));
                        free(data);
                }
                pair_done(&pair);
        }
}

static void replay_is_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
                struct pair pair = pair_new(profiles[i]);
                size_t len, len2;
                uint8_t *data = rtp_new(77, 5, 100, &len), copy[160];

                assert_int_equal(media_crypt_protect_rtp(pair.a, data, &len, FIRST_EXT), 0);
                memcpy(copy, data, len);
                len2 = len;
                assert_int_equal(media_crypt_unprotect_rtp(pair.b, data, &len), 0);
                assert_int_equal(media_crypt_unprotect_rtp(pair.b, copy, &len2),
                                 MEDIA_CRYPT_E_REPLAY);
                free(data);
                pair_done(&pair);
        }
}

static void late_packet_within_the_window_is_accepted(void **state)
{
        struct pair pair = pair_new(MEDIA_CRYPT_AEAD_AES_128_GCM);
        uint8_t *late = NULL;
        size_t late_len = 0;

        (void)state;
        for (uint16_t seq = 0; seq < 1000; seq++) {
                size_t len;
                uint8_t *data = rtp_new(seq, 5, 20, &len);

                assert_int_equal(media_crypt_protect_rtp(pair.a, data, &len, FIRST_EXT), 0);
                if (seq == 3) {
                        late = data;
                        late_len = len;
                        continue;
                }
                assert_int_equal(media_crypt_unprotect_rtp(pair.b, data, &len), 0);
                free(data);
        }
        assert_int_equal(media_crypt_unprotect_rtp(pair.b, late, &late_len), 0);
        free(late);
        pair_done(&pair);
}

static void ssrcs_of_one_peer_are_bounded(void **state)
{
        struct pair pair = pair_new(MEDIA_CRYPT_AEAD_AES_128_GCM);

        (void)state;
        for (uint32_t ssrc = 1; ssrc <= MEDIA_CRYPT_MAX_INBOUND + 1; ssrc++) {
                size_t len;
                uint8_t *data = rtp_new(1, ssrc, 20, &len);

                assert_int_equal(media_crypt_protect_rtp(pair.a, data, &len, FIRST_EXT), 0);
                assert_int_equal(media_crypt_unprotect_rtp(pair.b, data, &len),
                                 ssrc > MEDIA_CRYPT_MAX_INBOUND ? MEDIA_CRYPT_E_TOO_MANY : 0);
                free(data);
        }
        pair_done(&pair);
}

/* A packet as a slot writes it: an extension block of so many words, payload. */
static size_t rtp_fill(uint8_t *ret, uint16_t seq, unsigned n_words, size_t payload_len)
{
        struct wr w = wr_init(ret, 2000);

        wr_u8(&w, n_words > 0 ? 0x90 : 0x80);
        wr_u8(&w, 96);
        wr_u16(&w, seq);
        wr_u32(&w, seq * 3000u);
        wr_u32(&w, 0xdeadbeef);
        if (n_words > 0) {
                wr_u16(&w, 0xbede);
                wr_u16(&w, (uint16_t)n_words);
        }
        for (unsigned i = 0; i < n_words; i++)
                wr_u32(&w, 0x22010203);
        for (size_t i = 0; i < payload_len; i++)
                wr_u8(&w, (uint8_t)(seq + i));
        return wr_len(&w);
}

/* Byte for byte, and over rollovers of the sequence number. */
static void we_protect_as_libsrtp_does(void **state)
{
        static const size_t payloads[] = { 1100, 0, 1, 15, 16, 17, 80, 1400 };
        uint8_t key[MEDIA_CRYPT_KEY_CAP];
        srtp_policy_t policy = { .ssrc = { .type = ssrc_any_outbound }, .key = key };
        struct pair pair = pair_new(MEDIA_CRYPT_AEAD_AES_128_GCM);
        srtp_t session;
        unsigned n = 0;

        (void)state;
        for (size_t i = 0; i < sizeof(key); i++)
                key[i] = (uint8_t)(i * 7 + 1); /* as pair_new() */
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        assert_int_equal(srtp_create(&session, &policy), srtp_err_status_ok);
        for (uint32_t ext = FIRST_EXT + 0x7fff; ext < FIRST_EXT + 0x30000; ext += 97) {
                uint8_t ours[2000], theirs[2000];
                size_t len = rtp_fill(ours, (uint16_t)ext, n % 4, payloads[n % 8]);
                int their_len = (int)rtp_fill(theirs, (uint16_t)ext, n % 4, payloads[n % 8]);

                n++;
                assert_int_equal(media_crypt_protect_rtp(pair.a, ours, &len, ext), 0);
                assert_int_equal(srtp_protect(session, theirs, &their_len), srtp_err_status_ok);
                assert_int_equal(len, their_len);
                assert_memory_equal(ours, theirs, len);
                assert_int_equal(media_crypt_unprotect_rtp(pair.b, ours, &len), 0);
        }
        srtp_dealloc(session);
        pair_done(&pair);
}

/* An empty receiver report as SRTCP, under the keys of pair_new(). */
static size_t report_fill(srtp_t session, uint8_t *data, size_t blocks)
{
        int len = 8 + 24 * (int)blocks;
        struct wr w = wr_init(data, 8);

        wr_u8(&w, (uint8_t)(0x80 + blocks));
        wr_u8(&w, 201);
        wr_u16(&w, (uint16_t)(len / 4 - 1));
        wr_u32(&w, 0x2222);
        memset(data + 8, 0x5a, 24 * blocks);
        assert_int_equal(srtp_protect_rtcp(session, data, &len), srtp_err_status_ok);
        return (size_t)len;
}

static srtp_t reporter_new(uint8_t key[MEDIA_CRYPT_KEY_CAP])
{
        srtp_policy_t policy = { .ssrc = { .type = ssrc_any_outbound }, .key = key };
        srtp_t session;

        for (size_t i = 0; i < MEDIA_CRYPT_KEY_CAP; i++)
                key[i] = (uint8_t)(i * 7 + 1); /* as pair_new() */
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        assert_int_equal(srtp_create(&session, &policy), srtp_err_status_ok);
        return session;
}

static int take(struct media_crypt *crypt, const uint8_t *data, size_t len)
{
        uint8_t copy[200];

        memcpy(copy, data, len);
        return media_crypt_unprotect_rtcp(crypt, copy, &len);
}

static void reports_of_libsrtp_are_read_once_each(void **state)
{
        enum { N = 66, LATE = 2, TOO_LATE = 1 }; /* RFC 3711 §3.3.2: a window of 64 */
        struct pair pair = pair_new(MEDIA_CRYPT_AEAD_AES_128_GCM);
        uint8_t key[MEDIA_CRYPT_KEY_CAP], report[N][200];
        srtp_t session = reporter_new(key);
        size_t len[N];

        (void)state;
        for (int i = 0; i < N; i++)
                len[i] = report_fill(session, report[i], (size_t)i % 4);
        for (int i = 0; i < N; i++) {
                if (i == LATE || i == TOO_LATE)
                        continue;
                assert_int_equal(take(pair.b, report[i], len[i]), 0);
                assert_int_equal(take(pair.b, report[i], len[i]), MEDIA_CRYPT_E_REPLAY);
        }
        assert_int_equal(take(pair.b, report[LATE], len[LATE]), 0);
        assert_int_equal(take(pair.b, report[LATE], len[LATE]), MEDIA_CRYPT_E_REPLAY);
        assert_int_equal(take(pair.b, report[N - 1], len[N - 1]), MEDIA_CRYPT_E_REPLAY);
        assert_int_equal(take(pair.b, report[TOO_LATE], len[TOO_LATE]), MEDIA_CRYPT_E_REPLAY);
        srtp_dealloc(session);
        pair_done(&pair);
}

static void forged_report_moves_nothing(void **state)
{
        struct pair pair = pair_new(MEDIA_CRYPT_AEAD_AES_128_GCM);
        uint8_t key[MEDIA_CRYPT_KEY_CAP], report[200], forged[200];
        srtp_t session = reporter_new(key);
        size_t len = report_fill(session, report, 1);

        (void)state;
        for (size_t i = 0; i < len; i++) {
                memcpy(forged, report, len);
                forged[i] ^= 0x40; /* of the last four bytes, too: another index, */
                assert_int_equal(take(pair.b, forged, len), MEDIA_CRYPT_E_AUTH);
                forged[i] ^= 0xc0; /* and not encrypted */
                assert_int_equal(take(pair.b, forged, len), MEDIA_CRYPT_E_AUTH);
        }
        for (size_t cut = 0; cut < len; cut++)
                assert_int_not_equal(take(pair.b, report, cut), 0);
        assert_int_equal(take(pair.b, report, len), 0);
        srtp_dealloc(session);
        pair_done(&pair);
}

static void nothing_is_protected_once_numbers_have_wrapped(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(profiles); i++) {
                static const uint32_t exts[] = { UINT32_MAX, 0, FIRST_EXT };
                struct pair pair = pair_new(profiles[i]);

                for (size_t k = 0; k < ARRAY_LEN(exts); k++) {
                        size_t len;
                        uint8_t *data = rtp_new((uint16_t)exts[k], 5, 100, &len);

                        assert_int_equal(media_crypt_protect_rtp(pair.a, data, &len, exts[k]) == 0,
                                         k == 0);
                        free(data);
                }
                pair_done(&pair);
        }
}

static void garbage_is_refused(void **state)
{
        struct pair pair = pair_new(MEDIA_CRYPT_AEAD_AES_128_GCM);

        (void)state;
        for (size_t n = 0; n < 200; n++) {
                uint8_t *data = malloc(n ? n : 1);
                size_t len = n;

                memset(data, 0xbf, n ? n : 1);
                assert_int_not_equal(media_crypt_unprotect_rtp(pair.b, data, &len), 0);
                assert_int_not_equal(media_crypt_unprotect_rtcp(pair.b, data, &len), 0);
                assert_int_equal(len, n);
                free(data);
        }
        pair_done(&pair);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rtp_round_trip),
                cmocka_unit_test(rtcp_round_trip_fits_the_trailer),
                cmocka_unit_test(tampered_packet_is_refused_and_takes_no_place),
                cmocka_unit_test(replay_is_refused),
                cmocka_unit_test(late_packet_within_the_window_is_accepted),
                cmocka_unit_test(ssrcs_of_one_peer_are_bounded),
                cmocka_unit_test(we_protect_as_libsrtp_does),
                cmocka_unit_test(reports_of_libsrtp_are_read_once_each),
                cmocka_unit_test(forged_report_moves_nothing),
                cmocka_unit_test(nothing_is_protected_once_numbers_have_wrapped),
                cmocka_unit_test(garbage_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
