/* SPDX-License-Identifier: Apache-2.0 */
/*
 * film — JOB_FILM: plays /input into the meeting.
 *
 * It plays from its start on as soon as it is loaded, unless `start` says "paused"; with
 * "position_ms" there, from that place. At its end it stands still; play begins anew.
 */
#include "base/clock.h"
#include "sfu/jobs/gst/feed_out.h"
#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/gst/player.h"

enum { LOAD_MS = 20000, TELL_MS = 500, STUCK_US = 10000000, PAST_END_MS = 3000 };

struct film {
        struct child *child;
        struct player *player;
        struct feed_out *out;
        guint timer;
        bool loaded, told_end;
        int64_t start_ms;
        /* Whether it gets on: */
        int64_t seen_ms, seen_us;
};

static const char *const elements[] = { FEED_OUT_ELEMENTS, PLAYER_ELEMENTS, NULL };

static void tell_position(struct film *film)
{
        child_say(film->child,
                  json_pack("{s:s, s:I, s:I, s:b}", "type", "position", "position_ms",
                            (json_int_t)player_position_ms(film->player), "duration_ms",
                            (json_int_t)player_duration_ms(film->player), "playing",
                            player_is_playing(film->player)));
}

static void tell_end(struct film *film)
{
        bool ended = player_has_ended(film->player);

        if (ended && !film->told_end)
                child_say(film->child, json_pack("{s:s}", "type", "eos"));
        film->told_end = ended;
}

static gboolean on_tick(gpointer user)
{
        struct film *film = user;

        if (film->loaded)
                tell_position(film);
        return G_SOURCE_CONTINUE;
}

static void on_loaded(void *user)
{
        struct film *film = user;

        film->loaded = true;
        child_ready(film->child);
        if (film->start_ms > 0)
                player_seek(film->player, film->start_ms);
        tell_position(film);
}

static void on_moved(void *user)
{
        struct film *film = user;

        tell_position(film);
        tell_end(film);
}

static void on_picture(void *user, GstBuffer *picture, GstCaps *caps, int64_t at_us)
{
        struct film *film = user;

        feed_out_picture(film->out, picture, caps, at_us);
}

static void on_sound(void *user, GstBuffer *sound, int64_t at_us)
{
        struct film *film = user;

        feed_out_sound(film->out, sound, at_us);
}

static int64_t number(const json_t *line, const char *key, int64_t otherwise)
{
        const json_t *value = json_object_get(line, key);

        return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
        return value < least ? least : value > most ? most : value;
}

static void set_volume(struct film *film, const json_t *line)
{
        player_volume(film->player, (int)clamp(number(line, "volume", 100), 0, 100));
}

static void film_line(void *job, const char *type, const json_t *line)
{
        struct film *film = job;

        if (strcmp(type, "play") == 0)
                player_play(film->player);
        else if (strcmp(type, "pause") == 0)
                player_pause(film->player);
        else if (strcmp(type, "seek") == 0)
                player_seek(film->player, number(line, "position_ms", 0));
        else if (strcmp(type, "volume") == 0)
                set_volume(film, line);
        film->told_end = player_has_ended(film->player);
        if (film->loaded)
                tell_position(film);
}

static void film_record(void *job, const uint8_t *data, size_t len)
{
        struct film *film = job;

        if (len == 0)
                child_done(film->child); /* the meeting is without it */
        else
                feed_out_on_record(film->out, data, len);
}

/* A file's times may pass its length: it is then at its end. */
static bool is_past_end(const struct film *film, int64_t position_ms)
{
        int64_t duration_ms = player_duration_ms(film->player);

        return duration_ms > 0 && position_ms > duration_ms + PAST_END_MS;
}

static bool film_progress(void *job, json_t *line)
{
        struct film *film = job;
        int64_t position_ms = player_position_ms(film->player), now_us = clock_now_us();
        bool moves;

        json_object_set_new(line, "t", json_integer(position_ms * 1000));
        if (is_past_end(film, position_ms))
                player_end(film->player);
        moves = position_ms != film->seen_ms || !player_is_playing(film->player) || !film->loaded;
        film->seen_ms = position_ms;
        if (moves)
                film->seen_us = now_us;
        return now_us - film->seen_us < STUCK_US;
}

static void film_free(void *job)
{
        struct film *film = job;

        if (film->timer)
                g_source_remove(film->timer);
        player_free(film->player); /* before the feed: it gives pictures to it */
        feed_out_free(film->out);
        g_free(film);
}

static int film_start(struct child *child, const json_t *start, void **ret_job)
{
        struct film *film = g_new0(struct film, 1);
        bool has_video = !json_is_false(json_object_get(start, "video"));
        const struct feed_out_params out = {
                .picture = SFU_SCREEN,
                .max_layers = has_video ? (unsigned)clamp(number(start, "layers", 3), 1, 3) : 0,
        };
        const struct player_params player = { .path = "/input",
                                              .wants_video = has_video,
                                              .load_ms = LOAD_MS,
                                              .on_loaded = on_loaded,
                                              .on_moved = on_moved,
                                              .on_picture = on_picture,
                                              .on_sound = on_sound,
                                              .user = film };
        int r;

        film->child = child;
        film->seen_us = clock_now_us();
        film->start_ms = number(start, "position_ms", 0);
        *ret_job = film;
        r = feed_out_new(&film->out, child, &out);
        if (r == 0)
                r = player_new(&film->player, child, &player);
        if (r != 0)
                return r;
        set_volume(film, start);
        if (!json_is_true(json_object_get(start, "paused")))
                player_play(film->player);
        film->timer = g_timeout_add(TELL_MS, on_tick, film);
        return 0;
}

const struct job_ops film_ops = {
        .kind = JOB_FILM,
        .elements = elements,
        .start = film_start,
        .on_line = film_line,
        .on_record = film_record,
        .progress = film_progress,
        .free = film_free,
};
