/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whip — publishing (WHIP, RFC 9725) and watching (WHEP, draft-ietf-wish-whep)
 *        with one HTTP request: a seat without a page of ours, there as long as
 *        its media is.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_WHIP_H
#define SIGNALING_CORE_WHIP_H

#include "signaling/core/app.h"

enum whip_role { WHIP_PUBLISH, WHIP_WATCH };

/* POST, OPTIONS and the refused methods of /whip/{meeting}, /whep/{meeting}. */
void whip_endpoint(struct app *app, struct http_conn *conn, const struct http_request *req,
                   enum whip_role role, const char *meeting);
/* PATCH, DELETE and so on of a Location. */
void whip_resource(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting, const char *word);

/* Before the body is in: true when it says itself that it is too long, and has
 * been refused. */
bool whip_refuses_length(struct http_conn *conn, const struct http_request *req);

/* The peer of a member without a session ended by itself: her seat goes too. */
void whip_on_peer_gone(struct room *room, struct member *member);
/* Her Location is no more. A DELETE of it may be under way: its first one is
 * answered with 200 for a while. */
void whip_forget(struct app *app, struct member *member);
/* With the server's end. */
void whip_forget_ended(struct app *app);

#endif
