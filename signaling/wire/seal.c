/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/seal.h"

#include <errno.h>
#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* The secret signs tokens too: what it seals with is another key. */
static bool make_key(uint8_t ret[SEAL_SECRET], const uint8_t secret[SEAL_SECRET])
{
        static const uint8_t purpose[] = "dinh seal";
        unsigned n = SEAL_SECRET;

        return HMAC(EVP_sha256(), secret, SEAL_SECRET, purpose, sizeof(purpose) - 1, ret, &n) &&
               n == SEAL_SECRET;
}

static EVP_CIPHER_CTX *begin(bool encrypts, const char *about, const uint8_t *nonce,
                             const uint8_t secret[SEAL_SECRET])
{
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t key[SEAL_SECRET];
        int n = 0;
        bool good = ctx && make_key(key, secret) &&
                    EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, encrypts) == 1 &&
                    EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)about, (int)strlen(about)) ==
                            1;

        OPENSSL_cleanse(key, sizeof(key));
        if (good)
                return ctx;
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
}

int seal_write(uint8_t *ret, struct span text, const char *about, const uint8_t nonce[SEAL_NONCE],
               const uint8_t secret[SEAL_SECRET])
{
        EVP_CIPHER_CTX *ctx = text.len < INT_MAX ? begin(true, about, nonce, secret) : NULL;
        uint8_t *at = ret + SEAL_NONCE;
        int n = 0, last = 0;
        bool good = ctx && EVP_CipherUpdate(ctx, at, &n, text.data, (int)text.len) == 1 &&
                    EVP_CipherFinal_ex(ctx, at + n, &last) == 1 &&
                    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SEAL_TAG, at + text.len) == 1;

        memcpy(ret, nonce, SEAL_NONCE);
        EVP_CIPHER_CTX_free(ctx);
        return good ? 0 : -ENOMEM;
}

int seal_read(uint8_t *ret, struct span sealed, const char *about,
              const uint8_t secret[SEAL_SECRET])
{
        EVP_CIPHER_CTX *ctx;
        uint8_t tag[SEAL_TAG];
        size_t len;
        int n = 0, last = 0;
        bool good;

        if (sealed.len < SEAL_MORE || sealed.len > INT_MAX)
                return -EBADMSG;
        ctx = begin(false, about, sealed.data, secret);
        if (!ctx)
                return -ENOMEM;
        len = sealed.len - SEAL_MORE;
        memcpy(tag, sealed.data + SEAL_NONCE + len, SEAL_TAG);
        good = EVP_CipherUpdate(ctx, ret, &n, sealed.data + SEAL_NONCE, (int)len) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SEAL_TAG, tag) == 1 &&
               EVP_CipherFinal_ex(ctx, ret + n, &last) == 1;
        EVP_CIPHER_CTX_free(ctx);
        return good ? 0 : -EBADMSG;
}
