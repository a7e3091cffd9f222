/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sfu/jobs/media_job.h"
#include "signaling/core/deaths.h"
#include "signaling/core/rooms.h"
#include "signaling/core/stage.h"

struct program_user {
        struct program *program;
        const struct program_events *events;
        void *user;
        bool begun; /* it was told of this run */
        bool records, streams;
};

struct program {
        struct room *room;
        struct job *job; /* NULL: none runs */
        uint64_t tap;
        bool stopping; /* the last user went; one who comes now waits for the next run */
        struct program_run run;
        struct program_user *users[PROGRAM_MAX_USERS];
        struct deaths deaths;
        int64_t again_ms; /* when to start it again */
};

static unsigned count_users(const struct program *program)
{
        unsigned n = 0;

        for (size_t i = 0; i < PROGRAM_MAX_USERS; i++)
                n += program->users[i] != NULL;
        return n;
}

bool program_can(const struct room *room, const char **ret_why)
{
        return jobs_can(room->app->jobs, JOB_PROGRAM, ret_why);
}

/* ---- the job ---- */

static void send_line(void *user, const json_t *line)
{
        struct program *program = user;
        json_t *copy = json_copy((json_t *)(uintptr_t)line);

        json_object_set_new(copy, "t", json_integer(0));
        job_send(program->job, copy);
        json_decref(copy);
}

static bool concerns(const struct program_user *user, const char *type)
{
        if (strcmp(type, "file") == 0 || strcmp(type, "file-end") == 0)
                return user->records;
        if (strcmp(type, "live") == 0)
                return user->streams;
        return strcmp(type, "progress") == 0 || strcmp(type, "behind") == 0;
}

/* A callback may leave, so the list is looked at anew each time. */
static void on_line(void *data, const json_t *line)
{
        struct program *program = data;
        const char *type = json_string_value(json_object_get(line, "type"));

        for (size_t i = 0; i < PROGRAM_MAX_USERS; i++) {
                struct program_user *user = program->users[i];

                if (user && user->begun && concerns(user, type))
                        user->events->on_line(user->user, type, line);
        }
}

static void tell_gone(struct program *program, const char *error, bool again)
{
        for (size_t i = 0; i < PROGRAM_MAX_USERS; i++) {
                struct program_user *user = program->users[i];
                bool begun = user && user->begun;

                if (!user)
                        continue;
                user->begun = user->records = user->streams = false;
                if (!again)
                        program->users[i] = NULL;
                if (begun || !again)
                        user->events->on_gone(user->user, error, again);
                if (!again)
                        free(user);
        }
}

static void on_end(void *data, enum job_end reason, const char *error)
{
        struct program *program = data;
        struct room *room = program->room;
        const char *code = death_code(reason, error);
        int64_t now_ms = room->app->wall_ms();
        bool again = program->stopping;

        sfu_tap_close(room->app->sfu, program->tap);
        program->job = NULL;
        program->again_ms = now_ms;
        if (!program->stopping) {
                log_line(LOG_WARN, "program", "meeting=%s ended: %s", room->info.id, code);
                again = deaths_add(&program->deaths, now_ms, &program->again_ms) &&
                        !death_is_final(code);
        }
        program->stopping = false;
        tell_gone(program, code, again);
}

static int start(struct program *program)
{
        struct room *room = program->room;
        struct app *app = room->app;
        char dir[MEDIA_PATH];
        struct sfu_tap_params tap = { .room = room->number, .mode = SFU_TAP_PROGRAM };
        struct job_params params = { .kind = JOB_PROGRAM,
                                     .dir = dir,
                                     .on_line = on_line,
                                     .on_end = on_end,
                                     .user = program };
        struct program_run run = { app->now_us(), app->wall_ms() };
        json_t *line = NULL;
        int r = media_make_dir(app->media, room->info.id);

        if (r == 0)
                r = media_path(app->media, dir, room->info.id);
        if (r < 0)
                return r;
        line = json_pack("{s:s, s:i, s:I, s:I, s:s, s:{}}", "type", "start", "part", 1, "start_us",
                         (json_int_t)run.start_us, "start_ms", (json_int_t)run.start_ms, "title",
                         room->info.title, "names");
        params.start = line;
        r = line ? media_job_tap(app->jobs, &params, app->sfu, &tap, &program->job, &program->tap)
                 : -ENOMEM;
        json_decref(line);
        if (r < 0)
                return r;
        program->run = run;
        stage_now(room, room->info.id, send_line, program);
        return 0;
}

/* ---- users ---- */

static struct program *get_program(struct room *room)
{
        if (!room->program) {
                room->program = calloc(1, sizeof(*room->program));
                if (room->program)
                        room->program->room = room;
        }
        return room->program;
}

int program_join(struct room *room, const struct program_events *events, void *user,
                 struct program_user **ret_user)
{
        struct program *program = get_program(room);
        struct program_user *fresh;
        const char *why;
        size_t at = 0;
        int r = 0;

        if (!program)
                return -ENOMEM;
        if (!program_can(room, &why))
                return -ENOTSUP;
        while (at < PROGRAM_MAX_USERS && program->users[at])
                at++;
        if (at == PROGRAM_MAX_USERS)
                return -EBUSY;
        fresh = calloc(1, sizeof(*fresh));
        if (!fresh)
                return -ENOMEM;
        if (!program->job && count_users(program) == 0)
                r = start(program);
        if (r < 0) {
                free(fresh);
                return r;
        }
        *fresh = (struct program_user){ .program = program, .events = events, .user = user };
        program->users[at] = fresh;
        *ret_user = fresh;
        return 0;
}

/* Takes the reference. */
static void send_command(const struct program_user *user, json_t *line)
{
        if (user->program->job && user->begun && line)
                job_send(user->program->job, line);
        json_decref(line);
}

void program_record(struct program_user *user, const char *file)
{
        const struct program *program = user->program;
        json_t *line = json_pack("{s:s, s:s?}", "type", "record", "file", file);

        /* What is being composed is of a moment ago. */
        if (line && !file)
                json_object_set_new(
                        line, "until",
                        json_integer(program->room->app->now_us() - program->run.start_us));
        user->records = true;
        send_command(user, line);
}

void program_live(struct program_user *user, const char *dir)
{
        user->streams = true;
        send_command(user, json_pack("{s:s, s:s?}", "type", "live", "dir", dir));
}

struct program_user *program_leave(struct program_user *user)
{
        struct program *program;

        if (!user)
                return NULL;
        program = user->program;
        if (user->records)
                program_record(user, NULL);
        if (user->streams)
                program_live(user, NULL);
        for (size_t i = 0; i < PROGRAM_MAX_USERS; i++)
                if (program->users[i] == user)
                        program->users[i] = NULL;
        free(user);
        if (program->job && !program->stopping && count_users(program) == 0) {
                program->stopping = true;
                job_stop(program->job);
        }
        return NULL;
}

/* ---- the room ---- */

static void begin_new_ones(struct program *program)
{
        for (size_t i = 0; i < PROGRAM_MAX_USERS; i++) {
                struct program_user *user = program->users[i];

                if (user && !user->begun && program->job && !program->stopping) {
                        user->begun = true;
                        user->events->on_begin(user->user, &program->run);
                }
        }
}

void program_tick(struct room *room, int64_t now_ms)
{
        struct program *program = room->program;

        if (!program)
                return;
        if (!program->job && count_users(program) == 0) {
                char pages[MEDIA_PATH];

                snprintf(pages, sizeof(pages), "%s/pages", room->info.id);
                if (media_remove(room->app->media, pages) < 0)
                        log_line(LOG_WARN, "program", "meeting=%s: pages stay", room->info.id);
                program_drop(room);
                return;
        }
        if (!program->job && now_ms >= program->again_ms && start(program) < 0 &&
            !deaths_add(&program->deaths, now_ms, &program->again_ms))
                tell_gone(program, "internal", false);
        begin_new_ones(program);
}

void program_drop(struct room *room)
{
        struct program *program = room->program;

        if (!program)
                return;
        for (size_t i = 0; i < PROGRAM_MAX_USERS; i++)
                free(program->users[i]);
        free(program);
        room->program = NULL;
}

void program_tell(struct room *room, const json_t *line, int64_t now_us)
{
        struct program *program = room->program;
        json_t *copy;

        if (!program || !program->job)
                return;
        copy = json_copy((json_t *)(uintptr_t)line);
        json_object_set_new(copy, "t", json_integer(now_us - program->run.start_us));
        job_send(program->job, copy);
        json_decref(copy);
}
