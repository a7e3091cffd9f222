/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/auth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_SESSION_DIGITS = 10 };

static int read_bearer(const struct app *app, const struct http_request *req,
                       struct token *ret_token)
{
        static const char scheme[] = "Bearer ";
        const char *text = req->authorization;

        if (strncasecmp(text, scheme, strlen(scheme)) != 0)
                return TOKEN_E_INVALID;
        for (text += strlen(scheme); *text == ' '; text++)
                ;
        return token_read(ret_token, text, app->wall_ms(), app->secret);
}

static int read_cookie(const struct app *app, const struct http_request *req,
                       struct token *ret_token)
{
        char s[MAX_SESSION_DIGITS + 1], name[32], value[TOKEN_MAX];
        int r;

        if (http_query_get(req, "s", s, sizeof(s)) != 0 || !s[0] ||
            s[strspn(s, "0123456789")] != '\0')
                return TOKEN_E_INVALID;
        snprintf(name, sizeof(name), "dinh_%s", s);
        if (http_cookie_get(req, name, value, sizeof(value)) != 0)
                return TOKEN_E_INVALID;
        r = token_read(ret_token, value, app->wall_ms(), app->secret);
        return r == 0 && ret_token->kind != TOKEN_SESSION ? TOKEN_E_INVALID : r;
}

int auth_request(const struct app *app, const struct http_request *req, struct auth *ret_auth)
{
        struct auth auth = { .means = req->authorization[0] ? AUTH_BEARER : AUTH_COOKIE };
        struct token token;
        int r = auth.means == AUTH_BEARER ? read_bearer(app, req, &token)
                                          : read_cookie(app, req, &token);

        if (r != 0)
                return r;
        if (token.kind != TOKEN_JOIN && token.kind != TOKEN_SESSION)
                return TOKEN_E_INVALID;
        auth.who.role = token.role;
        memcpy(auth.who.meeting, token.meeting, sizeof(auth.who.meeting));
        memcpy(auth.who.seat, token.seat, sizeof(auth.who.seat));
        memcpy(auth.who.name, token.name, sizeof(auth.who.name));
        *ret_auth = auth;
        return 0;
}

bool auth_is_operator(const struct app *app, const struct http_request *req)
{
        struct token token;

        return read_bearer(app, req, &token) == 0 && token.kind == TOKEN_OPERATOR;
}

bool auth_is_viewer_of(const struct app *app, const struct http_request *req, const char *meeting)
{
        struct token token;

        return read_bearer(app, req, &token) == 0 && token.kind == TOKEN_VIEWER &&
               strcmp(token.meeting, meeting) == 0;
}

bool auth_origin_is_ours(const struct http_request *req)
{
        const char *host = strstr(req->origin, "://");

        return host && req->host[0] && strcasecmp(host + 3, req->host) == 0;
}

bool auth_may_change(const struct http_request *req, const struct auth *auth)
{
        return auth->means == AUTH_BEARER || auth_origin_is_ours(req);
}

int auth_permissions(const struct room *room, const struct identity *who, unsigned *ret_permissions)
{
        const struct meeting_seat *seat = who->seat[0] ? meeting_seat(room->state, who->seat)
                                                       : NULL;

        if (seat && seat->removed)
                return MEETING_E_REMOVED;
        *ret_permissions = role_permissions(seat ? seat->role : who->role);
        return 0;
}
