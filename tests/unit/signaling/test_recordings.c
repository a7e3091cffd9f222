/* SPDX-License-Identifier: Apache-2.0 */
/* recordings — by behaviour: real store and files, jobs that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "signaling/core/kept_reply.h"
#include "tests/unit/signaling/recording_world.h"

#define PAPER "018f0000-0000-7000-8000-000000000001"

/* ---- the life of one ---- */

static void everybody_sees_it_and_the_host_hears_how_it_goes(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_SECRETARY);
        struct ws_conn *b = fake_open(world, "s-b", ROLE_DELEGATE);
        const json_t *jobs, *start;
        char id[UUID_TEXT];
        json_t *welcome;

        fake_join(world, a, "A", -1);
        rec_begin(world, "tracks", id);
        assert_string_equal(fake_text(fake_last(a, "recording"), "recording"), id);
        welcome = fake_join(world, b, "B", -1);
        assert_string_equal(fake_text(json_object_get(welcome, "recording"), "mode"), "tracks");
        start = fake_job(JOB_TRACKS, 0)->start;
        assert_int_equal(json_integer_value(json_object_get(start, "part")), 1);
        assert_int_equal(json_integer_value(json_object_get(start, "start_us")),
                         fake_now_ms * 1000);
        assert_int_equal(fake_jobs.taps_open, 1);

        fake_job_says(fake_job(JOB_TRACKS, 0), json_pack("{s:s}", "type", "ready"));
        rec_say_progress(fake_job(JOB_TRACKS, 0), 2500000, 1234);
        fake_now_ms += JOBS_NEWS_MIN_MS;
        service_tick(world->app);
        jobs = json_object_get(fake_last(a, "jobs"), "recording");
        assert_string_equal(fake_text(jobs, "state"), "on");
        assert_int_equal(json_integer_value(json_object_get(jobs, "seconds")), 2);
        assert_int_equal(json_integer_value(json_object_get(jobs, "bytes")), 1234);
        assert_null(fake_last(b, "jobs"));
        assert_int_equal(rec_start_as(world, ROLE_CHAIR, "both", NULL), 409);

        assert_int_equal(rec_request(world, recordings_stop, ROLE_CHAIR, id), 200);
        service_tick(world->app);
        assert_true(fake_job(JOB_TRACKS, 0)->stopped);
        assert_true(json_is_false(json_object_get(fake_last(b, "recording"), "on")));
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_DONE, "");
        assert_int_equal(fake_jobs.taps_open, 0);
        rec_expect_row(world, id, "failed"); /* nobody sent anything */
        fake_close(a);
        fake_close(b);
}

static void its_files_are_finished_listed_and_given_out(void **state)
{
        struct world *world = *state;
        const json_t *file;
        char id[UUID_TEXT];
        json_t *shown;

        rec_record_one(world, id);
        assert_int_equal(rec_request(world, recordings_show, ROLE_SECRETARY, id), 200);
        shown = rec_answer();
        assert_int_equal(json_integer_value(json_object_get(shown, "seconds")), 3);
        assert_int_equal(json_integer_value(json_object_get(shown, "bytes")), 5);
        file = json_array_get(json_object_get(shown, "files"), 0);
        assert_string_equal(fake_text(file, "codec"), "opus");
        assert_int_equal(json_integer_value(json_object_get(file, "duration_ms")), 2500);
        json_decref(shown);
        assert_int_equal(rec_get_file(world, id, "p1-mic-1-1.mkv", ""), 200);
        assert_string_equal(fake_reply.saved_name, "");
        assert_int_equal(rec_get_file(world, id, "p1-mic-1-1.mkv", "download=1"), 200);
        assert_non_null(strstr(fake_reply.saved_name, "Hội nghị "));
        assert_non_null(strstr(fake_reply.saved_name, " phần 1 mic-1-1.mkv"));
        assert_int_equal(rec_get_file(world, id, "p1-mic-2-1.mkv", ""), 404);
        assert_int_equal(rec_get_file(world, id, "files.json", ""), 404);
        assert_int_equal(rec_get_file(world, id, "..", ""), 404);
        assert_int_equal(rec_request(world, recordings_delete, ROLE_CHAIR, id), 204);
        assert_false(rec_has_folder(world, id));
        fake_settle(world);
        while (rec_request(world, recordings_show, ROLE_CHAIR, id) != 404)
                service_tick(world->app);
}

static void only_hosts_of_this_meeting_may(void **state)
{
        struct world *world = *state;
        struct store_meeting other = { .title = "Họp khác" };
        struct ask stranger = { .world = world, .role = ROLE_CHAIR, .meeting = other.id };
        char id[UUID_TEXT];

        uuid_v7(other.id, 1);
        assert_int_equal(store_meeting_create(world->store, &other), 0);
        assert_int_equal(rec_start_as(world, ROLE_PRESENTER, "tracks", NULL), 403);
        rec_record_one(world, id);
        assert_int_equal(rec_request(world, recordings_list, ROLE_DELEGATE, world->meeting), 403);
        assert_int_equal(rec_request(world, recordings_show, ROLE_DELEGATE, id), 403);
        assert_int_equal(rec_request(world, recordings_stop, ROLE_OBSERVER, id), 403);
        assert_int_equal(rec_request(world, recordings_delete, ROLE_PRESENTER, id), 403);
        recordings_show(world->app, NULL, rec_prepare(&stranger), id);
        assert_int_equal(fake_reply.status, 404);
        recordings_delete(world->app, NULL, rec_prepare(&stranger), id);
        assert_int_equal(fake_reply.status, 404);
        recordings_list(world->app, NULL, rec_prepare(&stranger), world->meeting);
        assert_int_equal(fake_reply.status, 403);
        assert_int_equal(rec_request(world, recordings_show, ROLE_CHAIR, "nothing"), 404);
        assert_int_equal(rec_start_as(world, ROLE_CHAIR, "cinema", NULL), 400);
        assert_int_equal(rec_request(world, recordings_stop, ROLE_CHAIR, id), 409);
}

static void a_job_that_dies_goes_on_in_a_new_part(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        char id[UUID_TEXT];
        const json_t *jobs;
        size_t n_events;

        fake_join(world, a, "A", -1);
        rec_begin(world, "tracks", id);
        n_events = fake_count(a, "recording");
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_CRASHED, "");
        service_tick(world->app);
        assert_non_null(fake_job(JOB_TRACKS, 1));
        assert_int_equal(
                json_integer_value(json_object_get(fake_job(JOB_TRACKS, 1)->start, "part")), 2);
        fake_now_ms += JOBS_NEWS_MIN_MS;
        service_tick(world->app);
        jobs = json_object_get(fake_last(a, "jobs"), "recording");
        assert_string_equal(fake_text(jobs, "error"), "job-crashed");
        assert_int_equal(json_integer_value(json_object_get(jobs, "parts")), 2);
        assert_int_equal(fake_count(a, "recording"), n_events);
        fake_close(a);
}

static void a_job_that_cannot_live_is_given_up_and_said(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        char id[UUID_TEXT];
        const json_t *jobs;

        fake_join(world, a, "A", -1);
        rec_begin(world, "tracks", id);
        for (size_t i = 0; fake_job(JOB_TRACKS, i); i++) {
                fake_job_ends(fake_job(JOB_TRACKS, i), JOB_STALLED, "");
                fake_now_ms += DEATHS_MAX * DEATHS_STEP_MS;
                service_tick(world->app);
        }
        fake_settle(world);
        assert_int_equal(fake_jobs.n, DEATHS_MAX);
        assert_true(json_is_null(json_object_get(fake_last(a, "recording"), "by")));
        fake_now_ms += JOBS_NEWS_MIN_MS;
        service_tick(world->app);
        service_tick(world->app);
        jobs = json_object_get(fake_last(a, "jobs"), "recording");
        assert_string_equal(fake_text(jobs, "state"), "failed");
        assert_string_equal(fake_text(jobs, "error"), "job-stalled");
        rec_expect_row(world, id, "failed");
        fake_close(a);
}

/* ---- what was said when ---- */

static void the_timeline_has_names_pages_and_speakers(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct meeting_command present = {
                .type = COMMAND_PRESENT, .by = "s-a", .document = PAPER, .page = 3, .n_pages = 5
        };
        struct room *room;
        char id[UUID_TEXT];
        json_t *shown;
        const json_t *timeline, *last;

        fake_join(world, a, "Nguyễn Văn A", -1);
        rec_begin(world, "tracks", id);
        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        fake_now_ms += 2000;
        fake_sfu.events[0] = (struct sfu_event){ .type = SFU_EV_SPEAKER,
                                                 .room = room->number,
                                                 .participant = 1 };
        fake_sfu.n_events = 1;
        service_poll(world->app);
        fake_now_ms += 1000;
        assert_int_equal(room_submit(room, &present, NULL, NULL), 0);
        fake_settle(world);
        assert_int_equal(rec_request(world, recordings_show, ROLE_CHAIR, id), 200);
        shown = rec_answer();
        timeline = json_object_get(shown, "timeline");
        last = json_array_get(timeline, json_array_size(timeline) - 2);
        assert_string_equal(fake_text(last, "type"), "page");
        assert_string_equal(fake_text(last, "document"), PAPER);
        assert_int_equal(json_integer_value(json_object_get(last, "t_ms")), 3000);
        assert_string_equal(fake_text(json_array_get(json_object_get(shown, "pages"), 0), "file"),
                            PAPER "-3.webp");
        last = json_array_get(timeline, json_array_size(timeline) - 1);
        assert_string_equal(fake_text(last, "type"), "speaker");
        assert_string_equal(fake_text(last, "name"), "Nguyễn Văn A");
        assert_string_equal(fake_text(last, "participant"), "s-a");
        assert_int_equal(json_integer_value(json_object_get(last, "t_ms")), 2000);
        json_decref(shown);
        fake_close(a);
}

/* ---- restarts, ends ---- */

static void it_goes_on_after_a_restart_when_somebody_is_back(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        char id[UUID_TEXT];
        json_t *welcome;

        fake_join(world, a, "A", -1);
        rec_begin(world, "tracks", id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        fake_close(a);
        rec_restart(world);
        assert_null(fake_job(JOB_TRACKS, 0));
        a = fake_open(world, "s-a", ROLE_CHAIR);
        welcome = fake_join(world, a, "A", -1);
        assert_string_equal(fake_text(json_object_get(welcome, "recording"), "recording"), id);
        service_tick(world->app);
        assert_non_null(fake_job(JOB_TRACKS, 0));
        assert_int_equal(
                json_integer_value(json_object_get(fake_job(JOB_TRACKS, 0)->start, "part")), 2);
        fake_close(a);
}

static void nobody_came_back_so_it_is_finished(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT];

        rec_begin(world, "tracks", id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        rec_restart(world);
        fake_now_ms += ROOM_IDLE_MS + 1;
        service_tick(world->app);
        fake_settle(world);
        service_tick(world->app);
        rec_finish_well(world, "p1-mic-1-1.mkv");
        rec_expect_row(world, id, "ready");
}

static void when_everybody_has_left_it_ends_by_itself(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT];

        rec_begin(world, "tracks", id);
        fake_now_ms += ROOM_IDLE_MS;
        service_tick(world->app);
        fake_now_ms += ROOM_IDLE_MS;
        service_tick(world->app);
        fake_settle(world);
        service_tick(world->app);
        assert_true(fake_job(JOB_TRACKS, 0)->stopped);
}

static void what_was_being_finished_is_finished_after_a_restart(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT];

        rec_begin(world, "tracks", id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        rec_request(world, recordings_stop, ROLE_CHAIR, id);
        service_tick(world->app);
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_DONE, "");
        rec_expect_row(world, id, "finishing");
        rec_restart(world);
        rec_finish_well(world, "p1-mic-1-1.mkv");
        rec_expect_row(world, id, "ready");
}

static struct room *a_room(struct world *world)
{
        struct room *room;

        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        return room;
}

/* A disk that is full is not what is wrong. */
static void one_that_began_too_often_is_given_up(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT];
        json_t *row;

        rec_begin(world, "tracks", id);
        a_room(world)->recording->kept.parts.n = RECORDING_MAX_PARTS;
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_CRASHED, "");
        for (int i = 0; i < 2 * DEATHS_MAX; i++) {
                fake_now_ms += DEATHS_MAX * DEATHS_STEP_MS;
                service_tick(world->app);
        }
        assert_null(fake_job(JOB_TRACKS, 1));
        rec_finish_well(world, "p1-mic-1-1.mkv");
        row = rec_wait_row(world, id, "ready");
        assert_string_equal(fake_text(row, "error"), "internal");
        json_decref(row);
}

static void stop_it(struct world *world, const char *id)
{
        rec_request(world, recordings_stop, ROLE_CHAIR, id);
        service_tick(world->app);
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_DONE, "");
        service_tick(world->app);
}

/* As when the store had no room for the event of its end. */
static void one_whose_end_is_not_in_the_log_is_not_finished_while_it_goes_on(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        struct meeting_command command = { .type = COMMAND_RECORDING, .on = true, .by = "s-a" };
        char id[UUID_TEXT];

        fake_join(world, a, "A", -1);
        rec_begin(world, "tracks", id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        stop_it(world, id);
        service_tick(world->app);
        assert_true(fake_job(JOB_FINISH, 0)->running);
        command.role = ROLE_CHAIR;
        command.recording = id;
        assert_int_equal(room_submit(a_room(world), &command, NULL, NULL), 0);
        fake_settle(world);
        service_tick(world->app);
        assert_non_null(fake_job(JOB_TRACKS, 1));
        assert_true(fake_job(JOB_FINISH, 0)->killed);
        fake_job_ends(fake_job(JOB_FINISH, 0), JOB_FAILED, "");
        for (int i = 0; i < 3; i++)
                service_tick(world->app);
        rec_expect_row(world, id, "on");
        assert_null(fake_job(JOB_FINISH, 1));
        fake_close(a);
}

static void one_whose_row_is_lost_is_not_swept_while_its_meeting_knows_it(void **state)
{
        struct world *world = *state;
        struct store_recording row;
        char id[UUID_TEXT];

        rec_begin(world, "tracks", id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        row = a_room(world)->recording->kept.row;
        row.parts = "";
        row.deleted = true;
        assert_int_equal(store_recording_put(world->store, &row, NULL, NULL), 0);
        rec_restart(world);
        assert_true(rec_has_folder(world, id));
}

/* A process without a free descriptor, say. */
static void a_folder_that_cannot_be_read_now_is_read_later(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT], folder[MEDIA_PATH], away[MEDIA_PATH + 8];
        FILE *file;

        rec_begin(world, "tracks", id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        snprintf(folder, sizeof(folder), "%s/media/%s/rec/%s", world->dir, world->meeting, id);
        snprintf(away, sizeof(away), "%s.away", folder);
        assert_int_equal(rename(folder, away), 0);
        file = fopen(folder, "w");
        assert_non_null(file);
        fclose(file);
        stop_it(world, id);
        for (int i = 0; i < 3; i++) {
                fake_now_ms += 10000;
                service_tick(world->app);
        }
        assert_null(fake_job(JOB_FINISH, 0));
        assert_int_equal(unlink(folder), 0);
        assert_int_equal(rename(away, folder), 0);
        fake_now_ms += 10000;
        rec_finish_well(world, "p1-mic-1-1.mkv");
        rec_expect_row(world, id, "ready");
}

static void a_file_that_kills_the_finisher_is_left_as_it_is(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT], path[MEDIA_PATH];
        struct media_found found;
        json_t *row;

        rec_begin(world, "tracks", id);
        rec_put_file(world, id, ".half");
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-2-1.mkv");
        rec_request(world, recordings_stop, ROLE_CHAIR, id);
        service_tick(world->app);
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_DONE, "");
        service_tick(world->app);
        service_tick(world->app);
        fake_job_ends(fake_job(JOB_FINISH, 0), JOB_CRASHED, "");
        service_tick(world->app);
        assert_int_equal(json_array_size(json_object_get(fake_job(JOB_FINISH, 1)->start, "files")),
                         1);
        rec_finish_well(world,
                        json_string_value(json_array_get(
                                json_object_get(fake_job(JOB_FINISH, 1)->start, "files"), 0)));
        row = rec_wait_row(world, id, "ready");
        assert_int_equal(json_integer_value(json_object_get(row, "bytes")), 10);
        json_decref(row);
        assert_int_equal(rec_get_file(world, id, "p1-mic-1-1.mkv", ""), 200);
        snprintf(path, sizeof(path), "%s/rec/%s/.half", world->meeting, id);
        assert_int_equal(media_find(world->media, path, &found), -ENOENT);
}

/* ---- means ---- */

static void without_room_on_the_disk_none_begins_and_one_that_runs_ends(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        char id[UUID_TEXT];
        json_t *row;

        fake_join(world, a, "A", -1);
        world->app->recordings->config.free_bytes = INT64_MAX;
        assert_int_equal(rec_start_as(world, ROLE_CHAIR, "tracks", NULL), 507);
        assert_int_equal(fake_count(a, "recording"), 0);
        world->app->recordings->config.free_bytes = 0;
        rec_begin(world, "tracks", id);
        world->app->recordings->config.free_bytes = INT64_MAX;
        fake_now_ms += 1000;
        service_tick(world->app);
        fake_settle(world);
        assert_true(json_is_false(json_object_get(fake_last(a, "recording"), "on")));
        assert_true(fake_job(JOB_TRACKS, 0)->stopped);
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_DONE, "");
        row = rec_wait_row(world, id, "failed");
        assert_string_equal(fake_text(row, "error"), "disk-full");
        json_decref(row);
        assert_string_equal(fake_text(fake_say(world, a,
                                               json_pack("{s:s, s:i, s:s}", "type", "chat", "id", 9,
                                                         "text", "x")),
                                      "type"),
                            "ok");
        fake_close(a);
}

static void fill_disk(struct world *world)
{
        world->app->recordings->config.free_bytes = INT64_MAX;
        fake_now_ms += 1000;
        service_tick(world->app);
}

static bool has(struct world *world, const char *id, const char *name)
{
        char path[MEDIA_PATH + 64];
        struct media_found found;

        snprintf(path, sizeof(path), "%s/rec/%s/%s", world->meeting, id, name);
        if (media_find(world->media, path, &found) < 0)
                return false;
        media_found_done(&found);
        return true;
}

/* What is there can be played as it is. */
static void without_room_on_the_disk_nothing_is_copied(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT];
        struct job *job;

        rec_begin(world, "tracks", id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-2-1.mkv");
        stop_it(world, id);
        service_tick(world->app);
        job = fake_job(JOB_FINISH, 0);
        assert_true(job->running);
        rec_put_file(world, id, ".copy");
        fill_disk(world);
        assert_true(job->killed);
        fake_job_ends(job, JOB_FAILED, "");
        rec_expect_row(world, id, "ready");
        assert_null(fake_job(JOB_FINISH, 1));
        assert_true(has(world, id, "p1-mic-2-1.mkv"));
        assert_false(has(world, id, ".copy"));
}

static void without_room_on_the_disk_nothing_is_composed(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT];
        struct job *job;
        json_t *row;

        rec_record_one(world, id);
        assert_int_equal(rec_request(world, recordings_compose, ROLE_CHAIR, id), 202);
        service_tick(world->app);
        job = fake_job(JOB_COMPOSE, 0);
        rec_put_file(world, id, ".compose.new");
        fill_disk(world);
        assert_true(job->killed);
        fake_job_ends(job, JOB_FAILED, "");
        service_tick(world->app);
        fake_settle(world);
        assert_false(has(world, id, ".compose.new"));
        row = rec_wait_row(world, id, "ready");
        while (strcmp(fake_text(row, "error"), "disk-full") != 0) { /* on its way to the disk */
                json_decref(row);
                row = rec_wait_row(world, id, "ready");
        }
        json_decref(row);
        assert_int_equal(rec_request(world, recordings_compose, ROLE_CHAIR, id), 507);
}

/* Nor does it hold up those that wait. */
static void a_finisher_that_says_nothing_of_a_file_is_not_asked_for_ever(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT];

        rec_begin(world, "tracks", id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), id, "p1-mic-1-1.mkv");
        stop_it(world, id);
        service_tick(world->app);
        fake_job_ends(fake_job(JOB_FINISH, 0), JOB_DONE, "");
        rec_expect_row(world, id, "ready");
        assert_null(fake_job(JOB_FINISH, 1));
}

static void a_machine_that_cannot_says_why(void **state)
{
        fake_jobs.cannot = "gstreamer1.0-plugins-good is missing";
        assert_int_equal(rec_start_as(*state, ROLE_CHAIR, "tracks", NULL), 503);
        assert_non_null(strstr(fake_reply.body, "missing-package"));
        assert_non_null(strstr(fake_reply.body, "plugins-good"));
}

static void what_is_past_its_time_or_has_no_row_is_swept(void **state)
{
        enum { DAY_MS = 24 * 3600 * 1000 };
        struct world *world = *state;
        char id[UUID_TEXT], orphan[UUID_TEXT], path[MEDIA_PATH];

        rec_record_one(world, id);
        uuid_v7(orphan, 5);
        snprintf(path, sizeof(path), "%s/rec/%s", world->meeting, orphan);
        assert_int_equal(media_make_dir(world->media, path), 0);
        rec_put_file(world, orphan, "p1-timeline.jsonl");
        fake_now_ms += DAY_MS;
        service_tick(world->app);
        assert_false(rec_has_folder(world, orphan));
        assert_false(rec_has_folder(world, id)); /* kept for FAKE_KEEP_MS, less than a day */
        while (rec_request(world, recordings_show, ROLE_CHAIR, id) != 404)
                service_tick(world->app);
}

static void one_that_is_deleted_while_its_page_is_read_is_not_found(void **state)
{
        struct world *world = *state;
        struct ask show = { .world = world, .role = ROLE_CHAIR }, remove = show, again = show;
        struct http_conn *gone = (struct http_conn *)&remove; /* does not wait for the answer */
        char id[UUID_TEXT];

        rec_record_one(world, id);
        recordings_show(world->app, NULL, rec_prepare(&show), id);
        recordings_delete(world->app, gone, rec_prepare(&remove), id);
        kept_reply_forget(world->app, gone);
        recordings_compose(world->app, NULL, rec_prepare(&again), id);
        assert_int_equal(fake_reply.status, 404); /* though the store may not know yet */
        memset(&fake_reply, 0, sizeof(fake_reply));
        fake_settle(world);
        assert_int_equal(fake_reply.status, 404);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                T(everybody_sees_it_and_the_host_hears_how_it_goes),
                T(its_files_are_finished_listed_and_given_out),
                T(only_hosts_of_this_meeting_may),
                T(a_job_that_dies_goes_on_in_a_new_part),
                T(a_job_that_cannot_live_is_given_up_and_said),
                T(the_timeline_has_names_pages_and_speakers),
                T(it_goes_on_after_a_restart_when_somebody_is_back),
                T(nobody_came_back_so_it_is_finished),
                T(when_everybody_has_left_it_ends_by_itself),
                T(what_was_being_finished_is_finished_after_a_restart),
                T(one_that_began_too_often_is_given_up),
                T(one_whose_end_is_not_in_the_log_is_not_finished_while_it_goes_on),
                T(one_whose_row_is_lost_is_not_swept_while_its_meeting_knows_it),
                T(a_folder_that_cannot_be_read_now_is_read_later),
                T(a_file_that_kills_the_finisher_is_left_as_it_is),
                T(without_room_on_the_disk_none_begins_and_one_that_runs_ends),
                T(without_room_on_the_disk_nothing_is_copied),
                T(without_room_on_the_disk_nothing_is_composed),
                T(a_finisher_that_says_nothing_of_a_file_is_not_asked_for_ever),
                T(a_machine_that_cannot_says_why),
                T(one_that_is_deleted_while_its_page_is_read_is_not_found),
                T(what_is_past_its_time_or_has_no_row_is_swept),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
