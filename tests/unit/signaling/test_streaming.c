/* SPDX-License-Identifier: Apache-2.0 */
/* streaming — to viewers, and to other servers: real store and files, jobs that do what the
 * test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "signaling/core/documents_api.h"
#include "signaling/core/links_api.h"
#include "signaling/core/live.h"
#include "signaling/core/live_api.h"
#include "signaling/core/rooms.h"
#include "signaling/core/session_api.h"
#include "signaling/core/targets.h"
#include "tests/unit/signaling/ask.h"
#include "tests/unit/signaling/fake_jobs.h"

#define PAPER "018f0000-0000-7000-8000-000000000001"
#define OTHER "018f0000-0000-7000-8000-00000000000f"
#define STREAM_KEY "bi-mat-1234-xyz"

/* ---- the stream ---- */

static int switch_live(struct world *world, enum meeting_role role, bool on)
{
        struct ask ask = { .world = world, .role = role };

        live_api_switch(world->app, NULL, ask_prepare(&ask), world->meeting, on);
        fake_settle(world);
        return fake_reply.status;
}

/* What a member sees, or a viewer; the caller's. */
static json_t *show(struct world *world, enum token_kind kind)
{
        struct ask ask = { .world = world, .kind = kind, .role = ROLE_OBSERVER };

        live_api_show(world->app, NULL, ask_prepare(&ask), world->meeting);
        assert_int_equal(fake_reply.status, 200);
        return ask_answer();
}

static struct job *program(size_t n)
{
        struct job *job = fake_job(JOB_PROGRAM, n);

        assert_non_null(job);
        return job;
}

/* The stream is on and can be played. */
static struct job *go_live(struct world *world)
{
        assert_int_equal(switch_live(world, ROLE_CHAIR, true), 200);
        ask_pass(world, 500);
        fake_job_says(program(0), json_pack("{s:s, s:s}", "type", "live", "dir", "x"));
        ask_pass(world, 1500);
        return program(0);
}

static const char *live_state(const struct ws_conn *conn)
{
        return fake_text(json_object_get(fake_last(conn, "jobs"), "live"), "state");
}

static void the_stream_is_switched_by_hosts_and_told_to_all(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        struct ws_conn *guest = ask_join(world, "s-guest", ROLE_DELEGATE);
        const json_t *told;
        json_t *shown;

        assert_int_equal(switch_live(world, ROLE_DELEGATE, true), 403);
        assert_int_equal(switch_live(world, ROLE_CHAIR, true), 200);
        assert_true(json_is_true(json_object_get(fake_last(guest, "live"), "on")));
        ask_pass(world, 500);
        assert_string_equal(live_state(chair), "starting");
        assert_null(fake_last(guest, "jobs"));
        shown = show(world, TOKEN_JOIN);
        assert_true(json_is_true(json_object_get(shown, "on")));
        assert_true(json_is_null(json_object_get(shown, "playlist")));
        json_decref(shown);

        told = fake_job_heard(program(0), "live");
        assert_non_null(told);
        assert_memory_equal(fake_text(told, "dir"), "live/", 5);
        fake_job_says(program(0), json_pack("{s:s, s:s}", "type", "live", "dir", "x"));
        fake_live.viewers = 321;
        ask_pass(world, 2000);
        assert_string_equal(live_state(chair), "on");
        assert_int_equal(json_integer_value(json_object_get(
                                 json_object_get(fake_last(chair, "jobs"), "live"), "viewers")),
                         321);
        assert_string_equal(fake_text(told, "dir") + 5, fake_live.key);
        shown = show(world, TOKEN_VIEWER);
        assert_string_equal(fake_text(shown, "title"), "Hội nghị");
        assert_non_null(strstr(fake_text(shown, "playlist"), fake_live.key));
        assert_non_null(strstr(fake_text(shown, "pages"), "/pages.json"));
        json_decref(shown);
        fake_close(chair);
        fake_close(guest);
}

static void viewers_may_see_the_last_segments_before_the_folder_goes(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        struct media_found found;
        char path[MEDIA_PATH];
        struct job *job = go_live(world);

        snprintf(path, sizeof(path), "%s/live/%s/pages.json", world->meeting, fake_live.key);
        assert_int_equal(media_find(world->media, path, &found), 0);
        media_found_done(&found);
        assert_int_equal(switch_live(world, ROLE_CHAIR, false), 204);
        ask_pass(world, 1000);
        assert_true(json_is_null(json_object_get(fake_job_heard(job, "live"), "dir")));
        assert_true(job->stopped);
        assert_true(json_is_null(json_object_get(fake_last(chair, "jobs"), "live")));
        assert_string_not_equal(fake_live.key, "");
        fake_job_ends(job, JOB_DONE, "");
        ask_pass(world, LIVE_LINGER_MS + 1000);
        assert_string_equal(fake_live.key, "");
        assert_true(media_find(world->media, path, &found) < 0);
        fake_close(chair);
}

static void a_stream_whose_job_dies_keeps_its_address(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        char key[32], dir[64];

        fake_job_ends(go_live(world), JOB_CRASHED, "");
        snprintf(key, sizeof(key), "%s", fake_live.key);
        ask_pass(world, 1500);
        assert_string_equal(live_state(chair), "starting");
        assert_string_equal(fake_live.key, key);
        snprintf(dir, sizeof(dir), "live/%s", key);
        assert_string_equal(fake_text(fake_job_heard(program(1), "live"), "dir"), dir);
        fake_job_says(program(1), json_pack("{s:s, s:s}", "type", "live", "dir", dir));
        ask_pass(world, 1500);
        assert_string_equal(live_state(chair), "on");
        assert_int_equal(fake_live.opened, 1);
        fake_close(chair);
}

static void a_job_that_cannot_live_ends_the_stream_with_the_reason(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        const json_t *live;

        fake_job_ends(go_live(world), JOB_FAILED, "disk-full");
        ask_pass(world, 2000);
        live = fake_last(chair, "live");
        assert_true(json_is_false(json_object_get(live, "on")));
        assert_true(json_is_null(json_object_get(live, "by")));
        assert_string_equal(live_state(chair), "failed");
        assert_string_equal(fake_text(json_object_get(fake_last(chair, "jobs"), "live"), "error"),
                            "disk-full");
        assert_string_equal(fake_live.key, "");
        assert_int_equal(switch_live(world, ROLE_CHAIR, true), 200); /* a host tries again */
        ask_pass(world, 500);
        assert_string_equal(live_state(chair), "starting");
        fake_close(chair);
}

static void a_restarted_server_goes_on_at_the_same_address(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        char key[32];

        go_live(world);
        snprintf(key, sizeof(key), "%s", fake_live.key);
        fake_close(chair);
        service_free(world->app);
        fake_jobs_reset();
        fake_start_app(world);
        fake_now_ms += 5000;
        chair = ask_join(world, "s-chair", ROLE_CHAIR);
        ask_pass(world, 500);
        fake_job_says(program(0), json_pack("{s:s, s:s}", "type", "live", "dir", "x"));
        assert_string_equal(fake_live.key, key);
        fake_close(chair);
}

/* It was on when its server was killed, and nobody has come back. */
static void what_a_killed_servers_stream_left_is_swept_at_the_start(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        char path[MEDIA_PATH];
        struct media_found found;

        go_live(world);
        snprintf(path, sizeof(path), "%s/live/left", world->meeting);
        assert_int_equal(media_write(world->media, path, "segment", 7), 0);
        fake_now_ms += 24 * 3600 * 1000;
        service_tick(world->app);
        assert_int_equal(media_find(world->media, path, &found), 0); /* not while it is on */
        media_found_done(&found);
        fake_close(chair);
        service_free(world->app);
        fake_jobs_reset();
        fake_start_app(world);
        service_tick(world->app);
        assert_int_equal(media_find(world->media, path, &found), -ENOENT);
}

static void the_stream_of_an_empty_meeting_ends(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);

        go_live(world);
        fake_close(chair);
        ask_pass(world, SEAT_KEPT_MS + LIVE_EMPTY_MS - 10000);
        assert_true(meeting_live(ask_room(world)->state)->on);
        ask_pass(world, 20000);
        assert_false(meeting_live(ask_room(world)->state)->on);
}

static void without_the_package_it_is_said_at_once(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);

        fake_jobs.cannot = "gstreamer1.0-plugins-ugly is missing";
        assert_int_equal(switch_live(world, ROLE_CHAIR, true), 503);
        assert_string_equal(ask_error(), "missing-package");
        assert_false(meeting_live(ask_room(world)->state)->on);
        fake_close(chair);
}

/* ---- pages ---- */

static void turn_to(struct world *world, const char *by, int page)
{
        const struct meeting_command present = {
                .type = COMMAND_PRESENT, .by = by, .document = PAPER, .page = page, .n_pages = 200
        };

        assert_int_equal(room_submit(ask_room(world), &present, NULL, NULL), 0);
        ask_pass(world, 200);
}

static json_t *read_pages(struct world *world)
{
        char path[MEDIA_PATH], *text;
        json_t *list;
        size_t len;

        snprintf(path, sizeof(path), "%s/live/%s/pages.json", world->meeting, fake_live.key);
        assert_int_equal(media_read(world->media, path, 1 << 20, &text, &len), 0);
        list = json_loads(text, 0, NULL);
        free(text);
        assert_non_null(list);
        return list;
}

static void viewers_get_the_pages_with_their_times(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        char image[128], path[MEDIA_PATH];
        struct media_found found;
        int64_t turned_ms;
        const json_t *last;
        json_t *list;

        snprintf(image, sizeof(image), "%s/dinh.sqlite", world->dir);
        fake_docs_path = image;
        go_live(world);
        list = read_pages(world);
        assert_int_equal(json_array_size(list), 1);
        assert_true(json_is_null(json_object_get(json_array_get(list, 0), "file")));
        json_decref(list);

        turned_ms = fake_now_ms;
        turn_to(world, "s-chair", 3);
        list = read_pages(world);
        last = json_array_get(list, 1);
        assert_string_equal(fake_text(last, "file"), "pages/" PAPER "-3.webp");
        assert_int_equal(json_integer_value(json_object_get(last, "page")), 3);
        assert_in_range(json_integer_value(json_object_get(last, "t")), turned_ms, turned_ms + 200);
        snprintf(path, sizeof(path), "%s/live/%s/%s", world->meeting, fake_live.key,
                 fake_text(last, "file"));
        assert_int_equal(media_find(world->media, path, &found), 0);
        media_found_done(&found);
        json_decref(list);

        for (int page = 4; page < 4 + LIVE_MAX_PAGES; page++)
                turn_to(world, "s-chair", page);
        list = read_pages(world);
        assert_int_equal(json_array_size(list), LIVE_MAX_PAGES);
        assert_true(media_find(world->media, path, &found) < 0);
        json_decref(list);
        fake_close(chair);
}

/* ---- viewers' tokens ---- */

static void a_viewers_link_opens_the_stream_and_nothing_else(void **state)
{
        struct world *world = *state;
        struct ask host = { .world = world, .role = ROLE_SECRETARY };
        struct ask guest = { .world = world, .role = ROLE_DELEGATE };
        struct ask viewer = { .world = world, .kind = TOKEN_VIEWER, .role = ROLE_CHAIR };
        struct ask other = { .world = world, .kind = TOKEN_VIEWER, .meeting = OTHER };
        char body[2 * TOKEN_MAX];
        json_t *link;

        live_api_viewer_link(world->app, NULL, ask_prepare(&guest), world->meeting);
        assert_int_equal(fake_reply.status, 403);
        live_api_viewer_link(world->app, NULL, ask_prepare(&host), world->meeting);
        assert_int_equal(fake_reply.status, 201);
        link = ask_answer();
        assert_memory_equal(fake_text(link, "url"), "http://hop.example/w/", 21);
        snprintf(body, sizeof(body), "{\"meeting\":\"%s\",\"token\":\"%s\"}", world->meeting,
                 strstr(fake_text(link, "url"), "#t=") + 3);
        viewer.body = body;
        json_decref(link);

        live_api_show(world->app, NULL, ask_prepare(&viewer), world->meeting);
        assert_int_equal(fake_reply.status, 200);
        live_api_show(world->app, NULL, ask_prepare(&other), world->meeting);
        assert_int_equal(fake_reply.status, 401);
        session_api_create(world->app, NULL, ask_prepare(&viewer));
        assert_int_equal(fake_reply.status, 401);
        documents_list(world->app, NULL, ask_prepare(&viewer), world->meeting);
        assert_int_equal(fake_reply.status, 401);
        live_api_switch(world->app, NULL, ask_prepare(&viewer), world->meeting, true);
        assert_int_equal(fake_reply.status, 401);
        links_api_add_target(world->app, NULL, ask_prepare(&viewer), world->meeting);
        assert_int_equal(fake_reply.status, 401);
}

/* ---- targets ---- */

static int add_target(struct world *world, const char *name, char ret_id[32])
{
        char body[256];
        struct ask ask = { .world = world, .role = ROLE_CHAIR, .body = body };

        snprintf(body, sizeof(body),
                 "{\"name\":\"%s\",\"url\":\"rtmp://x.example/live\",\"key\":\"%s\"}", name,
                 STREAM_KEY);
        links_api_add_target(world->app, NULL, ask_prepare(&ask), world->meeting);
        fake_settle(world);
        if (fake_reply.status == 201) {
                json_t *answer = ask_answer();

                snprintf(ret_id, 32, "%s", fake_text(answer, "id"));
                json_decref(answer);
        }
        return fake_reply.status;
}

/* As hosts are told; borrowed. */
static const json_t *target(const struct ws_conn *conn, size_t at)
{
        return json_array_get(json_object_get(fake_last(conn, "jobs"), "rtmp"), at);
}

static void a_target_switches_the_stream_on_and_lives_from_it(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        char id[32], dir[64];
        struct job *job;

        assert_int_equal(add_target(world, "Trang của tỉnh", id), 201);
        assert_true(meeting_live(ask_room(world)->state)->on);
        assert_null(fake_job(JOB_RTMP, 0)); /* there is nothing to push yet */
        go_live(world);
        job = fake_job(JOB_RTMP, 0);
        assert_non_null(job);
        assert_string_equal(fake_text(job->start, "url"), "rtmp://x.example/live");
        assert_string_equal(fake_text(job->start, "key"), STREAM_KEY);
        snprintf(dir, sizeof(dir), "/live/%s", fake_live.key);
        assert_string_equal(job->dir + strlen(job->dir) - strlen(dir), dir);
        assert_string_equal(fake_text(job->start, "dir"), "720");
        fake_job_says(job, json_pack("{s:s, s:s}", "type", "state", "state", "live"));
        ask_pass(world, 1000);
        assert_string_equal(fake_text(target(chair, 0), "id"), id);
        assert_string_equal(fake_text(target(chair, 0), "name"), "Trang của tỉnh");
        assert_string_equal(fake_text(target(chair, 0), "state"), "live");
        fake_job_says(job, json_pack("{s:s, s:s, s:s}", "type", "state", "state", "lost", "code",
                                     "connect"));
        ask_pass(world, 1000);
        assert_string_equal(fake_text(target(chair, 0), "error"), "connect");
        fake_close(chair);
}

static void a_key_is_told_to_nobody_and_is_not_readable_on_disk(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        char id[32], command[256];

        assert_int_equal(add_target(world, "Kênh", id), 201);
        assert_null(strstr(fake_reply.body, STREAM_KEY));
        go_live(world);
        ask_wait_links(world, 1);
        for (size_t i = 0; i < chair->n_sent; i++) {
                char *text = json_dumps(chair->sent[i], 0);

                assert_null(strstr(text, STREAM_KEY));
                assert_null(strstr(text, "x.example"));
                free(text);
        }
        snprintf(command, sizeof(command), "grep -rqaF %s '%s'", STREAM_KEY, world->dir);
        assert_int_not_equal(system(command), 0);
        fake_close(chair);
}

static void a_refused_key_is_not_tried_again_and_a_crash_is(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        char a[32], b[32];

        assert_int_equal(add_target(world, "A", a), 201);
        assert_int_equal(add_target(world, "B", b), 201);
        go_live(world);
        fake_job_ends(fake_job(JOB_RTMP, 0), JOB_FAILED, "refused");
        fake_job_ends(fake_job(JOB_RTMP, 1), JOB_CRASHED, "");
        ask_pass(world, 5000);
        assert_non_null(fake_job(JOB_RTMP, 2));
        assert_null(fake_job(JOB_RTMP, 3));
        assert_string_equal(fake_text(target(chair, 0), "state"), "failed");
        assert_string_equal(fake_text(target(chair, 0), "error"), "refused");
        assert_string_equal(fake_text(target(chair, 1), "state"), "connecting");
        fake_close(chair);
}

static void targets_are_few_and_removed_one_by_one_or_with_the_stream(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        struct ask ask = { .world = world, .role = ROLE_CHAIR };
        char ids[TARGETS_MAX][32], id[32];
        struct job *job;

        for (int i = 0; i < TARGETS_MAX; i++)
                assert_int_equal(add_target(world, "Kênh", ids[i]), 201);
        assert_int_equal(add_target(world, "Kênh", id), 409);
        go_live(world);
        links_api_remove_target(world->app, NULL, ask_prepare(&ask), world->meeting, ids[0]);
        fake_settle(world);
        assert_int_equal(fake_reply.status, 204);
        links_api_remove_target(world->app, NULL, ask_prepare(&ask), world->meeting, ids[0]);
        assert_int_equal(fake_reply.status, 404);
        job = fake_job(JOB_RTMP, 0);
        assert_true(job->stopped);
        fake_job_ends(job, JOB_DONE, "");
        ask_pass(world, 1000);
        assert_int_equal(json_array_size(json_object_get(fake_last(chair, "jobs"), "rtmp")), 4);

        assert_int_equal(switch_live(world, ROLE_CHAIR, false), 204);
        ask_pass(world, 1000);
        assert_int_equal(json_array_size(json_object_get(fake_last(chair, "jobs"), "rtmp")), 0);
        ask_wait_links(world, 0);
        for (size_t i = 1; i < TARGETS_MAX; i++) {
                assert_true(fake_job(JOB_RTMP, i)->stopped);
                fake_job_ends(fake_job(JOB_RTMP, i), JOB_DONE, "");
        }
        fake_close(chair);
}

static void a_restarted_server_pushes_on(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        char id[32];

        assert_int_equal(add_target(world, "Kênh", id), 201);
        go_live(world);
        ask_wait_links(world, 1);
        fake_close(chair);
        service_free(world->app);
        fake_jobs_reset();
        fake_start_app(world);
        chair = ask_join(world, "s-chair", ROLE_CHAIR);
        ask_pass(world, 500);
        fake_job_says(program(0), json_pack("{s:s, s:s}", "type", "live", "dir", "x"));
        ask_pass(world, 1000);
        assert_non_null(fake_job(JOB_RTMP, 0));
        assert_string_equal(fake_text(fake_job(JOB_RTMP, 0)->start, "key"), STREAM_KEY);
        assert_string_equal(fake_text(target(chair, 0), "id"), id);
        fake_close(chair);
}

static void what_somebody_wrote_into_the_store_is_no_target(void **state)
{
        struct world *world = *state;
        struct ws_conn *chair = ask_join(world, "s-chair", ROLE_CHAIR);
        struct store_link row = { .id = "r-strange", .kind = "rtmp" };
        char id[32];

        assert_int_equal(add_target(world, "Kênh", id), 201);
        memcpy(row.meeting, world->meeting, sizeof(row.meeting));
        row.sealed = (const uint8_t *)"{\"name\":\"x\",\"url\":\"rtmp://evil/x\",\"key\":\"x\"}";
        row.sealed_len = strlen((const char *)row.sealed);
        assert_int_equal(store_link_put(world->store, &row, NULL, NULL), 0);
        ask_wait_links(world, 2);
        fake_close(chair);
        service_free(world->app);
        fake_jobs_reset();
        fake_start_app(world);
        chair = ask_join(world, "s-chair", ROLE_CHAIR);
        ask_wait_links(world, 1);
        go_live(world);
        assert_non_null(fake_job(JOB_RTMP, 0));
        assert_null(fake_job(JOB_RTMP, 1));
        fake_close(chair);
}

static void what_is_no_target_is_refused(void **state)
{
        static const struct {
                const char *body;
                int status;
        } cases[] = {
                { "", 400 },
                { "[]", 400 },
                { "{\"url\":\"rtmp://x/y\",\"key\":\"k\"}", 400 },
                { "{\"name\":\"a\",\"key\":\"k\"}", 400 },
                { "{\"name\":\"a\",\"url\":\"http://x/y\",\"key\":\"k\"}", 400 },
                { "{\"name\":\"a\",\"url\":5,\"key\":\"k\"}", 400 },
                { "{\"name\":\"a\",\"url\":\"rtmp://x/y\"}", 400 },
                { "{\"name\":\"a\",\"url\":\"rtmp://x/y\",\"key\":\"k k\"}", 400 },
                { "{\"name\":\"a\",\"url\":\"rtmp://x/y\",\"key\":{}}", 400 },
        };
        struct world *world = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct ask ask = { .world = world, .role = ROLE_CHAIR, .body = cases[i].body };

                links_api_add_target(world->app, NULL, ask_prepare(&ask), world->meeting);
                assert_int_equal(fake_reply.status, cases[i].status);
        }
        assert_false(meeting_live(ask_room(world)->state)->on);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                T(the_stream_is_switched_by_hosts_and_told_to_all),
                T(viewers_may_see_the_last_segments_before_the_folder_goes),
                T(a_stream_whose_job_dies_keeps_its_address),
                T(a_job_that_cannot_live_ends_the_stream_with_the_reason),
                T(a_restarted_server_goes_on_at_the_same_address),
                T(what_a_killed_servers_stream_left_is_swept_at_the_start),
                T(the_stream_of_an_empty_meeting_ends),
                T(without_the_package_it_is_said_at_once),
                T(viewers_get_the_pages_with_their_times),
                T(a_viewers_link_opens_the_stream_and_nothing_else),
                T(a_target_switches_the_stream_on_and_lives_from_it),
                T(a_key_is_told_to_nobody_and_is_not_readable_on_disk),
                T(a_refused_key_is_not_tried_again_and_a_crash_is),
                T(targets_are_few_and_removed_one_by_one_or_with_the_stream),
                T(a_restarted_server_pushes_on),
                T(what_somebody_wrote_into_the_store_is_no_target),
                T(what_is_no_target_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
