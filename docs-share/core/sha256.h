/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256 — the hash that names a blob, piece by piece. The one file of
 *          docs-share that knows OpenSSL.
 *
 * Layer: core.
 */
#ifndef DOCS_SHARE_CORE_SHA256_H
#define DOCS_SHARE_CORE_SHA256_H

#include "base/base.h"

enum { SHA256_HEX = 65 };

struct sha256;

must_use int sha256_new(struct sha256 **ret_sha); /* 0 or -ENOMEM */
struct sha256 *sha256_free(struct sha256 *sha);
DEFINE_CLEANUP(struct sha256 *, sha256_free)

must_use int sha256_add(struct sha256 *sha, const uint8_t *data, size_t len);

/* Lower-case hex of all that was added; nothing may be added afterwards. */
must_use int sha256_finish(struct sha256 *sha, char ret_hex[SHA256_HEX]);

#endif
