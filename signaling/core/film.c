/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/film.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/deaths.h"
#include "signaling/core/job_seat.h"
#include "signaling/core/people.h"
#include "signaling/core/rooms.h"

#define FILM_NAME "Phim"

enum state { LOADING, PLAYING, PAUSED, ENDED, FAILED };

static const char *const words[] = { "loading", "playing", "paused", "ended", "failed" };

struct film {
        struct app *app;
        struct room *room; /* until it is put away */
        struct store_doc doc;
        char by[MEETING_ID];
        char error[32];
        enum state state;
        struct job *job; /* NULL: none runs */
        bool put_away;   /* not the room's any more: freed when its job has ended */
        struct deaths deaths;
        int64_t again_ms; /* when to start the job again; 0: not */
        int64_t position_ms, duration_ms, volume;
        int64_t over_ms; /* ENDED, FAILED: since when */
        bool changed;    /* not told yet */
        int64_t told_ms;
};

/* ---- telling ---- */

static json_t *write_film(const struct film *film)
{
        return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s?}", "document", film->doc.id,
                         "name", film->doc.name, "by", film->by, "state", words[film->state],
                         "position_ms", (json_int_t)film->position_ms, "duration_ms",
                         (json_int_t)film->duration_ms, "volume", (json_int_t)film->volume, "error",
                         film->error[0] ? film->error : NULL);
}

json_t *film_json(const struct room *room)
{
        return room->film ? write_film(room->film) : NULL;
}

static void tell(struct room *room)
{
        json_t *film = film_json(room);
        json_t *message = json_pack("{s:s, s:o}", "type", "film", "film",
                                    film ? film : json_null());

        room_broadcast(room, message ? json_dumps(message, JSON_COMPACT) : NULL, NULL);
        json_decref(message);
}

static void tell_now(struct film *film)
{
        film->changed = false;
        film->told_ms = film->app->wall_ms();
        tell(film->room);
}

static void set_state(struct film *film, enum state state, const char *error)
{
        g_strlcpy(film->error, error, sizeof(film->error));
        if (film->state == state)
                return;
        film->state = state;
        film->over_ms = state >= ENDED ? film->app->wall_ms() : 0;
        tell_now(film);
}

/* ---- the job ---- */

static void send_command(const struct film *film, json_t *command)
{
        if (film->job && command)
                job_send(film->job, command);
        json_decref(command);
}

/* The meeting is without it; its job gets time to end. */
static void put_away(struct film *film)
{
        struct room *room = film->room;

        job_seat_leave(room, SEAT_FILM);
        room->film = NULL;
        tell(room);
        film->put_away = true;
        g_hash_table_add(room->app->owed, film);
        if (film->job)
                job_stop(film->job);
        else
                g_hash_table_remove(room->app->owed, film);
}

static void fail(struct film *film, const char *code)
{
        log_line(LOG_WARN, "film", "meeting=%s doc=%s: %s", film->room->info.id, film->doc.id,
                 code);
        film->again_ms = 0;
        job_seat_leave(film->room, SEAT_FILM);
        set_state(film, FAILED, code);
}

static int64_t number(const json_t *line, const char *field)
{
        int64_t value = json_integer_value(json_object_get(line, field));

        return value > 0 && value <= INT32_MAX ? value : 0;
}

static void on_position(struct film *film, const json_t *line)
{
        bool playing = json_is_true(json_object_get(line, "playing"));

        film->position_ms = number(line, "position_ms");
        film->duration_ms = number(line, "duration_ms");
        film->changed = true;
        if (playing)
                set_state(film, PLAYING, "");
        else if (film->state != ENDED)
                set_state(film, PAUSED, "");
}

static void on_line(void *user, const json_t *line)
{
        const char *type = json_string_value(json_object_get(line, "type"));
        struct film *film = user;

        if (film->put_away || film->state == FAILED)
                return;
        if (strcmp(type, "position") == 0)
                on_position(film, line);
        else if (strcmp(type, "eos") == 0)
                set_state(film, ENDED, "");
}

/* Would another try show the same? */
static bool is_final(const char *code)
{
        return strcmp(code, "unplayable") == 0 || death_is_final(code);
}

static void on_end(void *user, enum job_end reason, const char *error)
{
        struct film *film = user;
        const char *code = death_code(reason, error);
        int64_t again_ms = 0;

        film->job = NULL;
        if (film->put_away) {
                g_hash_table_remove(film->app->owed, film);
                return;
        }
        if (film->state >= ENDED || !job_seat_is_in(film->room, SEAT_FILM)) {
                put_away(film); /* a host removed its seat */
                return;
        }
        if (!deaths_add(&film->deaths, film->app->wall_ms(), &again_ms) || is_final(code))
                fail(film, code);
        else
                film->again_ms = again_ms;
}

static int start_job(struct film *film)
{
        struct room *room = film->room;
        const struct job_seat seat = { .id = SEAT_FILM,
                                       .name = FILM_NAME,
                                       .screen = true,
                                       .n_layers = film->doc.has_video ? FILM_LAYERS : 0 };
        struct docs_file file;
        struct job_params params = { .kind = JOB_FILM,
                                     .fd = -1,
                                     .input = file.path,
                                     .on_line = on_line,
                                     .on_end = on_end,
                                     .user = film };
        json_t *line;
        int r = docs_file(room->app->docs, film->doc.id, DOCS_ORIGINAL, 0, &file);

        if (r < 0)
                return r;
        line = json_pack("{s:s, s:s, s:I, s:i, s:b, s:I, s:b}", "type", "start", "name", FILM_NAME,
                         "volume", (json_int_t)film->volume, "layers", FILM_LAYERS, "video",
                         film->doc.has_video, "position_ms", (json_int_t)film->position_ms,
                         "paused", film->state == PAUSED);
        params.start = line;
        r = line ? job_seat_start(room, &seat, &params, &film->job) : -ENOMEM;
        json_decref(line);
        return r;
}

static void start_again(struct film *film, int64_t now_ms)
{
        int r = start_job(film);

        film->again_ms = 0;
        if (r != 0 && (!deaths_add(&film->deaths, now_ms, &film->again_ms) || r == -ENOENT))
                fail(film, "internal");
}

/* ---- what people do ---- */

int film_start(struct room *room, const struct store_doc *doc, const char *by)
{
        struct film *film;
        int r;

        if (room->film && room->film->state < ENDED)
                return -EEXIST;
        if (room->film)
                put_away(room->film);
        film = calloc(1, sizeof(*film));
        if (!film)
                return -ENOMEM;
        film->app = room->app;
        film->room = room;
        film->doc = *doc;
        film->duration_ms = doc->duration_ms;
        film->volume = 100;
        g_strlcpy(film->by, by, sizeof(film->by));
        r = start_job(film);
        if (r != 0) {
                free(film);
                return r;
        }
        room->film = film;
        tell_now(film);
        return 0;
}

bool film_is_there(const struct room *room, const char **ret_by)
{
        const struct film *film = room->film;

        if (!film)
                return false;
        *ret_by = film->by;
        return true;
}

void film_steer(struct room *room, const struct film_change *change)
{
        struct film *film = room->film;

        if (change->volume >= 0) {
                film->volume = change->volume;
                film->changed = true;
                send_command(film,
                             json_pack("{s:s, s:i}", "type", "volume", "volume", change->volume));
        }
        if (change->position_ms >= 0)
                send_command(film, json_pack("{s:s, s:I}", "type", "seek", "position_ms",
                                             (json_int_t)change->position_ms));
        if (change->playing >= 0)
                send_command(film, json_pack("{s:s}", "type", change->playing ? "play" : "pause"));
}

void film_stop(struct room *room)
{
        put_away(room->film);
}

/* ---- the room ---- */

static bool is_over(const struct film *film, int64_t now_ms)
{
        return (film->state == ENDED && now_ms > film->over_ms + FILM_ENDED_MS) ||
               (film->state == FAILED && now_ms > film->over_ms + FILM_FAILED_MS);
}

void film_tick(struct room *room, int64_t now_ms)
{
        struct film *film = room->film;

        if (!film)
                return;
        if (film->again_ms && now_ms >= film->again_ms)
                start_again(film, now_ms);
        if (is_over(film, now_ms) || !people_are_here(room) ||
            (film->job && !job_seat_is_in(room, SEAT_FILM)))
                put_away(film);
        else if (film->changed && now_ms >= film->told_ms + FILM_NEWS_MS)
                tell_now(film);
}

void film_free(struct room *room)
{
        free(room->film);
        room->film = NULL;
}
