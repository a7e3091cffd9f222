/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls — DTLS 1.2 handshake and shutdown of one peer, for DTLS-SRTP keys
 *        (RFC 6347, RFC 5764, RFC 8842). With dtls_identity, the only files
 *        that know OpenSSL's TLS.
 *
 * Layer:  core. Datagrams go in by dtls_on_datagram() and are taken out by
 *         dtls_poll(); no sockets.
 * Owner:  one context per process; the peer's transport owns its session. A
 *         session must go before its context.
 * Thread: the context may be shared by workers once made; a session belongs
 *         to one worker.
 * Clock:  OpenSSL keeps the retransmission timer itself, by the real clock;
 *         dtls_deadline_us() converts what is left of it to the caller's
 *         clock. The first retransmission comes after initial_timeout_us.
 *
 * States: DTLS_HANDSHAKING → DTLS_CONNECTED (keys may be exported)
 *                          → DTLS_CLOSED    (close_notify seen, or dtls_close())
 *         any              → DTLS_FAILED    (alert, wrong certificate, gave up)
 *
 * Invariants:
 *  (1) the peer's certificate has the fingerprint of its SDP before the state
 *      is DTLS_CONNECTED.
 *  (2) no datagram that dtls_poll() yields is longer than DTLS_MTU.
 *  (3) at most DTLS_MAX_PENDING datagrams wait for dtls_poll(); more are
 *      dropped like on any network, and retransmitted.
 */
#ifndef SFU_CORE_DTLS_H
#define SFU_CORE_DTLS_H

#include "base/base.h"
#include "sfu/core/media_crypt.h"

enum {
        DTLS_MTU = 1200, /* what every path carries: IPv6's 1280 less headers */
        DTLS_MAX_PENDING = 32,
        DTLS_FINGERPRINT = 32, /* sha-256 */
};

enum dtls_state { DTLS_HANDSHAKING, DTLS_CONNECTED, DTLS_CLOSED, DTLS_FAILED };

struct dtls_context;
struct dtls;

/* pem: an EC or RSA private key and its certificate, in any order. Returns 0,
 * -ENOMEM, or -EINVAL if they cannot be used. */
must_use int dtls_context_new(struct dtls_context **ret_context, const char *pem, size_t pem_len);
struct dtls_context *dtls_context_free(struct dtls_context *context); /* accepts NULL */
DEFINE_CLEANUP(struct dtls_context *, dtls_context_free)

/* sha-256 of our certificate, DTLS_FINGERPRINT bytes, for the SDP. */
const uint8_t *dtls_context_fingerprint(const struct dtls_context *context);

struct dtls_params {
        bool client;                 /* we send the ClientHello (RFC 8842: a=setup:active) */
        const uint8_t *fingerprint;  /* DTLS_FINGERPRINT bytes, the peer's; copied */
        uint32_t initial_timeout_us; /* 0: a default fit for networks */
};

/* Returns 0 or -ENOMEM. As client, dtls_start() makes the first flight. */
must_use int dtls_new(struct dtls **ret_dtls, struct dtls_context *context,
                      const struct dtls_params *params);
struct dtls *dtls_free(struct dtls *dtls); /* accepts NULL */
DEFINE_CLEANUP(struct dtls *, dtls_free)

void dtls_start(struct dtls *dtls);

/* One datagram of the peer. Returns false if it was no use at all: garbage, or
 * the session is over. Look at dtls_state() and dtls_poll() afterwards. */
bool dtls_on_datagram(struct dtls *dtls, const uint8_t *data, size_t len);

/* Call when dtls_deadline_us() has passed. */
void dtls_on_timeout(struct dtls *dtls);
int64_t dtls_deadline_us(const struct dtls *dtls, int64_t now_us); /* INT64_MAX: none */

/* Copies the next datagram to send to ret (cap >= DTLS_MTU); 0 when none. */
size_t dtls_poll(struct dtls *dtls, uint8_t *ret, size_t cap);

enum dtls_state dtls_state(const struct dtls *dtls);

/* Why it failed, one word or a few for the log; "" before. */
const char *dtls_failure(const struct dtls *dtls);

/* In state DTLS_CONNECTED, before dtls_settle(). Returns 0, or -EPROTO if no SRTP profile was agreed. */
must_use int dtls_export_keys(const struct dtls *dtls, struct media_crypt_keys *ret_keys);

/* When the keys are exported and no message of the handshake can be missing any
 * more: gives OpenSSL's session (40 kB) back. Goodbyes are still said and heard. */
void dtls_settle(struct dtls *dtls);

/* Queues close_notify when there is a connection; the state becomes DTLS_CLOSED. */
void dtls_close(struct dtls *dtls);

/* True for a datagram that begins with a ClientHello (for rate limits). */
bool dtls_is_client_hello(const uint8_t *data, size_t len);

/* A new ECDSA P-256 key with a self-signed certificate, as PEM. Returns 0 and
 * hands a NUL-terminated text (free()) through *ret_pem, or -ENOMEM.
 * wall_us: since 1970, for the validity. */
must_use int dtls_identity_make(char **ret_pem, int64_t wall_us);

#endif
