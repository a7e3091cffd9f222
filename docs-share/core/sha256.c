/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/core/sha256.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/bytes.h"

struct sha256 {
        EVP_MD_CTX *ctx;
};

int sha256_new(struct sha256 **ret_sha)
{
        cleanup(sha256_freep) struct sha256 *sha = calloc(1, sizeof(*sha));

        if (!sha)
                return -ENOMEM;
        sha->ctx = EVP_MD_CTX_new();
        if (!sha->ctx || !EVP_DigestInit_ex(sha->ctx, EVP_sha256(), NULL))
                return -ENOMEM;
        *ret_sha = take_ptr(sha);
        return 0;
}

struct sha256 *sha256_free(struct sha256 *sha)
{
        if (sha)
                EVP_MD_CTX_free(sha->ctx);
        free(sha);
        return NULL;
}

int sha256_add(struct sha256 *sha, const uint8_t *data, size_t len)
{
        return EVP_DigestUpdate(sha->ctx, data, len) ? 0 : -EIO;
}

int sha256_finish(struct sha256 *sha, char ret_hex[SHA256_HEX])
{
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned len = 0;

        if (!EVP_DigestFinal_ex(sha->ctx, digest, &len) || len != (SHA256_HEX - 1) / 2)
                return -EIO;
        hex_encode(ret_hex, digest, len);
        return 0;
}
