/* SPDX-License-Identifier: Apache-2.0 */
/*
 * srtp_gcm — SRTP and SRTCP with AEAD_AES_128_GCM (RFC 7714), one direction of one of
 *            them: the profile that carries nearly all the work, a packet for each
 *            of a thousand subscribers and their reports.
 *
 * libsrtp looks the SSRC up in a list whose every element is a cache line, keeps a
 * cipher for each SSRC and a window of what it sent, and asks OpenSSL 3 by name for
 * what it knows: 5,700 instructions for 1,100 bytes, of which the cipher is 1,300. So
 * this does without libsrtp, and the cipher is GnuTLS's, which libnice brings along:
 * the same assembly language with less around it.
 *
 * Layer:  core.
 * Owner:  the peer's media_crypt.
 * Thread: the worker's.
 *
 * Invariants:
 *  (1) a nonce is (SSRC, index). The caller gives an index to one packet only; the
 *      same packet again, byte for byte, is safe.
 *  (2) what comes in is authentic, but may have come before: replays are the caller's
 *      to find, by the index.
 */
#ifndef SFU_CORE_SRTP_GCM_H
#define SFU_CORE_SRTP_GCM_H

#include "base/base.h"

enum { SRTP_GCM_KEY = 16, SRTP_GCM_SALT = 12, SRTP_GCM_TAG = 16 };

/* Which of the session's keys: an srtp_gcm is for one direction of one of these. */
enum srtp_gcm_use { SRTP_GCM_RTP, SRTP_GCM_RTCP };

struct srtp_gcm;

/* Which library the cipher is of, for the log. */
const char *srtp_gcm_library(void);

/* Derives the session's key and salt from the master's (RFC 3711 §4.3, no
 * re-keying). Returns 0, -ENOMEM, or -EIO: the library refused. */
must_use int srtp_gcm_new(struct srtp_gcm **ret_gcm, enum srtp_gcm_use use,
                          const uint8_t *master_key, const uint8_t *master_salt);
struct srtp_gcm *srtp_gcm_free(struct srtp_gcm *gcm); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct srtp_gcm *, srtp_gcm_free)

/* Has the cache load what srtp_gcm_protect() will touch: step 0 what lies at gcm, 1
 * what that points to. */
void srtp_gcm_prefetch(const struct srtp_gcm *gcm, unsigned step);

/* RTP. Encrypts data[header_len..len) in place and appends SRTP_GCM_TAG bytes; the
 * header (12 bytes and more) is authenticated. index: the packet's sequence number and
 * before it the rollover counter, 48 bits. Returns 0 or -EIO. */
must_use int srtp_gcm_protect(struct srtp_gcm *gcm, uint8_t *data, size_t header_len, size_t len,
                              uint64_t index);

/* RTP. Verifies and decrypts data[header_len..len) in place, the tag included, which
 * is its last SRTP_GCM_TAG bytes. Returns 0, or 1: it is not authentic, and data is
 * undefined. */
must_use int srtp_gcm_unprotect(struct srtp_gcm *gcm, uint8_t *data, size_t header_len, size_t len,
                                uint64_t index);

/* RTCP: 8 bytes of header, what is encrypted, the tag, and a word of flag and index. */
#define SRTP_GCM_RTCP_ENCRYPTED 0x80000000u
enum { SRTP_GCM_RTCP_TRAILER = SRTP_GCM_TAG + 4, SRTP_GCM_RTCP_MIN = 8 + SRTP_GCM_RTCP_TRAILER };

/* Encrypts data[0..len), of 8 bytes and more, in place and appends SRTP_GCM_RTCP_TRAILER
 * bytes. index: 31 bits. Returns 0 or -EIO. */
must_use int srtp_gcm_protect_rtcp(struct srtp_gcm *gcm, uint8_t *data, size_t len, uint32_t index);

/* Verifies and decrypts data[0..len), of SRTP_GCM_RTCP_MIN bytes and more, in place; it
 * is SRTP_GCM_RTCP_TRAILER bytes shorter then. word: its last. Returns 0, or 1: it is
 * not authentic, or not encrypted, and data is undefined. */
must_use int srtp_gcm_unprotect_rtcp(struct srtp_gcm *gcm, uint8_t *data, size_t len,
                                     uint32_t word);

#endif
