/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls_goodbye — all that is wanted of a DTLS session once its keys are
 *                exported: to understand close_notify and to say it. 154 bytes
 *                in place of the 40 kB that OpenSSL keeps per session. The keys are
 *                derived when one comes or goes: until then that is not worth
 *                what it costs, which is more than to give the 40 kB back.
 *
 * Layer:  core. Pure but for randomness: OpenSSL's.
 * Owner:  struct dtls.
 *
 * An alert of epoch 1 under AES-128-GCM (RFC 5288 §3, RFC 6347 §4.1.2): record
 * header, explicit nonce, 2 bytes, tag. Our own record number is far above
 * whatever OpenSSL used, and the explicit nonce is random as OpenSSL's is.
 */
#ifndef SFU_CORE_DTLS_GOODBYE_H
#define SFU_CORE_DTLS_GOODBYE_H

#include <openssl/types.h>

#include "base/base.h"

enum {
        DTLS_GOODBYE_KEY = 16,
        DTLS_GOODBYE_SALT = 4,
        DTLS_GOODBYE_MASTER = 48, /* RFC 5246 §8.1, §7.4.1.2 */
        DTLS_GOODBYE_RANDOM = 32,
        DTLS_GOODBYE_BYTES = 13 + 8 + 2 + 16,
};

struct dtls_goodbye_side {
        uint8_t key[DTLS_GOODBYE_KEY], salt[DTLS_GOODBYE_SALT];
};

struct dtls_goodbye {
        bool server, derived;
        uint8_t master[DTLS_GOODBYE_MASTER], randoms[2 * DTLS_GOODBYE_RANDOM]; /* !derived */
        struct dtls_goodbye_side in, out;                                      /* derived */
};

/* ssl: connected. Returns 0; -ENOTSUP for another cipher than AES-128-GCM with
 * SHA-256. */
must_use int dtls_goodbye_init(struct dtls_goodbye *ret_goodbye, const SSL *ssl);

/* Is this datagram an authentic alert that ends the session (RFC 5246 §7.2)? */
must_use bool dtls_goodbye_heard(struct dtls_goodbye *goodbye, const uint8_t *data, size_t len);

/* Writes close_notify, DTLS_GOODBYE_BYTES. Once per session. 0 or -EIO. */
must_use int dtls_goodbye_write(struct dtls_goodbye *goodbye, uint8_t *ret);

#endif
