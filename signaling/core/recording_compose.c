/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording_compose — program.mp4 from a recording's tracks, when a host asks for it; one
 *                     recording at a time in the whole server (JOB_COMPOSE).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/recordings_priv.h"
#include "signaling/core/rooms.h"

enum { COMPOSE_MAX_STALLS = 2 };
#define COMPOSED_FILE "program.mp4"

struct compose_task {
        struct app *app;
        struct recording_row kept;
        char title[512];
        struct job *job;
        bool forgotten, ended, done;
        unsigned stalls;
        int percent;
        char error[32];
};

static bool is_of(const struct compose_task *task, const char *id)
{
        return strcmp(task->kept.row.id, id) == 0;
}

static struct compose_task *find_waiting(const struct recordings *all, const char *id)
{
        for (GList *at = all->to_compose.head; at; at = at->next)
                if (is_of(at->data, id))
                        return at->data;
        return NULL;
}

bool compose_has(const struct app *app, const char *id)
{
        const struct recordings *all = app->recordings;

        return find_waiting(all, id) || (all->composing && is_of(all->composing, id));
}

/* ---- news ---- */

static void add_news(json_t *list, const struct compose_task *task, const char *meeting)
{
        if (task && !task->forgotten && strcmp(task->kept.row.meeting, meeting) == 0)
                json_array_append_new(list, json_pack("{s:s, s:i}", "recording", task->kept.row.id,
                                                      "percent", task->percent));
}

static void tell_room(struct app *app, const char *meeting)
{
        struct recordings *all = app->recordings;
        struct room *room = g_hash_table_lookup(app->rooms, meeting);
        json_t *list;

        if (!room)
                return;
        list = json_array();
        if (all->composing && !all->composing->ended)
                add_news(list, all->composing, meeting);
        for (GList *at = all->to_compose.head; at; at = at->next)
                add_news(list, at->data, meeting);
        jobs_news_set(room, JOBS_COMPOSE, list);
}

/* ---- asked for ---- */

int compose_add(struct app *app, const struct recording_row *kept, const char *title)
{
        struct recordings *all = app->recordings;
        struct compose_task *task;
        const char *why;

        if (compose_has(app, kept->row.id))
                return -EALREADY;
        if (!jobs_can(app->jobs, JOB_COMPOSE, &why))
                return -ENOTSUP;
        if (g_queue_get_length(&all->to_compose) + !!all->composing > COMPOSE_MAX_WAITING)
                return -EBUSY;
        task = calloc(1, sizeof(*task));
        if (!task)
                return -ENOMEM;
        task->app = app;
        task->kept = *kept;
        g_strlcpy(task->title, title, sizeof(task->title));
        task->kept.parts.to_compose = true;
        if (!kept->parts.to_compose) /* else it is on disk, from before a restart */
                recording_row_put(app, &task->kept);
        g_queue_push_tail(&all->to_compose, task);
        tell_room(app, kept->row.meeting);
        return 0;
}

/* ---- the job ---- */

static void on_line(void *user, const json_t *line)
{
        struct compose_task *task = user;
        const char *type = json_string_value(json_object_get(line, "type"));
        json_int_t t = recording_number(line, "t");
        json_int_t of = recording_number(line, "of");
        int percent = of > 0 && t > 0 ? (int)(100.0 * (double)t / (double)of) : 0;

        if (strcmp(type, "progress") != 0 || percent <= task->percent)
                return;
        task->percent = percent < 100 ? percent : 100;
        tell_room(task->app, task->kept.row.meeting);
}

/* error: what was wrong, should there be no file. */
static void end_with(struct compose_task *task, const char *error)
{
        bool full = task->app->recordings->disk_is_low;

        task->ended = true;
        g_strlcpy(task->error, full ? "disk-full" : error, sizeof(task->error));
}

static void on_end(void *user, enum job_end reason, const char *error)
{
        struct compose_task *task = user;

        task->job = NULL;
        /* It has what the machine leaves: where that was nothing, it is tried again. */
        if (reason == JOB_STALLED && !task->forgotten && task->stalls++ < COMPOSE_MAX_STALLS)
                return;
        task->done = reason == JOB_DONE;
        end_with(task, task->done ? "internal" : death_code(reason, error));
}

static json_t *parts_json(const struct recording_parts *parts)
{
        json_t *list = json_array();

        for (size_t i = 0; i < parts->n; i++) {
                const struct recording_part *part = &parts->list[i];

                if (part->kind == PART_TRACKS && part->duration_us > 0)
                        json_array_append_new(
                                list, json_pack("{s:i, s:I, s:I, s:I}", "part", part->number,
                                                "start_us", (json_int_t)part->start_us, "start_ms",
                                                (json_int_t)part->start_ms, "duration_us",
                                                (json_int_t)part->duration_us));
        }
        return list;
}

static int start(struct compose_task *task)
{
        char folder[MEDIA_PATH], dir[MEDIA_PATH];
        struct job_params params = { .kind = JOB_COMPOSE,
                                     .fd = -1,
                                     .dir = dir,
                                     .on_line = on_line,
                                     .on_end = on_end,
                                     .user = task };
        json_t *line = json_pack("{s:s, s:o, s:s, s:s}", "type", "start", "parts",
                                 parts_json(&task->kept.parts), "title", task->title, "file",
                                 COMPOSED_FILE);
        int r;

        recording_row_folder(&task->kept, folder);
        r = media_path(task->app->media, dir, folder);
        params.start = line;
        if (r == 0)
                r = line ? job_start(task->app->jobs, &params, &task->job) : -ENOMEM;
        json_decref(line);
        return r;
}

/* The row may have changed meanwhile; what counts is the store's. */
static void settle(struct compose_task *task)
{
        char path[MEDIA_PATH + 16];
        struct recording_row kept;
        struct media_found found;

        if (task->forgotten || recording_row_get(task->app, task->kept.row.id, &kept) < 0)
                return;
        kept.parts.to_compose = false;
        recording_tidy_up(task->app, &kept);
        recording_row_folder(&kept, path);
        g_strlcat(path, "/" COMPOSED_FILE, sizeof(path));
        if (task->done && media_find(task->app->media, path, &found) == 0) {
                if (!kept.parts.composed) /* else the same again, in its place */
                        kept.row.bytes += found.size_bytes;
                kept.parts.composed = true;
                kept.row.error[0] = '\0';
                media_found_done(&found);
        } else {
                g_strlcpy(kept.row.error, task->error, sizeof(kept.row.error));
        }
        log_line(LOG_INFO, "recording", "recording=%s composed: %s", kept.row.id,
                 kept.row.error[0] ? kept.row.error : "well");
        recording_row_put(task->app, &kept);
}

void compose_tick(struct app *app)
{
        struct recordings *all = app->recordings;
        struct compose_task *task = all->composing;

        if (!task && !all->draining)
                task = all->composing = g_queue_pop_head(&all->to_compose);
        if (task && !task->job && !task->ended && (all->disk_is_low || start(task) < 0))
                end_with(task, "internal");
        if (!task || !task->ended)
                return;
        settle(task);
        all->composing = NULL;
        tell_room(app, task->kept.row.meeting);
        free(task);
}

void compose_spare_disk(struct app *app)
{
        const struct compose_task *task = app->recordings->composing;

        if (task && task->job)
                job_kill(task->job);
}

void compose_forget(struct app *app, const char *id)
{
        struct recordings *all = app->recordings;
        struct compose_task *task = find_waiting(all, id);

        if (task) {
                g_queue_remove(&all->to_compose, task);
                free(task);
        }
        task = all->composing;
        if (task && is_of(task, id)) {
                task->forgotten = true;
                if (task->job)
                        job_kill(task->job);
        }
}

void compose_free(struct app *app)
{
        struct recordings *all = app->recordings;
        struct compose_task *task;

        while ((task = g_queue_pop_head(&all->to_compose)))
                free(task);
        free(all->composing);
}
