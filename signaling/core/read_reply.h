/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_reply — an answer over HTTP that is made of files: store/reader.h makes it.
 *
 * Layer:  signaling/core.
 * Owner:  the reader; app->read_replies lists those on their way.
 * Thread: the signalling thread; make() is called on the reader's.
 */
#ifndef SIGNALING_CORE_READ_REPLY_H
#define SIGNALING_CORE_READ_REPLY_H

#include "signaling/core/app.h"

struct read_reply_params {
        size_t size; /* of what make() needs: a copy of it is made */
        const void *data;
        /* The body, JSON, to free(); NULL: no memory. It knows nothing but data. */
        char *(*make)(const void *data);
        /* Asked on the signalling thread when it is made: false is answered 404, for what it was
         * made of may have been going. */
        bool (*is_there)(struct app *app, const void *data);
};

/* Answered 503 when too many are on their way. */
void read_reply(struct app *app, struct http_conn *conn, const struct read_reply_params *params);

void read_replies_init(struct app *app);
/* Before the reader's own end: what is on its way is answered to nobody. */
void read_replies_done(struct app *app);

/* The connection is over. */
void read_reply_forget(struct app *app, const struct http_conn *conn);

#endif
