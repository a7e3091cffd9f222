/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/dtls_goodbye.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>

enum {
        HEADER = 13,
        EXPLICIT_NONCE = 8,
        ALERT = 2,
        TAG = 16,
        NONCE = DTLS_GOODBYE_SALT + EXPLICIT_NONCE,
        AAD = 13, /* epoch and number, type, version, length of the plain text */
        CONTENT_ALERT = 21,
        LEVEL_WARNING = 1,
        LEVEL_FATAL = 2,
        CLOSE_NOTIFY = 0,
};

static const uint8_t our_header[HEADER] = {
        CONTENT_ALERT,
        0xfe,
        0xfd, /* DTLS 1.2 */
        0,
        1, /* epoch */
        0,
        1,
        0,
        0,
        0,
        0, /* number: 2^32 */
        0,
        EXPLICIT_NONCE + ALERT + TAG,
};

DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free)
DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

int dtls_goodbye_init(struct dtls_goodbye *ret_goodbye, const SSL *ssl)
{
        const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
        uint8_t *randoms = ret_goodbye->randoms;

        if (!cipher || SSL_CIPHER_get_cipher_nid(cipher) != NID_aes_128_gcm ||
            EVP_MD_get_type(SSL_CIPHER_get_handshake_digest(cipher)) != NID_sha256)
                return -ENOTSUP;
        ret_goodbye->server = SSL_is_server(ssl);
        ret_goodbye->derived = false;
        if (SSL_SESSION_get_master_key(SSL_get_session(ssl), ret_goodbye->master,
                                       DTLS_GOODBYE_MASTER) != DTLS_GOODBYE_MASTER)
                return -ENOTSUP;
        (void)SSL_get_server_random(ssl, randoms, DTLS_GOODBYE_RANDOM);
        (void)SSL_get_client_random(ssl, randoms + DTLS_GOODBYE_RANDOM, DTLS_GOODBYE_RANDOM);
        return 0;
}

/* RFC 5246 §6.3: key_block = PRF(master, "key expansion", server_random + client_random). */
static int expand(struct dtls_goodbye *goodbye, uint8_t *ret_block, size_t n)
{
        static const char label[] = "key expansion";
        uint8_t seed[sizeof(label) - 1 + sizeof(goodbye->randoms)];
        char digest[] = "SHA256";
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, goodbye->master,
                                                  sizeof(goodbye->master)),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
                OSSL_PARAM_construct_end(),
        };
        cleanup(EVP_KDF_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
        cleanup(EVP_KDF_CTX_freep) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;

        memcpy(seed, label, sizeof(label) - 1);
        memcpy(seed + sizeof(label) - 1, goodbye->randoms, sizeof(goodbye->randoms));
        return ctx && EVP_KDF_derive(ctx, ret_block, n, params) == 1 ? 0 : -EIO;
}

static int derive(struct dtls_goodbye *goodbye)
{
        struct dtls_goodbye_side *client_side = goodbye->server ? &goodbye->in : &goodbye->out;
        struct dtls_goodbye_side *server_side = goodbye->server ? &goodbye->out : &goodbye->in;
        uint8_t block[2 * (DTLS_GOODBYE_KEY + DTLS_GOODBYE_SALT)], *salts;
        int r;

        if (goodbye->derived)
                return 0;
        r = expand(goodbye, block, sizeof(block));
        if (r < 0)
                return r;
        goodbye->derived = true;
        OPENSSL_cleanse(goodbye->master, sizeof(goodbye->master));
        salts = block + 2 * DTLS_GOODBYE_KEY;
        memcpy(client_side->key, block, DTLS_GOODBYE_KEY);
        memcpy(server_side->key, block + DTLS_GOODBYE_KEY, DTLS_GOODBYE_KEY);
        memcpy(client_side->salt, salts, DTLS_GOODBYE_SALT);
        memcpy(server_side->salt, salts + DTLS_GOODBYE_SALT, DTLS_GOODBYE_SALT);
        OPENSSL_cleanse(block, sizeof(block));
        return 0;
}

static void fill_aad(uint8_t *ret_aad, const uint8_t *record)
{
        memcpy(ret_aad, record + 3, 8);
        memcpy(ret_aad + 8, record, 3);
        ret_aad[11] = 0;
        ret_aad[12] = ALERT;
}

static void fill_nonce(uint8_t *ret_nonce, const struct dtls_goodbye_side *side,
                       const uint8_t *record)
{
        memcpy(ret_nonce, side->salt, DTLS_GOODBYE_SALT);
        memcpy(ret_nonce + DTLS_GOODBYE_SALT, record + HEADER, EXPLICIT_NONCE);
}

bool dtls_goodbye_heard(struct dtls_goodbye *goodbye, const uint8_t *data, size_t len)
{
        cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = NULL;
        uint8_t nonce[NONCE], aad[AAD], alert[ALERT], tag[TAG];
        int n;

        if (len != DTLS_GOODBYE_BYTES || memcmp(data, our_header, 5) != 0 || data[11] != 0 ||
            data[12] != our_header[12] || derive(goodbye) < 0)
                return false;
        ctx = EVP_CIPHER_CTX_new();
        fill_aad(aad, data);
        fill_nonce(nonce, &goodbye->in, data);
        memcpy(tag, data + HEADER + EXPLICIT_NONCE + ALERT, TAG);
        if (!ctx || EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, goodbye->in.key, nonce) != 1 ||
            EVP_DecryptUpdate(ctx, NULL, &n, aad, AAD) != 1 ||
            EVP_DecryptUpdate(ctx, alert, &n, data + HEADER + EXPLICIT_NONCE, ALERT) != 1 ||
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) != 1 ||
            EVP_DecryptFinal_ex(ctx, alert + ALERT, &n) != 1)
                return false;
        return alert[0] == LEVEL_FATAL || alert[1] == CLOSE_NOTIFY;
}

int dtls_goodbye_write(struct dtls_goodbye *goodbye, uint8_t *ret)
{
        static const uint8_t alert[ALERT] = { LEVEL_WARNING, CLOSE_NOTIFY };
        cleanup(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t nonce[NONCE], aad[AAD], *at = ret + HEADER + EXPLICIT_NONCE;
        int n;

        memcpy(ret, our_header, HEADER);
        if (!ctx || derive(goodbye) < 0 || RAND_bytes(ret + HEADER, EXPLICIT_NONCE) != 1)
                return -EIO;
        fill_aad(aad, ret);
        fill_nonce(nonce, &goodbye->out, ret);
        if (EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, goodbye->out.key, nonce) != 1 ||
            EVP_EncryptUpdate(ctx, NULL, &n, aad, AAD) != 1 ||
            EVP_EncryptUpdate(ctx, at, &n, alert, ALERT) != 1 ||
            EVP_EncryptFinal_ex(ctx, at + ALERT, &n) != 1 ||
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, at + ALERT) != 1)
                return -EIO;
        return 0;
}
