/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session — one WebSocket of one person: from the upgrade to the close, its
 *           speed limit, joining and resuming.
 *
 * Layer: signaling/core.
 *
 * States:  NEW -> JOINING (on_join: the seat's event is on its way to the disk)
 *          -> JOINED (session_on_joined) -> LEFT (leave, replaced, removed)
 *          JOINING -> NEW when the join is refused.
 */
#ifndef SIGNALING_CORE_SESSION_H
#define SIGNALING_CORE_SESSION_H

#include "signaling/core/app.h"

enum {
        SESSION_BURST = 100, /* points; see the cost of each message in dispatch.c */
        SESSION_POINTS_PER_S = 40,
        SESSION_MAX_STRIKES = 50,    /* refusals in a row before 1008 */
        SESSION_JOIN_MS = 30 * 1000, /* a socket has to join in this time */
};

/* Takes over an accepted WebSocket. Returns 0 or -ENOMEM. */
must_use int session_new(struct app *app, struct ws_conn *conn, const struct identity *who);
/* The socket is gone. */
void session_on_close(struct session *session);
void session_on_text(struct session *session, const char *text, size_t len);

/* Spends points. False: too fast; the request was refused (or the socket closed). */
bool session_spend(struct session *session, double points, int64_t request);

/* Takes the text (malloc'd; NULL: no memory, nothing is sent). */
void session_send(struct session *session, char *text);
void session_error(struct session *session, int64_t request, const char *code, const char *field,
                   const char *message);

/* Tells why, detaches it from its seat and closes the socket. */
void session_end(struct session *session, const char *code, const char *message);
/* After `leave`: no word of error. */
void session_leave(struct session *session);

must_use int session_join(struct session *session, const struct client_msg *msg);
/* The join's event is committed; says welcome. */
void session_on_joined(struct session *session, const struct reply *reply);
/* The request's event could not be kept. */
void session_on_refused(struct session *session, const struct reply *reply, const char *code);

/* Closes those that do not join. */
void sessions_tick(struct app *app);

#endif
