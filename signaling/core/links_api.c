/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/links_api.h"

#include <errno.h>
#include <string.h>

#include "signaling/core/asker.h"
#include "signaling/core/cameras.h"
#include "signaling/core/kept_reply.h"
#include "signaling/core/live_api.h"
#include "signaling/core/names.h"
#include "signaling/core/replies.h"
#include "signaling/core/targets.h"
#include "signaling/wire/stream_url.h"

enum { BODY_MAX = 8 * 1024 };

/* The text of a field, "" when it is absent; NULL when it is something else. */
static const char *text_of(const json_t *body, const char *field)
{
        const json_t *value = json_object_get(body, field);

        return value ? json_string_value(value) : "";
}

/* The cleaned name; false: there is none, and it is answered. */
static bool read_name(struct http_conn *conn, const json_t *body, char ret[MEETING_NAME])
{
        const char *name = text_of(body, "name");

        name_clean(ret, name ? name : "");
        if (!ret[0])
                reply_error(conn, 400, "name-empty", "name: nothing to read in it");
        return ret[0];
}

static void reply_added(struct room *room, struct http_conn *conn, int r, const char *id)
{
        if (r == 0)
                kept_reply(room, conn, 201, json_pack("{s:s}", "id", id));
        else if (r == -EBUSY)
                reply_error(conn, 409, "full", "there are as many as there can be");
        else
                reply_failure(conn, r);
}

static void reply_removed(struct room *room, struct http_conn *conn, int r)
{
        if (r == 0)
                kept_reply(room, conn, 204, NULL);
        else
                reply_error(conn, 404, "not-found", "no such one in this meeting");
}

typedef void (*add_fn)(struct http_conn *conn, const struct asker *asker, const json_t *body);

static void add(struct app *app, struct http_conn *conn, const struct http_request *req,
                const char *meeting, add_fn add_what)
{
        struct asker asker;
        json_t *body;

        if (!asker_admit_host(app, conn, req, meeting, &asker))
                return;
        body = asker_body(conn, req, BODY_MAX);
        if (body)
                add_what(conn, &asker, body);
        json_decref(body);
}

/* ---- targets ---- */

static void add_target(struct http_conn *conn, const struct asker *asker, const json_t *body)
{
        const char *url = text_of(body, "url"), *key = text_of(body, "key"), *id = "";
        char name[MEETING_NAME];
        json_t *link;
        int r;

        if (!read_name(conn, body, name))
                return;
        if (!url || stream_url_check(STREAM_RTMP, url) < 0) {
                reply_error(conn, 400, "bad-field", "url: rtmp://host/app or rtmps://host/app");
                return;
        }
        if (!key || !stream_key_is_good(key)) {
                reply_error(conn, 400, "bad-field", "key: the stream key that the site shows");
                return;
        }
        if (!live_switch(conn, asker, true))
                return;
        link = json_pack("{s:s, s:s, s:s}", "name", name, "url", url, "key", key);
        r = link ? targets_add(asker->room, link, &id) : -ENOMEM;
        json_decref(link);
        reply_added(asker->room, conn, r, id);
}

void links_api_add_target(struct app *app, struct http_conn *conn, const struct http_request *req,
                          const char *meeting)
{
        add(app, conn, req, meeting, add_target);
}

void links_api_remove_target(struct app *app, struct http_conn *conn,
                             const struct http_request *req, const char *meeting, const char *id)
{
        struct asker asker;

        if (asker_admit_host(app, conn, req, meeting, &asker))
                reply_removed(asker.room, conn, targets_remove(asker.room, id));
}

/* ---- cameras ---- */

static void add_camera(struct http_conn *conn, const struct asker *asker, const json_t *body)
{
        const char *url = text_of(body, "url"), *user = text_of(body, "user"),
                   *password = text_of(body, "password"), *id = "", *why;
        char name[MEETING_NAME];
        json_t *link;
        int r;

        if (!read_name(conn, body, name))
                return;
        if (!url || stream_url_check(STREAM_RTSP, url) < 0) {
                reply_error(conn, 400, "bad-field",
                            "url: rtsp://host/path; the user goes in a field of its own");
                return;
        }
        if (!user || !password || !stream_user_is_good(user) || !stream_user_is_good(password)) {
                reply_error(conn, 400, "bad-field", "user, password: up to 128 bytes each");
                return;
        }
        if (!cameras_can(asker->room, &why)) {
                reply_error(conn, 503, "missing-package", why);
                return;
        }
        link = json_pack("{s:s, s:s, s:s, s:s}", "name", name, "url", url, "user", user, "password",
                         password);
        r = link ? cameras_add(asker->room, link, &id) : -ENOMEM;
        json_decref(link);
        reply_added(asker->room, conn, r, id);
}

void links_api_add_camera(struct app *app, struct http_conn *conn, const struct http_request *req,
                          const char *meeting)
{
        add(app, conn, req, meeting, add_camera);
}

void links_api_remove_camera(struct app *app, struct http_conn *conn,
                             const struct http_request *req, const char *meeting, const char *id)
{
        struct asker asker;

        if (asker_admit_host(app, conn, req, meeting, &asker))
                reply_removed(asker.room, conn, cameras_remove(asker.room, id));
}
