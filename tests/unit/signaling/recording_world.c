/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/signaling/recording_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>

/* ---- asking ---- */

const struct http_request *rec_prepare(struct ask *ask)
{
        const char *meeting = ask->meeting ? ask->meeting : ask->world->meeting;
        struct token token = { .kind = TOKEN_JOIN,
                               .role = ask->role,
                               .expires_ms = fake_now_ms + 1000000000 };
        const char *body = ask->body ? ask->body : "";
        char text[TOKEN_MAX];

        snprintf(token.meeting, sizeof(token.meeting), "%s", meeting);
        assert_int_equal(token_write(text, &token, ask->world->app->secret), 0);
        snprintf(ask->authorization, sizeof(ask->authorization), "Bearer %s", text);
        ask->req = (struct http_request){ .authorization = ask->authorization,
                                          .query = ask->query ? ask->query : "",
                                          .body = { (const uint8_t *)body, strlen(body) } };
        memset(&fake_reply, 0, sizeof(fake_reply));
        return &ask->req;
}

json_t *rec_answer(void)
{
        json_t *object = json_loads(fake_reply.body, 0, NULL);

        assert_non_null(object);
        return object;
}

int rec_start_as(struct world *world, enum meeting_role role, const char *mode,
                 char ret_id[UUID_TEXT])
{
        char body[64];
        struct ask ask = { .world = world, .role = role, .body = body };

        snprintf(body, sizeof(body), "{\"mode\":\"%s\"}", mode);
        recordings_start(world->app, NULL, rec_prepare(&ask), world->meeting);
        fake_settle(world);
        if (fake_reply.status == 201 && ret_id) {
                json_t *row = rec_answer();

                snprintf(ret_id, UUID_TEXT, "%s", fake_text(row, "id"));
                json_decref(row);
        }
        return fake_reply.status;
}

void rec_begin(struct world *world, const char *mode, char ret_id[UUID_TEXT])
{
        assert_int_equal(rec_start_as(world, ROLE_CHAIR, mode, ret_id), 201);
        service_tick(world->app);
}

int rec_request(struct world *world, request_fn what, enum meeting_role role, const char *id)
{
        struct ask ask = { .world = world, .role = role };

        what(world->app, NULL, rec_prepare(&ask), id);
        fake_settle(world);
        return fake_reply.status;
}

int rec_get_file(struct world *world, const char *id, const char *name, const char *query)
{
        struct ask ask = { .world = world, .role = ROLE_CHAIR, .query = query };

        recordings_file(world->app, NULL, rec_prepare(&ask), id, name);
        return fake_reply.status;
}

json_t *rec_wait_row(struct world *world, const char *id, const char *state)
{
        for (unsigned tries = 0; tries < 2000; tries++) {
                json_t *root, *row;
                size_t i;

                service_tick(world->app);
                assert_int_equal(rec_request(world, recordings_list, ROLE_CHAIR, world->meeting),
                                 200);
                root = rec_answer();
                json_array_foreach (json_object_get(root, "recordings"), i, row) {
                        if (strcmp(fake_text(row, "id"), id) != 0 ||
                            strcmp(fake_text(row, "state"), state) != 0)
                                continue;
                        json_incref(row);
                        json_decref(root);
                        return row;
                }
                json_decref(root);
                (void)poll(NULL, 0, 1);
        }
        fail_msg("%s is never %s", id, state);
        return NULL;
}

void rec_expect_row(struct world *world, const char *id, const char *state)
{
        json_decref(rec_wait_row(world, id, state));
}

/* ---- the server ---- */

void rec_restart(struct world *world)
{
        char error[256];

        fake_settle(world);
        service_free(world->app);
        store_close(world->store); /* what was queued is in it */
        assert_int_equal(store_open(&world->store, world->dir, NULL, NULL, error, sizeof(error)),
                         0);
        fake_jobs_reset();
        fake_start_app(world);
        service_tick(world->app);
}

/* ---- files ---- */

void rec_put_file(struct world *world, const char *id, const char *name)
{
        char path[MEDIA_PATH];

        snprintf(path, sizeof(path), "%s/rec/%s/%s", world->meeting, id, name);
        assert_int_equal(media_write(world->media, path, "media", 5), 0);
}

bool rec_has_folder(struct world *world, const char *id)
{
        char path[MEDIA_PATH];
        struct media_found found;

        snprintf(path, sizeof(path), "%s/rec/%s/p1-timeline.jsonl", world->meeting, id);
        if (media_find(world->media, path, &found) < 0)
                return false;
        media_found_done(&found);
        return true;
}

void rec_say_progress(struct job *job, int64_t t_us, int64_t bytes)
{
        fake_job_says(job, json_pack("{s:s, s:I, s:I}", "type", "progress", "t", (json_int_t)t_us,
                                     "bytes", (json_int_t)bytes));
}

void rec_say_mic(struct world *world, struct job *job, const char *id, const char *name)
{
        rec_put_file(world, id, name);
        fake_job_says(job,
                      json_pack("{s:s, s:s, s:i, s:s, s:s, s:i}", "type", "file", "name", name,
                                "participant", 1, "kind", "mic", "codec", "opus", "t", 500000));
}

void rec_finish_well(struct world *world, const char *name)
{
        struct job *job = fake_job(JOB_FINISH, 0);

        service_tick(world->app);
        for (size_t i = 1; fake_job(JOB_FINISH, i); i++)
                job = fake_job(JOB_FINISH, i);
        job = job ? job : fake_job(JOB_FINISH, 0);
        assert_non_null(job);
        fake_job_says(job, json_pack("{s:s, s:s, s:I, s:i}", "type", "file", "name", name,
                                     "duration_us", (json_int_t)3000000, "bytes", 5));
        fake_job_ends(job, JOB_DONE, "");
}

void rec_record_one(struct world *world, char ret_id[UUID_TEXT])
{
        rec_begin(world, "tracks", ret_id);
        rec_say_mic(world, fake_job(JOB_TRACKS, 0), ret_id, "p1-mic-1-1.mkv");
        assert_int_equal(rec_request(world, recordings_stop, ROLE_CHAIR, ret_id), 200);
        service_tick(world->app);
        fake_job_ends(fake_job(JOB_TRACKS, 0), JOB_DONE, "");
        service_tick(world->app);
        rec_finish_well(world, "p1-mic-1-1.mkv");
        rec_expect_row(world, ret_id, "ready");
}
