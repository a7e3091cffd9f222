/* SPDX-License-Identifier: Apache-2.0 */
/* recording_compose — by behaviour: real store and files, jobs that do what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/core/recordings_priv.h"
#include "tests/unit/signaling/recording_world.h"

static void what_was_to_be_composed_is_after_a_restart(void **state)
{
        struct world *world = *state;
        char id[UUID_TEXT];

        rec_record_one(world, id);
        assert_int_equal(rec_request(world, recordings_compose, ROLE_CHAIR, id), 202);
        rec_restart(world);
        service_tick(world->app);
        rec_put_file(world, id, "program.mp4");
        fake_job_ends(fake_job(JOB_COMPOSE, 0), JOB_DONE, "");
        service_tick(world->app);
        rec_restart(world);
        service_tick(world->app);
        assert_null(fake_job(JOB_COMPOSE, 0));
}

static void a_host_has_tracks_composed_and_sees_how_far_it_is(void **state)
{
        struct world *world = *state;
        struct ws_conn *a = fake_open(world, "s-a", ROLE_CHAIR);
        char id[UUID_TEXT];
        const json_t *part, *compose;
        struct job *job;
        json_t *row;

        fake_join(world, a, "A", -1);
        rec_record_one(world, id);
        assert_int_equal(rec_request(world, recordings_compose, ROLE_CHAIR, id), 202);
        assert_int_equal(rec_request(world, recordings_compose, ROLE_CHAIR, id), 202);
        service_tick(world->app);
        job = fake_job(JOB_COMPOSE, 0);
        part = json_array_get(json_object_get(job->start, "parts"), 0);
        assert_int_equal(json_integer_value(json_object_get(part, "duration_us")), 3000000);
        fake_job_says(
                job, json_pack("{s:s, s:i, s:i}", "type", "progress", "t", 1000000, "of", 4000000));
        fake_now_ms += JOBS_NEWS_MIN_MS;
        service_tick(world->app);
        compose = json_array_get(json_object_get(fake_last(a, "jobs"), "compose"), 0);
        assert_int_equal(json_integer_value(json_object_get(compose, "percent")), 25);
        fake_job_ends(job, JOB_STALLED, ""); /* the machine had nothing left for it */
        service_tick(world->app);
        rec_put_file(world, id, "program.mp4");
        fake_job_ends(fake_job(JOB_COMPOSE, 1), JOB_DONE, "");
        fake_now_ms += JOBS_NEWS_MIN_MS;
        service_tick(world->app);
        assert_int_equal(json_array_size(json_object_get(fake_last(a, "jobs"), "compose")), 0);
        row = rec_wait_row(world, id, "ready");
        while (!json_is_true(json_object_get(row, "has_video"))) {
                json_decref(row);
                row = rec_wait_row(world, id, "ready");
        }
        json_decref(row);
        assert_null(fake_job(JOB_COMPOSE, 2));
        fake_close(a);
}

static void compose_the_next(struct world *world, size_t n)
{
        service_tick(world->app);
        assert_non_null(fake_job(JOB_COMPOSE, n));
        assert_null(fake_job(JOB_COMPOSE, n + 1));
        fake_job_ends(fake_job(JOB_COMPOSE, n), JOB_DONE, "");
        service_tick(world->app);
}

static void as_many_as_can_wait_are_all_composed_after_a_restart(void **state)
{
        enum { ALL = COMPOSE_MAX_WAITING + 1 };
        struct world *world = *state;
        char id[ALL + 1][UUID_TEXT];

        for (size_t i = 0; i < ARRAY_LEN(id); i++) {
                rec_record_one(world, id[i]);
                fake_jobs_reset();
        }
        for (size_t i = 0; i < ALL; i++) {
                assert_int_equal(rec_request(world, recordings_compose, ROLE_CHAIR, id[i]), 202);
                service_tick(world->app); /* the first is at work */
        }
        assert_int_equal(rec_request(world, recordings_compose, ROLE_CHAIR, id[ALL]), 503);
        rec_restart(world);
        for (size_t i = 0; i < ALL; i++)
                compose_the_next(world, i);
        assert_null(fake_job(JOB_COMPOSE, ALL));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)
        const struct CMUnitTest tests[] = {
                T(what_was_to_be_composed_is_after_a_restart),
                T(a_host_has_tracks_composed_and_sees_how_far_it_is),
                T(as_many_as_can_wait_are_all_composed_after_a_restart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
