/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/io/tls_ctx.h"

#include <errno.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

struct tls_ctx {
        SSL_CTX *pair; /* never serves: holds certificate, chain and key of one load */
};

static int load_pair(SSL_CTX **ret_pair, const char *cert_path, const char *key_path)
{
        SSL_CTX *pair = SSL_CTX_new(TLS_server_method());

        if (!pair)
                return -ENOMEM;
        if (SSL_CTX_use_certificate_chain_file(pair, cert_path) != 1 ||
            SSL_CTX_use_PrivateKey_file(pair, key_path, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_check_private_key(pair) != 1) {
                ERR_clear_error();
                SSL_CTX_free(pair);
                return -EINVAL;
        }
        *ret_pair = pair;
        return 0;
}

int tls_ctx_new(struct tls_ctx **ret_tls, const char *cert_path, const char *key_path)
{
        struct tls_ctx *tls = calloc(1, sizeof(*tls));
        int r = tls ? load_pair(&tls->pair, cert_path, key_path) : -ENOMEM;

        if (r < 0) {
                free(tls);
                return r;
        }
        *ret_tls = tls;
        return 0;
}

struct tls_ctx *tls_ctx_free(struct tls_ctx *tls)
{
        if (tls)
                SSL_CTX_free(tls->pair);
        free(tls);
        return NULL;
}

/* Runs in each handshake, before the cipher is chosen. */
static int choose_certificate(SSL *ssl, void *user)
{
        const struct tls_ctx *tls = user;
        STACK_OF(X509) *chain = NULL;

        SSL_CTX_get0_chain_certs(tls->pair, &chain);
        return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(tls->pair),
                                    SSL_CTX_get0_privatekey(tls->pair), chain, 1);
}

void tls_ctx_attach(struct tls_ctx *tls, SSL_CTX *ctx)
{
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
        SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
        /* A record at a time, so that a full socket is noticed between two of them. */
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_cert_cb(ctx, choose_certificate, tls);
        /* One name or many, it is one certificate: libwebsockets must not look
         * for another virtual host by the name the client sent. */
        SSL_CTX_set_tlsext_servername_callback(ctx, NULL);
}

int tls_ctx_reload(struct tls_ctx *tls, const char *cert_path, const char *key_path)
{
        SSL_CTX *pair;
        int r = load_pair(&pair, cert_path, key_path);

        if (r < 0)
                return r;
        SSL_CTX_free(tls->pair);
        tls->pair = pair;
        return 0;
}

bool tls_ctx_is_self_signed(const struct tls_ctx *tls)
{
        X509 *cert = SSL_CTX_get0_certificate(tls->pair);

        return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}
