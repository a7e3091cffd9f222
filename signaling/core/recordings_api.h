/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recordings_api — recordings over HTTP (API.md): for those with the right `moderate`.
 *
 * Layer: signaling/core.
 *
 * id, name: a part of the path, not checked yet.
 */
#ifndef SIGNALING_CORE_RECORDINGS_API_H
#define SIGNALING_CORE_RECORDINGS_API_H

#include "signaling/core/app.h"

void recordings_list(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *meeting);
void recordings_start(struct app *app, struct http_conn *conn, const struct http_request *req,
                      const char *meeting);
void recordings_stop(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *id);
void recordings_compose(struct app *app, struct http_conn *conn, const struct http_request *req,
                        const char *id);
void recordings_delete(struct app *app, struct http_conn *conn, const struct http_request *req,
                       const char *id);
void recordings_show(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *id);
void recordings_file(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *id, const char *name);
void recordings_page(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *id, const char *name);

#endif
