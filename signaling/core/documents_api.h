/* SPDX-License-Identifier: Apache-2.0 */
/*
 * documents_api — papers over HTTP (list, upload, download, delete) and their
 *                 news into the meeting's log.
 *
 * Layer: signaling/core. Content is docs-share's business, rights are ours.
 */
#ifndef SIGNALING_CORE_DOCUMENTS_API_H
#define SIGNALING_CORE_DOCUMENTS_API_H

#include "signaling/core/app.h"

void documents_list(struct app *app, struct http_conn *conn, const struct http_request *req,
                    const char *meeting);

/* Decides on the head alone: who may not upload sends no body in vain. */
enum http_body_mode documents_upload(struct app *app, struct http_conn *conn,
                                     const struct http_request *req, const char *meeting);
bool documents_upload_data(struct http_conn *conn, const uint8_t *data, size_t len);
void documents_upload_end(struct http_conn *conn);
void documents_upload_close(struct http_conn *conn);

/* part: "original", "pdf", "text"; or size of page ("screen", "phone"). */
void documents_download(struct app *app, struct http_conn *conn, const struct http_request *req,
                        const char *id, const char *part, const char *page);
void documents_delete(struct app *app, struct http_conn *conn, const struct http_request *req,
                      const char *id);

/* Takes docs-share's news. Runs after its wake callback. */
void documents_poll(struct app *app);

/* Logs the states of papers that the log does not tell yet. */
void documents_sync(struct room *room);

#endif
