/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls_client — DTLS-SRTP (RFC 5764) towards the server, over a connected
 *               socket; ends in two libsrtp sessions.
 *
 * Layer:  load/io.
 * Owner:  the guest; the identity is shared by a run.
 * Thread: its owner's.
 */
#ifndef LOAD_IO_DTLS_CLIENT_H
#define LOAD_IO_DTLS_CLIENT_H

#include <openssl/ssl.h>
#include <srtp2/srtp.h>

#include "base/base.h"

/* One certificate for all clients of a run. */
struct client_identity {
        SSL_CTX *ctx;
        BIO_METHOD *method;
        char fingerprint[96];
};

must_use int client_identity_init(struct client_identity *identity);
void client_identity_done(struct client_identity *identity);

struct dtls_client;

enum dtls_state { DTLS_UNDER_WAY, DTLS_DONE, DTLS_FAILED };

must_use int dtls_client_new(struct dtls_client **ret_client,
                             const struct client_identity *identity, int fd,
                             const char *fingerprint);
struct dtls_client *dtls_client_free(struct dtls_client *client); /* accepts NULL */

/* Says hello, or takes a datagram, or the time's passing (data NULL). */
enum dtls_state dtls_client_step(struct dtls_client *client, const uint8_t *data, size_t len);

/* After DTLS_DONE: two sessions that the caller owns. Returns 0 or -errno. */
must_use int dtls_client_sessions(struct dtls_client *client, srtp_t *ret_in, srtp_t *ret_out);

#endif
