/* SPDX-License-Identifier: Apache-2.0 */
/* A recording knows when which item of the agenda was dealt with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/core/agenda_api.h"
#include "tests/unit/signaling/recording_world.h"

#define FIRST "018f0000-0000-7000-8000-000000000001"
#define SECOND "018f0000-0000-7000-8000-000000000002"

static void write_agenda(struct room *room, const char *first, const char *second)
{
        cleanup(agenda_freep) struct agenda *agenda = NULL;
        struct meeting_command command = { .type = COMMAND_AGENDA,
                                           .by = "s-a",
                                           .version = meeting_agenda(room->state)->version };

        assert_int_equal(agenda_new(&agenda, second ? 2 : 1), 0);
        strcpy(agenda->items[0].id, FIRST);
        strcpy(agenda->items[0].title, first);
        if (second) {
                strcpy(agenda->items[1].id, SECOND);
                strcpy(agenda->items[1].title, second);
        }
        command.agenda = agenda;
        assert_int_equal(agenda_submit(room, &command, NULL), 0);
}

static void go(struct room *room, const char *item)
{
        const struct meeting_command command = { .type = COMMAND_AGENDA_ITEM,
                                                 .by = "s-a",
                                                 .item = item };

        assert_int_equal(agenda_submit(room, &command, NULL), 0);
}

struct line {
        int64_t t_ms;
        int number;
        const char *item, *title; /* NULL: none */
};

static void expect_text(const json_t *object, const char *name, const char *text)
{
        if (text)
                assert_string_equal(fake_text(object, name), text);
        else
                assert_true(json_is_null(json_object_get(object, name)));
}

static void expect_items(struct world *world, const char *recording, const struct line *lines,
                         size_t n)
{
        json_t *shown, *line;
        size_t i, n_items = 0;

        assert_int_equal(rec_request(world, recordings_show, ROLE_CHAIR, recording), 200);
        shown = rec_answer();
        json_array_foreach (json_object_get(shown, "timeline"), i, line) {
                if (strcmp(fake_text(line, "type"), "item") != 0)
                        continue;
                assert_true(n_items < n);
                assert_int_equal(json_integer_value(json_object_get(line, "t_ms")),
                                 lines[n_items].t_ms);
                assert_int_equal(json_integer_value(json_object_get(line, "number")),
                                 lines[n_items].number);
                expect_text(line, "item", lines[n_items].item);
                expect_text(line, "title", lines[n_items].title);
                n_items++;
        }
        assert_int_equal(n_items, n);
        json_decref(shown);
}

static void items_are_in_the_timeline_from_the_one_that_runs_on(void **state)
{
        static const struct line lines[] = {
                { 0, 1, FIRST, "Khai mạc" },
                { 1000, 2, SECOND, "Báo cáo" },
                { 2000, 2, SECOND, "Báo cáo chính trị" }, /* called so from now on */
                { 4000, 0, NULL, NULL },                  /* deleted */
        };
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct room *room;
        char id[UUID_TEXT];

        fake_join(world, a, "Nguyễn Văn A", -1);
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        write_agenda(room, "Khai mạc", "Báo cáo");
        go(room, FIRST);
        fake_settle(world);
        rec_begin(world, "tracks", id);
        fake_now_ms += 1000;
        go(room, SECOND);
        fake_settle(world);
        fake_now_ms += 1000;
        write_agenda(room, "Khai mạc", "Báo cáo chính trị");
        fake_settle(world);
        fake_now_ms += 1000;
        write_agenda(room, "Khai mạc đại hội", "Báo cáo chính trị"); /* another item's title */
        fake_settle(world);
        fake_now_ms += 1000;
        write_agenda(room, "Khai mạc", NULL);
        fake_settle(world);
        expect_items(world, id, lines, ARRAY_LEN(lines));
        fake_close(a);
}

static void without_an_agenda_the_timeline_is_as_it_was(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct room *room;
        char id[UUID_TEXT];

        fake_join(world, a, "Nguyễn Văn A", -1);
        rec_begin(world, "tracks", id);
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        write_agenda(room, "Khai mạc", NULL);
        fake_settle(world);
        expect_items(world, id, NULL, 0);
        fake_close(a);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                T(items_are_in_the_timeline_from_the_one_that_runs_on),
                T(without_an_agenda_the_timeline_is_as_it_was),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
