/* SPDX-License-Identifier: Apache-2.0 */
/* media — what the core tells the media plane and hears from it, for members and WHEP viewers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/core/rooms.h"
#include "signaling/core/whip.h"
#include "tests/unit/signaling/fakes.h"

static json_t *offer(int id)
{
        return json_pack("{s:s, s:i, s:s}", "type", "offer", "id", id, "sdp", "v=0");
}

static void an_offer_is_answered_and_silent_until_media(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_DELEGATE);
        json_t *answer;

        fake_join(world, a, "A", -1);
        answer = fake_say(world, a, offer(2));
        assert_string_equal(fake_text(answer, "sdp"), "v=0 answer");
        assert_true(fake_sfu.last_params.may_publish);
        assert_true(fake_sfu.muted[SFU_MIC] && fake_sfu.muted[SFU_CAMERA]);
        fake_say(world, a,
                 json_pack("{s:s, s:i, s:b, s:b, s:b}", "type", "media", "id", 3, "mic", 1,
                           "camera", 0, "screen", 0));
        assert_false(fake_sfu.muted[SFU_MIC]);
        assert_true(fake_sfu.muted[SFU_CAMERA]);
        fake_close(a);
}

static json_t *restart(int id)
{
        return json_pack("{s:s, s:i, s:s, s:b}", "type", "offer", "id", id, "sdp", "v=0", "restart",
                         1);
}

static void a_restart_keeps_the_connection_or_is_refused(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_DELEGATE);

        fake_join(world, a, "A", -1);
        assert_string_equal(fake_text(fake_say(world, a, restart(2)), "code"), "not-found");
        fake_say(world, a, offer(3));
        assert_string_equal(fake_text(fake_say(world, a, restart(4)), "sdp"), "v=0 again");
        assert_int_equal(fake_sfu.peers_opened, 1);
        assert_int_equal(fake_sfu.restarts, 1);
        fake_sfu.restart_result = SFU_OFFER_CHANGED;
        assert_string_equal(fake_text(fake_say(world, a, restart(5)), "type"), "error");
        assert_int_equal(fake_sfu.peers_opened, 1);
        fake_close(a);
}

static void a_client_that_fell_silent_is_told(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_DELEGATE);
        struct room *room;

        fake_join(world, a, "A", -1);
        fake_say(world, a, offer(2));
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        fake_sfu.events[fake_sfu.n_events++] = (struct sfu_event){
                .type = SFU_EV_SILENT,
                .room = room->number,
                .peer = 1,
                .participant = room_find_member(room, "s-a")->number
        };
        service_poll(world->app);
        assert_int_equal(fake_count(a, "silent"), 1);
        fake_close(a);
}

static void observers_open_peers_that_only_receive(void **state)
{
        struct ws_conn *a = fake_open(*state, "s-a", ROLE_OBSERVER);

        fake_join(*state, a, "A", -1);
        fake_say(*state, a, offer(2));
        assert_false(fake_sfu.last_params.may_publish);
        fake_close(a);
}

static void slots_of_one_turn_are_one_message(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);
        struct room *room;
        json_t *slots;

        fake_join(world, a, "A", -1);
        fake_join(world, b, "B", -1);
        fake_say(world, a, offer(2));
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        for (unsigned i = 0; i < 2; i++)
                fake_sfu.events[fake_sfu.n_events++] = (struct sfu_event){
                        .type = SFU_EV_SLOT,
                        .room = room->number,
                        .peer = 1,
                        .participant = room_find_member(room, "s-a")->number,
                        .slot = { .audio = i == 0,
                                  .index = 1,
                                  .source = room_find_member(room, "s-b")->number,
                                  .kind = i == 0 ? SFU_MIC : SFU_CAMERA }
                };
        service_poll(world->app);
        assert_int_equal(fake_count(a, "slots"), 1);
        slots = json_object_get(fake_last(a, "slots"), "slots");
        assert_int_equal(json_array_size(slots), 2);
        assert_string_equal(fake_text(json_array_get(slots, 1), "participant"), "s-b");
        assert_string_equal(fake_text(json_array_get(slots, 1), "kind"), "camera");
        fake_close(a);
        fake_close(b);
}

static void wants_camera(struct world *world, bool wanted, unsigned layers)
{
        struct room *room;

        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        fake_sfu.events[fake_sfu.n_events++] = (struct sfu_event){
                .type = SFU_EV_WANTED,
                .room = room->number,
                .peer = fake_sfu.peers_opened,
                .participant = room_find_member(room, "s-a")->number,
                .wanted = { .kind = SFU_CAMERA, .wanted = wanted, .n_layers = 2, .layers = layers }
        };
        fake_sfu.events[fake_sfu.n_events] = fake_sfu.events[fake_sfu.n_events - 1];
        fake_sfu.events[fake_sfu.n_events].type = SFU_EV_QUALITY;
        fake_sfu.events[fake_sfu.n_events].quality.carries = SFU_CARRIES_SOUND;
        fake_sfu.events[fake_sfu.n_events++].quality.bars = 1;
        service_poll(world->app);
}

static void news_of_the_media_that_found_no_socket_come_with_the_next(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_DELEGATE);
        json_t *wanted;

        fake_join(world, a, "A", -1);
        fake_say(world, a, offer(2));
        wants_camera(world, false, 3);
        assert_int_equal(fake_count(a, "wanted"), 1);
        fake_close(a);

        wants_camera(world, true, 1);
        a = fake_open(world, "s-a", ROLE_DELEGATE);
        fake_join(world, a, "A", 1);
        assert_int_equal(fake_count(a, "wanted"), 1);
        wanted = fake_last(a, "wanted");
        assert_string_equal(fake_text(wanted, "kind"), "camera");
        assert_true(json_is_true(json_object_get(wanted, "wanted")));
        assert_true(json_is_false(json_array_get(json_object_get(wanted, "layers"), 1)));
        assert_string_equal(fake_text(fake_last(a, "quality"), "carries"), "sound");

        /* A new connection has news of its own. */
        fake_say(world, a, offer(3));
        fake_close(a);
        a = fake_open(world, "s-a", ROLE_DELEGATE);
        fake_join(world, a, "A", 1);
        assert_int_equal(fake_count(a, "wanted") + fake_count(a, "quality"), 0);
        fake_close(a);
}

static void a_view_comes_back_with_a_new_peer(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        json_t *view = json_loads("{\"type\":\"view\",\"id\":2,\"slots\":[{\"index\":3,"
                                  "\"participant\":\"*\",\"kind\":\"camera\",\"height\":360,"
                                  "\"priority\":7}]}",
                                  0, NULL);

        fake_join(world, a, "A", -1);
        assert_string_equal(fake_text(fake_say(world, a, view), "type"), "ok");
        fake_say(world, a, offer(3));
        assert_int_equal(fake_sfu.n_views, 1);
        assert_int_equal(fake_sfu.views[0].slot, 3);
        assert_int_equal(fake_sfu.views[0].participant, SFU_ACTIVE_SPEAKER);
        assert_int_equal(fake_sfu.views[0].max_height, 360);
        fake_close(a);
}

static void a_removed_person_loses_socket_and_media(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);

        fake_join(world, a, "A", -1);
        fake_join(world, b, "B", -1);
        fake_say(world, b, offer(2));
        fake_say(world, a,
                 json_pack("{s:s, s:i, s:s}", "type", "remove", "id", 2, "participant", "s-b"));
        assert_string_equal(fake_text(fake_last(b, "error"), "code"), "removed");
        assert_int_equal(b->close_code, 1008);
        assert_int_equal(fake_sfu.last_closed, 1);
        fake_close(b);
        b = fake_open(world, "s-b", ROLE_DELEGATE);
        assert_string_equal(fake_text(fake_join(world, b, "B", -1), "code"), "removed");
        fake_close(a);
        fake_close(b);
}

static void the_speaker_is_told_now_and_then(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct room *room;

        fake_join(world, a, "A", -1);
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        for (uint32_t i = 0; i < 10; i++) {
                fake_sfu.events[fake_sfu.n_events++] = (struct sfu_event){ .type = SFU_EV_SPEAKER,
                                                                           .room = room->number,
                                                                           .participant = i % 2 };
                fake_now_ms += SPEAKER_MIN_MS / 5;
                service_poll(world->app);
                service_tick(world->app);
        }
        assert_in_range(fake_count(a, "speaker"), 1, 3);
        fake_close(a);
}

/* ---- WHEP ---- */

static void watch(struct world *world, const char *query, const char *sdp)
{
        struct token token = { .kind = TOKEN_JOIN,
                               .role = ROLE_DELEGATE,
                               .expires_ms = fake_now_ms + 1000 };
        char text[TOKEN_MAX], authorization[TOKEN_MAX + 16];
        struct http_request req = { .method = HTTP_POST,
                                    .query = query,
                                    .remote = "192.0.2.1",
                                    .authorization = authorization,
                                    .content_type = "application/sdp",
                                    .body = { (const uint8_t *)sdp, strlen(sdp) } };

        memcpy(token.meeting, world->meeting, sizeof(token.meeting));
        assert_int_equal(token_write(text, &token, world->app->secret), 0);
        snprintf(authorization, sizeof(authorization), "Bearer %s", text);
        whip_endpoint(world->app, NULL, &req, WHIP_WATCH, world->meeting);
        fake_settle(world);
}

static void awaited_ids_keep_their_numbers_while_a_viewer_is_there(void **state)
{
        struct world *world = *state;
        struct sfu_event gone = { .type = SFU_EV_GONE };
        struct room *room;

        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        watch(world, "publishers=refused-1,refused-2", "nonsense");
        watch(world, "publishers=later,later", "v=0");
        service_tick(world->app);
        assert_null(room_find_member(room, "refused-1"));
        assert_non_null(room_find_member(room, "later"));
        gone.room = room->number;
        gone.peer = fake_sfu.peers_opened;
        gone.participant = fake_sfu.last_params.participant;
        fake_sfu.events[fake_sfu.n_events++] = gone;
        service_poll(world->app);
        fake_settle(world);
        service_tick(world->app);
        assert_null(room_find_member(room, "later"));
        assert_int_equal(g_hash_table_size(room->members), 0);
}

static void offers_of_one_address_are_bounded(void **state)
{
        static const uint8_t host[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 };
        struct world *world = *state;
        uint64_t before = fake_sfu.peers_opened;

        while (rate_limit_take(&world->app->whip_posts, host, world->app->now_us()))
                ;
        watch(world, "", "v=0");
        assert_int_equal(fake_sfu.peers_opened, before);
        assert_int_equal(world->app->n_too_fast, 1);
        fake_now_ms += 1000 / WHIP_PER_SECOND;
        watch(world, "", "v=0");
        assert_int_equal(fake_sfu.peers_opened, before + 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                T(an_offer_is_answered_and_silent_until_media),
                T(a_restart_keeps_the_connection_or_is_refused),
                T(a_client_that_fell_silent_is_told),
                T(observers_open_peers_that_only_receive),
                T(slots_of_one_turn_are_one_message),
                T(news_of_the_media_that_found_no_socket_come_with_the_next),
                T(a_view_comes_back_with_a_new_peer),
                T(a_removed_person_loses_socket_and_media),
                T(the_speaker_is_told_now_and_then),
                T(awaited_ids_keep_their_numbers_while_a_viewer_is_there),
                T(offers_of_one_address_are_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
