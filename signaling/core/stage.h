/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage — what a film of the meeting has to know besides its media: names, who speaks, the
 *         page that is shown. Told to the program job and to the recording's timeline.
 *
 * Layer:  signaling/core.
 *
 * Lines are those of sfu/jobs/lines.h without `t`, which each listener adds:
 *   {"type":"name", "participant":17, "id":"s-…", "name":"…"}    {"type":"gone", "participant":17}
 *   {"type":"speaker", "participant":17}                0: silence
 *   {"type":"page", "file":"pages/ID-3.webp", "document":ID, "page":3}    file null: none
 *   {"type":"chapter", "document":ID, "title":"…"}      another paper begins
 *   {"type":"item", "item":ID, "number":2, "title":"…"} of the agenda begins, or is called so
 *                                                       from now on; item null: none
 */
#ifndef SIGNALING_CORE_STAGE_H
#define SIGNALING_CORE_STAGE_H

#include <jansson.h>

#include "signaling/core/app.h"

/* For the room: a committed event (seat: whose), another speaker. */
void stage_on_event(struct room *room, enum meeting_event_type type, const char *seat);
void stage_on_speaker(struct room *room);

/* All of it as it is now, line by line (borrowed), for a listener who begins. Page images
 * are put into folder/pages first. */
void stage_now(struct room *room, const char *folder, void (*each)(void *user, const json_t *line),
               void *user);

#endif
