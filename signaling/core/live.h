/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live — a meeting's stream to viewers outside of it: HLS of the program, and the presented
 *        pages as sharp images.
 *
 * Layer:  signaling/core.
 * Owner:  its room, while the meeting's log says that it is streamed and until it is put away.
 *
 * The log decides (event `live`); live_tick() follows it, so that a meeting goes on being
 * streamed after a restart of the server, with the same key (token_stream_key()). States:
 *   STARTING  the program job is on its way, or comes back after a death
 *   ON        its playlist can be played
 *   FAILED    given up: the event `live` with on false follows; told until the next start
 *   ENDED     viewers have LIVE_LINGER_MS for the last segments, then the folder goes
 */
#ifndef SIGNALING_CORE_LIVE_H
#define SIGNALING_CORE_LIVE_H

#include <jansson.h>

#include "base/base.h"

enum {
        LIVE_LINGER_MS = 20 * 1000,
        LIVE_EMPTY_MS = 5 * 60 * 1000, /* a stream of an empty meeting ends */
        LIVE_MAX_PAGES = 100,          /* of which viewers are told */
        LIVE_NEWS_MS = 1000,
};

struct room;

/* Every tick. */
void live_tick(struct room *room, int64_t now_ms);
void live_free(struct room *room);
/* The room has to stay. */
bool live_is_busy(const struct room *room);

/* The folder of the stream that can be played now, below the meeting's ("live/KEY"); NULL. */
const char *live_folder(const struct room *room);

/* How many play it now, about; 0 when it is not served. */
unsigned live_viewers(const struct room *room);

/* {"on", "title", "playlist", "pages"}: addresses are null while there is nothing to play. */
json_t *live_for_viewers(const struct room *room);

#endif
