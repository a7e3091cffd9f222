/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_ctx — the certificate new TLS connections get, exchangeable while the
 *           server runs.
 *
 * Owner: the server; signalling thread. Wraps OpenSSL.
 */
#ifndef SIGNALING_IO_TLS_CTX_H
#define SIGNALING_IO_TLS_CTX_H

#include <openssl/ssl.h>

#include "base/base.h"

struct tls_ctx;

/* Loads a PEM chain and its key. Returns 0, -ENOMEM, or -EINVAL when they cannot
 * be used together. */
must_use int tls_ctx_new(struct tls_ctx **ret_tls, const char *cert_path, const char *key_path);
struct tls_ctx *tls_ctx_free(struct tls_ctx *tls);

/* Makes ctx (borrowed; must not outlive tls) take its certificate from tls in
 * each handshake, with TLS 1.2 as the least version. */
void tls_ctx_attach(struct tls_ctx *tls, SSL_CTX *ctx);

/* As tls_ctx_new(); on failure the old certificate stays. */
must_use int tls_ctx_reload(struct tls_ctx *tls, const char *cert_path, const char *key_path);

/* A browser that once saw HSTS can no longer accept a self-signed certificate. */
bool tls_ctx_is_self_signed(const struct tls_ctx *tls);

#endif
