/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joiner — brings clients to the server: an offer over WHIP or WHEP, then ICE by
 *          libnice's full agent. Once a pair is chosen its socket is taken over
 *          and the agent is gone: it costs 6 µs a packet, and knows no GRO.
 *
 * Layer:  load/io.
 * Owner:  the run.
 * Thread: one of its own for ICE, and HTTP_THREADS that wait for HTTP answers.
 *         The functions below belong to the owner's thread.
 *
 * A join's way: begin() -> agent gathers -> POST (again after 429) -> checks ->
 * READY -> the mailbox. Or at any step: the mailbox, with error set.
 */
#ifndef LOAD_IO_JOINER_H
#define LOAD_IO_JOINER_H

#include <netinet/in.h>

#include "base/mailbox.h"
#include "load/core/sdp.h"
#include "load/io/http.h"

struct join {
        /* Of the caller: */
        unsigned index;
        bool publishes;
        char path[1024]; /* of the POST, with query */
        struct load_offer offer;
        unsigned n_sent; /* sending lines in the offer */
        int64_t begun_us;

        /* The outcome: */
        int64_t answered_us, ready_us;
        unsigned n_too_fast; /* 429 on the way */
        char error[160];     /* "": none */
        char location[256];  /* to be DELETEd; "" when there is none */
        struct load_answer answer;
        char ufrag[64], pwd[64]; /* ours */
        int fd;                  /* connected to the server's candidate; -1: none */
};

struct join *join_free(struct join *join); /* accepts NULL; closes fd */
DEFINE_CLEANUP(struct join *, join_free)

struct joiner;

struct joiner_params {
        const struct http_base *base;
        const char *token;
        struct mailbox *done; /* takes struct join *, at least as many as begin at a time */
};

must_use int joiner_new(struct joiner **ret_joiner, const struct joiner_params *params);

/* Waits for what is under way. Accepts NULL. */
struct joiner *joiner_free(struct joiner *joiner);
DEFINE_CLEANUP(struct joiner *, joiner_free)

/* Takes the join; it comes back through the mailbox. */
void joiner_begin(struct joiner *joiner, struct join *join);

/* Ends a session at the server (DELETE). */
void joiner_leave(struct joiner *joiner, const char *location);

#endif
