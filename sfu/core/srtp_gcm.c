/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/srtp_gcm.h"

#include <endian.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum {
        BLOCK = 16,
        /* RFC 3711 §4.3.1. */
        LABEL_KEY = 0,
        LABEL_SALT = 2,
        LABELS_RTCP = 3, /* so much more than RTP's */
        LABEL_AT = 7,    /* in a salt of 14 bytes, before 6 bytes of index */
        RTP_SSRC = 8,
        RTCP_HEADER = 8,
        RTCP_SSRC = 4,
        RTCP_WORD = 4,
};

struct srtp_gcm {
        gnutls_aead_cipher_hd_t cipher;
        const void *key;    /* where the cipher keeps it, to be loaded early: never read by us */
        uint64_t salt_head; /* the first eight bytes, as a number, */
        uint32_t salt_tail; /* and the last four */
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

static int derive_session(struct srtp_gcm *gcm, unsigned labels, const uint8_t *master_key,
                          const uint8_t *master_salt)
{
        EVP_CIPHER_CTX *ecb = EVP_CIPHER_CTX_new();
        uint8_t key[BLOCK], salt[BLOCK];
        gnutls_datum_t datum = { key, sizeof(key) };
        int r = -EIO;

        if (ecb && EVP_EncryptInit_ex(ecb, EVP_aes_128_ecb(), NULL, master_key, NULL) == 1 &&
            EVP_CIPHER_CTX_set_padding(ecb, 0) == 1 &&
            derive(ecb, (uint8_t)(labels + LABEL_KEY), master_salt, key) &&
            derive(ecb, (uint8_t)(labels + LABEL_SALT), master_salt, salt)) {
                r = gnutls_aead_cipher_init(&gcm->cipher, GNUTLS_CIPHER_AES_128_GCM, &datum);
                r = r == 0 ? 0 : r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO;
        }
        EVP_CIPHER_CTX_free(ecb);
        if (r == 0) {
                memcpy(&gcm->salt_head, salt, sizeof(gcm->salt_head));
                memcpy(&gcm->salt_tail, salt + sizeof(gcm->salt_head), sizeof(gcm->salt_tail));
                gcm->salt_head = be64toh(gcm->salt_head);
                gcm->salt_tail = be32toh(gcm->salt_tail);
                /* What the library's handle begins with. Were it anything else, a hint
                 * to the cache would be of no use, and nothing worse. */
                memcpy(&gcm->key, gcm->cipher, sizeof(gcm->key));
        }
        OPENSSL_cleanse(key, sizeof(key));
        OPENSSL_cleanse(salt, sizeof(salt));
        return r;
}

const char *srtp_gcm_library(void)
{
        static char text[64];

        snprintf(text, sizeof(text), "GnuTLS %s", gnutls_check_version(NULL));
        return text;
}

int srtp_gcm_new(struct srtp_gcm **ret_gcm, enum srtp_gcm_use use, const uint8_t *master_key,
                 const uint8_t *master_salt)
{
        cleanup(srtp_gcm_freep) struct srtp_gcm *gcm = calloc(1, sizeof(*gcm));
        int r;

        if (!gcm)
                return -ENOMEM;
        r = derive_session(gcm, use == SRTP_GCM_RTCP ? LABELS_RTCP : 0, master_key, master_salt);
        if (r < 0)
                return r;
        *ret_gcm = take_ptr(gcm);
        return 0;
}

struct srtp_gcm *srtp_gcm_free(struct srtp_gcm *gcm)
{
        if (!gcm)
                return NULL;
        if (gcm->cipher)
                gnutls_aead_cipher_deinit(gcm->cipher); /* wipes the key */
        OPENSSL_cleanse(gcm, sizeof(*gcm));
        free(gcm);
        return NULL;
}

void srtp_gcm_prefetch(const struct srtp_gcm *gcm, unsigned step)
{
        enum { HANDLE_LINES = 2, KEY_LINES = 10 };

        if (step == 0) {
                prefetch_lines(gcm, 1);
        } else if (step == 1) {
                prefetch_lines(gcm->cipher, HANDLE_LINES);
                prefetch_lines(gcm->key, KEY_LINES);
        }
}

/* RFC 7714 §8.1 and §9.1: SSRC and 48 bits of index, XOR salt. In words: bytes that are
 * written one by one and read together a moment later stop the processor. */
static void make_nonce(uint8_t *ret_nonce, const struct srtp_gcm *gcm, const uint8_t *ssrc,
                       uint64_t index)
{
        uint32_t source, tail = htobe32((uint32_t)index ^ gcm->salt_tail);
        uint64_t head;

        memcpy(&source, ssrc, sizeof(source));
        head = htobe64(((uint64_t)be32toh(source) << 16 | index >> 32) ^ gcm->salt_head);
        memcpy(ret_nonce, &head, sizeof(head));
        memcpy(ret_nonce + sizeof(head), &tail, sizeof(tail));
}

int srtp_gcm_protect(struct srtp_gcm *gcm, uint8_t *data, size_t header_len, size_t len,
                     uint64_t index)
{
        uint8_t nonce[SRTP_GCM_SALT], *payload = data + header_len;
        size_t plain = len - header_len, sealed = plain + SRTP_GCM_TAG;

        make_nonce(nonce, gcm, data + RTP_SSRC, index);
        return gnutls_aead_cipher_encrypt(gcm->cipher, nonce, sizeof(nonce), data, header_len,
                                          SRTP_GCM_TAG, payload, plain, payload, &sealed) == 0
                       ? 0
                       : -EIO;
}

int srtp_gcm_unprotect(struct srtp_gcm *gcm, uint8_t *data, size_t header_len, size_t len,
                       uint64_t index)
{
        uint8_t nonce[SRTP_GCM_SALT], *payload = data + header_len;
        size_t sealed = len - header_len, plain = sealed - SRTP_GCM_TAG;

        make_nonce(nonce, gcm, data + RTP_SSRC, index);
        return gnutls_aead_cipher_decrypt(gcm->cipher, nonce, sizeof(nonce), data, header_len,
                                          SRTP_GCM_TAG, payload, sealed, payload, &plain) != 0;
}

/* RFC 7714 §9.2: the header, and the word that comes last. */
static void make_aad(uint8_t *ret_aad, const uint8_t *data, const uint8_t *word)
{
        memcpy(ret_aad, data, RTCP_HEADER);
        memcpy(ret_aad + RTCP_HEADER, word, RTCP_WORD);
}

int srtp_gcm_protect_rtcp(struct srtp_gcm *gcm, uint8_t *data, size_t len, uint32_t index)
{
        uint8_t nonce[SRTP_GCM_SALT], aad[RTCP_HEADER + RTCP_WORD], *body = data + RTCP_HEADER;
        size_t plain = len - RTCP_HEADER, sealed = plain + SRTP_GCM_TAG;
        struct wr word = wr_init(data + len + SRTP_GCM_TAG, RTCP_WORD);

        wr_u32(&word, SRTP_GCM_RTCP_ENCRYPTED | index);
        make_aad(aad, data, data + len + SRTP_GCM_TAG);
        make_nonce(nonce, gcm, data + RTCP_SSRC, index);
        return gnutls_aead_cipher_encrypt(gcm->cipher, nonce, sizeof(nonce), aad, sizeof(aad),
                                          SRTP_GCM_TAG, body, plain, body, &sealed) == 0
                       ? 0
                       : -EIO;
}

int srtp_gcm_unprotect_rtcp(struct srtp_gcm *gcm, uint8_t *data, size_t len, uint32_t word)
{
        uint8_t nonce[SRTP_GCM_SALT], aad[RTCP_HEADER + RTCP_WORD], *body = data + RTCP_HEADER;
        size_t sealed = len - RTCP_HEADER - RTCP_WORD, plain = sealed - SRTP_GCM_TAG;

        if (!(word & SRTP_GCM_RTCP_ENCRYPTED))
                return 1;
        make_aad(aad, data, data + len - RTCP_WORD);
        make_nonce(nonce, gcm, data + RTCP_SSRC, word & ~SRTP_GCM_RTCP_ENCRYPTED);
        return gnutls_aead_cipher_decrypt(gcm->cipher, nonce, sizeof(nonce), aad, sizeof(aad),
                                          SRTP_GCM_TAG, body, sealed, body, &plain) != 0;
}
