/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/live_pages.h"
#include "signaling/core/people.h"
#include "signaling/core/program.h"
#include "signaling/core/rooms.h"

enum state { STARTING, ON, FAILED, ENDED };

enum { FOLDER = 5 + TOKEN_STREAM_KEY + 1, ERROR_CODE = 32 };

struct live {
        struct room *room;
        enum state state;
        char key[TOKEN_STREAM_KEY + 1];
        char folder[FOLDER];       /* "live/KEY" */
        struct program_user *user; /* NULL: given up, ENDED */
        bool served;
        char error[ERROR_CODE];
        struct live_pages pages;
        int64_t empty_ms; /* since when nobody is here; 0: somebody is */
        int64_t ended_ms, news_ms;
};

static void set_path(const struct live *live, char ret[MEDIA_PATH])
{
        snprintf(ret, MEDIA_PATH, "%s/%s", live->room->info.id, live->folder);
}

/* ---- what the hosts are told ---- */

unsigned live_viewers(const struct room *room)
{
        const struct live *live = room->live;

        return live && live->served ? server_live_viewers(room->app->server, live->key) : 0;
}

static void tell_hosts(struct live *live)
{
        static const char *const words[] = { "starting", "on", "failed", NULL };
        struct room *room = live->room;

        jobs_news_set(room, JOBS_LIVE,
                      words[live->state]
                              ? json_pack("{s:s, s:i, s:s?}", "state", words[live->state],
                                          "viewers", (int)live_viewers(room), "error",
                                          live->error[0] ? live->error : NULL)
                              : NULL);
}

static void set_state(struct live *live, enum state state, const char *error)
{
        live->state = state;
        g_strlcpy(live->error, error, sizeof(live->error));
        tell_hosts(live);
}

/* ---- the program ---- */

static void on_begin(void *user, const struct program_run *run)
{
        struct live *live = user;

        (void)run;
        program_live(live->user, live->folder);
}

/* The folder is opened when there is something in it, and stays open over a death of the
 * job: players go on with what is in memory, and then with what the next one writes. */
static void on_line(void *user, const char *type, const json_t *line)
{
        struct live *live = user;
        char path[MEDIA_PATH], dir[MEDIA_PATH];
        int r;

        (void)line;
        if (strcmp(type, "live") != 0 || live->state != STARTING)
                return;
        set_path(live, path);
        r = live->served ? 0 : media_path(live->room->app->media, dir, path);
        if (r == 0 && !live->served)
                r = server_live_open(live->room->app->server, live->key, dir);
        if (r < 0) {
                log_line(LOG_ERROR, "live", "meeting=%s cannot be served: %s", live->room->info.id,
                         strerror(-r));
                set_state(live, FAILED, "internal"); /* the tick ends it */
                return;
        }
        live->served = true;
        set_state(live, ON, "");
}

static void switch_off(struct room *room)
{
        const struct meeting_command command = { .type = COMMAND_LIVE };
        int r = room_submit(room, &command, NULL, NULL);

        if (r < 0)
                log_line(LOG_WARN, "live", "meeting=%s its end is not kept: %s", room->info.id,
                         strerror(-r));
}

static void on_gone(void *user, const char *error, bool again)
{
        struct live *live = user;

        if (again) {
                set_state(live, STARTING, "");
                return;
        }
        live->user = NULL;
        set_state(live, FAILED, error);
}

static const struct program_events program_events = { on_begin, on_line, on_gone };

/* ---- start and end ---- */

static int start(struct live *live, bool first)
{
        struct room *room = live->room;
        char path[MEDIA_PATH];
        int r = token_stream_key(live->key, room->info.id, meeting_live(room->state)->since_ms,
                                 room->app->secret);

        if (r < 0)
                return r;
        snprintf(live->folder, sizeof(live->folder), "live/%s", live->key);
        snprintf(path, sizeof(path), "%s/live", room->info.id);
        if (first) /* what earlier ones and a server that died left */
                r = media_remove(room->app->media, path);
        set_path(live, path);
        if (r == 0)
                r = media_make_dir(room->app->media, path);
        if (r == 0)
                r = program_join(room, &program_events, live, &live->user);
        return r;
}

static void stop_serving(struct live *live)
{
        if (live->served)
                server_live_close(live->room->app->server, live->key);
        live->served = false;
}

static void put_away(struct live *live)
{
        struct room *room = live->room;
        char path[MEDIA_PATH];

        stop_serving(live);
        set_path(live, path);
        if (media_remove(room->app->media, path) < 0)
                log_line(LOG_WARN, "live", "meeting=%s: %s stays", room->info.id, live->folder);
        live_free(room);
}

static void end(struct live *live, int64_t now_ms)
{
        live->user = program_leave(live->user);
        live->ended_ms = now_ms;
        if (live->state == FAILED)
                stop_serving(live);
        else
                set_state(live, ENDED, "");
}

static void begin(struct room *room)
{
        bool first = !room->live;
        struct live *live;
        int r;

        if (!first) { /* the job may still be writing its last: the folder goes another time */
                stop_serving(room->live);
                live_free(room);
        }
        live = calloc(1, sizeof(*live));
        if (!live)
                return;
        live->room = room;
        room->live = live;
        r = start(live, first);
        if (r == 0) {
                set_state(live, STARTING, "");
                return;
        }
        log_line(LOG_WARN, "live", "meeting=%s cannot be streamed: %s", room->info.id,
                 strerror(-r));
        set_state(live, FAILED,
                  r == -ENOTSUP  ? "missing-package"
                  : r == -ENOSPC ? "disk-full"
                                 : "internal");
}

/* ---- the room ---- */

static bool is_wanted(const struct room *room)
{
        return meeting_live(room->state)->on;
}

static void watch_emptiness(struct live *live, int64_t now_ms)
{
        if (people_are_here(live->room))
                live->empty_ms = 0;
        else if (live->empty_ms == 0)
                live->empty_ms = now_ms;
        else if (now_ms > live->empty_ms + LIVE_EMPTY_MS)
                switch_off(live->room);
}

void live_tick(struct room *room, int64_t now_ms)
{
        struct live *live = room->live;
        bool runs = live && live->ended_ms == 0;

        if (is_wanted(room) && !runs) {
                begin(room);
        } else if (runs && is_wanted(room) && live->state == FAILED) {
                switch_off(room);
        } else if (runs && is_wanted(room)) {
                char path[MEDIA_PATH];

                watch_emptiness(live, now_ms);
                set_path(live, path);
                live_pages_follow(&live->pages, room, path, now_ms);
        } else if (runs) {
                end(live, now_ms);
        } else if (live && live->state == ENDED && now_ms > live->ended_ms + LIVE_LINGER_MS) {
                put_away(live);
        }
        live = room->live;
        if (live && live->state <= ON && now_ms >= live->news_ms + LIVE_NEWS_MS) {
                live->news_ms = now_ms;
                tell_hosts(live);
        }
}

void live_free(struct room *room)
{
        if (!room->live)
                return;
        live_pages_done(&room->live->pages);
        free(room->live);
        room->live = NULL;
}

bool live_is_busy(const struct room *room)
{
        return is_wanted(room) || (room->live && room->live->state != FAILED);
}

const char *live_folder(const struct room *room)
{
        return room->live && room->live->state == ON ? room->live->folder : NULL;
}

json_t *live_for_viewers(const struct room *room)
{
        const struct live *live = room->live;
        bool plays = is_wanted(room) && live && live->served;
        char playlist[64], pages[64];

        if (plays) {
                snprintf(playlist, sizeof(playlist), "/live/%s/index.m3u8", live->key);
                snprintf(pages, sizeof(pages), "/live/%s/pages.json", live->key);
        }
        return json_pack("{s:b, s:s, s:s?, s:s?}", "on", is_wanted(room), "title", room->info.title,
                         "playlist", plays ? playlist : NULL, "pages", plays ? pages : NULL);
}
