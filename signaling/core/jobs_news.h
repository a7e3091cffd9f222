/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs_news — the message `jobs`: how recording, streaming and the like go, told to those
 *             with the right `moderate`.
 *
 * Layer:  signaling/core.
 * Owner:  its room.
 *
 * Whoever runs a job sets its part whenever it likes; the whole is told on change, at most
 * every JOBS_NEWS_MIN_MS, and at once to a host who comes.
 */
#ifndef SIGNALING_CORE_JOBS_NEWS_H
#define SIGNALING_CORE_JOBS_NEWS_H

#include <jansson.h>

#include "base/base.h"

enum { JOBS_NEWS_MIN_MS = 500 };

/* The message's fields, in the shapes of protocol.schema.json. */
enum jobs_part {
        JOBS_RECORDING, /* JobRecording or null */
        JOBS_LIVE,      /* JobLive or null */
        JOBS_RTMP,      /* lists */
        JOBS_CAMERAS,
        JOBS_COMPOSE,
        N_JOBS_PARTS,
};

struct room;

/* All zero: nothing was ever told. */
struct jobs_news {
        json_t *parts[N_JOBS_PARTS]; /* NULL: null, or an empty list */
        bool changed;                /* since it was told */
        uint64_t version;            /* of what was told; a session knows hers */
        int64_t told_ms;
};

/* Takes value over; NULL: null, or an empty list. One that is the same is no news. */
void jobs_news_set(struct room *room, enum jobs_part part, json_t *value);
/* Every tick. */
void jobs_news_tick(struct room *room, int64_t now_ms);
void jobs_news_done(struct jobs_news *news);

#endif
