/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/jobs_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

static void on_line(void *user, const json_t *line)
{
        struct owner *owner = user;

        assert_int_equal(owner->n_ends, 0);
        owner->n_lines++;
        json_array_append_new(owner->all, json_deep_copy(line));
        json_object_set_new(owner->lines, json_string_value(json_object_get(line, "type")),
                            json_deep_copy(line));
}

static void on_end(void *user, enum job_end reason, const char *error)
{
        struct owner *owner = user;

        owner->n_ends++;
        owner->reason = reason;
        snprintf(owner->error, sizeof(owner->error), "%s", error);
}

static void on_alarm(uv_timer_t *timer)
{
        (void)timer;
        fail_msg("waited for too long");
}

int world_setup(void **state)
{
        struct world *world = calloc(1, sizeof(*world));
        struct jobs_config config = { .loop = &world->loop, .cache_dir = world->cache };

        snprintf(world->dir, sizeof(world->dir), "/tmp/test_jobs.XXXXXX");
        assert_non_null(mkdtemp(world->dir));
        snprintf(world->cache, sizeof(world->cache), "%s/cache", world->dir);
        snprintf(world->work, sizeof(world->work), "%s/work", world->dir);
        assert_int_equal(mkdir(world->work, 0700), 0);
        uv_loop_init(&world->loop);
        uv_timer_init(&world->loop, &world->alarm);
        assert_int_equal(jobs_new(&world->jobs, &config), 0);
        *state = world;
        return 0;
}

static void close_handle(uv_handle_t *handle, void *user)
{
        (void)user;
        if (!uv_is_closing(handle))
                uv_close(handle, NULL);
}

int world_teardown(void **state)
{
        struct world *world = *state;
        char command[128];

        jobs_free(world->jobs);
        uv_walk(&world->loop, close_handle, NULL);
        uv_run(&world->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&world->loop), 0);
        snprintf(command, sizeof(command), "rm -r %s", world->dir);
        assert_int_equal(system(command), 0);
        free(world);
        return 0;
}

void owner_start(struct world *world, struct owner *owner, struct job_params params, json_t *start)
{
        params.dir = params.dir ? params.dir : world->work;
        params.start = start;
        params.on_line = on_line;
        params.on_end = on_end;
        params.user = owner;
        *owner = (struct owner){ .lines = json_object(), .all = json_array() };
        assert_int_equal(job_start(world->jobs, &params, &owner->job), 0);
        assert_int_equal(owner->n_ends, 0);
        json_decref(start);
}

void owner_done(struct owner *owner)
{
        json_decref(owner->lines);
        json_decref(owner->all);
}

static void run_once(struct world *world)
{
        uv_update_time(&world->loop); /* a test may have done other things for long */
        uv_timer_start(&world->alarm, on_alarm, 60000, 0);
        uv_run(&world->loop, UV_RUN_ONCE);
        uv_timer_stop(&world->alarm);
}

const json_t *owner_wait_line(struct world *world, struct owner *owner, const char *type)
{
        while (!json_object_get(owner->lines, type) && owner->n_ends == 0)
                run_once(world);
        if (!json_object_get(owner->lines, type))
                fail_msg("ended (%d %s) before \"%s\"", (int)owner->reason, owner->error, type);
        return json_object_get(owner->lines, type);
}

void owner_wait_end(struct world *world, struct owner *owner, enum job_end reason)
{
        while (owner->n_ends == 0)
                run_once(world);
        assert_int_equal(owner->reason, reason);
}
