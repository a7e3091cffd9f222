/* SPDX-License-Identifier: Apache-2.0 */
/* meeting — the rules, by behaviour; and that the log alone makes the state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meeting/meeting.h"

enum { MAX_LOG = 8192 };
#define PAPER "018f0000-0000-7000-8000-000000000001"
#define RECORDING "018f0000-0000-7000-8000-000000000002"

/* A meeting and everything that happened in it. */
struct world {
        struct meeting *meeting;
        struct meeting_event *log;
        size_t n_log, n_last; /* events of the last act */
        int64_t now_ms;
};

static int setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        world->log = calloc(MAX_LOG, sizeof(*world->log));
        world->now_ms = 1000;
        assert_int_equal(meeting_new(&world->meeting), 0);
        *state = world;
        return 0;
}

static int teardown(void **state)
{
        struct world *world = *state;

        meeting_free(world->meeting);
        free(world->log);
        free(world);
        return 0;
}

static int act(struct world *world, struct meeting_command command)
{
        struct meeting_event events[MEETING_MAX_DECIDED];
        size_t n = 0;
        int r = meeting_decide(world->meeting, &command, ++world->now_ms, events, &n);

        world->n_last = n;
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(events[i].seq, meeting_seq(world->meeting) + 1);
                assert_int_equal(meeting_apply(world->meeting, &events[i]), 0);
                assert_true(world->n_log < MAX_LOG);
                world->log[world->n_log++] = events[i];
        }
        return r;
}

static const struct meeting_event *last(const struct world *world)
{
        return &world->log[world->n_log - 1];
}

static const struct meeting_seat *seat(const struct world *world, const char *id)
{
        return meeting_seat(world->meeting, id);
}

static int join(struct world *world, const char *id, enum meeting_role role)
{
        return act(world, (struct meeting_command){
                                  .type = COMMAND_JOIN, .by = id, .name = id, .role = role });
}

static int leave(struct world *world, const char *id)
{
        return act(world, (struct meeting_command){ .type = COMMAND_LEAVE, .by = id });
}

static int media(struct world *world, const char *id, bool mic, bool camera)
{
        return act(world, (struct meeting_command){
                                  .type = COMMAND_MEDIA, .by = id, .sends = { mic, camera } });
}

static int on_other(struct world *world, enum meeting_command_type type, const char *by,
                    const char *target)
{
        return act(world, (struct meeting_command){ .type = type, .by = by, .target = target });
}

static int set_role(struct world *world, const char *by, const char *target, enum meeting_role role)
{
        return act(world,
                   (struct meeting_command){
                           .type = COMMAND_SET_ROLE, .by = by, .target = target, .role = role });
}

static int hand(struct world *world, const char *by, const char *target, bool raised)
{
        return act(world, (struct meeting_command){
                                  .type = COMMAND_HAND, .by = by, .target = target, .on = raised });
}

static int say(struct world *world, const char *by, const char *text)
{
        return act(world, (struct meeting_command){ .type = COMMAND_CHAT, .by = by, .text = text });
}

static int lock_meeting(struct world *world, const char *by, bool locked)
{
        return act(world, (struct meeting_command){ .type = COMMAND_LOCK, .by = by, .on = locked });
}

static int present(struct world *world, const char *by, int page, int n_pages)
{
        return act(world, (struct meeting_command){ .type = COMMAND_PRESENT,
                                                    .by = by,
                                                    .document = PAPER,
                                                    .page = page,
                                                    .n_pages = n_pages });
}

/* chair, secretary, presenter, delegate, observer: each with a seat of that name */
static void seat_everybody(struct world *world)
{
        for (unsigned role = 0; role < N_ROLES; role++)
                assert_int_equal(
                        join(world, role_word((enum meeting_role)role), (enum meeting_role)role),
                        0);
}

/* ---- coming and going ---- */

static void a_seat_outlives_its_connection(void **state)
{
        struct world *world = *state;

        assert_int_equal(join(world, "hoa", ROLE_DELEGATE), 0);
        assert_int_equal(set_role(world, "hoa", "hoa", ROLE_CHAIR), MEETING_E_FORBIDDEN);
        assert_int_equal(leave(world, "hoa"), 0);
        assert_int_equal(last(world)->type, EVENT_LEFT);
        assert_false(seat(world, "hoa")->online);
        assert_int_equal(leave(world, "hoa"), 0);
        assert_int_equal(world->n_last, 0);
        assert_int_equal(join(world, "hoa", ROLE_CHAIR), 0);
        assert_int_equal(last(world)->type, EVENT_JOINED);
        assert_int_equal(seat(world, "hoa")->role, ROLE_DELEGATE);
        assert_int_equal(meeting_n_seats(world->meeting), 1);
}

static void joining_again_while_online_says_nothing_but_a_new_name(void **state)
{
        struct world *world = *state;

        assert_int_equal(join(world, "hoa", ROLE_DELEGATE), 0);
        assert_int_equal(join(world, "hoa", ROLE_DELEGATE), 0);
        assert_int_equal(world->n_last, 0);
        assert_int_equal(
                act(world,
                    (struct meeting_command){ .type = COMMAND_JOIN, .by = "hoa", .name = "Hoa" }),
                0);
        assert_int_equal(last(world)->type, EVENT_CHANGED);
        assert_int_equal(last(world)->changed, CHANGED_NAME);
        assert_string_equal(seat(world, "hoa")->name, "Hoa");
}

static void a_name_is_needed(void **state)
{
        struct meeting_command command = { .type = COMMAND_JOIN, .by = "a", .name = "" };

        assert_int_equal(act(*state, command), MEETING_E_NAME_EMPTY);
}

static void a_locked_meeting_lets_in_who_has_a_seat_and_its_hosts(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        leave(world, "delegate");
        assert_int_equal(lock_meeting(world, "delegate", true), MEETING_E_FORBIDDEN);
        assert_int_equal(lock_meeting(world, "secretary", true), 0);
        assert_int_equal(lock_meeting(world, "chair", true), 0);
        assert_int_equal(world->n_last, 0);
        assert_int_equal(join(world, "delegate", ROLE_DELEGATE), 0);
        assert_int_equal(join(world, "new", ROLE_DELEGATE), MEETING_E_LOCKED);
        assert_int_equal(join(world, "new", ROLE_PRESENTER), MEETING_E_LOCKED);
        assert_int_equal(join(world, "deputy", ROLE_CHAIR), 0);
        assert_int_equal(lock_meeting(world, "chair", false), 0);
        assert_int_equal(join(world, "new", ROLE_DELEGATE), 0);
}

static void a_removed_seat_stays_removed(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        assert_int_equal(on_other(world, COMMAND_REMOVE, "presenter", "delegate"),
                         MEETING_E_FORBIDDEN);
        assert_int_equal(on_other(world, COMMAND_REMOVE, "secretary", "chair"),
                         MEETING_E_FORBIDDEN);
        assert_int_equal(on_other(world, COMMAND_REMOVE, "chair", "chair"), MEETING_E_FORBIDDEN);
        assert_int_equal(on_other(world, COMMAND_REMOVE, "chair", "nobody"), MEETING_E_NOT_FOUND);
        assert_int_equal(on_other(world, COMMAND_REMOVE, "secretary", "delegate"), 0);
        assert_int_equal(last(world)->reason, LEAVE_REMOVED);
        assert_int_equal(join(world, "delegate", ROLE_DELEGATE), MEETING_E_REMOVED);
        assert_int_equal(say(world, "delegate", "x"), MEETING_E_REMOVED);
        assert_int_equal(on_other(world, COMMAND_MUTE, "chair", "delegate"), MEETING_E_NOT_FOUND);
}

static void a_passing_seat_is_forgotten_when_it_leaves(void **state)
{
        struct world *world = *state;

        assert_int_equal(join(world, "a", ROLE_DELEGATE), 0);
        assert_int_equal(join(world, "w-1", ROLE_OBSERVER), 0);
        assert_int_equal(join(world, "b", ROLE_DELEGATE), 0);
        assert_int_equal(leave(world, "w-1"), 0);
        assert_null(seat(world, "w-1"));
        assert_int_equal(meeting_n_seats(world->meeting), 2);
        assert_string_equal(meeting_seat_at(world->meeting, 1)->id, "b");
        assert_int_equal(meeting_n_online(world->meeting), 2);
}

static void seats_are_bounded(void **state)
{
        struct world *world = *state;
        char id[16];

        for (unsigned i = 0; i < MEETING_MAX_SEATS; i++) {
                snprintf(id, sizeof(id), "d%u", i);
                assert_int_equal(join(world, id, ROLE_DELEGATE), 0);
        }
        assert_int_equal(join(world, "one-more", ROLE_CHAIR), MEETING_E_FULL);
        assert_int_equal(join(world, "d7", ROLE_DELEGATE), 0);
        assert_string_equal(seat(world, "d4095")->id, "d4095");
}

static void who_has_been_away_longest_makes_room(void **state)
{
        struct world *world = *state;
        char id[16];

        for (unsigned i = 0; i < MEETING_MAX_SEATS; i++) {
                snprintf(id, sizeof(id), "d%u", i);
                assert_int_equal(join(world, id, i ? ROLE_DELEGATE : ROLE_CHAIR), 0);
        }
        assert_int_equal(on_other(world, COMMAND_REMOVE, "d0", "d3"), 0);
        leave(world, "d9");
        leave(world, "d5");
        assert_int_equal(join(world, "new", ROLE_DELEGATE), 0);
        assert_null(seat(world, "d9"));
        assert_non_null(seat(world, "d5"));
        assert_true(seat(world, "d3")->removed);
        assert_int_equal(join(world, "newer", ROLE_DELEGATE), 0);
        assert_int_equal(join(world, "newest", ROLE_DELEGATE), MEETING_E_FULL);
}

/* ---- voice and picture ---- */

static void observers_neither_send_nor_speak(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        assert_int_equal(media(world, "observer", true, false), MEETING_E_FORBIDDEN);
        assert_int_equal(media(world, "observer", false, false), 0);
        assert_int_equal(hand(world, "observer", NULL, true), MEETING_E_FORBIDDEN);
        assert_int_equal(say(world, "observer", "x"), MEETING_E_FORBIDDEN);
        assert_int_equal(present(world, "observer", 1, 5), MEETING_E_FORBIDDEN);
}

static void media_tells_only_what_changed(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        assert_int_equal(media(world, "delegate", true, true), 0);
        assert_int_equal(last(world)->changed, CHANGED_MIC | CHANGED_CAMERA);
        assert_int_equal(media(world, "delegate", true, false), 0);
        assert_int_equal(last(world)->changed, CHANGED_CAMERA);
        assert_int_equal(media(world, "delegate", true, false), 0);
        assert_int_equal(world->n_last, 0);
}

static void unmuting_oneself_clears_the_hosts_mute(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        media(world, "delegate", true, false);
        assert_int_equal(on_other(world, COMMAND_MUTE, "delegate", "presenter"),
                         MEETING_E_FORBIDDEN);
        assert_int_equal(on_other(world, COMMAND_MUTE, "secretary", "delegate"), 0);
        assert_int_equal(last(world)->changed, CHANGED_MIC | CHANGED_MUTED);
        assert_true(seat(world, "delegate")->muted);
        assert_false(seat(world, "delegate")->sends[KIND_MIC]);
        assert_int_equal(media(world, "delegate", true, false), 0);
        assert_false(seat(world, "delegate")->muted);
}

static void mute_all_spares_who_says_it(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        media(world, "chair", true, false);
        media(world, "delegate", true, true);
        assert_int_equal(
                act(world, (struct meeting_command){ .type = COMMAND_MUTE_ALL, .by = "delegate" }),
                MEETING_E_FORBIDDEN);
        assert_int_equal(
                act(world, (struct meeting_command){ .type = COMMAND_MUTE_ALL, .by = "chair" }), 0);
        assert_true(seat(world, "chair")->sends[KIND_MIC]);
        assert_false(seat(world, "chair")->muted);
        assert_false(seat(world, "delegate")->sends[KIND_MIC]);
        assert_true(seat(world, "delegate")->sends[KIND_CAMERA]);
        assert_true(seat(world, "delegate")->muted);
}

/* ---- order ---- */

static void hosts_lower_hands_but_raise_none(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        assert_int_equal(hand(world, "delegate", NULL, true), 0);
        assert_int_equal(seat(world, "delegate")->hand_ms, world->now_ms);
        assert_int_equal(hand(world, "presenter", "delegate", false), MEETING_E_FORBIDDEN);
        assert_int_equal(hand(world, "chair", "presenter", true), MEETING_E_FORBIDDEN);
        assert_int_equal(hand(world, "chair", "delegate", false), 0);
        assert_int_equal(seat(world, "delegate")->hand_ms, 0);
}

static void chat_keeps_its_last_lines(void **state)
{
        struct world *world = *state;
        char text[16];

        seat_everybody(world);
        for (int i = 0; i < MEETING_CHAT_KEPT + 5; i++) {
                snprintf(text, sizeof(text), "%d", i);
                assert_int_equal(say(world, "delegate", text), 0);
        }
        assert_int_equal(say(world, "delegate", ""), MEETING_E_EMPTY);
        assert_int_equal(meeting_n_chat(world->meeting), MEETING_CHAT_KEPT);
        assert_string_equal(meeting_chat_at(world->meeting, 0)->text, "5");
        assert_string_equal(meeting_chat_at(world->meeting, MEETING_CHAT_KEPT - 1)->text, "204");
}

static void the_chair_is_the_chairs_to_give(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        assert_int_equal(set_role(world, "secretary", "chair", ROLE_DELEGATE), MEETING_E_FORBIDDEN);
        assert_int_equal(set_role(world, "secretary", "secretary", ROLE_CHAIR),
                         MEETING_E_FORBIDDEN);
        assert_int_equal(set_role(world, "chair", "chair", ROLE_DELEGATE), MEETING_E_FORBIDDEN);
        assert_int_equal(set_role(world, "chair", "delegate", ROLE_CHAIR), 0);
        assert_int_equal(set_role(world, "chair", "chair", ROLE_DELEGATE), 0);
        assert_int_equal(set_role(world, "delegate", "delegate", ROLE_OBSERVER),
                         MEETING_E_FORBIDDEN);
}

static void who_becomes_an_observer_loses_hand_media_and_presentation(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        media(world, "presenter", true, true);
        hand(world, "presenter", NULL, true);
        present(world, "presenter", 1, 5);
        assert_int_equal(set_role(world, "secretary", "presenter", ROLE_OBSERVER), 0);
        assert_int_equal(world->n_last, 2);
        assert_int_equal(seat(world, "presenter")->hand_ms, 0);
        assert_false(seat(world, "presenter")->sends[KIND_MIC]);
        assert_false(seat(world, "presenter")->sends[KIND_CAMERA]);
        assert_string_equal(meeting_presentation(world->meeting)->presenter, "");
}

/* ---- papers ---- */

static void taking_a_presentation_over_needs_a_host(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        assert_int_equal(join(world, "other", ROLE_PRESENTER), 0);
        assert_int_equal(present(world, "delegate", 1, 5), MEETING_E_FORBIDDEN);
        assert_int_equal(present(world, "presenter", 1, -1), MEETING_E_NOT_FOUND);
        assert_int_equal(present(world, "presenter", 1, 0), MEETING_E_NOT_READY);
        assert_int_equal(present(world, "presenter", 6, 5), MEETING_E_NOT_READY);
        assert_int_equal(present(world, "presenter", 2, 5), 0);
        assert_int_equal(present(world, "presenter", 2, 5), 0);
        assert_int_equal(world->n_last, 0);
        assert_int_equal(present(world, "other", 1, 5), MEETING_E_FORBIDDEN);
        assert_int_equal(present(world, "secretary", 3, 5), 0);
        assert_string_equal(meeting_presentation(world->meeting)->presenter, "secretary");
        assert_int_equal(meeting_presentation(world->meeting)->page, 3);
        assert_int_equal(act(world, (struct meeting_command){ .type = COMMAND_PRESENT_STOP,
                                                              .by = "presenter" }),
                         MEETING_E_FORBIDDEN);
        assert_int_equal(
                act(world, (struct meeting_command){ .type = COMMAND_PRESENT_STOP, .by = "chair" }),
                0);
        assert_string_equal(meeting_presentation(world->meeting)->presenter, "");
}

static void a_presentation_ends_with_its_presenter_and_its_paper(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        present(world, "presenter", 1, 5);
        assert_int_equal(leave(world, "presenter"), 0);
        assert_int_equal(last(world)->type, EVENT_PRESENTING_STOPPED);
        present(world, "chair", 1, 5);
        assert_int_equal(act(world, (struct meeting_command){ .type = COMMAND_DOCUMENT_REMOVED,
                                                              .document = PAPER }),
                         0);
        assert_int_equal(last(world)->type, EVENT_PRESENTING_STOPPED);
        assert_string_equal(meeting_presentation(world->meeting)->document, "");
}

/* ---- recording, streaming ---- */

static int record(struct world *world, const char *by, enum meeting_role role, bool on)
{
        return act(world, (struct meeting_command){ .type = COMMAND_RECORDING,
                                                    .by = by,
                                                    .role = role,
                                                    .on = on,
                                                    .mode = RECORD_BOTH,
                                                    .recording = RECORDING });
}

static int stream(struct world *world, const char *by, bool on)
{
        return act(world,
                   (struct meeting_command){
                           .type = COMMAND_LIVE, .by = by, .role = ROLE_OBSERVER, .on = on });
}

static void hosts_record_and_everybody_sees_it(void **state)
{
        struct world *world = *state;
        const struct meeting_recording *now = meeting_recording(world->meeting);
        int64_t since_ms;

        seat_everybody(world);
        assert_int_equal(record(world, "presenter", ROLE_CHAIR, true), MEETING_E_FORBIDDEN);
        assert_int_equal(record(world, "secretary", ROLE_OBSERVER, true), 0);
        since_ms = world->now_ms;
        assert_string_equal(now->id, RECORDING);
        assert_int_equal(now->mode, RECORD_BOTH);
        assert_string_equal(now->by, "secretary");
        assert_int_equal(now->since_ms, since_ms);
        assert_int_equal(record(world, "chair", ROLE_CHAIR, true), MEETING_E_RECORDING_ON);
        assert_int_equal(record(world, "delegate", ROLE_DELEGATE, false), MEETING_E_FORBIDDEN);
        assert_int_equal(record(world, "chair", ROLE_CHAIR, false), 0);
        assert_string_equal(last(world)->recording, RECORDING);
        assert_int_equal(last(world)->since_ms, since_ms);
        assert_string_equal(now->id, "");
        assert_int_equal(record(world, "chair", ROLE_CHAIR, false), 0);
        assert_int_equal(world->n_last, 0);
}

static void a_script_records_by_its_tokens_role_and_the_server_ends_it(void **state)
{
        struct world *world = *state;

        assert_int_equal(record(world, "api", ROLE_DELEGATE, true), MEETING_E_FORBIDDEN);
        assert_int_equal(record(world, "api", ROLE_SECRETARY, true), 0);
        assert_string_equal(meeting_recording(world->meeting)->by, "api");
        assert_int_equal(record(world, NULL, ROLE_OBSERVER, false), 0);
        assert_string_equal(last(world)->seat.id, "");
        assert_string_equal(meeting_recording(world->meeting)->id, "");
}

static void who_was_removed_records_nothing_whatever_her_token_says(void **state)
{
        struct world *world = *state;

        seat_everybody(world);
        on_other(world, COMMAND_REMOVE, "chair", "secretary");
        assert_int_equal(record(world, "secretary", ROLE_SECRETARY, true), MEETING_E_REMOVED);
}

static void hosts_stream_to_viewers(void **state)
{
        struct world *world = *state;
        const struct meeting_live *now = meeting_live(world->meeting);

        seat_everybody(world);
        assert_int_equal(stream(world, "delegate", true), MEETING_E_FORBIDDEN);
        assert_int_equal(stream(world, "chair", true), 0);
        assert_true(now->on);
        assert_string_equal(now->by, "chair");
        assert_int_equal(stream(world, "secretary", true), 0);
        assert_int_equal(world->n_last, 0);
        assert_int_equal(stream(world, NULL, false), 0);
        assert_false(now->on);
}

/* ---- the log ---- */

static void assert_same_seats(const struct meeting *a, const struct meeting *b)
{
        assert_int_equal(meeting_n_seats(a), meeting_n_seats(b));
        assert_int_equal(meeting_n_online(a), meeting_n_online(b));
        for (size_t i = 0; i < meeting_n_seats(a); i++)
                assert_memory_equal(meeting_seat_at(a, i), meeting_seat_at(b, i),
                                    sizeof(struct meeting_seat));
}

static void the_log_alone_makes_the_state(void **state)
{
        struct world *world = *state;
        struct meeting *again;

        seat_everybody(world);
        media(world, "delegate", true, true);
        hand(world, "delegate", NULL, true);
        say(world, "delegate", "Xin chào");
        on_other(world, COMMAND_MUTE, "chair", "delegate");
        set_role(world, "chair", "observer", ROLE_DELEGATE);
        on_other(world, COMMAND_REMOVE, "chair", "secretary");
        lock_meeting(world, "chair", true);
        present(world, "presenter", 4, 5);
        record(world, "chair", ROLE_CHAIR, true);
        stream(world, "chair", true);

        assert_int_equal(meeting_new(&again), 0);
        for (size_t i = 0; i < world->n_log; i++)
                assert_int_equal(meeting_apply(again, &world->log[i]), 0);
        assert_same_seats(world->meeting, again);
        assert_int_equal(meeting_seq(again), meeting_seq(world->meeting));
        assert_true(meeting_locked(again));
        assert_string_equal(meeting_chat_at(again, 0)->text, "Xin chào");
        assert_memory_equal(meeting_presentation(again), meeting_presentation(world->meeting),
                            sizeof(struct meeting_presentation));
        assert_memory_equal(meeting_recording(again), meeting_recording(world->meeting),
                            sizeof(struct meeting_recording));
        assert_memory_equal(meeting_live(again), meeting_live(world->meeting),
                            sizeof(struct meeting_live));
        meeting_free(again);
}

static void events_about_unknown_seats_only_count(void **state)
{
        struct world *world = *state;
        struct meeting_event event = { .seat.id = "nobody" };

        for (unsigned type = EVENT_CHANGED; type <= N_EVENTS; type++) {
                event.type = (enum meeting_event_type)type;
                event.seq = type;
                assert_int_equal(meeting_apply(world->meeting, &event), 0);
                assert_int_equal(meeting_seq(world->meeting), type);
        }
        assert_int_equal(meeting_n_seats(world->meeting), 0);
}

static void strangers_can_do_nothing(void **state)
{
        struct world *world = *state;

        for (unsigned type = COMMAND_LEAVE; type < COMMAND_DOCUMENT; type++)
                assert_int_equal(
                        on_other(world, (enum meeting_command_type)type, "nobody", "nobody"),
                        MEETING_E_NOT_FOUND);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(a_seat_outlives_its_connection),
                T(joining_again_while_online_says_nothing_but_a_new_name),
                T(a_name_is_needed),
                T(a_locked_meeting_lets_in_who_has_a_seat_and_its_hosts),
                T(a_removed_seat_stays_removed),
                T(a_passing_seat_is_forgotten_when_it_leaves),
                T(seats_are_bounded),
                T(who_has_been_away_longest_makes_room),
                T(observers_neither_send_nor_speak),
                T(media_tells_only_what_changed),
                T(unmuting_oneself_clears_the_hosts_mute),
                T(mute_all_spares_who_says_it),
                T(hosts_lower_hands_but_raise_none),
                T(chat_keeps_its_last_lines),
                T(the_chair_is_the_chairs_to_give),
                T(who_becomes_an_observer_loses_hand_media_and_presentation),
                T(taking_a_presentation_over_needs_a_host),
                T(a_presentation_ends_with_its_presenter_and_its_paper),
                T(hosts_record_and_everybody_sees_it),
                T(a_script_records_by_its_tokens_role_and_the_server_ends_it),
                T(who_was_removed_records_nothing_whatever_her_token_says),
                T(hosts_stream_to_viewers),
                T(the_log_alone_makes_the_state),
                T(events_about_unknown_seats_only_count),
                T(strangers_can_do_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
