/* SPDX-License-Identifier: Apache-2.0 */
/* recording_world — asking for recordings, and what their jobs say, for tests of them. */
#ifndef TESTS_UNIT_SIGNALING_RECORDING_WORLD_H
#define TESTS_UNIT_SIGNALING_RECORDING_WORLD_H

#include "signaling/core/recording_show.h"
#include "signaling/core/recordings_api.h"
#include "signaling/core/rooms.h"
#include "tests/unit/signaling/fake_jobs.h"
#include "tests/unit/signaling/fakes.h"

/* A request with a token of this role; of another meeting when given. */
struct ask {
        struct world *world;
        enum meeting_role role;
        const char *meeting, *query, *body;
        char authorization[TOKEN_MAX + 16];
        struct http_request req;
};

typedef void (*request_fn)(struct app *app, struct http_conn *conn, const struct http_request *req,
                           const char *id);

const struct http_request *rec_prepare(struct ask *ask);
/* The body of the last answer; the caller's. */
json_t *rec_answer(void);

/* These return the status. ret_id may be NULL. */
int rec_start_as(struct world *world, enum meeting_role role, const char *mode,
                 char ret_id[UUID_TEXT]);
int rec_request(struct world *world, request_fn what, enum meeting_role role, const char *id);
int rec_get_file(struct world *world, const char *id, const char *name, const char *query);

/* A recording that a chair began; its jobs run. */
void rec_begin(struct world *world, const char *mode, char ret_id[UUID_TEXT]);
/* A recording of one microphone, from beginning to end. */
void rec_record_one(struct world *world, char ret_id[UUID_TEXT]);

/* The row as the list has it, when it is in this state; the caller's. */
json_t *rec_wait_row(struct world *world, const char *id, const char *state);
void rec_expect_row(struct world *world, const char *id, const char *state);

/* Everything that was asked for is on disk by then; the jobs are gone. */
void rec_restart(struct world *world);

void rec_put_file(struct world *world, const char *id, const char *name);
bool rec_has_folder(struct world *world, const char *id);

void rec_say_progress(struct job *job, int64_t t_us, int64_t bytes);
/* Makes the file, too. */
void rec_say_mic(struct world *world, struct job *job, const char *id, const char *name);
/* The newest job that finishes files does so with this one. */
void rec_finish_well(struct world *world, const char *name);

#endif
