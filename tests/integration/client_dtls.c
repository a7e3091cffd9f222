/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/client_dtls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "client_dtls: %s failed\n", what);
        abort();
}

static void fingerprint_text(X509 *cert, char ret[96])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        must(X509_digest(cert, EVP_sha256(), digest, &n) == 1, "digest");
        for (unsigned i = 0; i < n; i++)
                sprintf(ret + 3 * i, i + 1 < n ? "%02X:" : "%02X", digest[i]);
}

void client_dtls_fingerprint(const struct client *client, char ret[96])
{
        fingerprint_text(SSL_CTX_get0_certificate(client->ssl_ctx), ret);
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
        (void)ok;
        (void)store;
        return 1; /* compared with the answer once connected */
}

static int bio_write(BIO *bio, const char *data, int len)
{
        client_send_raw(BIO_get_data(bio), data, (size_t)len);
        return len;
}

static int bio_read(BIO *bio, char *ret, int cap)
{
        struct client *client = BIO_get_data(bio);
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

static X509 *self_signed(EVP_PKEY *key)
{
        X509 *cert = X509_new();

        must(cert && X509_set_version(cert, 2) == 1 &&
                     ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1 &&
                     X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
                     X509_gmtime_adj(X509_getm_notAfter(cert), 3600) &&
                     X509_set_pubkey(cert, key) == 1 && X509_sign(cert, key, EVP_sha256()) > 0,
             "certificate");
        return cert;
}

void client_dtls_init(struct client *client)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *cert = self_signed(key);
        const char *profiles = client->params.srtp_profiles;

        client->ssl_ctx = SSL_CTX_new(DTLS_method());
        must(client->ssl_ctx && SSL_CTX_use_certificate(client->ssl_ctx, cert) == 1 &&
                     SSL_CTX_use_PrivateKey(client->ssl_ctx, key) == 1,
             "identity");
        must(SSL_CTX_set_tlsext_use_srtp(
                     client->ssl_ctx,
                     profiles ? profiles : "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0,
             "profiles");
        SSL_CTX_set_verify(client->ssl_ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           accept_any);
        SSL_CTX_set_options(client->ssl_ctx, SSL_OP_NO_QUERY_MTU);
        client->bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "nice");
        must(client->bio_method, "BIO");
        BIO_meth_set_write(client->bio_method, bio_write);
        BIO_meth_set_read(client->bio_method, bio_read);
        BIO_meth_set_ctrl(client->bio_method, bio_ctrl);
        X509_free(cert);
        EVP_PKEY_free(key);
}

void client_dtls_done(struct client *client)
{
        if (client->dtls_source)
                g_source_remove(client->dtls_source);
        SSL_free(client->ssl);
        SSL_CTX_free(client->ssl_ctx);
        BIO_meth_free(client->bio_method);
}

static srtp_t make_session(const struct client *client, unsigned char *key, srtp_ssrc_type_t type)
{
        srtp_policy_t policy = { 0 };
        srtp_t session = NULL;

        if (strcmp(client->profile, "SRTP_AEAD_AES_128_GCM") == 0) {
                srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
                srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
        } else {
                srtp_crypto_policy_set_rtp_default(&policy.rtp);
                srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
        }
        policy.ssrc.type = type;
        policy.key = key;
        must(srtp_create(&session, &policy) == srtp_err_status_ok, "srtp_create");
        return session;
}

/* RFC 5764 §4.2: client key, server key, client salt, server salt. */
static void make_sessions(struct client *client)
{
        bool gcm = strcmp(client->profile, "SRTP_AEAD_AES_128_GCM") == 0;
        size_t salt = gcm ? 12 : 14;
        unsigned char material[60], keys[2][30];

        must(SSL_export_keying_material(client->ssl, material, 32 + 2 * salt, "EXTRACTOR-dtls_srtp",
                                        19, NULL, 0, 0) == 1,
             "export");
        for (size_t side = 0; side < 2; side++) {
                memcpy(keys[side], material + 16 * side, 16);
                memcpy(keys[side] + 16, material + 32 + salt * side, salt);
        }
        client->outbound = make_session(client, keys[client->params.dtls_server],
                                        ssrc_any_outbound);
        client->inbound = make_session(client, keys[!client->params.dtls_server], ssrc_any_inbound);
}

static void on_connected(struct client *client)
{
        X509 *cert = SSL_get1_peer_certificate(client->ssl);
        const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(client->ssl);
        char text[96] = "";

        must(cert && profile, "peer certificate or SRTP profile");
        fingerprint_text(cert, text);
        X509_free(cert);
        must(strcasecmp(text, client->fingerprint) == 0, "fingerprint of the server");
        snprintf(client->profile, sizeof(client->profile), "%s", profile->name);
        make_sessions(client);
        client->connected = true;
}

static void step(struct client *client)
{
        uint8_t scratch[1500];
        int r = 1;

        ERR_clear_error();
        if (!client->connected) {
                r = SSL_do_handshake(client->ssl);
                if (r == 1)
                        on_connected(client);
        }
        if (client->connected)
                r = SSL_read(client->ssl, scratch, sizeof(scratch));
        if (r > 0)
                return;
        switch (SSL_get_error(client->ssl, r)) {
        case SSL_ERROR_WANT_READ:
                break;
        case SSL_ERROR_ZERO_RETURN:
                client->closed = true;
                break;
        default:
                client->failed = true;
        }
}

static gboolean on_dtls_tick(gpointer user)
{
        struct client *client = user;

        if (client->connected || client->failed) {
                client->dtls_source = 0;
                return G_SOURCE_REMOVE;
        }
        DTLSv1_handle_timeout(client->ssl);
        return G_SOURCE_CONTINUE;
}

static unsigned repeat_soon(SSL *ssl, unsigned current_us)
{
        (void)ssl;
        (void)current_us;
        return 400 * 1000;
}

void client_dtls_start(struct client *client)
{
        BIO *bio = BIO_new(client->bio_method);

        client->ssl = SSL_new(client->ssl_ctx);
        must(client->ssl && bio, "SSL");
        BIO_set_init(bio, 1);
        BIO_set_data(bio, client);
        SSL_set_bio(client->ssl, bio, bio);
        SSL_set_mtu(client->ssl, 1200);
        if (client->params.dtls_server)
                SSL_set_accept_state(client->ssl);
        else
                SSL_set_connect_state(client->ssl);
        if (client->params.lost_flights > 0)
                DTLS_set_timer_cb(client->ssl, repeat_soon);
        client->dtls_source = g_timeout_add(100, on_dtls_tick, client);
        step(client);
}

void client_dtls_on_datagram(struct client *client, const uint8_t *data, size_t len)
{
        enum { CHANGE_CIPHER_SPEC = 20 }; /* RFC 5246 §6.2.1 */

        if (!client->ssl || client->failed)
                return;
        if (data[0] == CHANGE_CIPHER_SPEC && client->n_lost < client->params.lost_flights) {
                client->n_lost++;
                return;
        }
        client->in = data;
        client->in_len = len;
        step(client);
        client->in_len = 0;
}

void client_close_notify(struct client *client)
{
        SSL_shutdown(client->ssl);
}
