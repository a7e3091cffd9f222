/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asker — who stands behind an HTTP request, and what she may do.
 *
 * Layer: signaling/core.
 *
 * Each function answers the request itself and returns false when it goes no further.
 */
#ifndef SIGNALING_CORE_ASKER_H
#define SIGNALING_CORE_ASKER_H

#include "signaling/core/auth.h"

/* What a script without a seat is called in the log. */
#define ASKER_WITHOUT_SEAT "api"

struct asker {
        struct auth auth;
        struct room *room;    /* of her token's meeting; open */
        unsigned permissions; /* bits of enum meeting_permission */
};

/* A session or token that is valid, of a seat that was not removed. */
bool asker_admit(struct app *app, struct http_conn *conn, const struct http_request *req,
                 struct asker *ret_asker);
/* The same, of this meeting. */
bool asker_admit_to(struct app *app, struct http_conn *conn, const struct http_request *req,
                    const char *meeting, struct asker *ret_asker);

/* A cookie's request that changes something comes from our own page. */
bool asker_may_change(struct http_conn *conn, const struct http_request *req,
                      const struct asker *asker);
/* All of these bits. */
bool asker_has(struct http_conn *conn, const struct asker *asker, unsigned permissions);

/* The request's body, an object of up to max_bytes; NULL: it is answered. */
json_t *asker_body(struct http_conn *conn, const struct http_request *req, size_t max_bytes);

/* Who may change something of this meeting by a host's right. */
bool asker_admit_host(struct app *app, struct http_conn *conn, const struct http_request *req,
                      const char *meeting, struct asker *ret_asker);

/* Her seat, or ASKER_WITHOUT_SEAT. */
const char *asker_id(const struct asker *asker);

#endif
