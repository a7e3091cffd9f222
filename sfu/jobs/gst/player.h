/* SPDX-License-Identifier: Apache-2.0 */
/*
 * player — a film's file, decoded in its own time: play, pause, seek, volume.
 *
 * Layer:  sfu/jobs/gst, the child's side.
 * Owner:  a job (film, probe).
 * Thread: the child's main thread; on_picture and on_sound come in streaming threads.
 *
 *   LOADING --everything has given its first frame--> PAUSED <--> PLAYING --> ENDED
 *
 * ENDED shows the last picture; play and seek lead out of it. A seek flushes, is exact, and
 * while one is under way the newest wish waits for its end.
 */
#ifndef SFU_JOBS_GST_PLAYER_H
#define SFU_JOBS_GST_PLAYER_H

#include "sfu/jobs/gst/media_in.h"
#include "sfu/jobs/gst/pipeline.h"

struct player;

/* What it cannot do without; for struct job_ops. */
#define PLAYER_ELEMENTS                                                                            \
        "filesrc", "decodebin", "qtdemux", "matroskademux", "mpegaudioparse", "avdec_h264",        \
                "avdec_aac", MEDIA_IN_ELEMENTS

struct player_params {
        const char *path;
        bool wants_video;
        unsigned load_ms; /* until it must have begun */
        /* Each stream has given something: the next functions may be called now. */
        void (*on_loaded)(void *user);
        /* A seek has arrived, or the end has been reached. */
        void (*on_moved)(void *user);
        /* As in media_in.h; may be NULL. */
        void (*on_picture)(void *user, GstBuffer *picture, GstCaps *caps, int64_t at_us);
        void (*on_sound)(void *user, GstBuffer *sound, int64_t at_us);
        void *user;
};

/* Returns 0, or > 0 and the child has failed. What cannot be played fails the child, now
 * or later: "unplayable", "codec-unsupported". */
must_use int player_new(struct player **ret_player, struct child *child,
                        const struct player_params *params);
struct player *player_free(struct player *player); /* Accepts NULL, returns NULL. */

void player_play(struct player *player);
void player_pause(struct player *player);
void player_seek(struct player *player, int64_t position_ms);
/* As if the file ended here. */
void player_end(struct player *player);
void player_volume(struct player *player, int percent);

bool player_is_playing(const struct player *player); /* wanted; not at the end */
bool player_has_ended(const struct player *player);
int64_t player_position_ms(const struct player *player);
int64_t player_duration_ms(const struct player *player); /* 0: not known */

/* "h264", "aac" and so on, or NULL: there is none. */
const char *player_video(const struct player *player, int *ret_width, int *ret_height);
const char *player_audio(const struct player *player);

#endif
