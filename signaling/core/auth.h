/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth — who asks: the cookie of a session or a bearer token; and whether the
 *        page that asks is ours.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_AUTH_H
#define SIGNALING_CORE_AUTH_H

#include "signaling/core/app.h"

enum { SESSION_LIFE_MS = 7 * 24 * 3600 * 1000 }; /* a conference of several days */

enum auth_means { AUTH_COOKIE, AUTH_BEARER };

struct auth {
        enum auth_means means;
        struct identity who;
};

/* Reads `Authorization: Bearer` if there is one, else the cookie of ?s=. Viewers' and operators'
 * tokens are nobody's.
 * Returns 0 or an enum token_err. */
must_use int auth_request(const struct app *app, const struct http_request *req,
                          struct auth *ret_auth);

/* True for an operator's bearer token. */
bool auth_is_operator(const struct app *app, const struct http_request *req);

/* True for a viewer's bearer token of this meeting. */
bool auth_is_viewer_of(const struct app *app, const struct http_request *req, const char *meeting);

/* Is Origin this very host? An absent one is never. */
bool auth_origin_is_ours(const struct http_request *req);

/* May this request change something? A cookie's only from our own pages. */
bool auth_may_change(const struct http_request *req, const struct auth *auth);

/* What the person may do now: by her seat if there is one, else by the token.
 * Returns 0 or MEETING_E_REMOVED. */
must_use int auth_permissions(const struct room *room, const struct identity *who,
                              unsigned *ret_permissions);

#endif
