/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_blob — a body that many answers share: read once, freed with its last reference.
 *
 * Layer:  signaling/io.
 * Thread: the signalling thread; the count is not atomic.
 */
#ifndef SIGNALING_IO_HTTP_BLOB_H
#define SIGNALING_IO_HTTP_BLOB_H

#include "base/base.h"

struct http_blob {
        unsigned refs;
        size_t len;
        uint8_t data[];
};

must_use struct http_blob *http_blob_new(size_t len); /* to be filled; NULL: no memory */
struct http_blob *http_blob_ref(struct http_blob *blob);
struct http_blob *http_blob_unref(struct http_blob *blob); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct http_blob *, http_blob_unref)

#endif
