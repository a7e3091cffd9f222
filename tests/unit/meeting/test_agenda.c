/* SPDX-License-Identifier: Apache-2.0 */
/* agenda — who may change it and move on, by behaviour; and that the log alone makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meeting/meeting.h"

#define PAPER "018f0000-0000-7000-8000-000000000001"
#define OTHER_PAPER "018f0000-0000-7000-8000-000000000002"

/* Items are told by one letter each: that is the end of their ids, and their titles. */
struct world {
        struct meeting *meeting, *again; /* again: of the log alone */
        struct meeting_event last[MEETING_MAX_DECIDED];
        size_t n_last;
        int64_t now_ms;
};

static int join(struct world *world, const char *id, enum meeting_role role);

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        assert_int_equal(meeting_new(&world->meeting), 0);
        assert_int_equal(meeting_new(&world->again), 0);
        world->now_ms = 1000;
        assert_int_equal(join(world, "chair", ROLE_CHAIR), 0);
        assert_int_equal(join(world, "secretary", ROLE_SECRETARY), 0);
        assert_int_equal(join(world, "delegate", ROLE_DELEGATE), 0);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;
        const struct meeting_agenda *now = meeting_agenda(world->meeting);
        const struct meeting_agenda *again = meeting_agenda(world->again);

        assert_true(agenda_equals(now->agenda, again->agenda));
        assert_int_equal(now->version, again->version);
        assert_string_equal(now->item, again->item);
        assert_int_equal(now->since_ms, again->since_ms);
        assert_true(!now->item[0] || agenda_find(now->agenda, now->item));
        meeting_free(world->meeting);
        meeting_free(world->again);
        free(world);
        return 0;
}

static int act(struct world *world, struct meeting_command command)
{
        int r;

        world->n_last = 0;
        r = meeting_decide(world->meeting, &command, ++world->now_ms, world->last, &world->n_last);
        for (size_t i = 0; i < world->n_last; i++) {
                assert_int_equal(world->last[i].seq, meeting_seq(world->meeting) + 1);
                assert_int_equal(meeting_apply(world->meeting, &world->last[i]), 0);
                assert_int_equal(meeting_apply(world->again, &world->last[i]), 0);
        }
        return r;
}

static int join(struct world *world, const char *id, enum meeting_role role)
{
        return act(world, (struct meeting_command){
                                  .type = COMMAND_JOIN, .by = id, .name = id, .role = role });
}

static const char *id_of(char letter)
{
        static char id[AGENDA_ID];

        snprintf(id, sizeof(id), "018f0000-0000-7000-8000-00000000000%c", letter);
        return id;
}

static struct agenda *agenda_of(const char *letters)
{
        struct agenda *agenda;

        assert_int_equal(agenda_new(&agenda, strlen(letters)), 0);
        for (size_t i = 0; letters[i]; i++) {
                agenda->items[i].title[0] = letters[i];
                strcpy(agenda->items[i].id, id_of(letters[i]));
        }
        return agenda;
}

static uint64_t version(const struct world *world)
{
        return meeting_agenda(world->meeting)->version;
}

/* Takes the agenda. */
static int change(struct world *world, const char *by, uint64_t of, struct agenda *agenda)
{
        int r = act(world, (struct meeting_command){ .type = COMMAND_AGENDA,
                                                     .by = by,
                                                     .role = ROLE_DELEGATE,
                                                     .agenda = agenda,
                                                     .version = of });

        agenda_free(agenda);
        return r;
}

static int go(struct world *world, const char *by, const char *item)
{
        return act(world, (struct meeting_command){ .type = COMMAND_AGENDA_ITEM,
                                                    .by = by,
                                                    .role = ROLE_DELEGATE,
                                                    .item = item });
}

static void expect_items(const struct world *world, const char *letters)
{
        const struct agenda *agenda = meeting_agenda(world->meeting)->agenda;

        assert_int_equal(agenda->n_items, strlen(letters));
        for (size_t i = 0; letters[i]; i++)
                assert_int_equal(agenda->items[i].title[0], letters[i]);
}

static void hosts_make_it_and_move_on(void **state)
{
        struct world *world = *state;

        assert_null(meeting_agenda(world->meeting)->agenda);
        assert_int_equal(change(world, "delegate", 0, agenda_of("ab")), MEETING_E_FORBIDDEN);
        assert_int_equal(change(world, "secretary", 0, agenda_of("ab")), 0);
        assert_int_equal(world->n_last, 1);
        assert_int_equal(version(world), meeting_seq(world->meeting));
        expect_items(world, "ab");
        assert_int_equal(go(world, "delegate", id_of('a')), MEETING_E_FORBIDDEN);
        assert_int_equal(go(world, "chair", id_of('a')), 0);
        assert_string_equal(meeting_agenda(world->meeting)->item, id_of('a'));
        assert_int_equal(meeting_agenda(world->meeting)->since_ms, world->now_ms);
        assert_int_equal(go(world, "chair", id_of('c')), MEETING_E_NOT_FOUND);
        assert_int_equal(go(world, "chair", ""), 0);
        assert_string_equal(meeting_agenda(world->meeting)->item, "");
}

static void going_where_one_is_says_nothing(void **state)
{
        struct world *world = *state;

        assert_int_equal(change(world, "chair", 0, agenda_of("ab")), 0);
        assert_int_equal(go(world, "chair", ""), 0);
        assert_int_equal(world->n_last, 0);
        assert_int_equal(go(world, "chair", id_of('b')), 0);
        assert_int_equal(go(world, "secretary", id_of('b')), 0);
        assert_int_equal(world->n_last, 0);
}

static void who_is_second_does_not_overwrite(void **state)
{
        struct world *world = *state;
        uint64_t seen;

        assert_int_equal(change(world, "chair", 0, agenda_of("ab")), 0);
        seen = version(world);
        assert_int_equal(change(world, "chair", seen, agenda_of("abc")), 0);
        assert_int_equal(change(world, "secretary", seen, agenda_of("ba")),
                         MEETING_E_AGENDA_CHANGED);
        expect_items(world, "abc");
        assert_int_equal(change(world, "secretary", version(world) + 1, agenda_of("ba")),
                         MEETING_E_AGENDA_CHANGED);
        assert_int_equal(change(world, "secretary", version(world), agenda_of("ba")), 0);
        expect_items(world, "ba");
}

/* Moving on is no change of the agenda: an editor goes on undisturbed. */
static void moving_on_does_not_stop_who_edits(void **state)
{
        struct world *world = *state;
        uint64_t seen;

        assert_int_equal(change(world, "chair", 0, agenda_of("ab")), 0);
        seen = version(world);
        assert_int_equal(go(world, "chair", id_of('b')), 0);
        assert_int_equal(change(world, "secretary", seen, agenda_of("cab")), 0);
        assert_string_equal(meeting_agenda(world->meeting)->item, id_of('b'));
}

static void the_same_change_again_is_done_already(void **state)
{
        struct world *world = *state;

        assert_int_equal(change(world, "chair", 0, agenda_of("ab")), 0);
        assert_int_equal(change(world, "chair", 0, agenda_of("ab")), 0);
        assert_int_equal(world->n_last, 0);
}

static void a_deleted_item_is_not_dealt_with_any_more(void **state)
{
        struct world *world = *state;

        assert_int_equal(change(world, "chair", 0, agenda_of("abc")), 0);
        assert_int_equal(go(world, "chair", id_of('b')), 0);
        assert_int_equal(change(world, "chair", version(world), agenda_of("ca")), 0);
        assert_int_equal(world->n_last, 2);
        assert_int_equal(world->last[1].type, EVENT_AGENDA_ITEM);
        assert_string_equal(world->last[1].item, "");
        assert_string_equal(meeting_agenda(world->meeting)->item, "");
        assert_int_equal(change(world, "chair", version(world), agenda_of("")), 0);
        assert_int_equal(world->n_last, 1);
        expect_items(world, "");
}

static void a_removed_paper_leaves_its_items(void **state)
{
        struct world *world = *state;
        struct agenda *agenda = agenda_of("ab");
        const struct agenda_item *items;
        uint64_t seen;

        for (size_t i = 0; i < 2; i++) {
                strcpy(agenda->items[i].papers[0], PAPER);
                strcpy(agenda->items[i].papers[1], OTHER_PAPER);
                agenda->items[i].n_papers = 2;
        }
        assert_int_equal(change(world, "chair", 0, agenda), 0);
        seen = version(world);
        assert_int_equal(act(world, (struct meeting_command){ .type = COMMAND_DOCUMENT_REMOVED,
                                                              .document = PAPER }),
                         0);
        items = meeting_agenda(world->meeting)->agenda->items;
        for (size_t i = 0; i < 2; i++) {
                assert_int_equal(items[i].n_papers, 1);
                assert_string_equal(items[i].papers[0], OTHER_PAPER);
        }
        assert_int_equal(version(world), seen);
}

static int change_one(struct world *world, const char *title, int minutes, size_t n_papers)
{
        struct agenda *agenda = agenda_of("ab");

        strcpy(agenda->items[1].title, title);
        agenda->items[1].minutes = minutes;
        agenda->items[1].n_papers = n_papers;
        for (size_t i = 0; i < n_papers; i++)
                strcpy(agenda->items[1].papers[i], PAPER);
        return change(world, "chair", version(world), agenda);
}

static void what_cannot_be_an_agenda_is_refused(void **state)
{
        struct world *world = *state;

        assert_int_equal(change_one(world, "", 0, 0), MEETING_E_EMPTY);
        assert_int_equal(change_one(world, "b", AGENDA_MAX_MINUTES + 1, 0), MEETING_E_EMPTY);
        assert_int_equal(change_one(world, "b", -1, 0), MEETING_E_EMPTY);
        assert_int_equal(change_one(world, "b", 0, 2), MEETING_E_EMPTY);
        assert_int_equal(change(world, "chair", 0, agenda_of("aba")), MEETING_E_EMPTY);
        assert_int_equal(meeting_agenda(world->meeting)->version, 0);
        assert_int_equal(change_one(world, "b", AGENDA_MAX_MINUTES, 1), 0);
}

static void scripts_and_the_removed_have_their_own_rights(void **state)
{
        struct world *world = *state;
        struct agenda *agenda = agenda_of("ab");
        struct meeting_command command = {
                .type = COMMAND_AGENDA, .by = "api", .role = ROLE_DELEGATE, .agenda = agenda
        };

        assert_int_equal(act(world, command), MEETING_E_FORBIDDEN);
        command.role = ROLE_SECRETARY;
        assert_int_equal(act(world, command), 0);
        assert_int_equal(act(world, (struct meeting_command){ .type = COMMAND_REMOVE,
                                                              .by = "chair",
                                                              .target = "secretary" }),
                         0);
        command.by = "secretary";
        assert_int_equal(act(world, command), MEETING_E_REMOVED);
        agenda_free(agenda);
}

static void an_event_of_an_unknown_item_only_counts(void **state)
{
        struct world *world = *state;
        struct meeting_event event = { .type = EVENT_AGENDA_ITEM, .seq = 9 };

        strcpy(event.item, id_of('a'));
        assert_int_equal(meeting_apply(world->meeting, &event), 0);
        assert_string_equal(meeting_agenda(world->meeting)->item, "");
        assert_int_equal(meeting_seq(world->meeting), 9);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(hosts_make_it_and_move_on),
                T(going_where_one_is_says_nothing),
                T(who_is_second_does_not_overwrite),
                T(moving_on_does_not_stop_who_edits),
                T(the_same_change_again_is_done_already),
                T(a_deleted_item_is_not_dealt_with_any_more),
                T(a_removed_paper_leaves_its_items),
                T(what_cannot_be_an_agenda_is_refused),
                T(scripts_and_the_removed_have_their_own_rights),
                T(an_event_of_an_unknown_item_only_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
