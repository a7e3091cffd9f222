/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets — the servers (of social networks) that a meeting's stream is pushed to by RTMP.
 *
 * Layer:  signaling/core.
 * Owner:  its room. A target's key is in the job's line and sealed on disk, nowhere else.
 *
 * They live from the stream's folder: there are targets only while the meeting is streamed,
 * and its end removes them. A job that dies is started again; one whose server refuses the
 * key is not.
 */
#ifndef SIGNALING_CORE_TARGETS_H
#define SIGNALING_CORE_TARGETS_H

#include <jansson.h>

#include "base/base.h"

enum { TARGETS_MAX = 5 };

struct room;
struct targets; /* NULL: none */

/* link: {"name", "url", "key"}, checked; copied. Returns 0 and the new id, -EBUSY (TARGETS_MAX), or
 * -errno. */
must_use int targets_add(struct room *room, const json_t *link, const char **ret_id);
/* Returns 0 or -ENOENT. */
must_use int targets_remove(struct room *room, const char *id);

/* When the room is made: those that a restart interrupted. */
void targets_load(struct room *room);
/* Every tick, after live_tick(). */
void targets_tick(struct room *room, int64_t now_ms);
void targets_free(struct room *room);

#endif
