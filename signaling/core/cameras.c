/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/cameras.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/deaths.h"
#include "signaling/core/job_seat.h"
#include "signaling/core/links.h"
#include "signaling/core/people.h"
#include "signaling/core/rooms.h"

enum { ID_CHARS = 8, STATE = 12, ERROR_CODE = 32 };

struct camera {
        struct app *app;
        struct room *room; /* until it is put away */
        char id[MEETING_ID];
        json_t *link; /* {"name", "url", "user", "password"} */
        struct job *job;
        char state[STATE], error[ERROR_CODE]; /* as hosts are told */
        bool failed;                          /* not asked again */
        bool resting;                         /* nobody is there to see it */
        bool put_away;
        struct deaths deaths;
        int64_t again_ms;
};

struct cameras {
        struct camera *list[CAMERAS_MAX];
        size_t n;
};

static void camera_free(struct camera *camera)
{
        json_decref(camera->link);
        free(camera);
}

static const char *text_of(const struct camera *camera, const char *field)
{
        return json_string_value(json_object_get(camera->link, field));
}

/* ---- what the hosts are told ---- */

static void tell_hosts(struct room *room)
{
        json_t *list = json_array();

        for (size_t i = 0; room->cameras && i < room->cameras->n; i++) {
                const struct camera *camera = room->cameras->list[i];

                (void)json_array_append_new(
                        list, json_pack("{s:s, s:s, s:s, s:s?}", "id", camera->id, "name",
                                        text_of(camera, "name"), "state", camera->state, "error",
                                        camera->error[0] ? camera->error : NULL));
        }
        jobs_news_set(room, JOBS_CAMERAS, list);
}

static void set_state(struct camera *camera, const char *state, const char *error)
{
        g_strlcpy(camera->state, state, sizeof(camera->state));
        g_strlcpy(camera->error, error, sizeof(camera->error));
        tell_hosts(camera->room);
}

/* ---- the job ---- */

static void on_line(void *user, const json_t *line)
{
        static const char *const states[] = { "connecting", "playing", "lost" };
        struct camera *camera = user;
        const char *state = json_string_value(json_object_get(line, "state"));
        const char *code = json_string_value(json_object_get(line, "code"));

        if (camera->put_away || camera->resting || !state ||
            strcmp(json_string_value(json_object_get(line, "type")), "state") != 0)
                return;
        for (size_t i = 0; i < ARRAY_LEN(states); i++)
                if (strcmp(state, states[i]) == 0)
                        set_state(camera, state,
                                  code && code[0] ? death_code(JOB_FAILED, code) : "");
}

static void on_end(void *user, enum job_end reason, const char *error)
{
        struct camera *camera = user;
        const char *code = death_code(reason, error);
        int64_t now_ms = camera->app->wall_ms();

        camera->job = NULL;
        if (camera->put_away) {
                g_hash_table_remove(camera->app->owed, camera);
                return;
        }
        if (camera->resting)
                return;
        camera->failed = strcmp(code, "auth") == 0 || death_is_final(code);
        if (!deaths_add(&camera->deaths, now_ms, &camera->again_ms))
                camera->again_ms = now_ms + CAMERA_RETRY_MS;
        set_state(camera, camera->failed ? "failed" : "lost", code);
        if (camera->failed)
                job_seat_leave(camera->room, camera->id);
}

static int start_job(struct camera *camera)
{
        const struct job_seat seat = { .id = camera->id,
                                       .name = text_of(camera, "name"),
                                       .n_layers = CAMERA_LAYERS };
        struct job_params params = {
                .kind = JOB_CAMERA, .fd = -1, .on_line = on_line, .on_end = on_end, .user = camera
        };
        json_t *line = json_deep_copy(camera->link);
        int r = -ENOMEM;

        if (line && json_object_set_new(line, "type", json_string("start")) == 0 &&
            json_object_set_new(line, "layers", json_integer(CAMERA_LAYERS)) == 0) {
                params.start = line;
                r = job_seat_start(camera->room, &seat, &params, &camera->job);
        }
        json_decref(line);
        return r;
}

static void start(struct camera *camera, int64_t now_ms)
{
        int r = start_job(camera);

        camera->resting = false;
        if (r == 0) {
                set_state(camera, "connecting", "");
                return;
        }
        log_line(LOG_WARN, "cameras", "meeting=%s camera=%s cannot be started: %d",
                 camera->room->info.id, camera->id, r);
        camera->failed = r == -ENOTSUP;
        camera->again_ms = now_ms + CAMERA_RETRY_MS;
        set_state(camera, camera->failed ? "failed" : "lost",
                  r == -ENOTSUP ? "missing-package" : "internal");
}

static void rest(struct camera *camera)
{
        camera->resting = true;
        camera->again_ms = 0;
        job_seat_leave(camera->room, camera->id);
        job_stop(camera->job);
}

/* Its job, when there is one, frees it in the end. */
static void put_away(struct camera *camera)
{
        links_remove(camera->room, camera->id);
        job_seat_leave(camera->room, camera->id);
        camera->put_away = true;
        if (!camera->job) {
                camera_free(camera);
                return;
        }
        json_decref(take_ptr(camera->link));
        g_hash_table_add(camera->app->owed, camera);
        job_stop(camera->job);
}

/* ---- what hosts do ---- */

bool cameras_can(const struct room *room, const char **ret_why)
{
        return jobs_can(room->app->jobs, JOB_CAMERA, ret_why);
}

static int add(struct room *room, const char *id, const json_t *link, struct camera **ret_camera)
{
        struct camera *camera;

        if (!room->cameras)
                room->cameras = calloc(1, sizeof(*room->cameras));
        camera = calloc(1, sizeof(*camera));
        if (camera)
                camera->link = json_deep_copy(link);
        if (!room->cameras || !camera || !camera->link) {
                free(camera);
                return -ENOMEM;
        }
        camera->app = room->app;
        camera->room = room;
        g_strlcpy(camera->id, id, sizeof(camera->id));
        g_strlcpy(camera->state, "connecting", sizeof(camera->state));
        room->cameras->list[room->cameras->n++] = camera;
        *ret_camera = camera;
        return 0;
}

int cameras_add(struct room *room, const json_t *link, const char **ret_id)
{
        char id[sizeof(SEAT_CAMERA_PREFIX) + ID_CHARS] = SEAT_CAMERA_PREFIX;
        struct camera *camera;
        int r;

        if (room->cameras && room->cameras->n == CAMERAS_MAX)
                return -EBUSY;
        rand_word(id + strlen(SEAT_CAMERA_PREFIX), ID_CHARS);
        r = links_put(room, id, LINK_CAMERA, link);
        if (r == 0)
                r = add(room, id, link, &camera);
        if (r < 0)
                return r;
        tell_hosts(room);
        *ret_id = camera->id;
        return 0;
}

static void remove_at(struct room *room, size_t at)
{
        struct cameras *cameras = room->cameras;
        struct camera *camera = cameras->list[at];

        cameras->n--;
        memmove(&cameras->list[at], &cameras->list[at + 1],
                (cameras->n - at) * sizeof(struct camera *));
        put_away(camera);
        tell_hosts(room);
}

int cameras_remove(struct room *room, const char *id)
{
        for (size_t i = 0; room->cameras && i < room->cameras->n; i++) {
                if (strcmp(room->cameras->list[i]->id, id) == 0) {
                        remove_at(room, i);
                        return 0;
                }
        }
        return -ENOENT;
}

/* ---- the room ---- */

static void load_one(struct room *room, const char *id, const json_t *link)
{
        static const char *const fields[] = { "name", "url", "user", "password" };
        bool good = !room->cameras || room->cameras->n < CAMERAS_MAX;
        struct camera *camera;

        for (size_t i = 0; i < ARRAY_LEN(fields); i++)
                good &= json_is_string(json_object_get(link, fields[i]));
        if (!good || add(room, id, link, &camera) < 0)
                log_line(LOG_WARN, "cameras", "meeting=%s camera=%s is left out", room->info.id,
                         id);
}

void cameras_load(struct room *room)
{
        links_load(room, LINK_CAMERA, load_one);
}

/* Returns false when its seat was removed by a host. */
static bool look_after(struct camera *camera, bool wanted, int64_t now_ms)
{
        const struct meeting_seat *seat = meeting_seat(camera->room->state, camera->id);

        if (seat && seat->removed)
                return false;
        if (!wanted && camera->job && !camera->resting)
                rest(camera);
        else if (wanted && !camera->job && !camera->failed && now_ms >= camera->again_ms)
                start(camera, now_ms);
        return true;
}

void cameras_tick(struct room *room, int64_t now_ms)
{
        struct cameras *cameras = room->cameras;
        bool wanted = cameras && cameras->n > 0 && people_are_here(room);

        for (size_t i = cameras ? cameras->n : 0; i-- > 0;)
                if (!look_after(cameras->list[i], wanted, now_ms))
                        remove_at(room, i);
}

void cameras_free(struct room *room)
{
        for (size_t i = 0; room->cameras && i < room->cameras->n; i++)
                camera_free(room->cameras->list[i]);
        free(room->cameras);
        room->cameras = NULL;
}
