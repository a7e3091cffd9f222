/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rooms — open meetings: loaded from the log, changed by commands, told to
 *         their sessions, dropped when idle.
 *
 * Layer: signaling/core. See app.h for the order of decide, commit, tell.
 */
#ifndef SIGNALING_CORE_ROOMS_H
#define SIGNALING_CORE_ROOMS_H

#include "signaling/core/app.h"

/* Loads it when it is not open. Returns 0, -ENOENT (no such meeting) or -errno.
 * The room stays the app's; it is not dropped before the next app_tick(). */
must_use int room_open(struct app *app, const char *meeting, struct room **ret_room);
struct room *room_by_number(struct app *app, uint64_t number);
void room_free(struct room *room);

/* Decides, applies and queues the events for the store. document: for
 * COMMAND_DOCUMENT, else NULL. Returns 0 (the reply comes after the commit), an
 * enum meeting_err, or -errno (-EAGAIN: too many wait); then no reply comes. */
must_use int room_submit(struct room *room, const struct meeting_command *command,
                         const struct msg_document *document, const struct reply *reply);

/* Finds or makes the member with this id. NULL: too many, or no memory. */
struct member *room_member(struct room *room, const char *id);
struct member *room_find_member(struct room *room, const char *id);
struct member *room_member_by_number(struct room *room, uint32_t number);
/* The seat of a member, or NULL. */
const struct meeting_seat *room_seat(const struct room *room, const struct member *member);

/* Takes the text (malloc'd, may be NULL: no memory). except may be NULL. */
void room_broadcast(struct room *room, char *text, const struct session *except);

/* Her connection is lost: the seat goes offline when nothing comes back. */
void room_member_lost(struct room *room, struct member *member);

struct room_document *room_find_document(struct room *room, const char *id);

/* Seats whose time is up, speakers, idleness. False: the room may be dropped. */
bool room_tick(struct room *room, int64_t now_ms);

#endif
