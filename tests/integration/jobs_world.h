/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs_world — a loop with jobs on it, for tests. The test program is also the job: its main
 *              hands `job WORD` over to job_main() or child_main().
 *
 * A wait that takes a minute fails the test.
 */
#ifndef TESTS_INTEGRATION_JOBS_WORLD_H
#define TESTS_INTEGRATION_JOBS_WORLD_H

#include "sfu/jobs/jobs.h"

struct world {
        uv_loop_t loop;
        uv_timer_t alarm;
        struct jobs *jobs;
        char dir[64], cache[80], work[80]; /* work: the folder of jobs that have no other */
};

struct owner {
        struct job *job;
        size_t n_lines, n_ends;
        json_t *lines; /* the last one of each type */
        json_t *all;
        enum job_end reason;
        char error[32];
};

/* For cmocka_unit_test_setup_teardown(). */
int world_setup(void **state);
int world_teardown(void **state);

/* Starts a job in world->work unless params say otherwise; takes the reference of start. */
void owner_start(struct world *world, struct owner *owner, struct job_params params, json_t *start);
void owner_done(struct owner *owner);

/* Until a line of this type came since the start or since json_object_clear(owner->lines). */
const json_t *owner_wait_line(struct world *world, struct owner *owner, const char *type);
void owner_wait_end(struct world *world, struct owner *owner, enum job_end reason);

#endif
