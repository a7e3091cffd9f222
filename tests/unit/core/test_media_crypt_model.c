/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of several SSRCs over a line that loses, repeats, spoils and mixes them up, with jumps and
 * wraps of the sequence number: media_crypt takes what libsrtp takes of them, and reads the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/core/media_crypt.h"
#include "sfu/core/srtp_window.h"

enum { SSRCS = 5, STEPS = 60000, UNDER_WAY = 4096, LATEST = 4000, PACKET = 300, HEADER = 12 };

struct sent {
        uint8_t data[PACKET];
        size_t len;
        int due; /* step */
};

struct line {
        uint64_t random;
        srtp_t sender, model;
        struct media_crypt *crypt;
        uint16_t seqs[SSRCS];
        struct sent *sent;
        size_t n_sent, n_taken, n_refused;
};

/* xorshift64 (Marsaglia, 2003) */
static unsigned below(struct line *line, unsigned n)
{
        line->random ^= line->random << 13;
        line->random ^= line->random >> 7;
        line->random ^= line->random << 17;
        return (unsigned)(line->random >> 20) % n;
}

static srtp_t session_new(uint8_t *key, srtp_ssrc_type_t direction)
{
        srtp_policy_t policy = { .ssrc = { .type = direction },
                                 .key = key,
                                 .window_size = SRTP_WINDOW };
        srtp_t session;

        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        assert_int_equal(srtp_create(&session, &policy), srtp_err_status_ok);
        return session;
}

static void line_init(struct line *line)
{
        struct media_crypt_keys keys = { .profile = MEDIA_CRYPT_AEAD_AES_128_GCM };
        static const uint16_t first[SSRCS] = { 0, 65530, 32767, 40000, 65535 };

        for (size_t i = 0; i < MEDIA_CRYPT_KEY_CAP; i++)
                keys.remote[i] = (uint8_t)(i * 7 + 1);
        *line = (struct line){ .random = 88172645463325252u };
        line->sender = session_new(keys.remote, ssrc_any_outbound);
        line->model = session_new(keys.remote, ssrc_any_inbound);
        assert_int_equal(media_crypt_new(&line->crypt, &keys), 0);
        memcpy(line->seqs, first, sizeof(first));
        line->sent = calloc(UNDER_WAY, sizeof(*line->sent));
        assert_non_null(line->sent);
}

static void line_done(struct line *line)
{
        srtp_dealloc(line->sender);
        srtp_dealloc(line->model);
        media_crypt_free(line->crypt);
        free(line->sent);
}

static void make_packet(struct line *line, struct sent *ret_sent)
{
        unsigned from = below(line, SSRCS), n_csrc = below(line, 4) ? 0 : below(line, 16);
        uint16_t *seq = &line->seqs[from];
        struct wr w = wr_init(ret_sent->data, HEADER);
        int len = (int)(HEADER + 4 * n_csrc + below(line, 100));

        *seq += (uint16_t)(1 + (below(line, 2000) ? 0 : below(line, 20000)));
        memset(ret_sent->data, 0x5a, PACKET);
        wr_u8(&w, (uint8_t)(0x80 | n_csrc));
        wr_u8(&w, 96);
        wr_u16(&w, *seq);
        wr_u32(&w, 1234);
        wr_u32(&w, from + 1);
        assert_int_equal(srtp_protect(line->sender, ret_sent->data, &len), srtp_err_status_ok);
        ret_sent->len = (size_t)len;
}

/* Most come at once, some a little later, few after many others. */
static void put_on_line(struct line *line, struct sent sent, int now)
{
        unsigned late = below(line, 10);

        if (line->n_sent == UNDER_WAY || below(line, 20) == 0)
                return;
        sent.due = now + (late ? 0 : (int)below(line, below(line, 20) ? 40 : LATEST));
        if (below(line, 15) == 0)
                sent.data[below(line, (unsigned)sent.len)] ^= (uint8_t)(1 << below(line, 8));
        if (below(line, 40) == 0)
                sent.len = HEADER + below(line, (unsigned)sent.len - HEADER);
        line->sent[line->n_sent++] = sent;
}

static void take(struct line *line, const struct sent *sent)
{
        uint8_t ours[PACKET], theirs[PACKET];
        size_t len = sent->len;
        int n = (int)len;
        bool taken;

        if (sent->data[0] >> 6 != 2)
                return; /* demux.h finds that out before */
        memcpy(ours, sent->data, PACKET);
        memcpy(theirs, sent->data, PACKET);
        taken = srtp_unprotect(line->model, theirs, &n) == srtp_err_status_ok;
        assert_int_equal(media_crypt_unprotect_rtp(line->crypt, ours, &len) == 0, taken);
        if (taken) {
                assert_int_equal(len, n);
                assert_memory_equal(ours, theirs, len);
        }
        line->n_taken += taken;
        line->n_refused += !taken;
}

static void what_libsrtp_takes_is_taken(void **state)
{
        struct line line;

        (void)state;
        assert_int_equal(media_crypt_global_init(), 0);
        line_init(&line);
        for (int now = 0; now < STEPS; now++) {
                struct sent sent;

                make_packet(&line, &sent);
                put_on_line(&line, sent, now);
                if (below(&line, 30) == 0)
                        put_on_line(&line, sent, now);
                for (size_t i = 0; i < line.n_sent;) {
                        if (line.sent[i].due > now) {
                                i++;
                                continue;
                        }
                        take(&line, &line.sent[i]);
                        line.sent[i] = line.sent[--line.n_sent];
                }
        }
        assert_true(line.n_taken > STEPS / 2 && line.n_refused > STEPS / 20);
        line_done(&line);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_libsrtp_takes_is_taken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
