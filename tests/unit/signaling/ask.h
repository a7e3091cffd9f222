/* SPDX-License-Identifier: Apache-2.0 */
/* ask — requests to the core with a token of one's choice, against the fakes. */
#ifndef TESTS_UNIT_SIGNALING_ASK_H
#define TESTS_UNIT_SIGNALING_ASK_H

#include "tests/unit/signaling/fakes.h"

struct ask {
        struct world *world;
        enum token_kind kind;
        enum meeting_role role;
        const char *seat, *body; /* NULL: none */
        const char *meeting;     /* of the token; NULL: the world's */
        char authorization[TOKEN_MAX + 16];
        struct http_request req;
};

/* The request; valid while ask is. The next answer is in fake_reply. */
const struct http_request *ask_prepare(struct ask *ask);

/* What the last answer says; the caller's. */
json_t *ask_answer(void);
/* The "code" of an error, or "". Static. */
const char *ask_error(void);

/* Somebody joins with this seat and role. fake_close() is due. */
struct ws_conn *ask_join(struct world *world, const char *seat, enum meeting_role role);

/* Lets time pass, tick by tick. */
void ask_pass(struct world *world, int64_t ms);

/* Until so many targets and cameras are on the disk. */
void ask_wait_links(struct world *world, size_t n);

struct room *ask_room(struct world *world);

#endif
