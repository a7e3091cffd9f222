/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replies — HTTP answers in the API's form.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_REPLIES_H
#define SIGNALING_CORE_REPLIES_H

#include <jansson.h>

#include "signaling/io/server.h"

/* {"code", "message"}. */
void reply_error(struct http_conn *conn, int status, const char *code, const char *message);
void reply_error_with(struct http_conn *conn, int status, const char *code, const char *message,
                      const struct http_header *headers, size_t n_headers);

/* Takes the object (NULL: no memory, answered 500). */
void reply_json(struct http_conn *conn, int status, json_t *object,
                const struct http_header *headers, size_t n_headers);

/* text: JSON; NULL: no memory, answered 500. */
void reply_json_text(struct http_conn *conn, int status, const char *text);

void reply_empty(struct http_conn *conn, int status, const struct http_header *headers,
                 size_t n_headers);

/* token_err of auth_request(): 401. */
void reply_unauthorized(struct http_conn *conn, int token_err);

/* -errno of ours: 500, or 507 when the disk is full. */
void reply_failure(struct http_conn *conn, int error);

#endif
