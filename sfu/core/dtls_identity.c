/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/core/dtls.h"

enum {
        /* Nobody checks the dates of a fingerprinted certificate (RFC 8122 §5),
         * but some stacks refuse one that is not valid yet. */
        BACKDATE_S = 24 * 3600,
        LIFETIME_S = 10 * 365 * 24 * 3600,
};

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(BIO *, BIO_free)

static bool fill_certificate(X509 *cert, EVP_PKEY *key, time_t now)
{
        uint64_t serial;
        X509_NAME *name = X509_get_subject_name(cert);
        static const unsigned char common_name[] = "dinh";

        if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
                return false;
        return X509_set_version(cert, X509_VERSION_3) == 1 &&
               ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 &&
               X509_time_adj_ex(X509_getm_notBefore(cert), 0, -BACKDATE_S, &now) != NULL &&
               X509_time_adj_ex(X509_getm_notAfter(cert), 0, LIFETIME_S, &now) != NULL &&
               X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
               X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
               X509_sign(cert, key, EVP_sha256()) > 0;
}

int dtls_identity_make(char **ret_pem, int64_t wall_us)
{
        cleanup(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256");
        cleanup(X509_freep) X509 *cert = X509_new();
        cleanup(BIO_freep) BIO *out = BIO_new(BIO_s_mem());
        char *text, *pem;
        long len;

        if (!key || !cert || !out || !fill_certificate(cert, key, (time_t)(wall_us / 1000000)))
                return -ENOMEM;
        if (PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1 ||
            PEM_write_bio_X509(out, cert) != 1)
                return -ENOMEM;
        len = BIO_get_mem_data(out, &text);
        pem = malloc((size_t)len + 1);
        if (pem) {
                memcpy(pem, text, (size_t)len); /* no NUL ends it */
                pem[len] = 0;
        }
        /* The key leaves no copy in freed memory. */
        OPENSSL_cleanse(text, (size_t)len);
        if (!pem)
                return -ENOMEM;
        *ret_pem = pem;
        return 0;
}
