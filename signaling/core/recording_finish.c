/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording_finish — what is done with a recording after its end, one after the other for the
 *                    whole server: cues, durations and indexes (JOB_FINISH).
 *
 * A job that dies over a file leaves that file as it is and goes on with the next one. What
 * was found is kept in files.json: [{"name", "duration_us", "bytes", "error"}].
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/recordings_priv.h"

enum {
        FINISH_BATCH = 200, /* files of one job: its first line has a bound */
        FINISH_MAX_FILES = 4000,
        FINISH_AGAIN_MS = 5000, /* when no job could be started */
        /* It has what the machine leaves: where that was nothing, it is tried again. */
        FINISH_MAX_STALLS = 3,
};

struct finish_task {
        struct app *app;
        struct recording_row kept;
        struct job *job;
        GPtrArray *names; /* owned; in the order of the folder */
        size_t at;        /* of those, told of */
        size_t batch_at;  /* where the job began */
        json_t *files;
        bool forgotten;
        unsigned stalls;
        int64_t again_ms;
};

static void free_task(struct finish_task *task)
{
        if (task->names)
                g_ptr_array_free(task->names, TRUE);
        json_decref(task->files);
        free(task);
}

static bool is_of(const struct finish_task *task, const char *id)
{
        return strcmp(task->kept.row.id, id) == 0;
}

static struct finish_task *find_waiting(GQueue *queue, const char *id)
{
        for (GList *at = queue->head; at; at = at->next)
                if (is_of(at->data, id))
                        return at->data;
        return NULL;
}

void finish_add(struct app *app, const struct recording_row *kept)
{
        struct recordings *all = app->recordings;
        struct finish_task *task;

        if (find_waiting(&all->to_finish, kept->row.id) ||
            (all->finishing && is_of(all->finishing, kept->row.id)))
                return;
        task = calloc(1, sizeof(*task));
        if (!task)
                return; /* after the next start */
        task->app = app;
        task->kept = *kept;
        g_queue_push_tail(&all->to_finish, task);
}

bool finish_has(const struct app *app, const char *id)
{
        struct recordings *all = app->recordings;

        return find_waiting(&all->to_finish, id) || (all->finishing && is_of(all->finishing, id)) ||
               compose_has(app, id);
}

/* ---- the files ---- */

static void add_name(void *user, const char *name)
{
        GPtrArray *names = user;
        size_t len = strlen(name);
        bool is_media = recording_is_file(name) && strcmp(name + len - 6, ".jsonl") != 0;

        if (is_media && names->len < FINISH_MAX_FILES)
                g_ptr_array_add(names, g_strdup(name));
}

static int list_files(struct finish_task *task)
{
        GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
        char folder[MEDIA_PATH];
        int r;

        recording_row_folder(&task->kept, folder);
        r = media_list(task->app->media, folder, add_name, names);
        if (r < 0 && r != -ENOENT) { /* it is there all the same */
                g_ptr_array_free(names, TRUE);
                return r;
        }
        task->names = names;
        task->files = json_array();
        return 0;
}

static int64_t file_bytes(const struct finish_task *task, const char *name)
{
        char path[MEDIA_PATH + RECORDING_FILE_NAME + 1];
        struct media_found found;
        int64_t bytes;

        recording_row_folder(&task->kept, path);
        g_strlcat(path, "/", sizeof(path));
        g_strlcat(path, name, sizeof(path));
        if (media_find(task->app->media, path, &found) < 0)
                return 0;
        bytes = found.size_bytes;
        media_found_done(&found);
        return bytes;
}

/* error NULL: none. */
static void note_file(struct finish_task *task, const char *name, int64_t duration_us,
                      const char *error)
{
        json_t *file = json_pack("{s:s, s:I, s:I, s:s?}", "name", name, "duration_us",
                                 (json_int_t)duration_us, "bytes",
                                 (json_int_t)file_bytes(task, name), "error", error);

        json_array_append_new(task->files, file);
        task->at++;
}

/* ---- the end ---- */

/* What could not be finished is as it was written, and that can be played. */
static bool is_playable(const json_t *file)
{
        return g_strcmp0(json_string_value(json_object_get(file, "error")), "unplayable") != 0;
}

/* A track's times are the part's: it ends when the last of it was shown. */
static int64_t end_of_tracks(const struct finish_task *task, int part)
{
        const json_t *file;
        int64_t end_us = 0;
        size_t i;

        json_array_foreach (task->files, i, file) {
                const char *name = json_string_value(json_object_get(file, "name"));

                if (name && recording_file_part(name) == part &&
                    recording_number(file, "duration_us") > end_us)
                        end_us = recording_number(file, "duration_us");
        }
        return end_us;
}

/* What the files say is truer than what the jobs told while they ran. */
static void measure_part(struct finish_task *task, const json_t *by_name,
                         struct recording_part *part)
{
        int64_t end_us;
        char name[32];
        const json_t *file;

        if (part->kind == PART_TRACKS) {
                end_us = end_of_tracks(task, part->number);
                if (end_us > 0)
                        part->duration_us = end_us;
                return;
        }
        snprintf(name, sizeof(name), "p%d.mp4", part->number);
        file = json_object_get(by_name, name);
        part->has_file = file && is_playable(file);
        if (part->has_file && recording_number(file, "duration_us") > 0)
                part->duration_us = recording_number(file, "duration_us");
}

static void keep_list(struct finish_task *task)
{
        char path[MEDIA_PATH + 16];
        char *text = json_dumps(task->files, JSON_COMPACT);
        int r = -ENOMEM;

        recording_row_folder(&task->kept, path);
        g_strlcat(path, "/files.json", sizeof(path));
        if (text)
                r = media_write(task->app->media, path, text, strlen(text));
        if (r < 0)
                log_line(LOG_WARN, "recording", "recording=%s list of files: %s", task->kept.row.id,
                         strerror(-r));
        free(text);
}

static void settle(struct finish_task *task)
{
        struct store_recording *row = &task->kept.row;
        bool playable = false;
        json_t *by_name;
        const json_t *file;
        size_t i;

        row->bytes = 0;
        json_array_foreach (task->files, i, file) {
                row->bytes += recording_number(file, "bytes");
                playable |= is_playable(file);
        }
        by_name = recording_files_by_name(task->files);
        for (i = 0; i < task->kept.parts.n; i++)
                measure_part(task, by_name, &task->kept.parts.list[i]);
        json_decref(by_name);
        keep_list(task);
        recording_tidy_up(task->app, &task->kept);
        row->state = playable ? STORE_RECORDING_READY : STORE_RECORDING_FAILED;
        if (!playable && !row->error[0])
                g_strlcpy(row->error, "unplayable", sizeof(row->error));
        recording_row_put(task->app, &task->kept);
        log_line(LOG_INFO, "recording", "recording=%s %s: %zu files, %lld bytes", row->id,
                 playable ? "ready" : "failed", json_array_size(task->files),
                 (long long)row->bytes);
}

static const char *name_at(const struct finish_task *task, size_t at)
{
        return g_ptr_array_index(task->names, at);
}

/* Without the job files stay as they were written: they can be played all the same. */
static void leave_next(struct finish_task *task, const char *why)
{
        const char *name = name_at(task, task->at);

        note_file(task, name, 0, file_bytes(task, name) > 0 ? why : "unplayable");
}

static void leave_the_rest(struct finish_task *task, const char *why)
{
        while (task->at < task->names->len)
                leave_next(task, why);
}

/* A file is copied, an MP4 twice at a time; the meeting needs the rest of the disk. */
static bool has_room_for(const struct finish_task *task, const char *name)
{
        const struct recordings *all = task->app->recordings;
        int64_t copies = g_str_has_suffix(name, ".mp4") ? 2 : 1, bytes = 0;

        return media_free_bytes(task->app->media, &bytes) < 0 ||
               bytes - all->config.free_bytes / 2 >= copies * file_bytes(task, name);
}

/* ---- the job ---- */

static void on_line(void *user, const json_t *line)
{
        struct finish_task *task = user;
        const char *type = json_string_value(json_object_get(line, "type"));
        const char *name = json_string_value(json_object_get(line, "name"));

        if (strcmp(type, "file") != 0 || !name || task->at >= task->names->len ||
            strcmp(name, name_at(task, task->at)) != 0)
                return;
        note_file(task, name, recording_number(line, "duration_us"),
                  json_object_get(line, "error") ? "unplayable" : NULL);
}

static void on_end(void *user, enum job_end reason, const char *error)
{
        struct finish_task *task = user;
        const char *code = task->app->recordings->disk_is_low ? "disk-full"
                                                              : death_code(reason, error);

        task->job = NULL;
        if ((reason == JOB_DONE && task->at > task->batch_at) || task->forgotten)
                return;
        log_line(LOG_WARN, "recording", "recording=%s finishing: %s", task->kept.row.id, code);
        if (reason == JOB_STALLED && task->stalls++ < FINISH_MAX_STALLS) {
                task->again_ms = task->app->wall_ms() + FINISH_AGAIN_MS;
                return;
        }
        if (task->at < task->names->len)
                note_file(task, name_at(task, task->at), 0, code);
        if (death_is_final(code))
                leave_the_rest(task, code);
}

/* From the file that is next on. */
static int start_batch(struct finish_task *task)
{
        char folder[MEDIA_PATH], dir[MEDIA_PATH];
        struct job_params params = { .kind = JOB_FINISH,
                                     .fd = -1,
                                     .dir = dir,
                                     .on_line = on_line,
                                     .on_end = on_end,
                                     .user = task };
        json_t *list = json_array();
        json_t *line;
        int r;

        task->batch_at = task->at;
        for (size_t i = task->at; i < task->names->len && i < task->at + FINISH_BATCH; i++) {
                if (i > task->at && !has_room_for(task, name_at(task, i)))
                        break;
                json_array_append_new(list, json_string(name_at(task, i)));
        }
        line = json_pack("{s:s, s:o}", "type", "start", "files", list);
        recording_row_folder(&task->kept, folder);
        r = media_path(task->app->media, dir, folder);
        params.start = line;
        if (r == 0)
                r = line ? job_start(task->app->jobs, &params, &task->job) : -ENOMEM;
        json_decref(line);
        return r;
}

/* True: it is over. */
static bool step(struct finish_task *task)
{
        int64_t now_ms = task->app->wall_ms();
        const char *why;

        if (task->job)
                return false;
        if (task->forgotten)
                return true;
        if (now_ms < task->again_ms)
                return false;
        if (!task->names && list_files(task) < 0) {
                task->again_ms = now_ms + FINISH_AGAIN_MS;
                return false;
        }
        if (!jobs_can(task->app->jobs, JOB_FINISH, &why))
                leave_the_rest(task, "missing-package");
        while (task->at < task->names->len && !has_room_for(task, name_at(task, task->at)))
                leave_next(task, "disk-full");
        if (task->at == task->names->len) {
                settle(task);
                return true;
        }
        if (start_batch(task) < 0)
                task->again_ms = now_ms + FINISH_AGAIN_MS;
        return false;
}

void finish_tick(struct app *app)
{
        struct recordings *all = app->recordings;

        if (!all->finishing && !all->draining)
                all->finishing = g_queue_pop_head(&all->to_finish);
        if (all->finishing && step(all->finishing)) {
                free_task(all->finishing);
                all->finishing = NULL;
        }
        compose_tick(app);
}

void finish_spare_disk(struct app *app)
{
        struct recordings *all = app->recordings;

        if (all->finishing && all->finishing->job)
                job_kill(all->finishing->job);
        compose_spare_disk(app);
}

void finish_forget(struct app *app, const char *id)
{
        struct recordings *all = app->recordings;
        struct finish_task *task = find_waiting(&all->to_finish, id);

        if (task) {
                g_queue_remove(&all->to_finish, task);
                free_task(task);
        }
        if (all->finishing && is_of(all->finishing, id)) {
                all->finishing->forgotten = true;
                if (all->finishing->job)
                        job_kill(all->finishing->job);
        }
        compose_forget(app, id);
}

void finish_free(struct app *app)
{
        struct recordings *all = app->recordings;
        struct finish_task *task;

        while ((task = g_queue_pop_head(&all->to_finish)))
                free_task(task);
        if (all->finishing)
                free_task(all->finishing);
        compose_free(app);
}
