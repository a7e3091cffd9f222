/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/kept_reply.h"

#include <errno.h>
#include <stdlib.h>

#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"

struct waiting_reply {
        struct http_conn *conn;
        bool forgotten;     /* nobody waits any more */
        uint64_t room, seq; /* the room's last event */
        int status;
        json_t *object;
        bool stored; /* what was queued is, with this result: */
        int result;
};

static void reply_free(void *at)
{
        struct waiting_reply *reply = at;

        json_decref(reply->object);
        free(reply);
}

static void on_stored(void *user, int result)
{
        struct waiting_reply *reply = user;

        reply->stored = true;
        reply->result = result;
}

void kept_reply(struct room *room, struct http_conn *conn, int status, json_t *object)
{
        struct waiting_reply *reply = calloc(1, sizeof(*reply));
        int r = reply ? store_barrier(room->app->store, on_stored, reply) : -ENOMEM;

        if (r < 0) {
                free(reply);
                json_decref(object);
                reply_failure(conn, r);
                return;
        }
        reply->conn = conn;
        reply->room = room->number;
        reply->seq = meeting_seq(room->state);
        reply->status = status;
        reply->object = object;
        g_hash_table_add(room->app->kept_replies, reply);
}

void kept_reply_forget(struct app *app, const struct http_conn *conn)
{
        struct waiting_reply *reply;
        GHashTableIter iter;

        g_hash_table_iter_init(&iter, app->kept_replies);
        while (g_hash_table_iter_next(&iter, (void **)&reply, NULL)) {
                if (reply->conn == conn)
                        reply->forgotten = true;
        }
}

/* 0, -EAGAIN: not yet, or why it cannot be kept. */
static int outcome(struct app *app, const struct waiting_reply *reply)
{
        const struct room *room = room_by_number(app, reply->room);

        if (!reply->stored)
                return -EAGAIN;
        if (reply->result < 0 || !room)
                return reply->result;
        if (meeting_seq(room->state) < reply->seq)
                return -EIO; /* built anew from its log, without what was decided */
        return room->committed_seq < reply->seq ? -EAGAIN : 0;
}

static void answer(struct waiting_reply *reply, int result)
{
        if (result < 0)
                reply_failure(reply->conn, result);
        else if (reply->object)
                reply_json(reply->conn, reply->status, json_incref(reply->object), NULL, 0);
        else
                reply_empty(reply->conn, reply->status, NULL, 0);
}

void kept_replies_poll(struct app *app)
{
        struct waiting_reply *reply;
        GHashTableIter iter;

        g_hash_table_iter_init(&iter, app->kept_replies);
        while (g_hash_table_iter_next(&iter, (void **)&reply, NULL)) {
                int result = outcome(app, reply);

                if (result == -EAGAIN)
                        continue;
                g_hash_table_iter_steal(&iter);
                if (!reply->forgotten)
                        answer(reply, result);
                reply_free(reply);
        }
}

void kept_replies_init(struct app *app)
{
        app->kept_replies = g_hash_table_new_full(g_direct_hash, g_direct_equal, reply_free, NULL);
}

void kept_replies_done(struct app *app)
{
        g_hash_table_destroy(app->kept_replies);
}
