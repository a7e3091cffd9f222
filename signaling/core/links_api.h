/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links_api — requests that add and remove where a meeting is pushed to (rtmp) and the cameras
 *             that are pulled (API.md, "Streaming", "Cameras").
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_LINKS_API_H
#define SIGNALING_CORE_LINKS_API_H

#include "signaling/core/app.h"

void links_api_add_target(struct app *app, struct http_conn *conn, const struct http_request *req,
                          const char *meeting);
void links_api_add_camera(struct app *app, struct http_conn *conn, const struct http_request *req,
                          const char *meeting);
void links_api_remove_target(struct app *app, struct http_conn *conn,
                             const struct http_request *req, const char *meeting, const char *id);
void links_api_remove_camera(struct app *app, struct http_conn *conn,
                             const struct http_request *req, const char *meeting, const char *id);

#endif
