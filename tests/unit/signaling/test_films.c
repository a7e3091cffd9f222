/* SPDX-License-Identifier: Apache-2.0 */
/* films and cameras: seats whose media comes from jobs that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>

#include "signaling/core/cameras.h"
#include "signaling/core/film.h"
#include "signaling/core/film_api.h"
#include "signaling/core/links_api.h"
#include "signaling/core/people.h"
#include "signaling/core/rooms.h"
#include "tests/unit/signaling/ask.h"
#include "tests/unit/signaling/fake_jobs.h"

#define FILM "018f0000-0000-7000-8000-000000000001"
#define PAPER "018f0000-0000-7000-8000-000000000002"
#define SONG "018f0000-0000-7000-8000-000000000003"
#define UNCHECKED "018f0000-0000-7000-8000-000000000004"
#define PASSWORD "mat-khau-5678"

static void on_kept(void *user, int result)
{
        assert_int_equal(result, 0);
        *(bool *)user = true;
}

static void put_doc(struct world *world, const char *id, bool film, bool has_video,
                    enum store_doc_state state)
{
        struct store_doc doc = { .name = "Phóng sự.mp4",
                                 .state = state,
                                 .film = film,
                                 .has_video = has_video,
                                 .duration_ms = 90000 };
        bool kept = false;

        snprintf(doc.id, sizeof(doc.id), "%s", id);
        snprintf(doc.meeting, sizeof(doc.meeting), "%s", world->meeting);
        assert_int_equal(store_doc_put(world->store, &doc, on_kept, &kept), 0);
        while (!kept) {
                poll(NULL, 0, 1);
                store_poll(world->store);
        }
}

static int setup(void **state)
{
        int r = fake_setup(state);

        put_doc(*state, FILM, true, true, STORE_DOC_READY);
        put_doc(*state, PAPER, false, false, STORE_DOC_READY);
        put_doc(*state, SONG, true, false, STORE_DOC_READY);
        put_doc(*state, UNCHECKED, true, true, STORE_DOC_CONVERTING);
        fake_docs_path = "/films/one";
        return r;
}

typedef void (*request_fn)(struct app *app, struct http_conn *conn, const struct http_request *req,
                           const char *meeting);

static int ask(struct world *world, request_fn what, const char *seat, enum meeting_role role,
               const char *body)
{
        struct ask request = { .world = world, .role = role, .seat = seat, .body = body };

        what(world->app, NULL, ask_prepare(&request), world->meeting);
        fake_settle(world);
        return fake_reply.status;
}

static int play(struct world *world, const char *seat, enum meeting_role role, const char *doc)
{
        char body[80];

        snprintf(body, sizeof(body), "{\"document\":\"%s\"}", doc);
        return ask(world, film_api_start, seat, role, body);
}

static void say_position(struct job *job, int64_t position_ms, bool playing)
{
        fake_job_says(job,
                      json_pack("{s:s, s:I, s:i, s:b}", "type", "position", "position_ms",
                                (json_int_t)position_ms, "duration_ms", 90000, "playing", playing));
}

/* As it was told last; "null" when there is none. */
static const char *film_state(const struct ws_conn *conn)
{
        const json_t *film = json_object_get(fake_last(conn, "film"), "film");

        return json_is_object(film) ? fake_text(film, "state") : "null";
}

static const struct meeting_seat *seat_of(struct world *world, const char *id)
{
        return meeting_seat(ask_room(world)->state, id);
}

static bool is_in(struct world *world, const char *id)
{
        const struct meeting_seat *seat = seat_of(world, id);

        return seat && seat->online;
}

static struct job *film_job(size_t n)
{
        struct job *job = fake_job(JOB_FILM, n);

        assert_non_null(job);
        return job;
}

/* ---- films ---- */

static void a_film_is_a_seat_that_everybody_sees(void **state)
{
        struct world *world = *state;
        struct ws_conn *presenter = ask_join(world, "s-p", ROLE_PRESENTER);
        struct ws_conn *guest = ask_join(world, "s-g", ROLE_DELEGATE), *late;
        const json_t *film;

        assert_int_equal(play(world, "s-g", ROLE_DELEGATE, FILM), 403);
        assert_int_equal(play(world, "s-p", ROLE_PRESENTER, FILM), 201);
        assert_string_equal(film_state(guest), "loading");
        assert_true(is_in(world, SEAT_FILM));
        assert_string_equal(seat_of(world, SEAT_FILM)->name, "Phim");
        assert_true(seat_of(world, SEAT_FILM)->sends[KIND_MIC]);
        assert_true(seat_of(world, SEAT_FILM)->sends[KIND_SCREEN]);
        assert_true(fake_jobs.feed.screen);
        assert_int_equal(fake_jobs.feed.n_layers, FILM_LAYERS);
        assert_string_equal(film_job(0)->input, "/films/one");
        say_position(film_job(0), 0, true);
        film = json_object_get(fake_last(guest, "film"), "film");
        assert_string_equal(film_state(guest), "playing");
        assert_string_equal(fake_text(film, "by"), "s-p");
        assert_string_equal(fake_text(film, "name"), "Phóng sự.mp4");
        assert_int_equal(json_integer_value(json_object_get(film, "duration_ms")), 90000);
        late = ask_join(world, "s-l", ROLE_DELEGATE);
        assert_string_equal(fake_text(json_object_get(fake_last(late, "welcome"), "film"), "state"),
                            "playing");
        fake_close(presenter);
        fake_close(guest);
        fake_close(late);
}

static void a_song_has_no_picture(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);

        assert_int_equal(play(world, "s-c", ROLE_CHAIR, SONG), 201);
        assert_int_equal(fake_jobs.feed.n_layers, 0);
        assert_true(json_is_false(json_object_get(film_job(0)->start, "video")));
        assert_true(seat_of(world, SEAT_FILM)->sends[KIND_MIC]);
        assert_false(seat_of(world, SEAT_FILM)->sends[KIND_SCREEN]);
        fake_close(chair);
}

static void positions_are_told_twice_a_second_at_most(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        size_t before;

        assert_int_equal(play(world, "s-c", ROLE_CHAIR, FILM), 201);
        say_position(film_job(0), 0, true);
        before = fake_count(chair, "film");
        for (int i = 0; i < 100; i++) {
                say_position(film_job(0), i * 100, true);
                ask_pass(world, 100);
        }
        assert_in_range(fake_count(chair, "film") - before, 10, 20);
        fake_close(chair);
}

static void who_started_it_and_hosts_steer(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        struct ws_conn *presenter = ask_join(world, "s-p", ROLE_PRESENTER);

        assert_int_equal(ask(world, film_api_steer, "s-p", ROLE_PRESENTER, "{}"), 404);
        assert_int_equal(play(world, "s-p", ROLE_PRESENTER, FILM), 201);
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, SONG), 409);
        assert_string_equal(ask_error(), "film-on");
        assert_int_equal(ask(world, film_api_steer, "s-q", ROLE_PRESENTER, "{\"playing\":false}"),
                         403);
        assert_int_equal(ask(world, film_api_steer, "s-p", ROLE_PRESENTER,
                             "{\"playing\":false,\"position_ms\":5000,\"volume\":30}"),
                         200);
        assert_non_null(fake_job_heard(film_job(0), "pause"));
        assert_int_equal(json_integer_value(json_object_get(fake_job_heard(film_job(0), "seek"),
                                                            "position_ms")),
                         5000);
        assert_int_equal(json_integer_value(
                                 json_object_get(fake_job_heard(film_job(0), "volume"), "volume")),
                         30);
        assert_int_equal(ask(world, film_api_steer, "s-c", ROLE_CHAIR, "{\"playing\":true}"), 200);
        assert_non_null(fake_job_heard(film_job(0), "play"));
        for (size_t i = 0; i < 5; i++) {
                static const char *const bodies[] = { "", "{\"playing\":1}", "{\"volume\":101}",
                                                      "{\"volume\":\"x\"}",
                                                      "{\"position_ms\":-1}" };

                assert_int_equal(ask(world, film_api_steer, "s-c", ROLE_CHAIR, bodies[i]), 400);
        }
        assert_int_equal(ask(world, film_api_stop, "s-q", ROLE_PRESENTER, ""), 403);
        assert_int_equal(ask(world, film_api_stop, "s-c", ROLE_CHAIR, ""), 204);
        assert_string_equal(film_state(presenter), "null");
        assert_false(is_in(world, SEAT_FILM));
        assert_true(film_job(0)->stopped);
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, SONG), 201); /* while the old job ends */
        fake_job_ends(film_job(0), JOB_DONE, "");
        assert_string_equal(film_state(chair), "loading");
        assert_true(is_in(world, SEAT_FILM));
        fake_close(chair);
        fake_close(presenter);
}

static void an_ended_film_may_be_played_again_for_a_while(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);

        assert_int_equal(play(world, "s-c", ROLE_CHAIR, FILM), 201);
        say_position(film_job(0), 90000, true);
        fake_job_says(film_job(0), json_pack("{s:s}", "type", "eos"));
        say_position(film_job(0), 90000, false);
        assert_string_equal(film_state(chair), "ended");
        ask_pass(world, FILM_ENDED_MS - 1000);
        assert_int_equal(ask(world, film_api_steer, "s-c", ROLE_CHAIR, "{\"playing\":true}"), 200);
        say_position(film_job(0), 0, true);
        assert_string_equal(film_state(chair), "playing");
        ask_pass(world, 2000);
        fake_job_says(film_job(0), json_pack("{s:s}", "type", "eos"));
        ask_pass(world, FILM_ENDED_MS + 1000);
        assert_string_equal(film_state(chair), "null");
        assert_false(is_in(world, SEAT_FILM));
        assert_true(film_job(0)->stopped);
        fake_job_ends(film_job(0), JOB_DONE, "");
        fake_close(chair);
}

static void a_film_whose_job_dies_goes_on_where_it_was(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);

        assert_int_equal(play(world, "s-c", ROLE_CHAIR, FILM), 201);
        say_position(film_job(0), 42000, true);
        fake_job_ends(film_job(0), JOB_CRASHED, "");
        ask_pass(world, 1000);
        assert_int_equal(json_integer_value(json_object_get(film_job(1)->start, "position_ms")),
                         42000);
        assert_true(is_in(world, SEAT_FILM));
        say_position(film_job(1), 42000, true);
        assert_string_equal(film_state(chair), "playing");
        for (size_t n = 1; fake_job(JOB_FILM, n) && n < 10; n++) {
                fake_job_ends(film_job(n), JOB_CRASHED, "");
                ask_pass(world, 3000);
        }
        assert_string_equal(film_state(chair), "failed");
        fake_close(chair);
}

static void what_cannot_be_played_says_so_and_goes(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        const json_t *film;

        assert_int_equal(play(world, "s-c", ROLE_CHAIR, FILM), 201);
        fake_job_ends(film_job(0), JOB_FAILED, "unplayable");
        film = json_object_get(fake_last(chair, "film"), "film");
        assert_string_equal(film_state(chair), "failed");
        assert_string_equal(fake_text(film, "error"), "unplayable");
        ask_pass(world, 1000);
        assert_false(is_in(world, SEAT_FILM));
        assert_null(fake_job(JOB_FILM, 1));
        ask_pass(world, FILM_FAILED_MS);
        assert_string_equal(film_state(chair), "null");
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, FILM), 201);
        fake_close(chair);
}

static void what_is_no_film_is_refused(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);

        assert_int_equal(play(world, "s-c", ROLE_CHAIR, PAPER), 400);
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, UNCHECKED), 409);
        assert_string_equal(ask_error(), "doc-not-ready");
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, "018f0000-0000-7000-8000-0000000000ff"),
                         404);
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, "x"), 404);
        assert_int_equal(ask(world, film_api_start, "s-c", ROLE_CHAIR, "{}"), 404);
        assert_int_equal(ask(world, film_api_start, "s-c", ROLE_CHAIR, "film"), 400);
        fake_jobs.cannot = "gstreamer1.0-libav is missing";
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, FILM), 503);
        assert_string_equal(ask_error(), "missing-package");
        assert_false(is_in(world, SEAT_FILM));
        fake_close(chair);
}

static void a_film_outlives_who_started_it_and_ends_with_the_last_person(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        struct ws_conn *presenter = ask_join(world, "s-p", ROLE_PRESENTER);

        assert_int_equal(play(world, "s-p", ROLE_PRESENTER, FILM), 201);
        say_position(film_job(0), 0, true);
        fake_close(presenter);
        ask_pass(world, SEAT_KEPT_MS + 2000);
        assert_string_equal(film_state(chair), "playing");
        fake_close(chair);
        ask_pass(world, SEAT_KEPT_MS + 2000);
        assert_true(film_job(0)->stopped);
        assert_false(is_in(world, SEAT_FILM));
        fake_job_ends(film_job(0), JOB_DONE, "");
        ask_pass(world, ROOM_IDLE_MS + 2000);
        assert_int_equal(g_hash_table_size(world->app->rooms), 0);
}

static void a_host_lets_it_into_a_locked_meeting_and_may_remove_it(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        const struct meeting_command lock = { .type = COMMAND_LOCK, .by = "s-c", .on = true };
        const struct meeting_command out = { .type = COMMAND_REMOVE,
                                             .by = "s-c",
                                             .target = SEAT_FILM };

        assert_int_equal(room_submit(ask_room(world), &lock, NULL, NULL), 0);
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, FILM), 201);
        assert_int_equal(room_submit(ask_room(world), &out, NULL, NULL), 0);
        ask_pass(world, 500);
        assert_string_equal(film_state(chair), "null");
        assert_true(film_job(0)->stopped);
        fake_job_ends(film_job(0), JOB_DONE, "");
        assert_int_equal(play(world, "s-c", ROLE_CHAIR, FILM), 201);
        assert_true(is_in(world, SEAT_FILM));
        fake_close(chair);
}

/* ---- cameras ---- */

static int add_camera(struct world *world, const char *name, char ret_id[MEETING_ID])
{
        char body[300];

        snprintf(body, sizeof(body),
                 "{\"name\":\"%s\",\"url\":\"rtsp://10.0.0.5/1\",\"user\":\"admin\","
                 "\"password\":\"%s\"}",
                 name, PASSWORD);
        if (ask(world, links_api_add_camera, "s-c", ROLE_CHAIR, body) == 201) {
                json_t *answer = ask_answer();

                snprintf(ret_id, MEETING_ID, "%s", fake_text(answer, "id"));
                json_decref(answer);
        }
        return fake_reply.status;
}

static const char *camera_state(const struct ws_conn *conn, const char *field)
{
        return fake_text(json_array_get(json_object_get(fake_last(conn, "jobs"), "cameras"), 0),
                         field);
}

static struct job *camera_job(size_t n)
{
        struct job *job = fake_job(JOB_CAMERA, n);

        assert_non_null(job);
        return job;
}

static void say_state(struct job *job, const char *state)
{
        fake_job_says(job, json_pack("{s:s, s:s}", "type", "state", "state", state));
}

static void a_camera_is_a_seat_with_its_name(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        struct ws_conn *guest = ask_join(world, "s-g", ROLE_DELEGATE);
        char id[MEETING_ID], command[160];

        assert_int_equal(ask(world, links_api_add_camera, "s-g", ROLE_DELEGATE, "{}"), 403);
        assert_int_equal(add_camera(world, "Hội trường A", id), 201);
        assert_memory_equal(id, SEAT_CAMERA_PREFIX, strlen(SEAT_CAMERA_PREFIX));
        ask_pass(world, 1000);
        assert_string_equal(seat_of(world, id)->name, "Hội trường A");
        assert_true(seat_of(world, id)->sends[KIND_CAMERA]);
        assert_false(fake_jobs.feed.screen);
        assert_string_equal(fake_text(camera_job(0)->start, "password"), PASSWORD);
        say_state(camera_job(0), "playing");
        ask_pass(world, 1000);
        assert_string_equal(camera_state(chair, "state"), "playing");
        assert_string_equal(camera_state(chair, "id"), id);
        assert_null(fake_last(guest, "jobs"));
        for (size_t i = 0; i < chair->n_sent; i++) {
                char *text = json_dumps(chair->sent[i], 0);

                assert_null(strstr(text, PASSWORD));
                assert_null(strstr(text, "10.0.0.5"));
                free(text);
        }
        ask_wait_links(world, 1);
        snprintf(command, sizeof(command), "grep -rqaF %s '%s'", PASSWORD, world->dir);
        assert_int_not_equal(system(command), 0);
        fake_close(chair);
        fake_close(guest);
}

static void a_camera_that_dies_comes_back_and_keeps_what_a_host_muted(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        char id[MEETING_ID];
        struct meeting_command mute = { .type = COMMAND_MUTE, .by = "s-c", .kind = KIND_MIC };

        assert_int_equal(add_camera(world, "A", id), 201);
        ask_pass(world, 500);
        mute.target = id;
        assert_int_equal(room_submit(ask_room(world), &mute, NULL, NULL), 0);
        fake_settle(world);
        memset(fake_sfu.muted, 0, sizeof(fake_sfu.muted));
        for (size_t n = 0; n < 8; n++) {
                fake_job_ends(camera_job(n), JOB_CRASHED, "");
                ask_pass(world, 1000);
                assert_true(is_in(world, id));
                ask_pass(world, CAMERA_RETRY_MS);
        }
        assert_true(fake_sfu.muted[SFU_MIC]);
        assert_false(fake_sfu.muted[SFU_CAMERA]);
        fake_job_ends(camera_job(8), JOB_FAILED, "auth");
        ask_pass(world, 2 * CAMERA_RETRY_MS);
        assert_null(fake_job(JOB_CAMERA, 9));
        assert_string_equal(camera_state(chair, "state"), "failed");
        assert_string_equal(camera_state(chair, "error"), "auth");
        assert_false(is_in(world, id));
        fake_close(chair);
}

static void cameras_rest_while_nobody_is_there_and_outlive_a_restart(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        char id[MEETING_ID];

        assert_int_equal(add_camera(world, "A", id), 201);
        ask_pass(world, 500);
        fake_close(chair);
        ask_pass(world, SEAT_KEPT_MS + 1000);
        assert_true(camera_job(0)->stopped);
        assert_false(is_in(world, id));
        fake_job_ends(camera_job(0), JOB_DONE, "");
        ask_pass(world, 1000);
        assert_null(fake_job(JOB_CAMERA, 1));
        chair = ask_join(world, "s-c", ROLE_CHAIR);
        ask_pass(world, 500);
        assert_true(is_in(world, id));
        assert_true(camera_job(1)->running);
        fake_close(chair);
        ask_wait_links(world, 1);

        service_free(world->app);
        fake_jobs_reset();
        fake_start_app(world);
        chair = ask_join(world, "s-c", ROLE_CHAIR);
        ask_pass(world, 500);
        assert_string_equal(fake_text(camera_job(0)->start, "password"), PASSWORD);
        ask_pass(world, SEAT_KEPT_MS + 1000);
        assert_true(is_in(world, id));
        fake_close(chair);
}

static void cameras_are_few_and_removed_by_request_or_as_a_seat(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);
        struct meeting_command out = { .type = COMMAND_REMOVE, .by = "s-c" };
        struct ask request = { .world = world, .role = ROLE_CHAIR };
        char ids[CAMERAS_MAX][MEETING_ID], id[MEETING_ID];
        unsigned n_stopped = 0;

        for (int i = 0; i < CAMERAS_MAX; i++)
                assert_int_equal(add_camera(world, "A", ids[i]), 201);
        assert_int_equal(add_camera(world, "A", id), 409);
        ask_pass(world, 500);
        links_api_remove_camera(world->app, NULL, ask_prepare(&request), world->meeting, ids[0]);
        fake_settle(world);
        assert_int_equal(fake_reply.status, 204);
        links_api_remove_camera(world->app, NULL, ask_prepare(&request), world->meeting, ids[0]);
        assert_int_equal(fake_reply.status, 404);
        out.target = ids[1];
        assert_int_equal(room_submit(ask_room(world), &out, NULL, NULL), 0);
        ask_pass(world, 1000);
        assert_int_equal(json_array_size(json_object_get(fake_last(chair, "jobs"), "cameras")),
                         CAMERAS_MAX - 2);
        for (size_t i = 0; i < CAMERAS_MAX; i++) {
                assert_int_equal(is_in(world, ids[i]), i >= 2);
                n_stopped += camera_job(i)->stopped;
                if (camera_job(i)->stopped)
                        fake_job_ends(camera_job(i), JOB_DONE, "");
        }
        assert_int_equal(n_stopped, 2);
        fake_close(chair);
}

static void what_is_no_camera_is_refused(void **state)
{
        static const char *const bodies[] = {
                "",
                "{\"url\":\"rtsp://x/1\"}",
                "{\"name\":\"a\"}",
                "{\"name\":\"a\",\"url\":\"http://x/1\"}",
                "{\"name\":\"a\",\"url\":\"rtsp://u:p@x/1\"}",
                "{\"name\":\"a\",\"url\":\"rtsp://x/1\",\"user\":5}",
                "{\"name\":\"a\",\"url\":\"rtsp://x/1\",\"password\":\"a\\nb\"}",
        };
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-c", ROLE_CHAIR);

        for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
                assert_int_equal(ask(world, links_api_add_camera, "s-c", ROLE_CHAIR, bodies[i]),
                                 400);
        fake_close(chair);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                T(a_film_is_a_seat_that_everybody_sees),
                T(a_song_has_no_picture),
                T(positions_are_told_twice_a_second_at_most),
                T(who_started_it_and_hosts_steer),
                T(an_ended_film_may_be_played_again_for_a_while),
                T(a_film_whose_job_dies_goes_on_where_it_was),
                T(what_cannot_be_played_says_so_and_goes),
                T(what_is_no_film_is_refused),
                T(a_film_outlives_who_started_it_and_ends_with_the_last_person),
                T(a_host_lets_it_into_a_locked_meeting_and_may_remove_it),
                T(a_camera_is_a_seat_with_its_name),
                T(a_camera_that_dies_comes_back_and_keeps_what_a_host_muted),
                T(cameras_rest_while_nobody_is_there_and_outlive_a_restart),
                T(cameras_are_few_and_removed_by_request_or_as_a_seat),
                T(what_is_no_camera_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
