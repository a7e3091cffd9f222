/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_fields — values inside single header fields.
 *
 * Layer: wire, pure.
 */
#ifndef SIGNALING_WIRE_HTTP_FIELDS_H
#define SIGNALING_WIRE_HTTP_FIELDS_H

#include "base/base.h"

/* Value of one cookie of a Cookie field (RFC 6265 §4.2). Returns 0, or -ENOENT
 * (also when it would pass cap - 1). */
must_use int http_cookie_find(const char *field, const char *name, char *ret, size_t cap);

/* True when an Accept-Encoding field names the coding, or "*", with a weight
 * above 0 (RFC 9110 §12.5.3). An empty field accepts none. */
bool http_accepts_coding(const char *field, const char *coding);

/* Weak comparison of an If-None-Match field with our quoted tag (§13.1.2). */
bool http_etag_matches(const char *field, const char *etag);

/* Strong comparison of an If-Match field's list with our quoted tag (§13.1.1). "*" is
 * the caller's. */
bool http_if_match(const char *field, const char *etag);

/* Writes `attachment; filename="…"; filename*=UTF-8''…` for a UTF-8 name
 * (RFC 6266, RFC 8187): path separators, quotes and control characters of the
 * name never appear. Returns 0, or -ENOSPC. */
must_use int http_disposition_write(char *ret, size_t cap, const char *name);

#endif
