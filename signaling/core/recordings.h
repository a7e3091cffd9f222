/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recordings — recordings as the other files of signaling/core see them.
 *
 * Layer:  signaling/core.
 * Owner:  the app (what the whole server does one after the other), and each room (the
 *         recording that runs).
 *
 * A recording: on -> finishing -> ready | failed. The meeting's log says whether it is on
 * (EVENT_RECORDING); what runs follows the log at each tick. So a meeting whose log says so
 * goes on recording, in a new part, when somebody comes back after a restart.
 *
 *  on         its jobs run; one that dies goes on in a new part (deaths.h)
 *  finishing  its files get cues and durations (JOB_FINISH), one recording at a time
 *
 * Files: media.h, MEETING/rec/ID/; names in recording_parts.h. pages/ has the page images
 * that were shown and their papers' text, files.json what finishing found.
 */
#ifndef SIGNALING_CORE_RECORDINGS_H
#define SIGNALING_CORE_RECORDINGS_H

#include <jansson.h>

#include "signaling/core/app.h"

struct recordings_config {
        int64_t keep_ms;    /* so long after its start a recording is deleted */
        int64_t free_bytes; /* less free disk: none begins; half of it: those that run end */
};

/* app->recordings. Returns 0 or -ENOMEM. */
must_use int recordings_new(struct app *app, const struct recordings_config *config);
void recordings_free(struct app *app);

/* Every tick. The first takes up what a stopped server left. */
void recordings_tick(struct app *app, int64_t now_ms);
/* Every tick of a room; it may not be dropped while recording_is_busy(). */
void recording_tick(struct room *room, int64_t now_ms);
bool recording_is_busy(const struct room *room);
/* The room is freed: no callback comes any more. */
void recording_free(struct room *room);

/* The server stops: what runs is ended well, and goes on after the start. */
void recordings_drain(struct app *app);
bool recordings_are_drained(const struct app *app);

/* For stage.h. False: nothing runs. */
bool recording_folder(const struct room *room, char ret_folder[MEDIA_PATH]);
void recording_tell(struct room *room, const json_t *line, int64_t now_us);

#endif
