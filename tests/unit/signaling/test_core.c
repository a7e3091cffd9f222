/* SPDX-License-Identifier: Apache-2.0 */
/* core — sessions, rooms and dispatch against fakes and a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/core/dispatch.h"
#include "signaling/core/names.h"
#include "signaling/core/rooms.h"
#include "signaling/core/session.h"
#include "tests/unit/signaling/fakes.h"

static const char *schema_path;

/* ---- the table and the schema ---- */

static bool schema_has(const json_t *messages, const json_t *defs, const char *type)
{
        for (size_t i = 0; i < json_array_size(messages); i++) {
                const char *ref = fake_text(json_array_get(messages, i), "$ref");
                const json_t *def = json_object_get(defs, strrchr(ref, '/') + 1);
                const json_t *properties = json_object_get(def, "properties");

                if (strcmp(fake_text(json_object_get(properties, "type"), "const"), type) == 0)
                        return true;
        }
        return false;
}

static void the_table_has_the_schemas_types(void **state)
{
        json_t *schema = json_load_file(schema_path, 0, NULL);
        json_t *defs = json_object_get(schema, "$defs");
        json_t *messages = json_object_get(json_object_get(defs, "ClientMessage"), "oneOf");

        (void)state;
        assert_int_equal(dispatch_n_types(), json_array_size(messages));
        for (size_t i = 0; i < dispatch_n_types(); i++) {
                assert_non_null(dispatch_type(i));
                if (!schema_has(messages, defs, dispatch_type(i)))
                        fail_msg("%s is not in the schema", dispatch_type(i));
        }
        json_decref(schema);
}

/* ---- joining and speed ---- */

static json_t *ping(int id)
{
        return json_pack("{s:s, s:i}", "type", "ping", "id", id);
}

static json_t *chat(int id, const char *text)
{
        return json_pack("{s:s, s:i, s:s}", "type", "chat", "id", id, "text", text);
}

static void nothing_goes_before_the_join(void **state)
{
        struct ws_conn *conn = fake_open(*state, "s-a", ROLE_CHAIR);

        for (size_t i = 1; i < dispatch_n_types(); i++)
                assert_string_not_equal(dispatch_type(i), "join");
        assert_string_equal(fake_text(fake_say(*state, conn, ping(5)), "code"), "not-joined");
        assert_string_equal(fake_text(fake_join(*state, conn, "Hoa", -1), "type"), "welcome");
        assert_string_equal(fake_text(fake_join(*state, conn, "Hoa", -1), "code"),
                            "already-joined");
        fake_close(conn);
}

static void who_does_not_join_is_closed(void **state)
{
        struct world *world = *state;
        struct ws_conn *conn = fake_open(world, "s-a", ROLE_CHAIR);

        fake_now_ms += SESSION_JOIN_MS - 1;
        service_tick(world->app);
        assert_int_equal(conn->close_code, 0);
        fake_now_ms += 1;
        service_tick(world->app);
        assert_int_equal(conn->close_code, 1008);
        fake_close(conn);
}

static void a_flood_is_slowed_then_closed(void **state)
{
        struct ws_conn *conn = fake_open(*state, "s-a", ROLE_DELEGATE);
        int n = 1;

        fake_join(*state, conn, "Hoa", -1);
        while (fake_count(conn, "error") == 0)
                fake_say(*state, conn, ping(++n));
        assert_string_equal(fake_text(fake_last(conn, "error"), "code"), "too-fast");
        assert_int_equal(conn->close_code, 0);
        fake_now_ms += 1000; /* who slows down is heard again */
        assert_string_equal(fake_text(fake_say(*state, conn, ping(++n)), "type"), "ok");
        while (!conn->close_code)
                fake_say(*state, conn, ping(++n));
        assert_int_equal(conn->close_code, 1008);
        fake_close(conn);
}

/* How many of twenty are taken, two a second. */
static int chats_taken(struct world *world, struct ws_conn *conn, int first_id, const char *text)
{
        int n = 0;

        for (int i = 0; i < 20; i++) {
                fake_now_ms += 500;
                if (strcmp(fake_text(fake_say(world, conn, chat(first_id + i, text)), "type"),
                           "ok") == 0)
                        n++;
        }
        return n;
}

static void long_chats_cost_more_than_short_ones(void **state)
{
        struct ws_conn *conn = fake_open(*state, "s-a", ROLE_DELEGATE);
        char text[MEETING_TEXT] = "";

        for (int i = 0; i < MEETING_TEXT_CHARS; i++)
                strcat(text, "\U0001F600");
        fake_join(*state, conn, "Hoa", -1);
        assert_int_equal(chats_taken(*state, conn, 100, "vâng"), 20);
        fake_now_ms += 10 * 1000;
        assert_in_range(chats_taken(*state, conn, 200, text), 8, 14);
        fake_close(conn);
}

static void rights_are_a_column_of_the_table(void **state)
{
        struct ws_conn *conn = fake_open(*state, "s-a", ROLE_OBSERVER);

        fake_join(*state, conn, "Hoa", -1);
        assert_string_equal(fake_text(fake_say(*state, conn, chat(2, "x")), "code"), "forbidden");
        assert_string_equal(
                fake_text(fake_say(*state, conn,
                                   json_pack("{s:s, s:i}", "type", "mute-all", "id", 3)),
                          "code"),
                "forbidden");
        fake_close(conn);
}

/* ---- broadcasts, resuming ---- */

static bool is_resumed(const json_t *welcome)
{
        const json_t *resumed = json_object_get(welcome, "resumed");

        assert_true(json_is_boolean(resumed));
        return json_is_true(resumed);
}

static void events_reach_everybody_once_and_in_order(void **state)
{
        struct ws_conn *a = fake_open(*state, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(*state, "s-b", ROLE_DELEGATE);

        fake_join(*state, a, "A", -1);
        fake_join(*state, b, "B", -1);
        for (int i = 0; i < 5; i++)
                assert_string_equal(fake_text(fake_say(*state, b, chat(10 + i, "x")), "type"),
                                    "ok");
        assert_int_equal(fake_count(a, "chat"), 5);
        assert_int_equal(fake_count(b, "chat"), 5);
        assert_int_equal(fake_count(a, "joined"), 1);
        assert_int_equal(fake_count(b, "joined"), 0); /* the welcome has her already */
        fake_close(a);
        fake_close(b);
}

static void a_lost_socket_keeps_the_seat_for_a_minute(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);

        fake_join(world, a, "A", -1);
        fake_join(world, b, "B", -1);
        fake_close(b);
        fake_now_ms += SEAT_KEPT_MS - 1;
        service_tick(world->app);
        fake_settle(world);
        assert_int_equal(fake_count(a, "left"), 0);
        fake_now_ms += 1;
        service_tick(world->app);
        fake_settle(world);
        assert_int_equal(fake_count(a, "left"), 1);
        assert_string_equal(fake_text(fake_last(a, "left"), "reason"), "lost");
        fake_close(a);
}

static void who_resumes_gets_just_what_she_missed(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);
        json_t *welcome;
        json_int_t seq;

        fake_join(world, a, "A", -1);
        seq = json_integer_value(json_object_get(fake_join(world, b, "B", -1), "seq"));
        fake_close(b);
        fake_say(world, a, chat(5, "một"));
        fake_say(world, a, chat(6, "hai"));
        b = fake_open(world, "s-b", ROLE_DELEGATE);
        welcome = fake_join(world, b, "B", seq);
        assert_true(is_resumed(welcome));
        assert_null(json_object_get(welcome, "participants"));
        assert_int_equal(fake_count(b, "chat"), 2);
        assert_int_equal(b->n_sent, 3);
        assert_int_equal(fake_count(a, "left"), 0);
        fake_close(a);
        fake_close(b);
}

static void who_knows_too_much_or_too_little_starts_anew(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);
        struct room *room;

        fake_join(world, a, "A", -1);
        assert_false(is_resumed(fake_join(world, b, "B", 999)));
        fake_close(b);
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        for (int i = 0; i < ROOM_RING + 1; i++) {
                struct meeting_command command = { .type = COMMAND_LOCK,
                                                   .by = "s-a",
                                                   .on = i % 2 == 0 };

                assert_int_equal(room_submit(room, &command, NULL, NULL), 0);
                fake_settle(world);
                for (; a->n_sent > 1; a->n_sent--)
                        json_decref(a->sent[a->n_sent - 1]);
        }
        b = fake_open(world, "s-b", ROLE_DELEGATE);
        assert_false(is_resumed(fake_join(world, b, "B", 1)));
        fake_close(a);
        fake_close(b);
}

static void who_missed_more_than_fits_her_queue_starts_anew(void **state)
{
        enum { N = SERVER_WS_MAX_QUEUED_BYTES / MEETING_TEXT / 2 };
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);
        char text[MEETING_TEXT] = "";
        struct meeting_command command = { .type = COMMAND_CHAT, .by = "s-a", .text = text };
        struct room *room;
        json_int_t seq;

        memset(text, 'x', sizeof(text) - 1);
        fake_join(world, a, "A", -1);
        seq = json_integer_value(json_object_get(fake_join(world, b, "B", -1), "seq"));
        fake_close(b);
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        for (int i = 0; i < N; i++)
                assert_int_equal(room_submit(room, &command, NULL, NULL), 0);
        fake_settle(world);
        assert_int_equal(fake_count(a, "chat"), N);
        assert_in_range(room->ring_bytes, ROOM_RING_BYTES - MEETING_TEXT, ROOM_RING_BYTES);
        b = fake_open(world, "s-b", ROLE_DELEGATE);
        assert_false(is_resumed(fake_join(world, b, "B", seq)));
        assert_int_equal(fake_count(b, "chat"), 0);
        fake_close(b);
        b = fake_open(world, "s-b", ROLE_DELEGATE);
        assert_true(is_resumed(fake_join(world, b, "B", seq + N - 10)));
        assert_int_equal(fake_count(b, "chat"), 10);
        fake_close(a);
        fake_close(b);
}

static void a_newer_socket_replaces_the_older(void **state)
{
        struct world *world = *state;
        struct ws_conn *older = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *newer = fake_open(world, "s-a", ROLE_CHAIR);

        fake_join(world, older, "A", -1);
        fake_join(world, newer, "A", -1);
        assert_string_equal(fake_text(fake_last(older, "error"), "code"), "replaced");
        assert_int_equal(older->close_code, 1008);
        fake_close(older);
        fake_now_ms += 10 * SEAT_KEPT_MS;
        service_tick(world->app);
        fake_settle(world);
        assert_string_equal(fake_text(fake_say(world, newer, ping(9)), "type"), "ok");
        assert_int_equal(fake_count(newer, "left"), 0);
        fake_close(newer);
}

static void a_socket_gone_while_joining_leaves_a_seat_that_waits(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);
        static const char join[] = "{\"type\":\"join\",\"id\":1,\"name\":\"B\"}";

        fake_join(world, a, "A", -1);
        session_on_text(b->user, join, strlen(join));
        fake_close(b);
        fake_settle(world);
        assert_int_equal(fake_count(a, "joined"), 1);
        fake_now_ms += SEAT_KEPT_MS;
        service_tick(world->app);
        fake_settle(world);
        assert_int_equal(fake_count(a, "left"), 1);
        fake_close(a);
}

static void a_restart_keeps_seats_and_chat(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        json_t *welcome;

        fake_join(world, a, "A", -1);
        fake_say(world, a, chat(5, "Còn đây"));
        fake_close(a);
        service_free(world->app);
        fake_start_app(world);
        a = fake_open(world, "s-b", ROLE_DELEGATE);
        welcome = fake_join(world, a, "B", -1);
        assert_int_equal(json_array_size(json_object_get(welcome, "participants")), 2);
        assert_string_equal(fake_text(json_array_get(json_object_get(welcome, "chat"), 0), "text"),
                            "Còn đây");
        fake_now_ms += SEAT_KEPT_MS;
        service_tick(world->app);
        fake_settle(world);
        assert_string_equal(fake_text(fake_last(a, "left"), "participant"), "s-a");
        fake_close(a);
}

static void a_write_that_fails_is_told_to_its_author_alone(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);
        struct store_event taken = { .meeting = world->meeting,
                                     .seq = 3,
                                     .type = "locked",
                                     .body = "{\"type\":\"locked\",\"locked\":true}" };

        fake_join(world, a, "A", -1);
        fake_join(world, b, "B", -1);
        /* The row is there already, so the next event is refused. */
        assert_int_equal(store_event_append(world->store, &taken, false, NULL, NULL), 0);
        assert_string_equal(fake_text(fake_say(world, a, chat(5, "x")), "code"), "internal");
        assert_int_equal(fake_count(b, "chat"), 0);
        assert_string_equal(fake_text(fake_say(world, a, chat(6, "y")), "type"), "ok");
        assert_string_equal(fake_text(fake_last(b, "chat"), "text"), "y");
        assert_int_equal(json_integer_value(json_object_get(fake_last(b, "chat"), "seq")), 4);
        fake_close(a);
        fake_close(b);
}

/* ---- names ---- */

static void names_are_cleaned_and_cut_by_characters(void **state)
{
        char name[MEETING_NAME], longer[2 * MEETING_NAME] = "";

        (void)state;
        name_clean(name, " \t<b>\u202eHoa\n ");
        assert_string_equal(name, "<b>Hoa");
        name_clean(name, "\xff");
        assert_string_equal(name, "");
        for (int i = 0; i < 100; i++)
                strcat(longer, "ế");
        name_clean(name, longer);
        assert_int_equal(strlen(name), 3 * MEETING_NAME_CHARS);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_table_has_the_schemas_types),
                T(nothing_goes_before_the_join),
                T(who_does_not_join_is_closed),
                T(a_flood_is_slowed_then_closed),
                T(long_chats_cost_more_than_short_ones),
                T(rights_are_a_column_of_the_table),
                T(events_reach_everybody_once_and_in_order),
                T(a_lost_socket_keeps_the_seat_for_a_minute),
                T(who_resumes_gets_just_what_she_missed),
                T(who_knows_too_much_or_too_little_starts_anew),
                T(who_missed_more_than_fits_her_queue_starts_anew),
                T(a_newer_socket_replaces_the_older),
                T(a_socket_gone_while_joining_leaves_a_seat_that_waits),
                T(a_restart_keeps_seats_and_chat),
                T(a_write_that_fails_is_told_to_its_author_alone),
                cmocka_unit_test(names_are_cleaned_and_cut_by_characters),
        };

        if (argc != 2)
                return 2;
        schema_path = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
