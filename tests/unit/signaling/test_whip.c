/* SPDX-License-Identifier: Apache-2.0 */
/* whip — what happens to a session in the course of time: its token ends, its ICE
 * restarts, its TURN credentials grow old. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/core/rooms.h"
#include "signaling/core/whip_priv.h"
#include "tests/unit/signaling/fakes.h"

#define OFFER "v=0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
#define SAME "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
#define FIRST "a=ice-ufrag:new1\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
#define SECOND "a=ice-ufrag:new2\r\na=ice-pwd:bbbbbbbbbbbbbbbbbbbbbbbbbb\r\n"
#define HALF "a=ice-ufrag:new3\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"

enum { TOKEN_LIFE_MS = 2 * WHIP_ENDED_MS };

struct client {
        struct world *world;
        char authorization[TOKEN_MAX + 16];
        char word[64], etag[64];
};

static void open_session(struct client *ret_client, struct world *world, enum whip_role role,
                         const char *query)
{
        struct token token = { .kind = TOKEN_JOIN,
                               .role = ROLE_DELEGATE,
                               .expires_ms = fake_now_ms + TOKEN_LIFE_MS };
        struct client client = { .world = world };
        char text[TOKEN_MAX];
        struct http_request req = { .method = HTTP_POST,
                                    .remote = "192.0.2.1",
                                    .authorization = client.authorization,
                                    .content_type = "application/sdp",
                                    .query = query,
                                    .body = { (const uint8_t *)OFFER, strlen(OFFER) } };

        memcpy(token.meeting, world->meeting, sizeof(token.meeting));
        assert_int_equal(token_write(text, &token, world->app->secret), 0);
        snprintf(client.authorization, sizeof(client.authorization), "Bearer %s", text);
        whip_endpoint(world->app, NULL, &req, role, world->meeting);
        assert_int_equal(fake_reply.status, 201);
        fake_settle(world);
        snprintf(client.word, sizeof(client.word), "%s", strrchr(fake_reply.location, '/') + 1);
        memcpy(client.etag, fake_reply.etag, sizeof(client.etag));
        *ret_client = client;
}

static void publish(struct client *ret_client, struct world *world)
{
        open_session(ret_client, world, WHIP_PUBLISH, "");
}

static int request(const struct client *client, enum http_method method, const char *if_match,
                   const char *body)
{
        struct http_request req = { .method = method,
                                    .remote = "192.0.2.1",
                                    .authorization = client->authorization,
                                    .content_type = "application/trickle-ice-sdpfrag",
                                    .if_match = if_match,
                                    .body = { (const uint8_t *)body, strlen(body) } };

        fake_reply.status = 0;
        whip_resource(client->world->app, NULL, &req, client->world->meeting, client->word);
        return fake_reply.status;
}

static int patch(const struct client *client, const char *if_match, const char *body)
{
        return request(client, HTTP_PATCH, if_match, body);
}

static void a_player_sees_who_it_names(void **state)
{
        struct client client;

        open_session(&client, *state, WHIP_WATCH, "publishers=film,hall");
        assert_int_equal(fake_sfu.n_views, 4); /* each with its sound */
        assert_int_equal(fake_sfu.views[0].slot, 0);
        assert_int_equal(fake_sfu.views[0].kind, SFU_SCREEN);
        assert_true(fake_sfu.views[1].audio);
        assert_int_equal(fake_sfu.views[1].participant, fake_sfu.views[0].participant);
        assert_int_equal(fake_sfu.views[2].slot, 1);
        assert_int_equal(fake_sfu.views[2].kind, SFU_CAMERA);
        assert_int_not_equal(fake_sfu.views[2].participant, fake_sfu.views[0].participant);
}

static void a_player_that_names_nobody_sees_the_speaker_and_the_screen(void **state)
{
        static const enum sfu_kind kinds[] = { SFU_CAMERA, SFU_SCREEN };
        struct client client;

        open_session(&client, *state, WHIP_WATCH, "");
        assert_int_equal(fake_sfu.n_views, ARRAY_LEN(kinds));
        for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
                assert_int_equal(fake_sfu.views[i].slot, i);
                assert_int_equal(fake_sfu.views[i].kind, kinds[i]);
                assert_int_equal(fake_sfu.views[i].participant, SFU_ACTIVE_SPEAKER);
        }
}

static void a_token_may_end_while_its_session_lasts(void **state)
{
        struct client client;

        publish(&client, *state);
        assert_int_equal(patch(&client, client.etag, SAME), 204);
        fake_now_ms += TOKEN_LIFE_MS;
        service_tick(((struct world *)*state)->app);
        assert_int_equal(fake_sfu.last_closed, 0);
        assert_int_equal(patch(&client, client.etag, SAME), 401);
        assert_int_equal(patch(&client, "*", FIRST), 401);
        assert_int_equal(fake_sfu.restarts, 0);
        assert_int_equal(request(&client, HTTP_DELETE, "", ""), 200);
        assert_int_equal(fake_sfu.last_closed, fake_sfu.peers_opened);
        assert_int_equal(request(&client, HTTP_DELETE, "", ""), 401);
}

/* As when its DTLS says goodbye. */
static void lose_peer(struct world *world)
{
        struct room *room;

        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        fake_sfu.events[fake_sfu.n_events++] = (struct sfu_event){
                .type = SFU_EV_GONE,
                .room = room->number,
                .peer = fake_sfu.peers_opened,
                .participant = fake_sfu.last_params.participant,
                .gone_reason = SFU_GONE_CLOSED_BY_PEER
        };
        service_poll(world->app);
        fake_settle(world);
}

static void a_client_that_closes_before_its_delete_is_answered_once(void **state)
{
        struct client client, other;

        publish(&client, *state);
        lose_peer(*state);
        fake_now_ms++; /* so that it is another token */
        publish(&other, *state);
        memcpy(other.word, client.word, sizeof(other.word));
        assert_int_equal(patch(&client, client.etag, SAME), 404);
        assert_int_equal(request(&other, HTTP_DELETE, "", ""), 404);
        other.authorization[strlen(other.authorization) - 2] ^= 1;
        assert_int_equal(request(&other, HTTP_DELETE, "", ""), 401);
        assert_int_equal(request(&client, HTTP_DELETE, "", ""), 200);
        assert_int_equal(request(&client, HTTP_DELETE, "", ""), 404);
}

static void a_session_that_ended_is_remembered_for_a_minute(void **state)
{
        struct world *world = *state;
        struct client early, late;

        publish(&early, world);
        lose_peer(world);
        publish(&late, world);
        lose_peer(world);
        fake_now_ms += WHIP_ENDED_MS - 1;
        assert_int_equal(request(&early, HTTP_DELETE, "", ""), 200);
        fake_now_ms++;
        assert_int_equal(request(&late, HTTP_DELETE, "", ""), 404);
        assert_int_equal(g_queue_get_length(&world->app->whip_ended), 0);
}

static void those_that_ended_are_bounded(void **state)
{
        static const struct span offer = { (const uint8_t *)OFFER, sizeof(OFFER) - 1 };
        struct world *world = *state;
        struct client first, second;
        struct room *room;

        publish(&first, world);
        lose_peer(world);
        publish(&second, world);
        lose_peer(world);
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        for (unsigned i = 1; i < WHIP_MAX_ENDED; i++) {
                struct member *member = room_member(room, "x");

                assert_non_null(whip_session_new(room, member, g_strdup("x"), offer, "v=0 answer"));
                whip_forget(world->app, member);
        }
        assert_int_equal(g_queue_get_length(&world->app->whip_ended), WHIP_MAX_ENDED);
        assert_int_equal(request(&first, HTTP_DELETE, "", ""), 404);
        assert_int_equal(request(&second, HTTP_DELETE, "", ""), 200);
}

static void a_restart_makes_a_new_ice_session(void **state)
{
        struct client client;
        char first[64];

        publish(&client, *state);
        assert_int_equal(patch(&client, "*", FIRST), 200);
        memcpy(first, fake_reply.etag, sizeof(first));
        assert_string_not_equal(first, client.etag);
        assert_int_equal(fake_sfu.restarts, 1);

        /* What was on its way for the old session comes too late, a restart too. */
        assert_int_equal(patch(&client, client.etag, SAME), 412);
        assert_int_equal(patch(&client, client.etag, SECOND), 412);
        assert_int_equal(patch(&client, "*", HALF), 422);
        assert_int_equal(patch(&client, first, FIRST), 204);
        assert_int_equal(fake_sfu.restarts, 1);

        /* Asked again because the answer was lost: the same answer. */
        assert_int_equal(patch(&client, "\"*\"", FIRST), 200);
        assert_string_equal(fake_reply.etag, first);
        assert_int_equal(fake_sfu.restarts, 1);

        assert_int_equal(patch(&client, "*", SECOND), 200);
        assert_string_not_equal(fake_reply.etag, first);
        assert_int_equal(patch(&client, first, SECOND), 412);
}

static void a_failed_restart_leaves_the_session_as_it_was(void **state)
{
        static const struct {
                int result, status;
        } cases[] = {
                { -EAGAIN, 503 }, { -ENOMEM, 503 }, { -ENOENT, 404 }, { SFU_OFFER_NO_ICE, 422 }
        };
        struct client client;

        publish(&client, *state);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                fake_sfu.restart_result = cases[i].result;
                assert_int_equal(patch(&client, "*", FIRST), cases[i].status);
                assert_int_equal(patch(&client, client.etag, SAME), 204);
        }
        fake_sfu.restart_result = 0;
        assert_int_equal(patch(&client, "*", FIRST), 200);
}

static void restarts_are_bounded_in_speed(void **state)
{
        struct client client;
        char body[128];
        unsigned n = 0;

        publish(&client, *state);
        do
                snprintf(body, sizeof(body), "a=ice-ufrag:u%03u\r\na=ice-pwd:%026u\r\n", n, n);
        while (patch(&client, "*", body) == 200 && ++n < 1000);
        assert_int_equal(fake_reply.status, 429);
        assert_in_range(n, 2, 20);
        fake_now_ms += 1000;
        assert_int_equal(patch(&client, "*", body), 200);
        assert_int_equal(request(&client, HTTP_DELETE, "", ""), 200);
}

static void use_turn(struct world *world)
{
        world->app->turn = (struct turn_config){ .uris = { "turn:a.vn", "turns:a.vn" },
                                                 .n_uris = 2,
                                                 .secret = "north" };
}

static void each_ice_session_has_its_turn_credentials(void **state)
{
        struct client client;

        use_turn(*state);
        publish(&client, *state);
        assert_int_equal(fake_reply.n_links, 2);
        assert_int_equal(patch(&client, client.etag, SAME), 204);
        assert_int_equal(fake_reply.n_links, 0);
        assert_int_equal(patch(&client, "*", FIRST), 200);
        assert_int_equal(fake_reply.n_links, 2);
}

static void a_long_meeting_gets_new_turn_credentials(void **state)
{
        struct world *world = *state;
        struct ws_conn *conn;
        json_t *server, *welcome;

        use_turn(world);
        conn = fake_open(world, "s-1", ROLE_DELEGATE);
        welcome = fake_join(world, conn, "Hoa", -1);
        server = json_array_get(json_object_get(welcome, "ice_servers"), 0);
        assert_string_equal(fake_text(server, "urls"), "turn:a.vn");
        assert_string_equal(fake_text(server, "username"), "87400:s-1");

        fake_now_ms += TURN_LIFE_MS / 2 - 1;
        service_tick(world->app);
        assert_int_equal(fake_count(conn, "ice-servers"), 0);
        fake_now_ms += 1;
        service_tick(world->app);
        service_tick(world->app);
        assert_int_equal(fake_count(conn, "ice-servers"), 1);
        server = json_array_get(json_object_get(fake_last(conn, "ice-servers"), "ice_servers"), 1);
        assert_string_equal(fake_text(server, "urls"), "turns:a.vn");
        assert_string_equal(fake_text(server, "username"), "130600:s-1");
        fake_close(conn);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                T(a_player_sees_who_it_names),
                T(a_player_that_names_nobody_sees_the_speaker_and_the_screen),
                T(a_client_that_closes_before_its_delete_is_answered_once),
                T(a_session_that_ended_is_remembered_for_a_minute),
                T(those_that_ended_are_bounded),
                T(a_token_may_end_while_its_session_lasts),
                T(a_restart_makes_a_new_ice_session),
                T(a_failed_restart_leaves_the_session_as_it_was),
                T(restarts_are_bounded_in_speed),
                T(each_ice_session_has_its_turn_credentials),
                T(a_long_meeting_gets_new_turn_credentials),
        };
#undef T

        return cmocka_run_group_tests(tests, NULL, NULL);
}
