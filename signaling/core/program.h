/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program — the composed picture and sound of a meeting: one job for all who use it.
 *
 * Layer:  signaling/core.
 * Owner:  its room, while it has users.
 *
 * Users are a recording (an MP4) and the stream (HLS, from which RTMP lives). The first one
 * starts the job (JOB_PROGRAM; /work is the meeting's folder), the last one's going ends it.
 * The job hears names, speaker and page by itself. One that dies is started again, until it
 * is given up (deaths.h).
 *
 * A user: joined -> running (on_begin: it says what is to be written) -> (on_gone, again) ->
 *         running (on_begin) … -> left, or given up (on_gone, not again).
 *
 * Invariants:
 *  (1) callbacks never come from inside a call of one's own; on_begin comes from a tick.
 *  (2) after program_leave(), or on_gone with again false, no callback comes and the user
 *      is freed.
 */
#ifndef SIGNALING_CORE_PROGRAM_H
#define SIGNALING_CORE_PROGRAM_H

#include <jansson.h>

#include "base/base.h"

enum { PROGRAM_MAX_USERS = 4 };

struct room;
struct program_user;

/* One run of the job: its `t` counts from here (sfu/jobs/lines.h). */
struct program_run {
        int64_t start_us, start_ms;
};

struct program_events {
        /* It runs, or runs again: say what it shall write. */
        void (*on_begin)(void *user, const struct program_run *run);
        /* "file" and "file-end" of this user's file, "live" of its folder; "progress" and
         * "behind" to all. Borrowed. */
        void (*on_line)(void *user, const char *type, const json_t *line);
        /* The run is over, what it wrote ends here. error: a code. again: on_begin comes;
         * else it is given up, and the user is freed. */
        void (*on_gone)(void *user, const char *error, bool again);
};

/* Whether such jobs can run here; else *ret_why (static) says why not. */
bool program_can(const struct room *room, const char **ret_why);

/* Returns 0, -EBUSY (too many users or jobs), -ENOTSUP (cannot run here), or -errno. */
must_use int program_join(struct room *room, const struct program_events *events, void *user,
                          struct program_user **ret_user);
/* Ends what it writes; the job finishes that by itself. Accepts NULL, returns NULL. */
struct program_user *program_leave(struct program_user *user);

/* Begins an MP4 at this path below the meeting's folder (the folder has to be there), in place
 * of the one before; NULL ends that one: "file-end" follows when it is complete. A user
 * records or streams, never both; one at a time may do each. */
void program_record(struct program_user *user, const char *file);
/* Begins HLS in this folder below the meeting's; NULL ends it. */
void program_live(struct program_user *user, const char *dir);

/* For the room: every tick; and when it is freed (no callback comes). */
void program_tick(struct room *room, int64_t now_ms);
void program_drop(struct room *room);

/* A line of stage.h, without t: for the job, if there is one. */
void program_tell(struct room *room, const json_t *line, int64_t now_us);

#endif
