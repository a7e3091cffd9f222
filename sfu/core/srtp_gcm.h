/* SPDX-License-Identifier: Apache-2.0 */
/*
 * srtp_gcm — protects outgoing RTP with AEAD_AES_128_GCM (RFC 7714), straight on
 *            OpenSSL.
 *
 * It is the sender's half of what libsrtp does, for the one profile and the one
 * direction that carry nearly all the work: a packet for each of a thousand
 * subscribers. libsrtp looks the SSRC up in a list whose every element is a cache
 * line, keeps a window of what it sent, and asks OpenSSL 3 by name for what it
 * knows: 5,700 instructions for 1,100 bytes, of which the cipher is 1,300. Here it
 * is 4,400 on five cache lines less, and no memory for each SSRC.
 *
 * Layer:  core.
 * Owner:  the peer's media_crypt.
 * Thread: the worker's.
 *
 * Invariants:
 *  (1) a nonce is (SSRC, index). The caller gives an index to one packet only; the
 *      same packet again, byte for byte, is safe.
 */
#ifndef SFU_CORE_SRTP_GCM_H
#define SFU_CORE_SRTP_GCM_H

#include "base/base.h"

enum { SRTP_GCM_KEY = 16, SRTP_GCM_SALT = 12, SRTP_GCM_TAG = 16 };

struct srtp_gcm;

/* Derives the session's key and salt from the master's (RFC 3711 §4.3, no
 * re-keying). Returns 0, -ENOMEM, or -EIO: the library refused. */
must_use int srtp_gcm_new(struct srtp_gcm **ret_gcm, const uint8_t *master_key,
                          const uint8_t *master_salt);
struct srtp_gcm *srtp_gcm_free(struct srtp_gcm *gcm); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct srtp_gcm *, srtp_gcm_free)

/* Has the cache load what srtp_gcm_protect() will touch: step 0 what lies at gcm, 1
 * what that points to. */
void srtp_gcm_prefetch(const struct srtp_gcm *gcm, unsigned step);

/* Encrypts data[header_len..len) in place and appends SRTP_GCM_TAG bytes; the
 * header (12 bytes and more) is authenticated. roc: the rollover counter of the
 * packet's sequence number. Returns 0 or -EIO. */
must_use int srtp_gcm_protect(struct srtp_gcm *gcm, uint8_t *data, size_t header_len, size_t len,
                              uint32_t roc);

#endif
