/* SPDX-License-Identifier: Apache-2.0 */
/* program — the composed picture and sound, recorded and shared with the stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/signaling/recording_world.h"

static void a_program_and_tracks_are_parts_of_one_recording(void **state)
{
        struct world *world = *state;
        struct job *program;
        char id[UUID_TEXT], file[80];
        json_t *shown, *parts;

        rec_begin(world, "both", id);
        program = fake_job(JOB_PROGRAM, 0);
        assert_non_null(strstr(program->dir, world->meeting));
        snprintf(file, sizeof(file), "rec/%s/p2.mp4", id);
        assert_string_equal(fake_text(fake_job_heard(program, "record"), "file"), file);
        rec_put_file(world, id, "p2.mp4");
        fake_job_says(program,
                      json_pack("{s:s, s:s, s:i}", "type", "file", "name", file, "t", 400000));
        rec_say_progress(program, 4400000, 99);
        assert_int_equal(rec_request(world, recordings_stop, ROLE_CHAIR, id), 200);
        service_tick(world->app);
        assert_true(json_is_null(json_object_get(fake_job_heard(program, "record"), "file")));
        assert_true(json_is_integer(json_object_get(fake_job_heard(program, "record"), "until")));
        assert_false(program->stopped); /* its last bytes are awaited */
        fake_job_says(program, json_pack("{s:s, s:s}", "type", "file-end", "name", file));
        service_tick(world->app);
        assert_true(program->stopped);
        fake_job_ends(program, JOB_DONE, "");
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_DONE, "");
        service_tick(world->app);
        rec_finish_well(world, "p2.mp4");
        rec_expect_row(world, id, "ready");
        assert_int_equal(rec_request(world, recordings_show, ROLE_CHAIR, id), 200);
        shown = rec_answer();
        parts = json_object_get(shown, "parts");
        assert_int_equal(json_array_size(parts), 1); /* what is to be watched */
        assert_string_equal(fake_text(json_array_get(parts, 0), "video"), "p2.mp4");
        assert_true(json_is_true(json_object_get(shown, "has_video")));
        json_decref(shown);
        assert_int_equal(rec_request(world, recordings_compose, ROLE_CHAIR, id), 202);
}

static void a_program_that_dies_begins_another_file(void **state)
{
        struct world *world = *state;
        struct job *program;
        char id[UUID_TEXT], file[80];

        rec_begin(world, "program", id);
        assert_null(fake_job(JOB_TRACKS, 0));
        fake_job_ends(fake_job(JOB_PROGRAM, 0), JOB_CRASHED, "");
        service_tick(world->app);
        service_tick(world->app);
        program = fake_job(JOB_PROGRAM, 1);
        assert_non_null(program);
        snprintf(file, sizeof(file), "rec/%s/p2.mp4", id);
        assert_string_equal(fake_text(fake_job_heard(program, "record"), "file"), file);
}

/* Another user of the program, as the stream is. */
struct stream {
        struct program_user *user;
        unsigned begun, gone;
        char line[16];
};

static void on_stream_begin(void *user, const struct program_run *run)
{
        struct stream *stream = user;

        assert_true(run->start_ms > 0);
        stream->begun++;
        program_live(stream->user, "live/KEY");
}

static void on_stream_line(void *user, const char *type, const json_t *line)
{
        struct stream *stream = user;

        assert_string_equal(fake_text(line, "type"), type);
        snprintf(stream->line, sizeof(stream->line), "%s", type);
}

static void on_stream_gone(void *user, const char *error, bool again)
{
        struct stream *stream = user;

        assert_string_equal(error, "job-crashed");
        stream->gone++;
        if (!again)
                stream->user = NULL;
}

static void the_program_is_shared_with_the_stream(void **state)
{
        static const struct program_events events = { on_stream_begin, on_stream_line,
                                                      on_stream_gone };
        struct world *world = *state;
        struct stream stream = { 0 };
        struct job *program;
        struct room *room;
        char id[UUID_TEXT];

        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        assert_int_equal(program_join(room, &events, &stream, &stream.user), 0);
        rec_begin(world, "program", id);
        program = fake_job(JOB_PROGRAM, 0);
        assert_null(fake_job(JOB_PROGRAM, 1));
        assert_string_equal(fake_text(fake_job_heard(program, "live"), "dir"), "live/KEY");
        fake_job_says(program, json_pack("{s:s, s:s, s:i}", "type", "file", "name", "x", "t", 1));
        assert_string_equal(stream.line, ""); /* the recording's */
        fake_job_says(program, json_pack("{s:s, s:s}", "type", "live", "dir", "live/KEY"));
        assert_string_equal(stream.line, "live");

        fake_job_ends(program, JOB_CRASHED, "");
        service_tick(world->app);
        service_tick(world->app);
        program = fake_job(JOB_PROGRAM, 1);
        assert_int_equal(stream.begun, 2);
        assert_int_equal(stream.gone, 1);
        assert_non_null(fake_job_heard(program, "record"));

        rec_request(world, recordings_stop, ROLE_CHAIR, id);
        service_tick(world->app);
        fake_job_says(program, json_pack("{s:s, s:s}", "type", "file-end", "name", "x"));
        service_tick(world->app);
        assert_false(program->stopped); /* the stream goes on */
        stream.user = program_leave(stream.user);
        assert_true(program->stopped);
        fake_job_ends(program, JOB_DONE, "");
        service_tick(world->app);
        assert_null(room->program);
        assert_int_equal(stream.gone, 1);
}

static void a_program_that_cannot_live_is_given_up_by_all(void **state)
{
        static const struct program_events events = { on_stream_begin, on_stream_line,
                                                      on_stream_gone };
        struct world *world = *state;
        struct stream stream = { 0 };
        struct room *room;

        assert_int_equal(room_open(world->app, world->meeting, &room), 0);
        assert_int_equal(program_join(room, &events, &stream, &stream.user), 0);
        for (size_t i = 0; fake_job(JOB_PROGRAM, i); i++) {
                service_tick(world->app);
                fake_job_ends(fake_job(JOB_PROGRAM, i), JOB_CRASHED, "");
                fake_now_ms += DEATHS_MAX * DEATHS_STEP_MS;
                service_tick(world->app);
        }
        assert_int_equal(fake_jobs.n, DEATHS_MAX);
        assert_int_equal(stream.gone, DEATHS_MAX);
        assert_null(stream.user);
        service_tick(world->app);
        assert_null(room->program);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                T(a_program_and_tracks_are_parts_of_one_recording),
                T(a_program_that_dies_begins_another_file),
                T(the_program_is_shared_with_the_stream),
                T(a_program_that_cannot_live_is_given_up_by_all),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
