/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_crypt — SRTP and SRTCP of one peer, both directions (RFC 3711,
 *               RFC 7714 AES-GCM), keyed by DTLS (RFC 5764). AES-GCM is srtp_gcm's;
 *               the other profile libsrtp's, which only this file knows.
 *
 * Layer:  core. No I/O, no clock, no logging.
 * Owner:  the peer's transport.
 * Thread: the worker's; media_crypt_global_init() once before threads start.
 *
 * Invariants:
 *  (1) at most MEDIA_CRYPT_MAX_INBOUND different SSRCs are ever accepted from a
 *      peer, and one takes a place only with a packet that verified. Only the first
 *      packets allocate: the peer's first RTP packet the cipher for RTP, an SSRC's
 *      first its window, one of an unknown SSRC room for places, before it is known
 *      to be authentic. All of it is bounded by the places.
 *  (2) protection works in place and appends at most MEDIA_CRYPT_TRAILER bytes.
 *  (3) extended sequence numbers of what is sent begin in 0x10000..0x17fff. One
 *      below that has wrapped after 2^32 packets: then nothing more is protected,
 *      for each further one would use a nonce again.
 */
#ifndef SFU_CORE_MEDIA_CRYPT_H
#define SFU_CORE_MEDIA_CRYPT_H

#include "base/base.h"

enum {
        /* GCM tag 16 (RFC 7714 §12), or HMAC-SHA1-80 10; SRTCP adds its 4-byte index. */
        MEDIA_CRYPT_TRAILER = 20,
        MEDIA_CRYPT_MAX_INBOUND = 64,
        MEDIA_CRYPT_KEY_CAP = 30, /* key 16 + salt 14 of AES-CM; GCM has salt 12 */
};

enum media_crypt_profile {
        MEDIA_CRYPT_AES128_CM_SHA1_80 = 1, /* RFC 5764 §4.1.2 */
        MEDIA_CRYPT_AEAD_AES_128_GCM = 7,  /* RFC 7714 §14.2 */
};

/* Master key followed by master salt, per direction. */
struct media_crypt_keys {
        enum media_crypt_profile profile;
        uint8_t local[MEDIA_CRYPT_KEY_CAP];  /* protects what we send */
        uint8_t remote[MEDIA_CRYPT_KEY_CAP]; /* protects what the peer sends */
};

enum media_crypt_err {
        MEDIA_CRYPT_E_AUTH = 1,  /* tag does not verify, or not RTP at all */
        MEDIA_CRYPT_E_REPLAY,    /* seen before, or older than the window */
        MEDIA_CRYPT_E_TOO_MANY,  /* SSRCs */
        MEDIA_CRYPT_E_TOO_SHORT, /* not even a fixed header */
};

struct media_crypt;

size_t media_crypt_key_len(enum media_crypt_profile profile);
size_t media_crypt_salt_len(enum media_crypt_profile profile);

/* "AEAD_AES_128_GCM" and the like, as IANA writes it. */
const char *media_crypt_profile_name(enum media_crypt_profile profile);

/* Which libraries these are, and which build of libsrtp, for the log. */
const char *media_crypt_library(void);

/* Once per process; further calls do nothing. Returns 0 or -EIO. */
must_use int media_crypt_global_init(void);

/* Returns 0, -ENOMEM or -EIO (the library refused the keys). Copies the keys. */
must_use int media_crypt_new(struct media_crypt **ret_crypt, const struct media_crypt_keys *keys);
struct media_crypt *media_crypt_free(struct media_crypt *crypt); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct media_crypt *, media_crypt_free)

enum media_crypt_profile media_crypt_profile(const struct media_crypt *crypt);

/* Verify and decrypt data[0..*len) in place; *len shrinks on success and is
 * untouched on failure. Return 0 or an enum media_crypt_err. */
must_use int media_crypt_unprotect_rtp(struct media_crypt *crypt, uint8_t *data, size_t *len);
must_use int media_crypt_unprotect_rtcp(struct media_crypt *crypt, uint8_t *data, size_t *len);

/* Has the cache load what media_crypt_protect_rtp() will touch, in steps from 0 on;
 * before the first, the lines at crypt itself. */
void media_crypt_prefetch(const struct media_crypt *crypt, unsigned step);

/* The same for media_crypt_unprotect_rtcp(), two lines at crypt. */
void media_crypt_prefetch_rtcp(const struct media_crypt *crypt, unsigned step);

/* Encrypt data[0..*len) in place; the buffer has MEDIA_CRYPT_TRAILER more
 * bytes. Return 0, or -EINVAL for a packet the library will not send (a
 * sequence number used before: it would break the cipher).
 * ext: the packet's extended sequence number, see (3). */
must_use int media_crypt_protect_rtp(struct media_crypt *crypt, uint8_t *data, size_t *len,
                                     uint32_t ext);
must_use int media_crypt_protect_rtcp(struct media_crypt *crypt, uint8_t *data, size_t *len);

#endif
