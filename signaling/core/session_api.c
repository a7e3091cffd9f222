/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/session_api.h"

#include <stdio.h>
#include <string.h>

#include "signaling/core/auth.h"
#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"

enum {
        SEAT_CHARS = 12,  /* 71 bits */
        COOKIES_KEPT = 8, /* sessions of one browser; older cookies are taken back */
        MAX_TAKEN_BACK = 8,
        COOKIE_TEXT = TOKEN_MAX + 160,
};

void session_api_make_seat(char ret[MEETING_ID])
{
        size_t at = strlen(SEAT_SESSION_PREFIX);

        memcpy(ret, SEAT_SESSION_PREFIX, at);
        rand_word(ret + at, SEAT_CHARS);
}

/* ---- cookies ---- */

static void write_cookie(char *ret, size_t cap, const char *name, const char *value, int64_t age_s,
                         bool tls)
{
        snprintf(ret, cap, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict%s", name, value,
                 (long long)age_s, tls ? "; Secure" : "");
}

/* Each tab is a session with a cookie of its own; a browser that opens links
 * all day would send more of them than a request's head may hold. */
struct old_cookies {
        char text[MAX_TAKEN_BACK][160];
        size_t n;
};

static size_t count_cookies(const char *cookie)
{
        size_t n = 0;

        for (const char *at = cookie; (at = strstr(at, "dinh_")); at++)
                n++;
        return n;
}

static void take_back_cookies(struct old_cookies *old, const struct http_request *req)
{
        size_t n = count_cookies(req->cookie);
        const char *at = req->cookie;

        while (n >= COOKIES_KEPT && old->n < MAX_TAKEN_BACK && (at = strstr(at, "dinh_"))) {
                size_t digits = strspn(at + 5, "0123456789");

                n--;
                if (digits >= 1 && digits <= 10 && at[5 + digits] == '=') {
                        char name[32];

                        snprintf(name, sizeof(name), "%.*s", (int)(5 + digits), at);
                        write_cookie(old->text[old->n], sizeof(old->text[0]), name, "", 0,
                                     req->tls);
                        old->n++;
                }
                at++;
        }
}

/* ---- what a session is ---- */

static json_t *session_json(const struct room *room, const struct identity *who, int64_t s)
{
        const struct meeting_seat *seat = meeting_seat(room->state, who->seat);

        return json_pack("{s:I, s:{s:s, s:s}, s:s, s:s, s:b, s:b}", "s", (json_int_t)s, "meeting",
                         "id", room->info.id, "title", room->info.title, "role",
                         role_word(seat ? seat->role : who->role), "name",
                         seat ? seat->name : who->name, "recording",
                         meeting_recording(room->state)->id[0] != '\0', "live",
                         meeting_live(room->state)->on);
}

/* Opens the meeting for who. Answers and returns NULL when there is no way in. */
static struct room *admit(struct app *app, struct http_conn *conn, const struct identity *who)
{
        unsigned permissions;
        struct room *room;
        int r = room_open(app, who->meeting, &room);

        if (r < 0) {
                reply_failure(conn, r);
                return NULL;
        }
        if (auth_permissions(room, who, &permissions) != 0) {
                reply_error(conn, 403, "removed", "a host has ended this seat");
                return NULL;
        }
        return room;
}

static void reply_created(struct app *app, struct http_conn *conn, const struct http_request *req,
                          const struct token *session, const struct room *room)
{
        struct identity who = { .role = session->role };
        struct old_cookies old = { .n = 0 };
        struct http_header headers[1 + MAX_TAKEN_BACK];
        char token[TOKEN_MAX], name[32], cookie[COOKIE_TEXT];
        uint32_t s = rand_u32() % INT32_MAX + 1;

        if (token_write(token, session, app->secret) != 0) {
                reply_error(conn, 500, "internal", "no memory");
                return;
        }
        memcpy(who.seat, session->seat, sizeof(who.seat));
        memcpy(who.name, session->name, sizeof(who.name));
        snprintf(name, sizeof(name), "dinh_%u", s);
        write_cookie(cookie, sizeof(cookie), name, token, SESSION_LIFE_MS / 1000, req->tls);
        headers[0] = (struct http_header){ "Set-Cookie", cookie };
        take_back_cookies(&old, req);
        for (size_t i = 0; i < old.n; i++)
                headers[1 + i] = (struct http_header){ "Set-Cookie", old.text[i] };
        reply_json(conn, 200, session_json(room, &who, s), headers, 1 + old.n);
}

/* ---- requests ---- */

/* Returns 0 or an enum token_err. The meeting's existence is asked for first, so
 * that a link to a meeting that is gone says so. */
static bool read_join_token(struct app *app, struct http_conn *conn, const char *meeting,
                            const char *text, struct token *ret_token)
{
        struct store_meeting info;
        int r = token_read(ret_token, text, app->wall_ms(), app->secret);

        if (r == 0 && ret_token->kind != TOKEN_JOIN)
                r = TOKEN_E_INVALID;
        if (r == 0 && strcmp(ret_token->meeting, meeting) != 0) {
                int found = store_meeting_get(app->store, meeting, &info);

                if (found < 0) {
                        reply_failure(conn, found);
                        return false;
                }
                r = TOKEN_E_INVALID;
        }
        if (r != 0)
                reply_unauthorized(conn, r);
        return r == 0;
}

static void create(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const json_t *body)
{
        const char *meeting = json_string_value(json_object_get(body, "meeting"));
        const char *text = json_string_value(json_object_get(body, "token"));
        struct identity who = { 0 };
        struct token token;
        struct room *room;

        if (!meeting || !text) {
                reply_error(conn, 400, "bad-field", "meeting and token are needed");
                return;
        }
        if (!read_join_token(app, conn, meeting, text, &token))
                return;
        if (!token.seat[0])
                session_api_make_seat(token.seat);
        memcpy(who.meeting, token.meeting, sizeof(who.meeting));
        memcpy(who.seat, token.seat, sizeof(who.seat));
        room = admit(app, conn, &who);
        if (!room)
                return;
        token.kind = TOKEN_SESSION;
        token.expires_ms = app->wall_ms() + SESSION_LIFE_MS;
        reply_created(app, conn, req, &token, room);
}

void session_api_create(struct app *app, struct http_conn *conn, const struct http_request *req)
{
        json_t *body;

        if (req->origin[0] && !auth_origin_is_ours(req)) {
                reply_error(conn, 403, "origin-forbidden", "not from this page");
                return;
        }
        body = req->body.len <= 4 * TOKEN_MAX
                       ? json_loadb((const char *)req->body.data, req->body.len,
                                    JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
        if (json_is_object(body))
                create(app, conn, req, body);
        else
                reply_error(conn, 400, "bad-json", "a JSON object is needed");
        json_decref(body);
}

static int64_t session_number(const struct http_request *req)
{
        char s[16];

        return http_query_get(req, "s", s, sizeof(s)) == 0 ? g_ascii_strtoll(s, NULL, 10) : 0;
}

void session_api_show(struct app *app, struct http_conn *conn, const struct http_request *req)
{
        struct auth auth;
        struct room *room;
        int r = auth_request(app, req, &auth);

        if (r != 0) {
                reply_unauthorized(conn, r);
                return;
        }
        room = admit(app, conn, &auth.who);
        if (room)
                reply_json(conn, 200, session_json(room, &auth.who, session_number(req)), NULL, 0);
}

void session_api_end(struct app *app, struct http_conn *conn, const struct http_request *req)
{
        char name[32], cookie[160];
        struct http_header header = { "Set-Cookie", cookie };
        struct auth auth;
        int r = auth_request(app, req, &auth);

        if (r != 0) {
                reply_unauthorized(conn, r);
                return;
        }
        if (!auth_may_change(req, &auth)) {
                reply_error(conn, 403, "origin-forbidden", "not from this page");
                return;
        }
        snprintf(name, sizeof(name), "dinh_%lld", (long long)session_number(req));
        write_cookie(cookie, sizeof(cookie), name, "", 0, req->tls);
        reply_empty(conn, 204, &header, 1);
}
