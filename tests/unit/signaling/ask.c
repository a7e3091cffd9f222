/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/signaling/ask.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/core/rooms.h"

const struct http_request *ask_prepare(struct ask *ask)
{
        struct token token = { .kind = ask->kind,
                               .role = ask->role,
                               .expires_ms = fake_now_ms + 1000000000 };
        const char *body = ask->body ? ask->body : "";
        char text[TOKEN_MAX];

        snprintf(token.meeting, sizeof(token.meeting), "%s",
                 ask->meeting ? ask->meeting : ask->world->meeting);
        snprintf(token.seat, sizeof(token.seat), "%s", ask->seat ? ask->seat : "");
        assert_int_equal(token_write(text, &token, ask->world->app->secret), 0);
        snprintf(ask->authorization, sizeof(ask->authorization), "Bearer %s", text);
        ask->req = (struct http_request){ .authorization = ask->authorization,
                                          .query = "",
                                          .host = "hop.example",
                                          .origin = "",
                                          .cookie = "",
                                          .content_type = "",
                                          .remote = "192.0.2.1",
                                          .body = { (const uint8_t *)body, strlen(body) } };
        memset(&fake_reply, 0, sizeof(fake_reply));
        return &ask->req;
}

json_t *ask_answer(void)
{
        json_t *object = json_loads(fake_reply.body, 0, NULL);

        assert_non_null(object);
        return object;
}

const char *ask_error(void)
{
        static char code[64];
        json_t *object = json_loads(fake_reply.body, 0, NULL);

        snprintf(code, sizeof(code), "%s", fake_text(object, "code"));
        json_decref(object);
        return code;
}

struct ws_conn *ask_join(struct world *world, const char *seat, enum meeting_role role)
{
        struct ws_conn *conn = fake_open(world, seat, role);

        assert_string_equal(fake_text(fake_join(world, conn, seat, -1), "type"), "welcome");
        return conn;
}

void ask_pass(struct world *world, int64_t ms)
{
        for (int64_t passed = 0; passed < ms; passed += APP_TICK_MS) {
                fake_now_ms += APP_TICK_MS;
                service_tick(world->app);
                fake_settle(world);
        }
}

static void count_link(void *user, const struct store_link *link)
{
        (void)link;
        (*(size_t *)user)++;
}

void ask_wait_links(struct world *world, size_t n)
{
        size_t found = 0;

        for (unsigned tries = 0; tries < 5000; tries++) {
                found = 0;
                assert_int_equal(store_links(world->store, world->meeting, count_link, &found), 0);
                if (found == n)
                        return;
                poll(NULL, 0, 1);
        }
        fail_msg("%zu links on the disk, not %zu", found, n);
}

struct room *ask_room(struct world *world)
{
        struct room *room;

        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        return room;
}
