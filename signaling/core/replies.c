/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/replies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/wire/token.h"

enum { MAX_HEADERS = 16 };

static const struct http_header no_store = { "Cache-Control", "no-store" };

static void reply_text(struct http_conn *conn, int status, const char *text,
                       const struct http_header *headers, size_t n_headers)
{
        struct http_header all[MAX_HEADERS + 1] = { no_store };
        struct http_response response = {
                .status = status,
                .content_type = "application/json",
                .body = { (const uint8_t *)text, strlen(text) },
                .headers = all,
                .n_headers = 1 + (n_headers < MAX_HEADERS ? n_headers : MAX_HEADERS),
        };

        if (response.n_headers > 1)
                memcpy(all + 1, headers, (response.n_headers - 1) * sizeof(*headers));
        http_reply(conn, &response);
}

static void reply_or_fail(struct http_conn *conn, int status, const char *text,
                          const struct http_header *headers, size_t n_headers)
{
        if (text)
                reply_text(conn, status, text, headers, n_headers);
        else
                reply_text(conn, 500, "{\"code\":\"internal\",\"message\":\"no memory\"}", NULL, 0);
}

void reply_json(struct http_conn *conn, int status, json_t *object,
                const struct http_header *headers, size_t n_headers)
{
        char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

        json_decref(object);
        reply_or_fail(conn, status, text, headers, n_headers);
        free(text);
}

void reply_json_text(struct http_conn *conn, int status, const char *text)
{
        reply_or_fail(conn, status, text, NULL, 0);
}

void reply_error_with(struct http_conn *conn, int status, const char *code, const char *message,
                      const struct http_header *headers, size_t n_headers)
{
        reply_json(conn, status, json_pack("{s:s, s:s}", "code", code, "message", message), headers,
                   n_headers);
}

void reply_error(struct http_conn *conn, int status, const char *code, const char *message)
{
        reply_error_with(conn, status, code, message, NULL, 0);
}

void reply_empty(struct http_conn *conn, int status, const struct http_header *headers,
                 size_t n_headers)
{
        struct http_response response = { .status = status,
                                          .headers = headers,
                                          .n_headers = n_headers };

        http_reply(conn, &response);
}

void reply_unauthorized(struct http_conn *conn, int token_err)
{
        static const struct http_header bearer = { "WWW-Authenticate", "Bearer" };
        bool expired = token_err == TOKEN_E_EXPIRED;

        reply_error_with(conn, 401, expired ? "token-expired" : "token-invalid",
                         expired ? "the token has expired" : "no valid token", &bearer, 1);
}

void reply_failure(struct http_conn *conn, int error)
{
        if (error == -ENOSPC)
                reply_error(conn, 507, "storage-full", "the disk is full");
        else if (error == -EAGAIN)
                reply_error(conn, 503, "busy", "try again");
        else if (error == -ENOENT)
                reply_error(conn, 404, "meeting-not-found", "no such meeting");
        else
                reply_error(conn, 500, "internal", "the server could not do it");
}
