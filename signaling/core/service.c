/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/service.h"

#include <errno.h>
#include <stdlib.h>

#include "signaling/core/documents_api.h"
#include "signaling/core/http_api.h"
#include "signaling/core/kept_reply.h"
#include "signaling/core/media_glue.h"
#include "signaling/core/program.h"
#include "signaling/core/read_reply.h"
#include "signaling/core/recordings.h"
#include "signaling/core/rooms.h"
#include "signaling/core/session.h"
#include "signaling/core/whip.h"

enum { CLOSE_RESTART = 1012 }; /* IANA WebSocket close codes: service restart */

int service_new(struct app **ret_app, const struct service_config *config)
{
        const struct recordings_config recordings = { config->keep_recordings_ms,
                                                      config->recording_free_bytes };
        struct app *app = calloc(1, sizeof(*app));
        int r;

        if (!app)
                return -ENOMEM;
        app->store = config->store;
        app->sfu = config->sfu;
        app->docs = config->docs;
        app->jobs = config->jobs;
        app->media = config->media;
        app->reader = config->reader;
        if (config->turn)
                app->turn = *config->turn;
        app->wall_ms = config->wall_ms;
        app->now_us = config->now_us;
        app->usage = config->usage;
        rate_limit_init(&app->whip_posts, WHIP_PER_SECOND, WHIP_BURST, rand_u32());
        r = store_secret(app->store, "token", app->secret);
        if (r < 0) {
                free(app);
                return r;
        }
        app->rooms = g_hash_table_new(g_str_hash, g_str_equal);
        app->rooms_by_number = g_hash_table_new(g_int64_hash, g_int64_equal);
        app->sessions = g_hash_table_new(g_int64_hash, g_int64_equal);
        app->whip_sessions = g_hash_table_new(g_str_hash, g_str_equal);
        g_queue_init(&app->whip_ended);
        app->owed = g_hash_table_new_full(g_direct_hash, g_direct_equal, free, NULL);
        kept_replies_init(app);
        read_replies_init(app);
        r = recordings_new(app, &recordings);
        if (r < 0) {
                service_free(app);
                return r;
        }
        *ret_app = app;
        return 0;
}

struct app *service_free(struct app *app)
{
        GHashTableIter iter;
        struct room *room;

        if (!app)
                return NULL;
        g_hash_table_iter_init(&iter, app->rooms);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&room))
                room_free(room);
        recordings_free(app);
        g_hash_table_destroy(app->rooms_by_number);
        g_hash_table_destroy(app->rooms);
        g_hash_table_destroy(app->sessions);
        g_hash_table_destroy(app->whip_sessions);
        whip_forget_ended(app);
        g_hash_table_destroy(app->owed);
        kept_replies_done(app);
        read_replies_done(app);
        free(app);
        return NULL;
}

void service_handler(struct app *app, struct server_handler *ret_handler)
{
        http_api_handler(app, ret_handler);
}

void service_set_server(struct app *app, struct server *server)
{
        app->server = server;
}

void service_poll(struct app *app)
{
        store_poll(app->store);
        reader_poll(app->reader);
        kept_replies_poll(app);
        documents_poll(app);
        media_poll(app);
}

void service_tick(struct app *app)
{
        int64_t now_ms = app->wall_ms();
        GHashTableIter iter;
        struct room *room;

        service_poll(app); /* what was full a moment ago wakes nobody */
        sessions_tick(app);
        recordings_tick(app, now_ms);
        g_hash_table_iter_init(&iter, app->rooms);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&room)) {
                if (room_tick(room, now_ms))
                        continue;
                g_hash_table_remove(app->rooms_by_number, &room->number);
                g_hash_table_iter_remove(&iter);
                room_free(room);
        }
}

void service_drain(struct app *app)
{
        GHashTableIter iter;
        struct session *session;

        app->draining = true;
        recordings_drain(app);
        g_hash_table_iter_init(&iter, app->sessions);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&session))
                ws_close(session->conn, CLOSE_RESTART, "restarting");
}

bool service_is_drained(const struct app *app)
{
        GHashTableIter iter;
        struct room *room;

        g_hash_table_iter_init(&iter, app->rooms);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&room))
                if (!g_queue_is_empty(&room->pending))
                        return false;
        return g_hash_table_size(app->sessions) == 0 && recordings_are_drained(app);
}
