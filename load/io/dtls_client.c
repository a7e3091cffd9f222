/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/dtls_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

enum { MTU = 1200, VALID_S = 7 * 24 * 3600, FINGERPRINT_CHARS = 96 };

struct dtls_client {
        SSL *ssl;
        int fd;
        const uint8_t *in; /* the datagram that OpenSSL reads */
        size_t in_len;
        char fingerprint[FINGERPRINT_CHARS]; /* the server's, of its answer */
};

static int fingerprint_of(X509 *cert, char ret[FINGERPRINT_CHARS])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        if (X509_digest(cert, EVP_sha256(), digest, &n) != 1 || n != 32)
                return -EIO;
        for (unsigned i = 0; i < n; i++)
                sprintf(ret + 3 * (size_t)i, i + 1 < n ? "%02X:" : "%02X", digest[i]);
        return 0;
}

static int bio_write(BIO *bio, const char *data, int len)
{
        const struct dtls_client *client = BIO_get_data(bio);

        /* What the kernel does not take is lost like any datagram. */
        (void)!send(client->fd, data, (size_t)len, MSG_DONTWAIT);
        return len;
}

static int bio_read(BIO *bio, char *ret, int cap)
{
        struct dtls_client *client = BIO_get_data(bio);
        int n = (int)client->in_len;

        BIO_clear_retry_flags(bio);
        if (n == 0) {
                BIO_set_retry_read(bio);
                return -1;
        }
        if (n > cap)
                n = cap;
        memcpy(ret, client->in, (size_t)n);
        client->in_len = 0;
        return n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
        (void)bio;
        (void)num;
        (void)ptr;
        return cmd == BIO_CTRL_FLUSH;
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
        (void)ok;
        (void)store;
        return 1; /* its fingerprint is compared with the answer's */
}

static int self_sign(struct client_identity *identity)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *cert = X509_new();
        int r = -EIO;

        if (key && cert && X509_set_version(cert, 2) == 1 &&
            ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
            X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
            X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S) && X509_set_pubkey(cert, key) == 1 &&
            X509_sign(cert, key, EVP_sha256()) > 0 &&
            SSL_CTX_use_certificate(identity->ctx, cert) == 1 &&
            SSL_CTX_use_PrivateKey(identity->ctx, key) == 1)
                r = fingerprint_of(cert, identity->fingerprint);
        X509_free(cert);
        EVP_PKEY_free(key);
        return r;
}

int client_identity_init(struct client_identity *identity)
{
        int r;

        *identity = (struct client_identity){
                .ctx = SSL_CTX_new(DTLS_client_method()),
                .method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "datagrams"),
        };
        if (!identity->ctx || !identity->method) {
                client_identity_done(identity);
                return -ENOMEM;
        }
        BIO_meth_set_write(identity->method, bio_write);
        BIO_meth_set_read(identity->method, bio_read);
        BIO_meth_set_ctrl(identity->method, bio_ctrl);
        SSL_CTX_set_verify(identity->ctx, SSL_VERIFY_PEER, accept_any);
        SSL_CTX_set_options(identity->ctx, SSL_OP_NO_QUERY_MTU);
        SSL_CTX_set_mode(identity->ctx, SSL_MODE_RELEASE_BUFFERS);
        r = SSL_CTX_set_tlsext_use_srtp(identity->ctx,
                                        "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0
                    ? self_sign(identity)
                    : -EIO;
        if (r < 0)
                client_identity_done(identity);
        return r;
}

void client_identity_done(struct client_identity *identity)
{
        SSL_CTX_free(identity->ctx);
        BIO_meth_free(identity->method);
        *identity = (struct client_identity){ 0 };
}

int dtls_client_new(struct dtls_client **ret_client, const struct client_identity *identity, int fd,
                    const char *fingerprint)
{
        struct dtls_client *client = calloc(1, sizeof(*client));
        BIO *bio = BIO_new(identity->method);

        if (client)
                client->ssl = SSL_new(identity->ctx);
        if (!client || !bio || !client->ssl) {
                BIO_free(bio);
                dtls_client_free(client);
                return -ENOMEM;
        }
        client->fd = fd;
        snprintf(client->fingerprint, sizeof(client->fingerprint), "%s", fingerprint);
        BIO_set_init(bio, 1);
        BIO_set_data(bio, client);
        SSL_set_bio(client->ssl, bio, bio);
        SSL_set_mtu(client->ssl, MTU);
        SSL_set_connect_state(client->ssl);
        *ret_client = client;
        return 0;
}

struct dtls_client *dtls_client_free(struct dtls_client *client)
{
        if (!client)
                return NULL;
        SSL_free(client->ssl);
        free(client);
        return NULL;
}

static bool is_the_server(struct dtls_client *client)
{
        X509 *cert = SSL_get1_peer_certificate(client->ssl);
        char text[FINGERPRINT_CHARS] = "";
        bool same = cert && fingerprint_of(cert, text) == 0 &&
                    strcasecmp(text, client->fingerprint) == 0;

        X509_free(cert);
        return same;
}

enum dtls_state dtls_client_step(struct dtls_client *client, const uint8_t *data, size_t len)
{
        enum dtls_state state = DTLS_UNDER_WAY;
        int r;

        ERR_clear_error();
        if (!data)
                DTLSv1_handle_timeout(client->ssl);
        client->in = data;
        client->in_len = len;
        r = SSL_do_handshake(client->ssl);
        client->in_len = 0;
        if (r == 1)
                state = is_the_server(client) ? DTLS_DONE : DTLS_FAILED;
        else if (SSL_get_error(client->ssl, r) != SSL_ERROR_WANT_READ)
                state = DTLS_FAILED;
        ERR_clear_error();
        return state;
}

static int make_session(srtp_t *ret_session, bool gcm, unsigned char *key, srtp_ssrc_type_t type)
{
        srtp_policy_t policy = { .key = key, .ssrc = { .type = type }, .window_size = 1024 };

        if (gcm) {
                srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
                srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        } else {
                srtp_crypto_policy_set_rtp_default(&policy.rtp);
                srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        }
        return srtp_create(ret_session, &policy) == srtp_err_status_ok ? 0 : -EIO;
}

/* RFC 5764 §4.2: client key, server key, client salt, server salt. */
int dtls_client_sessions(struct dtls_client *client, srtp_t *ret_in, srtp_t *ret_out)
{
        const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(client->ssl);
        bool gcm = profile && strcmp(profile->name, "SRTP_AEAD_AES_128_GCM") == 0;
        size_t salt = gcm ? 12 : 14;
        unsigned char material[60], keys[2][30];
        int r;

        if (!profile || SSL_export_keying_material(client->ssl, material, 32 + 2 * salt,
                                                   "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) != 1)
                return -EIO;
        for (size_t side = 0; side < 2; side++) {
                memcpy(keys[side], material + 16 * side, 16);
                memcpy(keys[side] + 16, material + 32 + salt * side, salt);
        }
        r = make_session(ret_out, gcm, keys[0], ssrc_any_outbound);
        return r < 0 ? r : make_session(ret_in, gcm, keys[1], ssrc_any_inbound);
}
