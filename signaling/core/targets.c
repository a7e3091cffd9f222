/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/deaths.h"
#include "signaling/core/links.h"
#include "signaling/core/live.h"
#include "signaling/core/rooms.h"

enum { ID_CHARS = 8, ID = 2 + ID_CHARS + 1, STATE = 12, ERROR_CODE = 32 };

struct target {
        struct app *app;
        struct room *room; /* until it is put away */
        char id[ID];
        json_t *link; /* {"name", "url", "key"} */
        struct job *job;
        char state[STATE], error[ERROR_CODE]; /* as hosts are told */
        bool failed, put_away;
        struct deaths deaths;
        int64_t again_ms;
};

struct targets {
        struct target *list[TARGETS_MAX];
        size_t n;
};

static void target_free(struct target *target)
{
        json_decref(target->link);
        free(target);
}

/* ---- what the hosts are told: never the key, nor the address it goes with ---- */

static void tell_hosts(struct room *room)
{
        json_t *list = json_array();

        for (size_t i = 0; room->targets && i < room->targets->n; i++) {
                const struct target *target = room->targets->list[i];

                (void)json_array_append_new(list,
                                            json_pack("{s:s, s:O, s:s, s:s?}", "id", target->id,
                                                      "name", json_object_get(target->link, "name"),
                                                      "state", target->state, "error",
                                                      target->error[0] ? target->error : NULL));
        }
        jobs_news_set(room, JOBS_RTMP, list);
}

static void set_state(struct target *target, const char *state, const char *error)
{
        g_strlcpy(target->state, state, sizeof(target->state));
        g_strlcpy(target->error, error, sizeof(target->error));
        tell_hosts(target->room);
}

/* ---- the job ---- */

static void on_line(void *user, const json_t *line)
{
        static const char *const states[] = { "connecting", "live", "lost" };
        struct target *target = user;
        const char *state = json_string_value(json_object_get(line, "state"));
        const char *code = json_string_value(json_object_get(line, "code"));

        if (target->put_away || !state ||
            strcmp(json_string_value(json_object_get(line, "type")), "state") != 0)
                return;
        for (size_t i = 0; i < ARRAY_LEN(states); i++)
                if (strcmp(state, states[i]) == 0)
                        set_state(target, state,
                                  code && code[0] ? death_code(JOB_FAILED, code) : "");
}

static void on_end(void *user, enum job_end reason, const char *error)
{
        struct target *target = user;
        const char *code = death_code(reason, error);

        target->job = NULL;
        if (target->put_away) {
                g_hash_table_remove(target->app->owed, target);
                return;
        }
        target->failed = !deaths_add(&target->deaths, target->app->wall_ms(), &target->again_ms) ||
                         strcmp(code, "refused") == 0 || death_is_final(code);
        set_state(target, target->failed ? "failed" : "lost", code);
}

static int start_job(struct target *target)
{
        struct room *room = target->room;
        char dir[MEDIA_PATH], path[MEDIA_PATH];
        struct job_params params = { .kind = JOB_RTMP,
                                     .fd = -1,
                                     .dir = dir,
                                     .on_line = on_line,
                                     .on_end = on_end,
                                     .user = target };
        json_t *line;
        int r;

        /* It has a network: of the meeting's files it sees only the stream. */
        snprintf(path, sizeof(path), "%s/%s", room->info.id, live_folder(room));
        r = media_path(room->app->media, dir, path);
        if (r < 0)
                return r;
        line = json_pack("{s:s, s:O, s:O, s:s}", "type", "start", "url",
                         json_object_get(target->link, "url"), "key",
                         json_object_get(target->link, "key"), "dir", "720");
        params.start = line;
        r = line ? job_start(room->app->jobs, &params, &target->job) : -ENOMEM;
        json_decref(line);
        return r;
}

static void start(struct target *target, int64_t now_ms)
{
        int r = start_job(target);

        if (r == 0) {
                set_state(target, "connecting", "");
                return;
        }
        log_line(LOG_WARN, "targets", "meeting=%s target=%s cannot be pushed to: %s",
                 target->room->info.id, target->id, strerror(-r));
        target->failed = !deaths_add(&target->deaths, now_ms, &target->again_ms);
        set_state(target, target->failed ? "failed" : "lost", "internal");
}

/* Its job, when there is one, frees it in the end. */
static void put_away(struct target *target)
{
        links_remove(target->room, target->id);
        target->put_away = true;
        if (!target->job) {
                target_free(target);
                return;
        }
        json_decref(take_ptr(target->link));
        g_hash_table_add(target->app->owed, target);
        job_stop(target->job);
}

/* ---- what hosts do ---- */

static int add(struct room *room, const char *id, const json_t *link, struct target **ret_target)
{
        struct target *target;

        if (!room->targets)
                room->targets = calloc(1, sizeof(*room->targets));
        target = calloc(1, sizeof(*target));
        if (target)
                target->link = json_deep_copy(link);
        if (!room->targets || !target || !target->link) {
                free(target);
                return -ENOMEM;
        }
        target->app = room->app;
        target->room = room;
        g_strlcpy(target->id, id, sizeof(target->id));
        g_strlcpy(target->state, "connecting", sizeof(target->state));
        room->targets->list[room->targets->n++] = target;
        *ret_target = target;
        return 0;
}

int targets_add(struct room *room, const json_t *link, const char **ret_id)
{
        char id[ID] = "r-";
        struct target *target;
        int r;

        if (room->targets && room->targets->n == TARGETS_MAX)
                return -EBUSY;
        rand_word(id + 2, ID_CHARS);
        r = links_put(room, id, LINK_RTMP, link);
        if (r == 0)
                r = add(room, id, link, &target);
        if (r < 0)
                return r;
        tell_hosts(room);
        *ret_id = target->id;
        return 0;
}

int targets_remove(struct room *room, const char *id)
{
        struct targets *targets = room->targets;

        for (size_t i = 0; targets && i < targets->n; i++) {
                struct target *target = targets->list[i];

                if (strcmp(target->id, id) != 0)
                        continue;
                targets->n--;
                memmove(&targets->list[i], &targets->list[i + 1],
                        (targets->n - i) * sizeof(struct target *));
                put_away(target);
                tell_hosts(room);
                return 0;
        }
        return -ENOENT;
}

/* ---- the room ---- */

static void load_one(struct room *room, const char *id, const json_t *link)
{
        struct target *target;

        if ((room->targets && room->targets->n == TARGETS_MAX) ||
            !json_is_string(json_object_get(link, "name")) ||
            !json_is_string(json_object_get(link, "url")) ||
            !json_is_string(json_object_get(link, "key")) || add(room, id, link, &target) < 0)
                log_line(LOG_WARN, "targets", "meeting=%s target=%s is left out", room->info.id,
                         id);
}

void targets_load(struct room *room)
{
        links_load(room, LINK_RTMP, load_one);
}

void targets_tick(struct room *room, int64_t now_ms)
{
        struct targets *targets = room->targets;

        if (!targets || targets->n == 0)
                return;
        if (!meeting_live(room->state)->on) {
                while (targets->n > 0)
                        put_away(targets->list[--targets->n]);
                tell_hosts(room);
                return;
        }
        for (size_t i = 0; i < targets->n && live_folder(room); i++) {
                struct target *target = targets->list[i];

                if (!target->job && !target->failed && now_ms >= target->again_ms)
                        start(target, now_ms);
        }
}

void targets_free(struct room *room)
{
        for (size_t i = 0; room->targets && i < room->targets->n; i++)
                target_free(room->targets->list[i]);
        free(room->targets);
        room->targets = NULL;
}
