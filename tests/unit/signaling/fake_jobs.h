/* SPDX-License-Identifier: Apache-2.0 */
/* fake_jobs — jobs that do what the test says. */
#ifndef TESTS_UNIT_SIGNALING_FAKE_JOBS_H
#define TESTS_UNIT_SIGNALING_FAKE_JOBS_H

#include "sfu/api.h"
#include "sfu/jobs/jobs.h"

enum { FAKE_MAX_JOBS = 32 };

struct job {
        enum job_kind kind;
        struct job_params params;
        char dir[512], input[512];
        json_t *start;
        json_t *sent; /* an array */
        bool running, stopped, killed;
};

struct fake_jobs {
        struct job list[FAKE_MAX_JOBS];
        size_t n;
        const char *cannot; /* what jobs_can() says; NULL: it can */
        int start_result;
        unsigned taps_open;
        struct sfu_feed_params feed; /* the last one */
        uint64_t feeds;              /* opened so far; the peer's number is 100 more */
};
extern struct fake_jobs fake_jobs;

/* Forgets all of them. */
void fake_jobs_reset(void);
/* The n-th of this kind, from 0; NULL: none. */
struct job *fake_job(enum job_kind kind, size_t n);
/* Takes the line. */
void fake_job_says(struct job *job, json_t *line);
void fake_job_ends(struct job *job, enum job_end reason, const char *error);
/* The last sent line of this type, or NULL. */
const json_t *fake_job_heard(const struct job *job, const char *type);

#endif
