/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live_api — requests about a meeting's stream (API.md, "Streaming").
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_LIVE_API_H
#define SIGNALING_CORE_LIVE_API_H

#include "signaling/core/asker.h"

/* GET: a member, or a viewer by her token. */
void live_api_show(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting);
/* PUT, DELETE */
void live_api_switch(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *meeting, bool on);
/* Switches it on or off for a host. False: it could not be, and the request is answered. */
bool live_switch(struct http_conn *conn, const struct asker *asker, bool on);
/* POST */
void live_api_viewer_link(struct app *app, struct http_conn *conn, const struct http_request *req,
                          const char *meeting);

#endif
