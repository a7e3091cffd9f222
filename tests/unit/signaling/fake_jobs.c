/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/signaling/fake_jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sfu/api.h"

struct fake_jobs fake_jobs;

void fake_jobs_reset(void)
{
        for (size_t i = 0; i < fake_jobs.n; i++) {
                json_decref(fake_jobs.list[i].start);
                json_decref(fake_jobs.list[i].sent);
        }
        memset(&fake_jobs, 0, sizeof(fake_jobs));
}

struct job *fake_job(enum job_kind kind, size_t n)
{
        for (size_t i = 0; i < fake_jobs.n; i++)
                if (fake_jobs.list[i].kind == kind && n-- == 0)
                        return &fake_jobs.list[i];
        return NULL;
}

void fake_job_says(struct job *job, json_t *line)
{
        assert_non_null(line);
        assert_true(job->running);
        job->params.on_line(job->params.user, line);
        json_decref(line);
}

void fake_job_ends(struct job *job, enum job_end reason, const char *error)
{
        assert_true(job->running);
        job->running = false;
        job->params.on_end(job->params.user, reason, error);
}

const json_t *fake_job_heard(const struct job *job, const char *type)
{
        for (size_t i = json_array_size(job->sent); i-- > 0;) {
                const json_t *line = json_array_get(job->sent, i);

                if (strcmp(json_string_value(json_object_get(line, "type")), type) == 0)
                        return line;
        }
        return NULL;
}

/* ---- jobs.h ---- */

bool jobs_can(const struct jobs *jobs, enum job_kind kind, const char **ret_why)
{
        (void)jobs;
        (void)kind;
        if (fake_jobs.cannot)
                *ret_why = fake_jobs.cannot;
        return !fake_jobs.cannot;
}

int job_start(struct jobs *jobs, const struct job_params *params, struct job **ret_job)
{
        struct job *job = &fake_jobs.list[fake_jobs.n];

        (void)jobs;
        if (fake_jobs.start_result < 0)
                return fake_jobs.start_result;
        assert_true(fake_jobs.n++ < FAKE_MAX_JOBS);
        *job = (struct job){ .kind = params->kind,
                             .params = *params,
                             .start = json_deep_copy(params->start),
                             .sent = json_array(),
                             .running = true };
        snprintf(job->dir, sizeof(job->dir), "%s", params->dir ? params->dir : "");
        snprintf(job->input, sizeof(job->input), "%s", params->input ? params->input : "");
        if (params->fd >= 0)
                close(params->fd);
        *ret_job = job;
        return 0;
}

void job_send(struct job *job, const json_t *command)
{
        assert_true(job->running);
        json_array_append_new(job->sent, json_deep_copy(command));
}

void job_stop(struct job *job)
{
        job->stopped = true;
}

void job_kill(struct job *job)
{
        job->killed = true;
}

const char *job_kind_word(enum job_kind kind)
{
        (void)kind;
        return "job";
}

void jobs_counters(const struct jobs *jobs, struct jobs_counters *ret_counters)
{
        (void)jobs;
        memset(ret_counters, 0, sizeof(*ret_counters));
}

/* ---- sfu/api.h ---- */

int sfu_tap_open(struct sfu *sfu, const struct sfu_tap_params *params, uint64_t *ret_tap)
{
        (void)sfu;
        close(params->fd);
        fake_jobs.taps_open++;
        *ret_tap = 7;
        return 0;
}

void sfu_tap_close(struct sfu *sfu, uint64_t tap)
{
        (void)sfu;
        assert_int_equal(tap, 7);
        fake_jobs.taps_open--;
}

int sfu_feed_open(struct sfu *sfu, const struct sfu_feed_params *params, uint64_t *ret_peer)
{
        (void)sfu;
        close(params->fd);
        fake_jobs.feed = *params;
        *ret_peer = 100 + ++fake_jobs.feeds;
        return 0;
}
