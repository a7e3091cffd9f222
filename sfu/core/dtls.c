/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/dtls.h"

#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "sfu/core/dtls_goodbye.h"

enum {
        RECORD_HEADER = 13, /* RFC 6347 §4.1 */
        CONTENT_FIRST = 20, /* change_cipher_spec … application_data: RFC 5246 §6.2.1 */
        CONTENT_HANDSHAKE = 22,
        CONTENT_LAST = 23,
        GCM_OVERHEAD = 8 + 16, /* explicit nonce and tag: RFC 5288 §3 */
        HANDSHAKE_CLIENT_HELLO = 1,
        /* RFC 6347 §4.2.4 says 1 s; calls start sooner with less, and mobile
         * round trips of 200 ms are common. */
        INITIAL_TIMEOUT_US = 250 * 1000,
        MAX_TIMEOUT_US = 2 * 1000 * 1000,
        MAX_CERT_BYTES = 16 * 1024,
};

struct dtls_context {
        SSL_CTX *ssl_ctx;
        BIO_METHOD *bio_method;
        uint8_t fingerprint[DTLS_FINGERPRINT];
};

struct datagram {
        struct datagram *next;
        size_t len;
        uint8_t data[];
};

struct dtls {
        SSL *ssl; /* NULL once settled: */
        struct dtls_goodbye goodbye;
        enum dtls_state state;
        const char *failure; /* static text */
        unsigned initial_timeout_us;
        uint8_t fingerprint[DTLS_FINGERPRINT];
        struct span in; /* the datagram being read; empty: would block */
        struct datagram *out_first, **out_last;
        size_t n_out;
};

/* What finds no room is lost, as a network may lose it. */
static void put_out(struct dtls *dtls, const void *data, size_t len)
{
        struct datagram *datagram;

        if (dtls->n_out == DTLS_MAX_PENDING)
                return;
        datagram = malloc(sizeof(*datagram) + len);
        if (!datagram)
                return;
        datagram->next = NULL;
        datagram->len = len;
        memcpy(datagram->data, data, len);
        *dtls->out_last = datagram;
        dtls->out_last = &datagram->next;
        dtls->n_out++;
}

/* The BIO between OpenSSL and us: one read or write is one datagram. */

static int bio_write(BIO *bio, const char *data, int len)
{
        struct dtls *dtls = BIO_get_data(bio);

        BIO_clear_retry_flags(bio);
        if (len > 0 && len <= DTLS_MTU)
                put_out(dtls, data, (size_t)len);
        return len;
}

static int bio_read(BIO *bio, char *ret, int cap)
{
        struct dtls *dtls = BIO_get_data(bio);
        size_t n = dtls->in.len;

        BIO_clear_retry_flags(bio);
        if (n == 0 || cap <= 0) {
                BIO_set_retry_read(bio);
                return -1;
        }
        if (n > (size_t)cap)
                n = (size_t)cap;
        memcpy(ret, dtls->in.data, n);
        dtls->in = (struct span){ 0 }; /* the rest of a datagram is gone, as with recv() */
        return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
        (void)bio;
        (void)num;
        (void)ptr;
        switch (cmd) {
        case BIO_CTRL_FLUSH:
                return 1;
        case BIO_CTRL_DGRAM_QUERY_MTU:
        case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
                return DTLS_MTU;
        default:
                return 0;
        }
}

static int bio_create(BIO *bio)
{
        BIO_set_init(bio, 1);
        return 1;
}

static BIO_METHOD *bio_method_new(void)
{
        BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "datagrams");

        if (!method)
                return NULL;
        BIO_meth_set_create(method, bio_create);
        BIO_meth_set_write(method, bio_write);
        BIO_meth_set_read(method, bio_read);
        BIO_meth_set_ctrl(method, bio_ctrl);
        return method;
}

/* Takes the place of chain verification: a self-signed certificate is trusted
 * for the fingerprint that signalling vouched for (RFC 8122 §6.2). */
static int verify_fingerprint(X509_STORE_CTX *store, void *user)
{
        SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        X509 *cert = X509_STORE_CTX_get0_cert(store);
        struct dtls *dtls = SSL_get_app_data(ssl);
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;

        (void)user;
        if (cert && X509_digest(cert, EVP_sha256(), digest, &n) == 1 && n == DTLS_FINGERPRINT &&
            CRYPTO_memcmp(digest, dtls->fingerprint, DTLS_FINGERPRINT) == 0)
                return 1;
        dtls->failure = "certificate is not the one of the offer";
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        return 0;
}

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(BIO *, BIO_free)

static int use_identity(struct dtls_context *context, const char *pem, size_t pem_len)
{
        cleanup(BIO_freep) BIO *key_in = BIO_new_mem_buf(pem, (int)pem_len);
        cleanup(BIO_freep) BIO *cert_in = BIO_new_mem_buf(pem, (int)pem_len);
        cleanup(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        cleanup(X509_freep) X509 *cert = NULL;
        unsigned n = 0;

        if (!key_in || !cert_in)
                return -ENOMEM;
        /* A PEM without a pass phrase; never ask the terminal for one. */
        key = PEM_read_bio_PrivateKey(key_in, NULL, NULL, (void *)(uintptr_t) "");
        cert = PEM_read_bio_X509(cert_in, NULL, NULL, (void *)(uintptr_t) "");
        if (!key || !cert || SSL_CTX_use_certificate(context->ssl_ctx, cert) != 1 ||
            SSL_CTX_use_PrivateKey(context->ssl_ctx, key) != 1 ||
            SSL_CTX_check_private_key(context->ssl_ctx) != 1 ||
            X509_digest(cert, EVP_sha256(), context->fingerprint, &n) != 1) {
                ERR_clear_error();
                return -EINVAL;
        }
        return 0;
}

static bool configure(SSL_CTX *ctx)
{
        SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                         SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_max_cert_list(ctx, MAX_CERT_BYTES);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_cert_verify_callback(ctx, verify_fingerprint, NULL);
        /* The first is mandatory in WebRTC (RFC 8827 §6.5); RSA is for agents
         * such as webrtcbin whose certificate is RSA when we are the client.
         * Nothing but AES-GCM: see has_broken_record(). */
        return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
               SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
               SSL_CTX_set_cipher_list(
                       ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                            "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384") == 1 &&
               SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1 &&
               SSL_CTX_set_tlsext_use_srtp(ctx, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") ==
                       0;
}

int dtls_context_new(struct dtls_context **ret_context, const char *pem, size_t pem_len)
{
        cleanup(dtls_context_freep) struct dtls_context *context = calloc(1, sizeof(*context));
        int r;

        if (!context)
                return -ENOMEM;
        context->bio_method = bio_method_new();
        context->ssl_ctx = SSL_CTX_new(DTLS_method());
        if (!context->bio_method || !context->ssl_ctx || !configure(context->ssl_ctx))
                return -ENOMEM;
        r = use_identity(context, pem, pem_len);
        if (r < 0)
                return r;
        *ret_context = take_ptr(context);
        return 0;
}

struct dtls_context *dtls_context_free(struct dtls_context *context)
{
        if (!context)
                return NULL;
        SSL_CTX_free(context->ssl_ctx);
        BIO_meth_free(context->bio_method);
        free(context);
        return NULL;
}

const uint8_t *dtls_context_fingerprint(const struct dtls_context *context)
{
        return context->fingerprint;
}

static unsigned next_timeout_us(SSL *ssl, unsigned current_us)
{
        const struct dtls *dtls = SSL_get_app_data(ssl);

        if (current_us == 0)
                return dtls->initial_timeout_us;
        return current_us * 2 < MAX_TIMEOUT_US ? current_us * 2 : MAX_TIMEOUT_US;
}

int dtls_new(struct dtls **ret_dtls, struct dtls_context *context, const struct dtls_params *params)
{
        cleanup(dtls_freep) struct dtls *dtls = calloc(1, sizeof(*dtls));
        BIO *bio;

        if (!dtls)
                return -ENOMEM;
        dtls->out_last = &dtls->out_first;
        dtls->failure = "";
        dtls->initial_timeout_us = params->initial_timeout_us ? params->initial_timeout_us
                                                              : INITIAL_TIMEOUT_US;
        memcpy(dtls->fingerprint, params->fingerprint, sizeof(dtls->fingerprint));
        dtls->ssl = SSL_new(context->ssl_ctx);
        bio = BIO_new(context->bio_method);
        if (!dtls->ssl || !bio) {
                BIO_free(bio);
                return -ENOMEM;
        }
        BIO_set_data(bio, dtls);
        SSL_set_bio(dtls->ssl, bio, bio);
        SSL_set_app_data(dtls->ssl, dtls);
        SSL_set_mtu(dtls->ssl, DTLS_MTU);
        DTLS_set_timer_cb(dtls->ssl, next_timeout_us);
        if (params->client)
                SSL_set_connect_state(dtls->ssl);
        else
                SSL_set_accept_state(dtls->ssl);
        *ret_dtls = take_ptr(dtls);
        return 0;
}

struct dtls *dtls_free(struct dtls *dtls)
{
        if (!dtls)
                return NULL;
        SSL_free(dtls->ssl);
        explicit_bzero(&dtls->goodbye, sizeof(dtls->goodbye));
        while (dtls->out_first) {
                struct datagram *datagram = dtls->out_first;

                dtls->out_first = datagram->next;
                free(datagram);
        }
        free(dtls);
        return NULL;
}

static void on_failure(struct dtls *dtls)
{
        const char *reason = ERR_reason_error_string(ERR_peek_error());

        dtls->state = DTLS_FAILED;
        if (dtls->failure[0] == '\0')
                dtls->failure = reason ? reason : "connection lost";
        ERR_clear_error();
}

/* Decides what a call of OpenSSL that returned r <= 0 means. */
static void on_ssl_result(struct dtls *dtls, int r)
{
        switch (SSL_get_error(dtls->ssl, r)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
                break;
        case SSL_ERROR_ZERO_RETURN:
                dtls_close(dtls); /* answered in kind */
                break;
        default:
                on_failure(dtls);
        }
}

static void read_and_discard(struct dtls *dtls)
{
        uint8_t scratch[DTLS_MTU];
        int r;

        /* Data channels are not offered: application data has no meaning here,
         * but close_notify comes this way. */
        do
                r = SSL_read(dtls->ssl, scratch, sizeof(scratch));
        while (r > 0);
        on_ssl_result(dtls, r);
}

static void step(struct dtls *dtls)
{
        ERR_clear_error(); /* another session of this thread may have left something */
        (void)SSL_alloc_buffers(dtls->ssl);
        if (dtls->state == DTLS_HANDSHAKING) {
                int r = SSL_do_handshake(dtls->ssl);

                if (r != 1) {
                        on_ssl_result(dtls, r);
                        return;
                }
                dtls->state = DTLS_CONNECTED;
        }
        if (dtls->state == DTLS_CONNECTED)
                read_and_discard(dtls);
        (void)SSL_free_buffers(dtls->ssl); /* 33 kB, for the next session's handshake */
}

void dtls_start(struct dtls *dtls)
{
        if (dtls->state == DTLS_HANDSHAKING)
                step(dtls);
}

static bool looks_like_dtls(const uint8_t *data, size_t len)
{
        return len >= RECORD_HEADER && data[0] >= CONTENT_FIRST && data[0] <= CONTENT_LAST &&
               data[1] == 0xfe; /* the major version of every DTLS, complemented */
}

/* An encrypted record without room for its tag. OpenSSL 3.0.19 takes it for the end of the
 * session instead of dropping it (RFC 6347 §4.1.2.7), whoever sent it. */
static bool has_broken_record(const uint8_t *data, size_t len)
{
        struct rd r = rd_init(data, len);

        while (!r.bad && rd_left(&r) >= RECORD_HEADER) {
                uint16_t epoch, fragment_len;

                (void)rd_take(&r, 3);
                epoch = rd_u16(&r);
                (void)rd_take(&r, 6);
                fragment_len = rd_u16(&r);
                if (epoch > 0 && fragment_len < GCM_OVERHEAD)
                        return true;
                (void)rd_take(&r, fragment_len);
        }
        return false;
}

bool dtls_on_datagram(struct dtls *dtls, const uint8_t *data, size_t len)
{
        if (!looks_like_dtls(data, len) || has_broken_record(data, len))
                return false;
        if (dtls->state != DTLS_HANDSHAKING && dtls->state != DTLS_CONNECTED)
                return false;
        if (!dtls->ssl) {
                if (!dtls_goodbye_heard(&dtls->goodbye, data, len))
                        return false;
                dtls_close(dtls);
                return true;
        }
        dtls->in = (struct span){ data, len };
        step(dtls);
        dtls->in = (struct span){ 0 };
        return true;
}

void dtls_on_timeout(struct dtls *dtls)
{
        if (!dtls->ssl || (dtls->state != DTLS_HANDSHAKING && dtls->state != DTLS_CONNECTED))
                return;
        ERR_clear_error();
        (void)SSL_alloc_buffers(dtls->ssl);
        if (DTLSv1_handle_timeout(dtls->ssl) < 0)
                on_failure(dtls);
}

int64_t dtls_deadline_us(const struct dtls *dtls, int64_t now_us)
{
        struct timeval left;

        if (!dtls->ssl || (dtls->state != DTLS_HANDSHAKING && dtls->state != DTLS_CONNECTED))
                return INT64_MAX;
        if (DTLSv1_get_timeout(dtls->ssl, &left) != 1)
                return INT64_MAX;
        return now_us + (int64_t)left.tv_sec * 1000000 + left.tv_usec;
}

size_t dtls_poll(struct dtls *dtls, uint8_t *ret, size_t cap)
{
        struct datagram *datagram = dtls->out_first;
        size_t len;

        assert(cap >= DTLS_MTU);
        if (!datagram)
                return 0;
        dtls->out_first = datagram->next;
        if (!dtls->out_first)
                dtls->out_last = &dtls->out_first;
        dtls->n_out--;
        len = datagram->len;
        memcpy(ret, datagram->data, len);
        free(datagram);
        return len;
}

enum dtls_state dtls_state(const struct dtls *dtls)
{
        return dtls->state;
}

const char *dtls_failure(const struct dtls *dtls)
{
        return dtls->failure;
}

int dtls_export_keys(const struct dtls *dtls, struct media_crypt_keys *ret_keys)
{
        static const char label[] = "EXTRACTOR-dtls_srtp"; /* RFC 5764 §4.2 */
        const SRTP_PROTECTION_PROFILE *agreed = dtls->ssl ? SSL_get_selected_srtp_profile(dtls->ssl)
                                                          : NULL;
        uint8_t material[2 * MEDIA_CRYPT_KEY_CAP];
        size_t key_len, salt_len;

        if (dtls->state != DTLS_CONNECTED || !agreed)
                return -EPROTO;
        ret_keys->profile = (enum media_crypt_profile)agreed->id; /* both use IANA's numbers */
        key_len = media_crypt_key_len(ret_keys->profile);
        salt_len = media_crypt_salt_len(ret_keys->profile);
        if (SSL_export_keying_material(dtls->ssl, material, 2 * (key_len + salt_len), label,
                                       sizeof(label) - 1, NULL, 0, 0) != 1)
                return -EPROTO;

        /* client key, server key, client salt, server salt */
        bool server = SSL_is_server(dtls->ssl);
        uint8_t *client_side = server ? ret_keys->remote : ret_keys->local;
        uint8_t *server_side = server ? ret_keys->local : ret_keys->remote;
        const uint8_t *salts = material + 2 * key_len;

        memcpy(client_side, material, key_len);
        memcpy(client_side + key_len, salts, salt_len);
        memcpy(server_side, material + key_len, key_len);
        memcpy(server_side + key_len, salts + salt_len, salt_len);
        OPENSSL_cleanse(material, sizeof(material));
        return 0;
}

void dtls_settle(struct dtls *dtls)
{
        if (dtls->state != DTLS_CONNECTED || !dtls->ssl)
                return;
        if (dtls_goodbye_init(&dtls->goodbye, dtls->ssl) == 0) {
                SSL_free(dtls->ssl);
                dtls->ssl = NULL;
        }
        ERR_clear_error();
}

void dtls_close(struct dtls *dtls)
{
        uint8_t goodbye[DTLS_GOODBYE_BYTES];

        if (dtls->state == DTLS_CONNECTED && !dtls->ssl) {
                if (dtls_goodbye_write(&dtls->goodbye, goodbye) == 0)
                        put_out(dtls, goodbye, sizeof(goodbye));
        } else if (dtls->state == DTLS_CONNECTED) {
                ERR_clear_error();
                (void)SSL_alloc_buffers(dtls->ssl);
                (void)SSL_shutdown(dtls->ssl); /* 0: sent, the other's is not awaited */
                ERR_clear_error();
        }
        if (dtls->state != DTLS_FAILED)
                dtls->state = DTLS_CLOSED;
}

bool dtls_is_client_hello(const uint8_t *data, size_t len)
{
        /* Epoch 0 (RFC 6347 §4.1): later ones are encrypted. */
        return len > RECORD_HEADER && looks_like_dtls(data, len) && data[0] == CONTENT_HANDSHAKE &&
               data[3] == 0 && data[4] == 0 && data[RECORD_HEADER] == HANDSHAKE_CLIENT_HELLO;
}
