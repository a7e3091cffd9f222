/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording_run — the recording of a meeting while it is on: its jobs, its parts, its end.
 *
 * States: running -> stopping (recording_end) -> handed to recording_finish.c
 *         running -> draining (the server stops) -> freed; it stays on in the log
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rand.h"
#include "sfu/jobs/media_job.h"
#include "signaling/core/people.h"
#include "signaling/core/recordings_priv.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/words.h"

/* ---- parts ---- */

/* A file of that number may be there from before a kill -9, when the row had not been
 * written yet: then the next number. */
static int begin_part(struct recording *recording, enum part_kind kind, int64_t start_us,
                      int64_t start_ms, size_t *ret_at)
{
        struct recording_parts *parts = &recording->kept.parts;
        int r = -EEXIST;

        for (unsigned tries = 0; r == -EEXIST && tries < 8; tries++) {
                struct recording_part *part = recording_parts_add(parts, kind, start_us, start_ms);

                if (!part)
                        return -EOVERFLOW;
                part->number += (int)tries;
                r = timeline_begin(recording, parts->n - 1);
                if (r < 0)
                        parts->n--;
        }
        if (r < 0)
                return r;
        *ret_at = parts->n - 1;
        recording_row_put(recording->room->app, &recording->kept);
        return 0;
}

static void end_part(struct recording *recording, size_t at, const char *error)
{
        struct recording_part *part = &recording->kept.parts.list[at];

        if (!part->open)
                return;
        part->open = false;
        g_strlcpy(part->error, error, sizeof(part->error));
        timeline_end(recording, at);
        recording->kept.row.bytes = recording_parts_bytes(&recording->kept.parts);
        recording_row_put(recording->room->app, &recording->kept);
}

static void note_error(struct recording *recording, const char *code)
{
        recording->error_ms = recording->room->app->wall_ms();
        g_strlcpy(recording->error, code, sizeof(recording->error));
}

static void note_behind(struct recording *recording)
{
        recording->behind_ms = recording->room->app->wall_ms();
}

static void note_progress(struct recording_part *part, const json_t *line)
{
        int64_t t_us = recording_number(line, "t");
        int64_t bytes = recording_number(line, "bytes");

        if (t_us > part->first_us + part->duration_us)
                part->duration_us = t_us - part->first_us;
        if (bytes > part->bytes)
                part->bytes = bytes;
}

/* A kind that cannot go on: without another the recording is over. */
static void give_up(struct recording *recording, enum part_kind kind)
{
        recording->wants[kind] = false;
        if (!recording->wants[PART_TRACKS] && !recording->wants[PART_PROGRAM])
                recording->stopped_itself = true; /* at the next tick */
}

/* ---- tracks ---- */

static void on_tracks_line(void *user, const json_t *line)
{
        struct recording *recording = user;
        const char *type = json_string_value(json_object_get(line, "type"));
        const char *name = json_string_value(json_object_get(line, "name"));

        if (strcmp(type, "ready") == 0)
                recording->tracks_ready = true;
        else if (strcmp(type, "progress") == 0)
                note_progress(&recording->kept.parts.list[recording->tracks_part], line);
        else if (strcmp(type, "behind") == 0)
                note_behind(recording);
        else if (strcmp(type, "file") == 0 && name && recording_is_file(name))
                timeline_put(recording, recording->tracks_part, line, -1);
}

static void on_tracks_end(void *user, enum job_end reason, const char *error)
{
        struct recording *recording = user;
        struct room *room = recording->room;
        const char *code = death_code(reason, error);
        int64_t now_ms = room->app->wall_ms();
        bool ended = recording->stopping || recording->draining;

        sfu_tap_close(room->app->sfu, recording->tap);
        recording->tracks = NULL;
        recording->tracks_ready = false;
        end_part(recording, recording->tracks_part, ended && reason == JOB_DONE ? "" : code);
        if (ended)
                return;
        log_line(LOG_WARN, "recording", "recording=%s tracks ended: %s", recording->kept.row.id,
                 code);
        note_error(recording, code);
        if (!deaths_add(&recording->deaths, now_ms, &recording->again_ms) || death_is_final(code))
                give_up(recording, PART_TRACKS);
}

static int start_tracks(struct recording *recording)
{
        struct room *room = recording->room;
        struct app *app = room->app;
        char folder[MEDIA_PATH], dir[MEDIA_PATH];
        struct sfu_tap_params tap = { .room = room->number, .mode = SFU_TAP_ALL };
        struct job_params params = { .kind = JOB_TRACKS,
                                     .dir = dir,
                                     .on_line = on_tracks_line,
                                     .on_end = on_tracks_end,
                                     .user = recording };
        int64_t start_us = app->now_us(), start_ms = app->wall_ms();
        json_t *line;
        int r;

        recording_row_folder(&recording->kept, folder);
        r = media_path(app->media, dir, folder);
        if (r == 0)
                r = begin_part(recording, PART_TRACKS, start_us, start_ms, &recording->tracks_part);
        if (r < 0)
                return r;
        line = json_pack("{s:s, s:i, s:I, s:I}", "type", "start", "part",
                         recording->kept.parts.list[recording->tracks_part].number, "start_us",
                         (json_int_t)start_us, "start_ms", (json_int_t)start_ms);
        params.start = line;
        r = line ? media_job_tap(app->jobs, &params, app->sfu, &tap, &recording->tracks,
                                 &recording->tap)
                 : -ENOMEM;
        json_decref(line);
        if (r < 0)
                end_part(recording, recording->tracks_part, "internal");
        return r;
}

static void restart_tracks(struct recording *recording, int64_t now_ms)
{
        int r;

        if (recording->tracks || !recording->wants[PART_TRACKS] || now_ms < recording->again_ms)
                return;
        r = start_tracks(recording);
        if (r == 0)
                return;
        note_error(recording, r == -ENOSPC ? "disk-full" : "internal");
        if (!deaths_add(&recording->deaths, now_ms, &recording->again_ms))
                give_up(recording, PART_TRACKS);
}

/* ---- program ---- */

static void on_program_begin(void *user, const struct program_run *run)
{
        struct recording *recording = user;
        char folder[MEDIA_PATH], file[MEDIA_PATH];
        int r;

        if (recording->stopping || recording->draining)
                return;
        r = begin_part(recording, PART_PROGRAM, run->start_us, run->start_ms,
                       &recording->program_part);
        if (r < 0) {
                note_error(recording, r == -ENOSPC ? "disk-full" : "internal");
                recording->program = program_leave(recording->program);
                give_up(recording, PART_PROGRAM);
                return;
        }
        recording->program_begun = true;
        recording_row_folder(&recording->kept, folder);
        /* its folder is the meeting's */
        snprintf(file, sizeof(file), "%s/p%d.mp4", folder + strlen(recording->kept.row.meeting) + 1,
                 recording->kept.parts.list[recording->program_part].number);
        program_record(recording->program, file);
}

static void end_program_part(struct recording *recording, const char *error)
{
        if (recording->program_begun)
                end_part(recording, recording->program_part, error);
        recording->program_begun = false;
}

static void on_program_line(void *user, const char *type, const json_t *line)
{
        struct recording *recording = user;
        struct recording_part *part = &recording->kept.parts.list[recording->program_part];

        if (strcmp(type, "behind") == 0)
                note_behind(recording);
        if (!recording->program_begun)
                return;
        if (strcmp(type, "file") == 0) {
                part->has_file = true;
                part->first_us = recording_number(line, "t");
                recording_row_put(recording->room->app, &recording->kept);
        } else if (strcmp(type, "progress") == 0 && part->has_file) {
                note_progress(part, line);
        } else if (strcmp(type, "file-end") == 0 && recording->stopping) {
                end_program_part(recording, "");
        }
}

static void on_program_gone(void *user, const char *error, bool again)
{
        struct recording *recording = user;
        bool ended = recording->stopping || recording->draining;

        end_program_part(recording, ended ? "" : error);
        if (!again)
                recording->program = NULL;
        if (ended)
                return;
        note_error(recording, error);
        if (!again)
                give_up(recording, PART_PROGRAM);
}

static const struct program_events program_events = {
        .on_begin = on_program_begin,
        .on_line = on_program_line,
        .on_gone = on_program_gone,
};

/* ---- begin ---- */

static void want_by_mode(struct recording *recording)
{
        recording->wants[PART_TRACKS] = strcmp(recording->kept.row.mode, "program") != 0;
        recording->wants[PART_PROGRAM] = strcmp(recording->kept.row.mode, "tracks") != 0;
}

static int begin_jobs(struct recording *recording)
{
        struct room *room = recording->room;
        char folder[MEDIA_PATH];
        int r;

        want_by_mode(recording);
        recording_row_folder(&recording->kept, folder);
        r = media_make_dir(room->app->media, folder);
        if (r == 0 && recording->wants[PART_TRACKS])
                r = start_tracks(recording);
        if (r == 0 && recording->wants[PART_PROGRAM])
                r = program_join(room, &program_events, recording, &recording->program);
        return r;
}

static struct recording *new_recording(struct room *room)
{
        struct recording *recording = calloc(1, sizeof(*recording));

        if (recording)
                recording->room = room;
        return recording;
}

static int check_means(struct room *room, enum meeting_recording_mode mode, const char **ret_why)
{
        struct app *app = room->app;
        int64_t bytes = 0;
        int r = app->draining ? -EAGAIN : media_free_bytes(app->media, &bytes);

        if (r < 0)
                return r;
        if (bytes < app->recordings->config.free_bytes)
                return -ENOSPC;
        if (mode != RECORD_PROGRAM && !jobs_can(app->jobs, JOB_TRACKS, ret_why))
                return -ENOTSUP;
        if (mode != RECORD_TRACKS && !program_can(room, ret_why))
                return -ENOTSUP;
        return 0;
}

static void fill_row(struct recording *recording, const struct meeting_recording *log)
{
        struct store_recording *row = &recording->kept.row;

        memcpy(row->id, log->id, sizeof(row->id));
        g_strlcpy(row->meeting, recording->room->info.id, sizeof(row->meeting));
        g_strlcpy(row->mode, record_mode_word(log->mode), sizeof(row->mode));
        g_strlcpy(row->by, log->by, sizeof(row->by));
        row->started_ms = log->since_ms;
        row->state = STORE_RECORDING_ON;
        row->kept_until_ms = log->since_ms + recording->room->app->recordings->config.keep_ms;
}

int recording_start(struct room *room, enum meeting_recording_mode mode, const char *by,
                    enum meeting_role role, const char **ret_why,
                    const struct recording_row **ret_kept)
{
        char id[UUID_TEXT];
        struct meeting_command command = { .type = COMMAND_RECORDING,
                                           .by = by,
                                           .role = role,
                                           .on = true,
                                           .mode = mode,
                                           .recording = id };
        struct recording *recording;
        int r = room->recording ? MEETING_E_RECORDING_ON : check_means(room, mode, ret_why);

        if (r != 0)
                return r;
        uuid_v7(id, room->app->wall_ms() * 1000);
        recording = new_recording(room);
        if (!recording)
                return -ENOMEM;
        r = room_submit(room, &command, NULL, NULL);
        if (r != 0) {
                free(recording);
                return r;
        }
        fill_row(recording, meeting_recording(room->state));
        recording_row_put(room->app, &recording->kept);
        room->recording = recording;
        jobs_news_set(room, JOBS_RECORDING, NULL);
        if (begin_jobs(recording) < 0) {
                note_error(recording, "internal");
                recording->stopped_itself = true;
        }
        *ret_kept = &recording->kept;
        return 0;
}

/* The log says it is on, and nothing runs: the server was restarted. */
static void resume(struct room *room, const struct meeting_recording *log)
{
        struct recording *recording = new_recording(room);

        if (!recording)
                return;
        finish_forget(room->app, log->id); /* its end was not in the log, and so it was none */
        if (recording_row_get(room->app, log->id, &recording->kept) < 0)
                fill_row(recording, log); /* the row was lost with the power, or deleted */
        recording->kept.row.state = STORE_RECORDING_ON;
        recording->kept.row.ended_ms = 0;
        for (size_t i = 0; i < recording->kept.parts.n; i++)
                recording->kept.parts.list[i].open = false;
        log_line(LOG_INFO, "recording", "recording=%s goes on", log->id);
        room->recording = recording;
        if (begin_jobs(recording) < 0) {
                note_error(recording, "internal");
                recording->stopped_itself = true;
        }
}

/* ---- end ---- */

static void stop_jobs(struct recording *recording)
{
        if (recording->tracks)
                job_stop(recording->tracks);
        if (recording->program && recording->program_begun)
                program_record(recording->program, NULL);
        recording->stop_by_ms = recording->room->app->wall_ms() + RECORDING_STOP_MS;
}

void recording_end(struct recording *recording, const char *error)
{
        struct store_recording *row = &recording->kept.row;

        if (recording->stopping)
                return;
        recording->stopping = true;
        row->state = STORE_RECORDING_FINISHING;
        row->ended_ms = recording->room->app->wall_ms();
        g_strlcpy(row->error, error, sizeof(row->error));
        recording_row_put(recording->room->app, &recording->kept);
        stop_jobs(recording);
}

void recording_end_itself(struct room *room, const char *error)
{
        struct meeting_command command = { .type = COMMAND_RECORDING };

        if (room->recording)
                recording_end(room->recording, error);
        else
                recording_end_row(room->app, meeting_recording(room->state)->id);
        if (room_submit(room, &command, NULL, NULL) != 0)
                log_line(LOG_WARN, "recording", "meeting=%s: its end is not in the log",
                         room->info.id);
}

/* True: nothing of it runs any more. */
static bool has_ended(struct recording *recording, int64_t now_ms)
{
        bool late = now_ms >= recording->stop_by_ms;

        if (recording->program && (!recording->program_begun || late)) {
                end_program_part(recording, late ? "job-stalled" : "");
                recording->program = program_leave(recording->program);
        }
        return !recording->tracks && !recording->program;
}

static void free_recording(struct recording *recording)
{
        for (size_t i = 0; i < recording->kept.parts.n; i++)
                timeline_end(recording, i);
        free(recording);
}

void recording_free(struct room *room)
{
        if (room->recording)
                free_recording(room->recording);
        room->recording = NULL;
}

/* ---- news ---- */

static json_t *news_json(const struct recording *recording, int64_t now_ms)
{
        const struct recording_row *kept = &recording->kept;
        bool running = (!recording->wants[PART_TRACKS] || recording->tracks_ready) &&
                       (!recording->wants[PART_PROGRAM] || recording->program_begun);
        bool behind = recording->behind_ms &&
                      now_ms < recording->behind_ms + RECORDING_BEHIND_SHOWN_MS;
        bool wrong = recording->error_ms && now_ms < recording->error_ms + RECORDING_ERROR_SHOWN_MS;
        unsigned runs = recording_parts_runs(&kept->parts);

        return json_pack("{s:s, s:s, s:I, s:I, s:i, s:b, s:s?}", "id", kept->row.id, "state",
                         recording->stopping ? "stopping"
                         : running           ? "on"
                                             : "starting",
                         "bytes", (json_int_t)recording_parts_bytes(&kept->parts), "seconds",
                         (json_int_t)(recording_parts_ms(&kept->parts) / 1000), "parts", (int)runs,
                         "behind", behind, "error", wrong ? recording->error : NULL);
}

/* What ended by itself is shown until the next one begins. */
static json_t *ended_json(const struct recording *recording)
{
        const struct recording_row *kept = &recording->kept;

        if (!kept->row.error[0])
                return NULL;
        return json_pack("{s:s, s:s, s:I, s:I, s:i, s:b, s:s}", "id", kept->row.id, "state",
                         "failed", "bytes", (json_int_t)recording_parts_bytes(&kept->parts),
                         "seconds", (json_int_t)(recording_parts_ms(&kept->parts) / 1000), "parts",
                         (int)recording_parts_runs(&kept->parts), "behind", 0, "error",
                         kept->row.error);
}

/* ---- time ---- */

/* She is connected; seats that wait for their people do not count. */
static bool somebody_is_here(struct room *room)
{
        struct member *member;
        GHashTableIter iter;

        if (room->sessions->len > 0)
                return true;
        g_hash_table_iter_init(&iter, room->members);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&member))
                if (member->peer && !seat_is_of_job(member->id))
                        return true;
        return false;
}

/* A film or a hall's camera alone is no meeting. */
static void watch_emptiness(struct room *room, int64_t now_ms)
{
        if (!meeting_recording(room->state)->id[0] || people_are_here(room))
                room->recorded_empty_ms = 0;
        else if (room->recorded_empty_ms == 0)
                room->recorded_empty_ms = now_ms;
        else if (now_ms >= room->recorded_empty_ms + ROOM_IDLE_MS)
                recording_end_itself(room, "");
}

static void tick_running(struct room *room, struct recording *recording, int64_t now_ms)
{
        const struct meeting_recording *log = meeting_recording(room->state);

        if (!recording->stopping && strcmp(log->id, recording->kept.row.id) != 0)
                recording_end(recording, "");
        else if (!recording->stopping && recording->stopped_itself)
                recording_end_itself(room, recording->error);
        if (!recording->stopping)
                restart_tracks(recording, now_ms);
        jobs_news_set(room, JOBS_RECORDING, news_json(recording, now_ms));
        if (!recording->stopping || !has_ended(recording, now_ms))
                return;
        jobs_news_set(room, JOBS_RECORDING, ended_json(recording));
        finish_add(room->app, &recording->kept);
        recording_free(room);
}

void recording_tick(struct room *room, int64_t now_ms)
{
        struct recording *recording = room->recording;
        struct recordings *all = room->app->recordings;
        const struct meeting_recording *log = meeting_recording(room->state);

        if (recording && recording->draining)
                return;
        if (recording)
                tick_running(room, recording, now_ms);
        else if (log->id[0] && !all->draining && !all->disk_is_low && somebody_is_here(room))
                resume(room, log);
        watch_emptiness(room, now_ms);
}

bool recording_is_busy(const struct room *room)
{
        return room->recording || meeting_recording(room->state)->id[0];
}

void recordings_drain(struct app *app)
{
        GHashTableIter iter;
        struct room *room;

        app->recordings->draining = true;
        g_hash_table_iter_init(&iter, app->rooms);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&room)) {
                if (!room->recording || room->recording->stopping)
                        continue;
                room->recording->draining = true;
                stop_jobs(room->recording);
                room->recording->program = program_leave(room->recording->program);
        }
}

bool recordings_are_drained(const struct app *app)
{
        GHashTableIter iter;
        struct room *room;

        g_hash_table_iter_init(&iter, app->rooms);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&room))
                if ((room->recording && room->recording->tracks) || room->program)
                        return false;
        return true;
}
