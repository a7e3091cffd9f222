/* SPDX-License-Identifier: Apache-2.0 */
/*
 * film — an uploaded film played into the meeting: the seat `film` (Phim), whose voice and
 *        screen are a job's; steered by who started it, and by the hosts.
 *
 * Layer:  signaling/core.
 * Owner:  its room, from its start until it is put away.
 *
 *   LOADING -> PLAYING <-> PAUSED, -> ENDED (play begins it anew) -> put away
 *           -> FAILED (what cannot be played; its job died too often) -> put away
 *
 * One whose job dies goes on where it was. It outlives who started it, and ends with the
 * last person.
 */
#ifndef SIGNALING_CORE_FILM_H
#define SIGNALING_CORE_FILM_H

#include <jansson.h>

#include "store/store.h"

enum {
        FILM_NEWS_MS = 500,         /* positions are told so often at most */
        FILM_ENDED_MS = 60 * 1000,  /* an ended one may be played again so long */
        FILM_FAILED_MS = 10 * 1000, /* a failed one is shown so long */
        FILM_LAYERS = 3,
};

struct room;

/* by: who asks, as in the protocol. Returns 0, an enum meeting_err, or -errno: -EEXIST (there is
 * one), -ENOTSUP (films cannot be played here), -ENOENT (the file is gone). */
must_use int film_start(struct room *room, const struct store_doc *doc, const char *by);

/* What to change; -1: nothing. */
struct film_change {
        int playing, volume;
        int64_t position_ms;
};
/* These two: while there is one. */
void film_steer(struct room *room, const struct film_change *change);
void film_stop(struct room *room);

/* *ret_by: who started it. */
bool film_is_there(const struct room *room, const char **ret_by);

/* Film of the protocol, or NULL. */
json_t *film_json(const struct room *room);

/* Every tick; and when the room is freed. */
void film_tick(struct room *room, int64_t now_ms);
void film_free(struct room *room);

#endif
