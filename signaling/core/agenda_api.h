/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agenda_api — the meeting's agenda over HTTP (API.md, "Agenda"), and what a request's agenda
 *              needs before the meeting decides on it.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_AGENDA_API_H
#define SIGNALING_CORE_AGENDA_API_H

#include "signaling/core/app.h"

/* Submits COMMAND_AGENDA or COMMAND_AGENDA_ITEM. New items of an agenda get their ids; one that
 * names a paper which the meeting has not is MEETING_E_NOT_FOUND. Returns as room_submit(). */
must_use int agenda_submit(struct room *room, const struct meeting_command *command,
                           const struct reply *reply);

void agenda_api_show(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *meeting);
void agenda_api_change(struct app *app, struct http_conn *conn, const struct http_request *req,
                       const char *meeting);
/* Moves on to an item. */
void agenda_api_go(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting);

#endif
