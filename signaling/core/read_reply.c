/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/read_reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/core/replies.h"

struct answer {
        struct reader_work work; /* the first */
        struct app *app;         /* NULL: it is over */
        struct http_conn *conn;
        bool forgotten; /* nobody waits any more */
        char *(*make)(const void *data);
        bool (*is_there)(struct app *app, const void *data);
        char *text;
        _Alignas(max_align_t) uint8_t data[];
};

static void run(struct reader_work *work)
{
        struct answer *answer = (struct answer *)work;

        answer->text = answer->make(answer->data);
}

static void drop(struct reader_work *work)
{
        struct answer *answer = (struct answer *)work;

        free(answer->text);
        free(answer);
}

/* Takes the text. */
static void give(struct answer *answer)
{
        if (answer->is_there(answer->app, answer->data))
                reply_json_text(answer->conn, 200, answer->text);
        else
                reply_error(answer->conn, 404, "not-found", "deleted meanwhile");
}

static void done(struct reader_work *work)
{
        struct answer *answer = (struct answer *)work;

        if (answer->app)
                g_hash_table_remove(answer->app->read_replies, answer);
        if (answer->app && !answer->forgotten)
                give(answer);
        drop(work);
}

void read_reply(struct app *app, struct http_conn *conn, const struct read_reply_params *params)
{
        struct answer *answer = calloc(1, sizeof(*answer) + params->size);

        if (!answer) {
                reply_failure(conn, -ENOMEM);
                return;
        }
        answer->work = (struct reader_work){ .run = run, .done = done, .drop = drop };
        answer->app = app;
        answer->conn = conn;
        answer->make = params->make;
        answer->is_there = params->is_there;
        memcpy(answer->data, params->data, params->size);
        if (reader_ask(app->reader, &answer->work) < 0) {
                free(answer);
                reply_error(conn, 503, "busy", "too many are being read");
                return;
        }
        g_hash_table_add(app->read_replies, answer);
}

void read_replies_init(struct app *app)
{
        app->read_replies = g_hash_table_new(g_direct_hash, g_direct_equal);
}

void read_replies_done(struct app *app)
{
        struct answer *answer;
        GHashTableIter iter;

        g_hash_table_iter_init(&iter, app->read_replies);
        while (g_hash_table_iter_next(&iter, (void **)&answer, NULL))
                answer->app = NULL;
        g_hash_table_destroy(app->read_replies);
}

void read_reply_forget(struct app *app, const struct http_conn *conn)
{
        struct answer *answer;
        GHashTableIter iter;

        g_hash_table_iter_init(&iter, app->read_replies);
        while (g_hash_table_iter_next(&iter, (void **)&answer, NULL)) {
                if (answer->conn == conn)
                        answer->forgotten = true;
        }
}
