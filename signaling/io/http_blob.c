/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/io/http_blob.h"

struct http_blob *http_blob_new(size_t len)
{
        struct http_blob *blob = malloc(sizeof(*blob) + len);

        if (blob) {
                blob->refs = 1;
                blob->len = len;
        }
        return blob;
}

struct http_blob *http_blob_ref(struct http_blob *blob)
{
        blob->refs++;
        return blob;
}

struct http_blob *http_blob_unref(struct http_blob *blob)
{
        if (blob && --blob->refs == 0)
                free(blob);
        return NULL;
}
