/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept_reply — an answer over HTTP that waits until what it acknowledges is on disk.
 *
 * Layer:  signaling/core.
 * Owner:  app->kept_replies, each until its writes are committed.
 * Thread: the signalling thread.
 *
 * Everything that was decided in the room, and everything that was queued at the store, when
 * kept_reply() is called is committed before the client hears of it. When it cannot be, she gets
 * the failure instead.
 */
#ifndef SIGNALING_CORE_KEPT_REPLY_H
#define SIGNALING_CORE_KEPT_REPLY_H

#include <jansson.h>

#include "signaling/core/app.h"

/* Takes the object (NULL: an answer without a body). */
void kept_reply(struct room *room, struct http_conn *conn, int status, json_t *object);

/* The connection is over; its answer may still wait. */
void kept_reply_forget(struct app *app, const struct http_conn *conn);

/* After store_poll(). */
void kept_replies_poll(struct app *app);

void kept_replies_init(struct app *app);
void kept_replies_done(struct app *app);

#endif
