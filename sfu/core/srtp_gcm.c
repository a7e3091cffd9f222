/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/srtp_gcm.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum {
        BLOCK = 16,
        /* RFC 3711 §4.3.1. */
        LABEL_KEY = 0,
        LABEL_SALT = 2,
        LABEL_AT = 7, /* in a salt of 14 bytes, before 6 bytes of index */
};

struct srtp_gcm {
        EVP_CIPHER_CTX *ctx;
        uint8_t salt[SRTP_GCM_SALT];
};

/* One block of AES-CM with the label: no key of ours is longer. */
static bool derive(EVP_CIPHER_CTX *ecb, uint8_t label, const uint8_t *master_salt,
                   uint8_t *ret_block)
{
        uint8_t counter[BLOCK] = { 0 }; /* RFC 7714 §11: zeros behind the 12 bytes of salt */
        int n = 0;

        memcpy(counter, master_salt, SRTP_GCM_SALT);
        counter[LABEL_AT] ^= label;
        return EVP_EncryptUpdate(ecb, ret_block, &n, counter, BLOCK) == 1 && n == BLOCK;
}

static bool derive_session(struct srtp_gcm *gcm, const uint8_t *master_key,
                           const uint8_t *master_salt)
{
        EVP_CIPHER_CTX *ecb = EVP_CIPHER_CTX_new();
        uint8_t key[BLOCK], salt[BLOCK];
        bool ok = ecb && EVP_EncryptInit_ex(ecb, EVP_aes_128_ecb(), NULL, master_key, NULL) == 1 &&
                  EVP_CIPHER_CTX_set_padding(ecb, 0) == 1 &&
                  derive(ecb, LABEL_KEY, master_salt, key) &&
                  derive(ecb, LABEL_SALT, master_salt, salt) &&
                  EVP_EncryptInit_ex(gcm->ctx, EVP_aes_128_gcm(), NULL, key, NULL) == 1;

        EVP_CIPHER_CTX_free(ecb);
        if (ok)
                memcpy(gcm->salt, salt, SRTP_GCM_SALT);
        OPENSSL_cleanse(key, sizeof(key));
        OPENSSL_cleanse(salt, sizeof(salt));
        return ok;
}

int srtp_gcm_new(struct srtp_gcm **ret_gcm, const uint8_t *master_key, const uint8_t *master_salt)
{
        cleanup(srtp_gcm_freep) struct srtp_gcm *gcm = calloc(1, sizeof(*gcm));

        if (!gcm)
                return -ENOMEM;
        gcm->ctx = EVP_CIPHER_CTX_new();
        if (!gcm->ctx)
                return -ENOMEM;
        if (!derive_session(gcm, master_key, master_salt))
                return -EIO;
        *ret_gcm = take_ptr(gcm);
        return 0;
}

struct srtp_gcm *srtp_gcm_free(struct srtp_gcm *gcm)
{
        if (!gcm)
                return NULL;
        EVP_CIPHER_CTX_free(gcm->ctx); /* wipes the key */
        OPENSSL_cleanse(gcm->salt, sizeof(gcm->salt));
        free(gcm);
        return NULL;
}

void srtp_gcm_prefetch(const struct srtp_gcm *gcm, unsigned step)
{
        if (step == 0)
                prefetch_lines(gcm, 1);
        else
                prefetch_lines(gcm->ctx, 3);
}

/* RFC 7714 §8.1: two zeros, SSRC, rollover counter and sequence number, XOR salt. */
static void make_nonce(uint8_t *ret_nonce, const struct srtp_gcm *gcm, const uint8_t *data,
                       uint32_t roc)
{
        uint8_t nonce[SRTP_GCM_SALT] = { 0,
                                         0,
                                         data[8],
                                         data[9],
                                         data[10],
                                         data[11],
                                         (uint8_t)(roc >> 24),
                                         (uint8_t)(roc >> 16),
                                         (uint8_t)(roc >> 8),
                                         (uint8_t)roc,
                                         data[2],
                                         data[3] };

        for (size_t i = 0; i < sizeof(nonce); i++)
                ret_nonce[i] = nonce[i] ^ gcm->salt[i];
}

int srtp_gcm_protect(struct srtp_gcm *gcm, uint8_t *data, size_t header_len, size_t len,
                     uint32_t roc)
{
        uint8_t nonce[SRTP_GCM_SALT], *payload = data + header_len;
        OSSL_PARAM tag[] = { OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
                                                               data + len, SRTP_GCM_TAG),
                             OSSL_PARAM_construct_end() };
        int n;

        make_nonce(nonce, gcm, data, roc);
        if (EVP_EncryptInit_ex(gcm->ctx, NULL, NULL, NULL, nonce) != 1 ||
            EVP_EncryptUpdate(gcm->ctx, NULL, &n, data, (int)header_len) != 1 ||
            (len > header_len &&
             EVP_EncryptUpdate(gcm->ctx, payload, &n, payload, (int)(len - header_len)) != 1) ||
            EVP_EncryptFinal_ex(gcm->ctx, data + len, &n) != 1 ||
            EVP_CIPHER_CTX_get_params(gcm->ctx, tag) != 1)
                return -EIO;
        return 0;
}
