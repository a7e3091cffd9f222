/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JOB_TRACKS: what everybody sends, each publication into a Matroska file, as it was sent.
 *
 * A track (participant and kind) has one file open, from its first frame (of pictures: a key frame)
 * to its end. Another layer, a pause or a new connection goes on in it; another codec, or the
 * same publication after its end, begins the next one. All on the main thread: see mkv_file.h.
 */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "sfu/api.h"
#include "sfu/jobs/core/retime.h"
#include "sfu/jobs/core/track_reader.h"
#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/gst/mkv_file.h"
#include "sfu/jobs/gst/retime_file.h"

enum {
        /* Retransmissions come within a few round trips; nothing waits for a recording. */
        HOLD_US = 700000,
        START_US = 200000,
        TICK_MS = 100,
        /* A room has some hundred people at most; descriptors are limited (job_limits.h). */
        MAX_TRACKS = 900,
        /* Of a track that begins again and again. */
        MAX_FILES = 300,
        MAX_EARLY_US = 1000000, /* a picture of before the start is shown at the start */
        MAX_PATH = 96,
};

struct track {
        struct tracks *tracks;
        uint32_t participant;
        uint8_t kind;
        bool has_generation;
        uint32_t generation; /* the newest */
        struct track_reader *reader;

        struct mkv_file *file; /* NULL: none is open */
        enum job_codec codec;  /* of file */
        int64_t last_t_us;
        unsigned n_files;
        char name[MAX_PATH]; /* of file */
        struct retime retime;
};

struct tracks {
        struct child *child;
        int part;
        int64_t start_us;
        GHashTable *all; /* key_of() -> struct track, owned */
        uint64_t closed_bytes;
        uint64_t dropped, dropped_told;
        /* Time goes on by the records' own clock, also when none come. */
        int64_t newest_arrival_us, newest_at_us;
        guint tick;
};

static const char *const kind_words[SFU_N_KINDS] = { "mic", "camera", "screen" };
static const char *const codec_words[JOB_N_CODECS] = {
        [JOB_OPUS] = "opus", [JOB_VP8] = "vp8", [JOB_H264] = "h264",
        [JOB_VP9] = "vp9",   [JOB_AV1] = "av1",
};

/* ---- files ---- */

static void close_file(struct track *track)
{
        struct mkv_error error = { 0 };

        if (!track->file)
                return;
        track->tracks->closed_bytes += mkv_file_bytes(track->file);
        if (mkv_file_close(take_ptr(track->file), &error))
                child_fail(track->tracks->child, error.code, "%s", error.text);
}

static void tell_file(const struct track *track, const char *name, int64_t t_us)
{
        child_say(track->tracks->child,
                  json_pack("{s:s, s:s, s:I, s:s, s:s, s:I}", "type", "file", "name", name,
                            "participant", (json_int_t)track->participant, "kind",
                            kind_words[track->kind], "codec", codec_words[track->codec], "t",
                            (json_int_t)t_us));
}

static void open_file(struct track *track, const struct track_frame *frame, int64_t t_us)
{
        static struct log_limit limit;
        char path[MAX_PATH];
        int dir_len = 0;
        struct mkv_error error;

        close_file(track);
        if (track->n_files == MAX_FILES) {
                log_limited(&limit, LOG_WARN, "tracks", "participant=%" PRIu32 ": too many files",
                            track->participant);
                return;
        }
        track->n_files++;
        snprintf(path, sizeof(path), "/work/%np%d-%s-%" PRIu32 "-%u.mkv", &dir_len,
                 track->tracks->part, kind_words[track->kind], track->participant, track->n_files);
        track->codec = frame->codec;
        if (mkv_file_open(&track->file, path, frame->codec, frame->frame.format, &error)) {
                child_fail(track->tracks->child, error.code, "%s", error.text);
                return;
        }
        snprintf(track->name, sizeof(track->name), "%s", path + dir_len);
        track->retime = (struct retime){ 0 };
        tell_file(track, track->name, t_us);
}

/* What a stranger's stream does to the muxer costs his file only. */
static void on_write_error(struct track *track, const struct mkv_error *error)
{
        struct mkv_error ignored;

        log_line(LOG_WARN, "tracks", "participant=%" PRIu32 " kind=%s: %s: %s", track->participant,
                 kind_words[track->kind], error->code, error->text);
        if (error->is_of_disk)
                child_fail(track->tracks->child, error->code, "%s", error->text);
        (void)mkv_file_close(take_ptr(track->file), &ignored);
}

/* Returns the frame's time in the part, or -1 for one of before it. */
static int64_t time_in_part(struct track *track, int64_t time_us)
{
        int64_t t_us = time_us - track->tracks->start_us;

        if (t_us < 0) {
                if (track->kind == SFU_MIC || t_us < -MAX_EARLY_US)
                        return -1;
                t_us = 0;
        }
        if (t_us <= track->last_t_us)
                t_us = track->last_t_us + 1;
        track->last_t_us = t_us;
        return t_us;
}

static void write_frame(struct track *track, const struct track_frame *frame)
{
        int64_t t_us = time_in_part(track, frame->time_us);
        struct mkv_error error;

        if (t_us < 0)
                return;
        if (!track->file || track->codec != frame->codec) {
                if (!frame->frame.is_keyframe)
                        return;
                open_file(track, frame, t_us);
        }
        if (!track->file)
                return;
        if (mkv_file_write(track->file, &frame->frame, t_us, &error))
                on_write_error(track, &error);
        else if (retime_on_frame(&track->retime,
                                 &(struct retime_frame){ .t_us = t_us,
                                                         .reported = frame->reported,
                                                         .fresh = frame->fresh,
                                                         .off_us = frame->off_us,
                                                         .left_us = frame->left_us }))
                retime_file_write(&track->retime, track->name);
}

/* ---- tracks ---- */

static gint64 key_of(const struct job_record *record)
{
        return (gint64)record->participant * SFU_N_KINDS + record->kind;
}

static void track_free(void *pointer)
{
        struct track *track = pointer;

        close_file(track);
        track_reader_free(track->reader);
        g_free(track);
}

/* NULL: there are too many. */
static struct track *track_of(struct tracks *tracks, const struct job_record *record)
{
        const struct track_reader_config config = {
                .pictures = record->kind != SFU_MIC,
                .hold_us = HOLD_US,
                .start_us = START_US,
        };
        gint64 key = key_of(record);
        struct track *track = g_hash_table_lookup(tracks->all, &key);

        if (track || g_hash_table_size(tracks->all) >= MAX_TRACKS)
                return track;
        track = g_new0(struct track, 1);
        track->tracks = tracks;
        track->participant = record->participant;
        track->kind = record->kind;
        track->last_t_us = -1;
        if (track_reader_new(&track->reader, &config) < 0) {
                g_free(track);
                return NULL;
        }
        g_hash_table_insert(tracks->all, g_memdup2(&key, sizeof(key)), track);
        return track;
}

static int64_t now_us(const struct tracks *tracks)
{
        return tracks->newest_arrival_us + clock_now_us() - tracks->newest_at_us;
}

static void drain(struct track *track, int64_t now)
{
        struct track_frame frame;

        while (track_reader_take(track->reader, now, &frame))
                write_frame(track, &frame);
}

static void end_track(struct track *track)
{
        track_reader_flush(track->reader);
        drain(track, 0);
        close_file(track);
}

static void on_rtp(struct track *track, const struct job_record *record)
{
        struct tracks *tracks = track->tracks;

        if (record->arrival_us > tracks->newest_arrival_us) {
                tracks->newest_arrival_us = record->arrival_us;
                tracks->newest_at_us = clock_now_us();
        }
        /* Refused: it came twice or too late. */
        if (track_reader_put(track->reader, record) == 0)
                drain(track, tracks->newest_arrival_us);
}

static void end_all(struct tracks *tracks)
{
        GHashTableIter iter;
        void *track;

        g_hash_table_iter_init(&iter, tracks->all);
        while (g_hash_table_iter_next(&iter, NULL, &track))
                end_track(track);
}

/* A generation that was overtaken (job_record.h) has nothing to say any more. */
static bool is_outdated(struct track *track, const struct job_record *record)
{
        if (track->has_generation && job_generation_is_newer(track->generation, record->generation))
                return record->type != JOB_RTP; /* what of it comes late may still have a place */
        track->has_generation = true;
        track->generation = record->generation;
        return false;
}

static void on_record(void *job, const uint8_t *data, size_t len)
{
        struct tracks *tracks = job;
        struct job_record record;
        struct track *track;

        if (len == 0) {
                end_all(tracks);
                return;
        }
        if (job_record_parse(&record, data, len) < 0)
                return;
        track = track_of(tracks, &record);
        if (record.type == JOB_GAP)
                tracks->dropped += record.count;
        if (!track || is_outdated(track, &record))
                return;
        if (record.type == JOB_RTP)
                on_rtp(track, &record);
        else if (record.type == JOB_END)
                end_track(track);
}

/* ---- the job ---- */

static gboolean on_tick(void *user)
{
        struct tracks *tracks = user;
        int64_t now = now_us(tracks);
        GHashTableIter iter;
        void *pointer;

        g_hash_table_iter_init(&iter, tracks->all);
        while (g_hash_table_iter_next(&iter, NULL, &pointer)) {
                struct track *track = pointer;

                if (track_reader_deadline_us(track->reader) <= now)
                        drain(track, now);
        }
        return G_SOURCE_CONTINUE;
}

static int start(struct child *child, const json_t *line, void **ret_job)
{
        const json_t *part = json_object_get(line, "part");
        const json_t *start_us = json_object_get(line, "start_us");
        struct tracks *tracks;

        if (!json_is_integer(part) || json_integer_value(part) < 1 ||
            json_integer_value(part) > 9999 || !json_is_integer(start_us)) {
                child_fail(child, "internal", "start without part and start_us");
                return 1;
        }
        tracks = g_new0(struct tracks, 1);
        tracks->child = child;
        tracks->part = (int)json_integer_value(part);
        tracks->start_us = json_integer_value(start_us);
        tracks->newest_arrival_us = tracks->start_us;
        tracks->newest_at_us = clock_now_us();
        tracks->all = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, track_free);
        tracks->tick = g_timeout_add(TICK_MS, on_tick, tracks);
        *ret_job = tracks;
        child_ready(child);
        return 0;
}

static bool progress(void *job, json_t *line)
{
        struct tracks *tracks = job;
        uint64_t bytes = tracks->closed_bytes;
        unsigned n_open = 0;
        GHashTableIter iter;
        void *pointer;

        g_hash_table_iter_init(&iter, tracks->all);
        while (g_hash_table_iter_next(&iter, NULL, &pointer)) {
                struct track *track = pointer;

                if (!track->file)
                        continue;
                bytes += mkv_file_bytes(track->file);
                n_open++;
        }
        json_object_set_new(line, "t", json_integer(now_us(tracks) - tracks->start_us));
        json_object_set_new(line, "bytes", json_integer((json_int_t)bytes));
        json_object_set_new(line, "tracks", json_integer(n_open));
        if (tracks->dropped > tracks->dropped_told)
                child_say(tracks->child,
                          json_pack("{s:s, s:I}", "type", "behind", "dropped",
                                    (json_int_t)(tracks->dropped - tracks->dropped_told)));
        tracks->dropped_told = tracks->dropped;
        return true;
}

static void stop(void *job)
{
        struct tracks *tracks = job;

        child_take_rest(tracks->child);
        end_all(tracks);
        child_done(tracks->child);
}

static void free_job(void *job)
{
        struct tracks *tracks = job;

        g_source_remove(tracks->tick);
        g_hash_table_unref(tracks->all);
        g_free(tracks);
}

static const char *const elements[] = { "matroskamux", "filesink", NULL };

const struct job_ops tracks_ops = {
        .kind = JOB_TRACKS,
        .elements = elements,
        .start = start,
        .on_record = on_record,
        .progress = progress,
        .stop = stop,
        .free = free_job,
};
