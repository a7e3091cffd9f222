/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_crypt.h"

#include <errno.h>
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/core/srtp_gcm.h"
#include "sfu/core/srtp_window.h"

enum {
        RTP_HEADER = 12,
        RTCP_HEADER = 8,
        RTCP_WINDOW = 64, /* bits of struct inbound; no fewer, RFC 3711 §3.3.2 */
        FIRST_EXT = 0x10000,
        RTCP_SPENT = 0x7fffffff, /* RFC 3711 §9.2: then the index would come again */
        FIRST_SEEN = 4,          /* who only listens has one SSRC */
};

/* An SSRC of the peer's. The rest is what libsrtp would know. */
struct inbound {
        uint32_t ssrc;
        uint32_t newest;         /* index of its SRTCP that came; */
        uint64_t came;           /* bit n: newest - n. 0: none yet */
        struct srtp_window *rtp; /* once some came */
};

struct media_crypt {
        enum media_crypt_profile profile;
        bool spent;
        struct srtp_gcm *rtp_out, *rtp_in, *rtcp_out, *rtcp_in; /* with the one profile, and */
        srtp_t inbound, outbound;                               /* with the other */
        uint32_t rtcp_index; /* the last one of ours, whatever SSRC; */
        size_t n_seen, cap_seen;
        size_t last; /* seen[last] matched last: most packets ask for it again */
        struct inbound *seen;
        /* Makes rtp_in with the first packet: who only listens sends none. */
        uint8_t remote[MEDIA_CRYPT_KEY_CAP];
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

        snprintf(text, sizeof(text), "%s (AES-GCM) and %s, %s (AES-CM)", srtp_gcm_library(),
                 srtp_get_version_string(), SRTP_BACK_END);
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

        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
        policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
        policy.key = (unsigned char *)(uintptr_t)(inbound ? keys->remote : keys->local);
        policy.window_size = SRTP_WINDOW;
        /* Sound is retransmitted under its own number (there is no RTX for it), byte
         * for byte the same packet: see write_again() in media_slot.c. */
        policy.allow_repeat_tx = !inbound;
        status = srtp_create(ret_session, &policy);
        if (status == srtp_err_status_alloc_fail)
                return -ENOMEM;
        return status == srtp_err_status_ok ? 0 : -EIO;
}

static int make_sessions(struct media_crypt *crypt, const struct media_crypt_keys *keys)
{
        int r = make_session(&crypt->inbound, keys, true);

        return r < 0 ? r : make_session(&crypt->outbound, keys, false);
}

static int make_ciphers(struct media_crypt *crypt, const struct media_crypt_keys *keys)
{
        const struct {
                struct srtp_gcm **gcm;
                enum srtp_gcm_use use;
                const uint8_t *keys;
        } all[] = {
                { &crypt->rtp_out, SRTP_GCM_RTP, keys->local },
                { &crypt->rtcp_out, SRTP_GCM_RTCP, keys->local },
                { &crypt->rtcp_in, SRTP_GCM_RTCP, keys->remote },
        };
        int r = 0;

        memcpy(crypt->remote, keys->remote, sizeof(crypt->remote));
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(all); i++)
                r = srtp_gcm_new(all[i].gcm, all[i].use, all[i].keys, all[i].keys + SRTP_GCM_KEY);
        return r;
}

int media_crypt_new(struct media_crypt **ret_crypt, const struct media_crypt_keys *keys)
{
        cleanup(media_crypt_freep) struct media_crypt *crypt = calloc(1, sizeof(*crypt));
        int r;

        if (!crypt)
                return -ENOMEM;
        crypt->profile = keys->profile;
        r = keys->profile == MEDIA_CRYPT_AEAD_AES_128_GCM ? make_ciphers(crypt, keys)
                                                          : make_sessions(crypt, keys);
        if (r < 0)
                return r;
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
        srtp_gcm_free(crypt->rtp_out);
        srtp_gcm_free(crypt->rtp_in);
        srtp_gcm_free(crypt->rtcp_out);
        srtp_gcm_free(crypt->rtcp_in);
        for (size_t i = 0; i < crypt->n_seen; i++)
                free(crypt->seen[i].rtp);
        free(crypt->seen);
        explicit_bzero(crypt->remote, sizeof(crypt->remote));
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

static uint16_t read_u16(const uint8_t *at)
{
        struct rd r = rd_init(at, 2);

        return rd_u16(&r);
}

/* NULL: not seen yet. */
static struct inbound *find(struct media_crypt *crypt, uint32_t ssrc)
{
        if (crypt->last < crypt->n_seen && crypt->seen[crypt->last].ssrc == ssrc)
                return &crypt->seen[crypt->last];
        for (size_t i = 0; i < crypt->n_seen; i++) {
                if (crypt->seen[i].ssrc == ssrc) {
                        crypt->last = i;
                        return &crypt->seen[i];
                }
        }
        return NULL;
}

/* A place for one more, before it is known to be authentic. */
static bool has_room(struct media_crypt *crypt)
{
        size_t cap = crypt->cap_seen ? 2 * crypt->cap_seen : FIRST_SEEN;
        struct inbound *seen;

        if (crypt->n_seen < crypt->cap_seen)
                return true;
        if (cap > MEDIA_CRYPT_MAX_INBOUND)
                return false;
        seen = reallocarray(crypt->seen, cap, sizeof(*seen));
        if (!seen)
                return false;
        crypt->seen = seen;
        crypt->cap_seen = cap;
        return true;
}

static struct inbound *add(struct media_crypt *crypt, uint32_t ssrc)
{
        crypt->seen[crypt->n_seen] = (struct inbound){ .ssrc = ssrc };
        return &crypt->seen[crypt->n_seen++];
}

typedef srtp_err_status_t (*libsrtp_fn)(srtp_t session, void *data, int *len);

static int unprotect(struct media_crypt *crypt, libsrtp_fn open, uint8_t *data, size_t *len,
                     uint32_t ssrc)
{
        bool known = find(crypt, ssrc) != NULL;
        int n = (int)*len;

        /* The library keeps a stream per SSRC for ever; bound it before it does. */
        if (!known && !has_room(crypt))
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
                add(crypt, ssrc);
        *len = (size_t)n;
        return 0;
}

/* Of an RTP packet that may be anything, in len bytes; 0: it does not fit. */
static size_t rtp_header_len(const uint8_t *data, size_t len)
{
        size_t header = RTP_HEADER + (data[0] & 0x0fu) * 4u;

        if (data[0] & 0x10) {
                if (header + 4 > len)
                        return 0;
                header += 4 + (data[header + 2] * 256u + data[header + 3]) * 4u;
        }
        return header <= len ? header : 0;
}

static bool has_rtp_in(struct media_crypt *crypt)
{
        if (crypt->rtp_in)
                return true;
        if (srtp_gcm_new(&crypt->rtp_in, SRTP_GCM_RTP, crypt->remote,
                         crypt->remote + SRTP_GCM_KEY) < 0)
                return false; /* the next packet tries again */
        explicit_bzero(crypt->remote, sizeof(crypt->remote));
        return true;
}

static int unprotect_rtp(struct media_crypt *crypt, uint8_t *data, size_t *len)
{
        static const struct srtp_window nothing;
        struct inbound *from = find(crypt, read_u32(data + 8));
        const struct srtp_window *window = from && from->rtp ? from->rtp : &nothing;
        uint64_t index = srtp_window_index(window, read_u16(data + 2));
        size_t header = *len < SRTP_GCM_TAG ? 0 : rtp_header_len(data, *len - SRTP_GCM_TAG);

        if (header == 0 || !has_rtp_in(crypt))
                return MEDIA_CRYPT_E_AUTH;
        if (!from && !has_room(crypt))
                return MEDIA_CRYPT_E_TOO_MANY;
        if (srtp_window_has(window, index))
                return MEDIA_CRYPT_E_REPLAY;
        if (srtp_gcm_unprotect(crypt->rtp_in, data, header, *len, index))
                return MEDIA_CRYPT_E_AUTH;
        if (!from)
                from = add(crypt, read_u32(data + 8));
        if (!from->rtp)
                from->rtp = calloc(1, sizeof(*from->rtp));
        if (!from->rtp)
                return MEDIA_CRYPT_E_TOO_MANY; /* for the memory there is */
        srtp_window_note(from->rtp, index);
        *len -= SRTP_GCM_TAG;
        return 0;
}

int media_crypt_unprotect_rtp(struct media_crypt *crypt, uint8_t *data, size_t *len)
{
        if (*len < RTP_HEADER)
                return MEDIA_CRYPT_E_TOO_SHORT;
        if (crypt->profile == MEDIA_CRYPT_AEAD_AES_128_GCM)
                return unprotect_rtp(crypt, data, len);
        return unprotect(crypt, srtp_unprotect, data, len, read_u32(data + 8));
}

/* RFC 3711 §3.3.2. */
static bool is_replay(const struct inbound *from, uint32_t index)
{
        uint32_t age = from->newest - index;

        if (from->came == 0 || index > from->newest)
                return false;
        return age >= RTCP_WINDOW || (from->came >> age & 1) != 0;
}

static void note_index(struct inbound *from, uint32_t index)
{
        uint32_t ahead = index - from->newest;

        if (from->came > 0 && index <= from->newest) {
                from->came |= 1ull << (from->newest - index);
                return;
        }
        from->came = from->came > 0 && ahead < RTCP_WINDOW ? from->came << ahead | 1 : 1;
        from->newest = index;
}

static int unprotect_rtcp(struct media_crypt *crypt, uint8_t *data, size_t *len)
{
        uint32_t ssrc = read_u32(data + 4), word, index;
        struct inbound *from = find(crypt, ssrc);

        if (*len < SRTP_GCM_RTCP_MIN)
                return MEDIA_CRYPT_E_AUTH;
        word = read_u32(data + *len - 4);
        index = word & ~SRTP_GCM_RTCP_ENCRYPTED;
        if (!from && !has_room(crypt))
                return MEDIA_CRYPT_E_TOO_MANY;
        if (from && is_replay(from, index))
                return MEDIA_CRYPT_E_REPLAY;
        if (srtp_gcm_unprotect_rtcp(crypt->rtcp_in, data, *len, word))
                return MEDIA_CRYPT_E_AUTH;
        note_index(from ? from : add(crypt, ssrc), index);
        *len -= SRTP_GCM_RTCP_TRAILER;
        return 0;
}

int media_crypt_unprotect_rtcp(struct media_crypt *crypt, uint8_t *data, size_t *len)
{
        if (*len < RTCP_HEADER)
                return MEDIA_CRYPT_E_TOO_SHORT;
        if (crypt->rtcp_in)
                return unprotect_rtcp(crypt, data, len);
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
        if (crypt->rtp_out)
                srtp_gcm_prefetch(crypt->rtp_out, step);
}

void media_crypt_prefetch_rtcp(const struct media_crypt *crypt, unsigned step)
{
        if (crypt->rtcp_in)
                srtp_gcm_prefetch(crypt->rtcp_in, step);
        if (step == 0)
                prefetch_lines(crypt->seen, 1);
}

int media_crypt_protect_rtp(struct media_crypt *crypt, uint8_t *data, size_t *len, uint32_t ext)
{
        uint64_t round = (ext >> 16) - (FIRST_EXT >> 16);

        crypt->spent |= ext < FIRST_EXT;
        if (crypt->spent)
                return -EINVAL;
        if (!crypt->rtp_out)
                return protect(crypt, srtp_protect, data, len);
        if (srtp_gcm_protect(crypt->rtp_out, data, rtp_header_len(data, *len), *len,
                             round << 16 | read_u16(data + 2)) < 0)
                return -EINVAL;
        *len += SRTP_GCM_TAG;
        return 0;
}

/* One row of indexes for all SSRCs: a receiver only wants them to grow. */
int media_crypt_protect_rtcp(struct media_crypt *crypt, uint8_t *data, size_t *len)
{
        if (!crypt->rtcp_out)
                return protect(crypt, srtp_protect_rtcp, data, len);
        if (*len < RTCP_HEADER || crypt->rtcp_index == RTCP_SPENT ||
            srtp_gcm_protect_rtcp(crypt->rtcp_out, data, *len, ++crypt->rtcp_index) < 0)
                return -EINVAL;
        *len += SRTP_GCM_RTCP_TRAILER;
        return 0;
}
