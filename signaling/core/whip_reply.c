/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/whip_priv.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

#include "signaling/core/replies.h"

void whip_headers_init(struct whip_headers *headers)
{
        headers->n = 0;
        /* Bearer tokens only: no cookie is read here. */
        whip_headers_add(headers, "Access-Control-Allow-Origin", "*");
        whip_headers_add(headers, "Access-Control-Expose-Headers",
                         "Location, ETag, Link, Accept-Patch, Allow, Retry-After, "
                         "WWW-Authenticate");
}

void whip_headers_add(struct whip_headers *headers, const char *name, const char *value)
{
        assert(headers->n < ARRAY_LEN(headers->list));
        headers->list[headers->n++] = (struct http_header){ name, value };
}

void whip_headers_add_turn(struct whip_headers *headers, const struct app *app,
                           const char *participant)
{
        struct turn_credential credential;

        if (app->turn.n_uris == 0 ||
            turn_credential_make(&credential, &app->turn, participant, app->wall_ms()) < 0)
                return;
        for (size_t i = 0; i < app->turn.n_uris; i++) {
                snprintf(headers->links[i], sizeof(headers->links[i]),
                         "<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
                         "credential-type=\"password\"",
                         app->turn.uris[i], credential.username, credential.password);
                whip_headers_add(headers, "Link", headers->links[i]);
        }
}

void whip_refuse(struct http_conn *conn, int status, const char *code, const char *message)
{
        whip_refuse_with(conn, status, code, message, NULL, NULL);
}

void whip_refuse_with(struct http_conn *conn, int status, const char *code, const char *message,
                      const char *name, const char *value)
{
        struct whip_headers headers;

        whip_headers_init(&headers);
        if (name)
                whip_headers_add(&headers, name, value);
        reply_error_with(conn, status, code, message, headers.list, headers.n);
}

void whip_refuse_token(struct http_conn *conn, int token_err, bool given)
{
        const char *challenge = given ? "Bearer error=\"invalid_token\"" : "Bearer";

        if (token_err == TOKEN_E_EXPIRED)
                whip_refuse_with(conn, 401, "token-expired", "the token has expired",
                                 "WWW-Authenticate", challenge);
        else
                whip_refuse_with(conn, 401, "token-invalid", "no valid token", "WWW-Authenticate",
                                 challenge);
}

void whip_refuse_method(struct http_conn *conn, const char *allow)
{
        whip_refuse_with(conn, 405, "bad-message", "no such method here", "Allow", allow);
}

void whip_refuse_too_fast(struct app *app, struct http_conn *conn)
{
        app->n_too_fast++;
        whip_refuse_with(conn, 429, "too-fast", "too many requests, slow down", "Retry-After", "1");
}

void whip_reply(struct http_conn *conn, int status, const char *content_type, const char *body,
                const struct whip_headers *headers)
{
        struct http_response response = { .status = status,
                                          .content_type = content_type,
                                          .headers = headers->list,
                                          .n_headers = headers->n };

        if (body)
                response.body = (struct span){ (const uint8_t *)body, strlen(body) };
        http_reply(conn, &response);
}

void whip_reply_options(struct app *app, struct http_conn *conn, bool is_session,
                        const char *participant)
{
        const char *methods = is_session ? "PATCH, DELETE, OPTIONS" : "POST, OPTIONS";
        struct whip_headers headers;

        whip_headers_init(&headers);
        whip_headers_add(&headers, "Allow", methods); /* RFC 9110 §9.3.7 */
        whip_headers_add(&headers, "Access-Control-Allow-Methods", methods);
        whip_headers_add(&headers, "Access-Control-Allow-Headers",
                         "Authorization, Content-Type, If-Match");
        whip_headers_add(&headers, "Access-Control-Max-Age", "86400");
        if (is_session)
                whip_headers_add(&headers, "Accept-Patch", WHIP_FRAGMENT_TYPE); /* RFC 5789 §3.1 */
        else
                whip_headers_add(&headers, "Accept-Post", WHIP_OFFER_TYPE); /* RFC 9725 §4.2 */
        if (participant)
                whip_headers_add_turn(&headers, app, participant);
        whip_reply(conn, 204, NULL, NULL, &headers);
}

bool whip_has_type(const struct http_request *req, const char *type)
{
        const char *given = req->content_type;
        size_t n = strlen(type);
        char after = strncasecmp(given, type, n) == 0 ? given[n] : 'x';

        return after == '\0' || after == ';' || after == ' ';
}
