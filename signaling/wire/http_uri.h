/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_uri — paths and query strings (RFC 3986).
 *
 * Layer: wire, pure.
 */
#ifndef SIGNALING_WIRE_HTTP_URI_H
#define SIGNALING_WIRE_HTTP_URI_H

#include "base/base.h"

/* Percent-decodes the path in place, once. The result starts with "/", is
 * well-formed UTF-8 without control characters and backslashes, and has no "."
 * or ".." segment. Returns 0, or -EINVAL (the text is then spoilt). */
must_use int http_path_decode(char *path);

/* The value of the first key=value of a raw query, with "%xx" and "+" decoded,
 * as UTF-8 without NUL. Returns 0, -ENOENT, or -EINVAL (bad encoding, or longer
 * than cap - 1). */
must_use int http_query_find(const char *query, const char *key, char *ret, size_t cap);

#endif
