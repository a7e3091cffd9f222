/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_head — the head of one HTTP/1.1 request: request line and fields
 *             (RFC 9112 §3, §5; RFC 9110 §5).
 *
 * Layer:  wire, pure.
 * Strict where leniency lets two parsers disagree (request smuggling): no bare
 * CR or LF, no folded lines, no space before a colon, one Content-Length and
 * never together with Transfer-Encoding, one Host.
 */
#ifndef SIGNALING_WIRE_HTTP_HEAD_H
#define SIGNALING_WIRE_HTTP_HEAD_H

#include "base/base.h"

enum {
        HTTP_HEAD_MAX = 16 * 1024, /* whole head; a token in a cookie and one in a field fit */
        HTTP_FIELDS_MAX = 100,
};

enum http_field {
        HTTP_F_HOST,
        HTTP_F_ORIGIN,
        HTTP_F_COOKIE,
        HTTP_F_AUTHORIZATION,
        HTTP_F_CONTENT_TYPE,
        HTTP_F_CONTENT_LENGTH,
        HTTP_F_TRANSFER_ENCODING,
        HTTP_F_CONNECTION,
        HTTP_F_UPGRADE,
        HTTP_F_EXPECT,
        HTTP_F_IF_MATCH,
        HTTP_F_IF_NONE_MATCH,
        HTTP_F_RANGE,
        HTTP_F_IF_RANGE,
        HTTP_F_ACCEPT_ENCODING,
        HTTP_F_ACCEPT_LANGUAGE,
        HTTP_F_X_FORWARDED_FOR,
        HTTP_F_X_FORWARDED_PROTO,
        HTTP_F_SEC_WEBSOCKET_KEY,
        HTTP_F_SEC_WEBSOCKET_VERSION,
        HTTP_FIELD_COUNT
};

struct http_head {
        const char *method;                  /* as sent: "GET" */
        char *path;                          /* still percent-encoded, without query */
        const char *query;                   /* raw, without "?"; "" when absent */
        const char *field[HTTP_FIELD_COUNT]; /* trimmed; "" when absent */
        int64_t content_length;              /* -1: none */
        bool chunked;
        bool keep_alive; /* by version and Connection */
        bool upgrade_websocket;
        bool expect_continue;
};

enum http_head_err {
        HTTP_E_SYNTAX = 1, /* 400 */
        HTTP_E_VERSION,    /* 505: neither 1.0 nor 1.1 */
        HTTP_E_FIELDS,     /* 431: too many */
        HTTP_E_CODING,     /* 501: a transfer coding other than chunked */
};

/* Length of the head at data, its empty line included, or 0 when it is not all
 * there. Bytes before `seen` are known not to end it (so that a head sent byte
 * by byte costs linear time). */
size_t http_head_length(const uint8_t *data, size_t len, size_t seen);

/* Parses a whole head of len bytes (as http_head_length() found) and ends the
 * parts of it with NUL in place: *ret_head points into data. Returns 0 or an
 * http_head_err; data is spoilt in both cases. */
must_use int http_head_parse(struct http_head *ret_head, char *data, size_t len);

#endif
