/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/live_api.h"

#include <stdio.h>
#include <string.h>

#include "signaling/core/asker.h"
#include "signaling/core/kept_reply.h"
#include "signaling/core/live.h"
#include "signaling/core/program.h"
#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/words.h"

#define VIEWER_LINK_LIFE_MS (INT64_C(30) * 24 * 3600 * 1000)

enum { LINK_TEXT = 600 + TOKEN_MAX };

static const struct http_header uncached = { "Cache-Control", "no-store" };

void live_api_show(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting)
{
        struct asker asker;
        struct room *room;
        int r;

        if (auth_is_viewer_of(app, req, meeting)) {
                r = room_open(app, meeting, &room);
                if (r < 0) {
                        reply_failure(conn, r);
                        return;
                }
        } else if (asker_admit_to(app, conn, req, meeting, &asker)) {
                room = asker.room;
        } else {
                return;
        }
        reply_json(conn, 200, live_for_viewers(room), &uncached, 1);
}

bool live_switch(struct http_conn *conn, const struct asker *asker, bool on)
{
        const struct meeting_command command = {
                .type = COMMAND_LIVE, .by = asker_id(asker), .role = asker->auth.who.role, .on = on
        };
        const char *why;
        int r;

        if (on && !program_can(asker->room, &why)) {
                reply_error(conn, 503, "missing-package", why);
                return false;
        }
        r = room_submit(asker->room, &command, NULL, NULL);
        if (r < 0)
                reply_failure(conn, r);
        else if (r > 0)
                reply_error(conn, 403, meeting_error_word(r), "refused by the meeting's rules");
        return r == 0;
}

void live_api_switch(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *meeting, bool on)
{
        struct asker asker;

        if (!asker_admit_host(app, conn, req, meeting, &asker) || !live_switch(conn, &asker, on))
                return;
        if (on)
                kept_reply(asker.room, conn, 200, live_for_viewers(asker.room));
        else
                kept_reply(asker.room, conn, 204, NULL);
}

void live_api_viewer_link(struct app *app, struct http_conn *conn, const struct http_request *req,
                          const char *meeting)
{
        struct token token = { .kind = TOKEN_VIEWER, .role = ROLE_OBSERVER };
        char text[TOKEN_MAX], url[LINK_TEXT];
        struct asker asker;

        if (!asker_admit_host(app, conn, req, meeting, &asker))
                return;
        memcpy(token.meeting, asker.room->info.id, sizeof(token.meeting));
        token.expires_ms = app->wall_ms() + VIEWER_LINK_LIFE_MS;
        if (token_write(text, &token, app->secret) != 0 ||
            snprintf(url, sizeof(url), "http%s://%s/w/%s#t=%s", req->tls ? "s" : "", req->host,
                     asker.room->info.id, text) >= (int)sizeof(url)) {
                reply_error(conn, 400, "bad-field", "no link can be made of this Host");
                return;
        }
        reply_json(conn, 201,
                   json_pack("{s:s, s:I}", "url", url, "expires", (json_int_t)token.expires_ms),
                   &uncached, 1);
}
