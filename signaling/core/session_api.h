/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_api — a join token for a cookie, and what the cookie stands for.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_SESSION_API_H
#define SIGNALING_CORE_SESSION_API_H

#include "signaling/core/app.h"

void session_api_create(struct app *app, struct http_conn *conn, const struct http_request *req);
void session_api_show(struct app *app, struct http_conn *conn, const struct http_request *req);
void session_api_end(struct app *app, struct http_conn *conn, const struct http_request *req);

/* A new seat's id. */
void session_api_make_seat(char ret[MEETING_ID]);

#endif
