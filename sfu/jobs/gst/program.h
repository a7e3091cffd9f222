/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program — a meeting's picture and sound, composed: tracks and events go in with their times, a
 *           program clock goes forward frame by frame, MP4 and HLS come out. The live job drives it
 *           by the clock on the wall, the one that composes afterwards as fast as it goes.
 *
 * Layer:  sfu/jobs/gst.
 * Owner:  a job.
 * Thread: the job's main thread; nothing is locked, nothing waits.
 * Units:  *_us: microseconds on the program's timeline (`t` of lines.h).
 *
 * Invariants:
 *  (1) time goes forward by SCENE_FRAME_US; each step takes exactly as much sound.
 *  (2) nothing is encoded while no output is wanted.
 *  (3) a file is named in on_line() once its first fragment begins.
 */
#ifndef SFU_JOBS_GST_PROGRAM_H
#define SFU_JOBS_GST_PROGRAM_H

#include <jansson.h>

#include "sfu/jobs/gst/track.h"

enum { PROGRAM_MAX_TRACKS = 512, PROGRAM_MAX_EVENTS = 65536 };

struct program;

struct program_params {
        const char *dir;                           /* what names of files and pages are below */
        const char *title;                         /* of the meeting */
        int64_t wall_us;                           /* since 1970, of 0 on the timeline */
        bool live;                                 /* see encoder.h */
        void (*on_line)(void *user, json_t *line); /* "file", "live"; takes the reference */
        /* An output cannot go on: a code of lines.h, and why in English. Called once. */
        void (*on_fail)(void *user, const char *code, const char *why);
        void *user;
};

must_use int program_new(struct program **ret_program, const struct program_params *params);
struct program *program_free(struct program *program); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct program *, program_free)

/* Returns 0, -ENOSPC (too many) or -errno. The track belongs to the program, which frees it some
 * time after track_end(). */
must_use int program_track(struct program *program, const struct track_params *params,
                           struct track **ret_track);

/* A line name, speaker, page, gone, record or live (lines.h); what has a t counts from then on.
 * Others are ignored. */
void program_on_line(struct program *program, const char *type, const json_t *line);

int64_t program_time_us(const struct program *program);

/* One frame further. skip (live only): without a picture of its own; the one before lasts longer. */
void program_step(struct program *program, bool skip);

/* Ends all outputs; they are complete then. */
void program_end(struct program *program);

struct program_figures {
        uint64_t bytes, frames, late_frames;
        int64_t encode_us; /* spent on all frames */
};
void program_figures(const struct program *program, struct program_figures *ret_figures);

#endif
