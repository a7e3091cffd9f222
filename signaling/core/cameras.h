/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cameras — cameras of halls that the server pulls (RTSP): each a seat of the meeting, whose
 *           voice and picture come from a job.
 *
 * Layer:  signaling/core.
 * Owner:  its room. A camera's password is in the job's line and sealed on disk, nowhere else.
 *
 * Their jobs run while people are in the meeting, and are started again when they die: a camera
 * that is switched off in the evening is there in the morning. One whose password is refused,
 * or which has no picture we know, is not asked again. A host who removes the seat removes the
 * camera.
 */
#ifndef SIGNALING_CORE_CAMERAS_H
#define SIGNALING_CORE_CAMERAS_H

#include <jansson.h>

#include "base/base.h"

enum { CAMERAS_MAX = 8, CAMERA_LAYERS = 3, CAMERA_RETRY_MS = 30 * 1000 };

struct room;
struct cameras; /* NULL: none */

/* Whether they can be had here; else *ret_why (static) says why not. */
bool cameras_can(const struct room *room, const char **ret_why);

/* link: {"name", "url", "user", "password"}, checked; copied. Returns 0 and the new id, which is its
 * seat's; -EBUSY (CAMERAS_MAX), or -errno. */
must_use int cameras_add(struct room *room, const json_t *link, const char **ret_id);
/* Returns 0 or -ENOENT. */
must_use int cameras_remove(struct room *room, const char *id);

/* When the room is made. */
void cameras_load(struct room *room);
/* Every tick. */
void cameras_tick(struct room *room, int64_t now_ms);
void cameras_free(struct room *room);

#endif
