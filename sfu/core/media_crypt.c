/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_crypt.h"

#include <errno.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>

#include "sfu/core/srtp_gcm.h"

enum {
        /* A 720p key frame and its retransmissions stay well inside it. */
        REPLAY_WINDOW = 1024,
        RTP_HEADER = 12,
        RTCP_HEADER = 8,
        FIRST_EXT = 0x10000,
};

struct media_crypt {
        enum media_crypt_profile profile;
        srtp_t inbound, outbound;
        struct srtp_gcm *gcm; /* of outgoing RTP; NULL with the other profile: libsrtp does it */
        bool spent;
        size_t n_seen;
        size_t last; /* seen[last] matched last: most packets ask for it again */
        uint32_t seen[MEDIA_CRYPT_MAX_INBOUND];
};

size_t media_crypt_key_len(enum media_crypt_profile profile)
{
        (void)profile; /* both use AES-128 */
        return 16;
}

size_t media_crypt_salt_len(enum media_crypt_profile profile)
{
        return profile == MEDIA_CRYPT_AEAD_AES_128_GCM ? 12 : 14;
}

const char *media_crypt_profile_name(enum media_crypt_profile profile)
{
        return profile == MEDIA_CRYPT_AEAD_AES_128_GCM ? "AEAD_AES_128_GCM"
                                                       : "AES128_CM_HMAC_SHA1_80";
}

const char *media_crypt_library(void)
{
        static char text[128];

        snprintf(text, sizeof(text), "%s, %s", srtp_get_version_string(), SRTP_BACK_END);
        return text;
}

int media_crypt_global_init(void)
{
        static bool done; /* the library refuses a second call */

        if (!done && srtp_init() != srtp_err_status_ok)
                return -EIO;
        done = true;
        return 0;
}

static int make_session(srtp_t *ret_session, const struct media_crypt_keys *keys, bool inbound)
{
        srtp_policy_t policy = { 0 };
        srtp_err_status_t status;

        if (keys->profile == MEDIA_CRYPT_AEAD_AES_128_GCM) {
                srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
                srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        } else {
                srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
                srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
        }
        policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
        policy.key = (unsigned char *)(uintptr_t)(inbound ? keys->remote : keys->local);
        policy.window_size = REPLAY_WINDOW;
        /* Sound is retransmitted under its own number (there is no RTX for it), byte
         * for byte the same packet: see slot_resend() in media_slot.c. */
        policy.allow_repeat_tx = !inbound;
        status = srtp_create(ret_session, &policy);
        if (status == srtp_err_status_alloc_fail)
                return -ENOMEM;
        return status == srtp_err_status_ok ? 0 : -EIO;
}

int media_crypt_new(struct media_crypt **ret_crypt, const struct media_crypt_keys *keys)
{
        cleanup(media_crypt_freep) struct media_crypt *crypt = calloc(1, sizeof(*crypt));
        int r;

        if (!crypt)
                return -ENOMEM;
        crypt->profile = keys->profile;
        r = make_session(&crypt->inbound, keys, true);
        if (r < 0)
                return r;
        r = make_session(&crypt->outbound, keys, false);
        if (r < 0)
                return r;
        if (keys->profile == MEDIA_CRYPT_AEAD_AES_128_GCM) {
                r = srtp_gcm_new(&crypt->gcm, keys->local, keys->local + SRTP_GCM_KEY);
                if (r < 0)
                        return r;
        }
        *ret_crypt = take_ptr(crypt);
        return 0;
}

struct media_crypt *media_crypt_free(struct media_crypt *crypt)
{
        if (!crypt)
                return NULL;
        if (crypt->inbound)
                srtp_dealloc(crypt->inbound);
        if (crypt->outbound)
                srtp_dealloc(crypt->outbound);
        srtp_gcm_free(crypt->gcm);
        free(crypt);
        return NULL;
}

enum media_crypt_profile media_crypt_profile(const struct media_crypt *crypt)
{
        return crypt->profile;
}

static uint32_t read_u32(const uint8_t *at)
{
        struct rd r = rd_init(at, 4);

        return rd_u32(&r);
}

static bool seen(struct media_crypt *crypt, uint32_t ssrc)
{
        if (crypt->last < crypt->n_seen && crypt->seen[crypt->last] == ssrc)
                return true;
        for (size_t i = 0; i < crypt->n_seen; i++) {
                if (crypt->seen[i] == ssrc) {
                        crypt->last = i;
                        return true;
                }
        }
        return false;
}

typedef srtp_err_status_t (*libsrtp_fn)(srtp_t session, void *data, int *len);

static int unprotect(struct media_crypt *crypt, libsrtp_fn open, uint8_t *data, size_t *len,
                     uint32_t ssrc)
{
        bool known = seen(crypt, ssrc);
        int n = (int)*len;

        /* The library keeps a stream per SSRC for ever; bound it before it does. */
        if (!known && crypt->n_seen == MEDIA_CRYPT_MAX_INBOUND)
                return MEDIA_CRYPT_E_TOO_MANY;
        switch ((int)open(crypt->inbound, data, &n)) {
        case srtp_err_status_ok:
                break;
        case srtp_err_status_replay_fail:
        case srtp_err_status_replay_old:
                return MEDIA_CRYPT_E_REPLAY;
        default:
                return MEDIA_CRYPT_E_AUTH;
        }
        if (!known)
                crypt->seen[crypt->n_seen++] = ssrc;
        *len = (size_t)n;
        return 0;
}

int media_crypt_unprotect_rtp(struct media_crypt *crypt, uint8_t *data, size_t *len)
{
        if (*len < RTP_HEADER)
                return MEDIA_CRYPT_E_TOO_SHORT;
        return unprotect(crypt, srtp_unprotect, data, len, read_u32(data + 8));
}

int media_crypt_unprotect_rtcp(struct media_crypt *crypt, uint8_t *data, size_t *len)
{
        if (*len < RTCP_HEADER)
                return MEDIA_CRYPT_E_TOO_SHORT;
        return unprotect(crypt, srtp_unprotect_rtcp, data, len, read_u32(data + 4));
}

static int protect(struct media_crypt *crypt, libsrtp_fn seal, uint8_t *data, size_t *len)
{
        int n = (int)*len;

        if (seal(crypt->outbound, data, &n) != srtp_err_status_ok)
                return -EINVAL;
        *len = (size_t)n;
        return 0;
}

void media_crypt_prefetch(const struct media_crypt *crypt, unsigned step)
{
        if (crypt->gcm)
                srtp_gcm_prefetch(crypt->gcm, step);
}

static size_t rtp_header_len(const uint8_t *data)
{
        size_t len = RTP_HEADER + (data[0] & 0x0fu) * 4u;

        return data[0] & 0x10 ? len + 4 + (data[len + 2] * 256u + data[len + 3]) * 4u : len;
}

int media_crypt_protect_rtp(struct media_crypt *crypt, uint8_t *data, size_t *len, uint32_t ext)
{
        crypt->spent |= ext < FIRST_EXT;
        if (crypt->spent)
                return -EINVAL;
        if (!crypt->gcm)
                return protect(crypt, srtp_protect, data, len);
        if (srtp_gcm_protect(crypt->gcm, data, rtp_header_len(data), *len,
                             (ext >> 16) - (FIRST_EXT >> 16)) < 0)
                return -EINVAL;
        *len += SRTP_GCM_TAG;
        return 0;
}

int media_crypt_protect_rtcp(struct media_crypt *crypt, uint8_t *data, size_t *len)
{
        return protect(crypt, srtp_protect_rtcp, data, len);
}
