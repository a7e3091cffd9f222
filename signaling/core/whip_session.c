/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/whip_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/core/auth.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/http_fields.h"

/* ---- the table ---- */

char *whip_bearer(const struct http_request *req)
{
        const char *blank = strrchr(req->authorization, ' ');

        return g_compute_checksum_for_string(G_CHECKSUM_SHA256,
                                             blank ? blank + 1 : req->authorization, -1);
}

unsigned whip_count(const struct app *app, const char *bearer)
{
        struct whip_session *session;
        GHashTableIter iter;
        unsigned n = 0;

        g_hash_table_iter_init(&iter, app->whip_sessions);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&session))
                n += strcmp(session->bearer, bearer) == 0;
        return n;
}

static void renew_etag(struct whip_session *session)
{
        char word[WHIP_ETAG_CHARS + 1];

        rand_word(word, WHIP_ETAG_CHARS);
        snprintf(session->etag, sizeof(session->etag), "\"%s\"", word);
}

struct whip_session *whip_session_new(struct room *room, struct member *member, char *bearer,
                                      struct span offer, const char *answer)
{
        struct whip_session *session = calloc(1, sizeof(*session));
        char front[SDPFRAG_FRONT_CAP];

        if (!session || sdpfrag_write_front(front, sizeof(front), answer, strlen(answer)) < 0) {
                g_free(bearer);
                free(session);
                return NULL;
        }
        session->front = g_strdup(front);
        rand_word(session->word, WHIP_WORD_CHARS);
        renew_etag(session);
        session->room = room;
        session->member = member;
        session->bearer = bearer;
        sdpfrag_credentials_of(&session->ice, (const char *)offer.data, offer.len);
        member->whip = session;
        g_hash_table_insert(room->app->whip_sessions, session->word, session);
        return session;
}

static void drop_oldest_ended(struct app *app)
{
        struct whip_ended *ended = g_queue_pop_head(&app->whip_ended);

        if (ended)
                g_free(ended->bearer);
        free(ended);
}

void whip_forget_ended(struct app *app)
{
        while (!g_queue_is_empty(&app->whip_ended))
                drop_oldest_ended(app);
}

/* Without memory its DELETE gets 404. */
static void remember_ended(struct app *app, const struct whip_session *session)
{
        struct whip_ended *ended = calloc(1, sizeof(*ended));

        if (!ended)
                return;
        memcpy(ended->word, session->word, sizeof(ended->word));
        g_strlcpy(ended->meeting, session->room->info.id, sizeof(ended->meeting));
        ended->bearer = g_strdup(session->bearer);
        ended->until_ms = app->now_us() / 1000 + WHIP_ENDED_MS;
        g_queue_push_tail(&app->whip_ended, ended);
        if (g_queue_get_length(&app->whip_ended) > WHIP_MAX_ENDED)
                drop_oldest_ended(app);
}

static gint compare_word(gconstpointer ended, gconstpointer word)
{
        return strcmp(((const struct whip_ended *)ended)->word, word);
}

/* Whether this is the DELETE of a session that ended by itself, which is over then. */
static bool take_ended(struct app *app, const struct http_request *req, const char *meeting,
                       const char *word)
{
        int64_t now_ms = app->now_us() / 1000;
        const struct whip_ended *oldest;
        struct whip_ended *ended;
        GList *at;
        char *bearer;
        bool same;

        while ((oldest = g_queue_peek_head(&app->whip_ended)) && oldest->until_ms <= now_ms)
                drop_oldest_ended(app);
        at = g_queue_find_custom(&app->whip_ended, word, compare_word);
        if (!at)
                return false;
        ended = at->data;
        bearer = whip_bearer(req);
        same = strcmp(bearer, ended->bearer) == 0 && strcmp(meeting, ended->meeting) == 0;
        g_free(bearer);
        if (same) {
                g_queue_unlink(&app->whip_ended, at);
                g_queue_push_head_link(&app->whip_ended, at);
                drop_oldest_ended(app);
        }
        return same;
}

static void drop_session(struct app *app, struct member *member, bool by_itself)
{
        struct whip_session *session = take_ptr(member->whip);

        if (!session)
                return;
        if (by_itself)
                remember_ended(app, session);
        for (size_t i = 0; i < session->n_awaited; i++)
                session->awaited[i]->awaited--;
        g_hash_table_remove(app->whip_sessions, session->word);
        g_free(session->bearer);
        g_free(session->front);
        g_free(session->restarted);
        free(session);
}

void whip_forget(struct app *app, struct member *member)
{
        drop_session(app, member, true);
}

/* ---- the end ---- */

static void leave(struct room *room, struct member *member, enum meeting_leave reason)
{
        struct meeting_command command = { .type = COMMAND_LEAVE,
                                           .by = member->id,
                                           .reason = reason };

        if (room_submit(room, &command, NULL, NULL) < 0)
                room_member_lost(room, member); /* tried again by the clock */
}

void whip_on_peer_gone(struct room *room, struct member *member)
{
        if (!member->whip)
                return;
        whip_forget(room->app, member);
        leave(room, member, LEAVE_LOST);
}

static void reply_ended(struct http_conn *conn)
{
        struct whip_headers headers;

        whip_headers_init(&headers);
        whip_reply(conn, 200, NULL, NULL, &headers);
}

/* An entity-tag has no say in it (RFC 9725 §4.3.1), and neither has the token's end. */
static void end_session(struct app *app, struct http_conn *conn, struct whip_session *session)
{
        struct member *member = session->member;
        struct room *room = session->room;

        sfu_peer_close(app->sfu, member->peer);
        member->peer = 0;
        drop_session(app, member, false);
        leave(room, member, LEAVE_LEFT);
        reply_ended(conn);
}

/* ---- PATCH ---- */

/* A bucket of time: each request takes its cost, at most a burst ahead of now. */
static bool spend(struct app *app, struct whip_session *session, int64_t cost_ms)
{
        int64_t now_ms = app->now_us() / 1000;
        int64_t from_ms = session->patches_ms > now_ms ? session->patches_ms : now_ms;

        if (from_ms + cost_ms > now_ms + WHIP_PATCH_BURST_MS)
                return false;
        session->patches_ms = from_ms + cost_ms;
        return true;
}

/* Also the quoted form that RFC 9725's examples have. */
static bool is_any(const char *if_match)
{
        return strcmp(if_match, "*") == 0 || strcmp(if_match, "\"*\"") == 0;
}

/* Returns 0 or the status to refuse with (RFC 9725 §4.3.1). */
static int check_precondition(const struct http_request *req, const struct whip_session *session)
{
        if (!req->if_match[0])
                return 428;
        if (is_any(req->if_match) || http_if_match(req->if_match, session->etag))
                return 0;
        return 412;
}

static void reply_restarted(struct app *app, struct http_conn *conn,
                            const struct whip_session *session)
{
        struct whip_headers headers;

        whip_headers_init(&headers);
        whip_headers_add(&headers, "ETag", session->etag);
        whip_headers_add(&headers, "Cache-Control", "no-store");
        whip_headers_add_turn(&headers, app, session->member->id);
        whip_reply(conn, 200, WHIP_FRAGMENT_TYPE, session->restarted, &headers);
}

/* On failure the old ICE session goes on (RFC 9725 §4.3.3). */
static void restart(struct app *app, struct http_conn *conn, struct whip_session *session,
                    const struct ice_credentials *ice)
{
        char *ours = NULL;
        int r;

        if (!spend(app, session, WHIP_RESTART_EVERY_MS)) {
                whip_refuse_too_fast(app, conn);
                return;
        }
        r = sfu_peer_restart_ice(app->sfu, session->member->peer, ice->ufrag, ice->pwd, &ours);
        if (r > 0) {
                whip_refuse(conn, 422, sfu_offer_error_code((enum sfu_offer_err)r),
                            "ICE cannot be restarted with this");
        } else if (r == -ENOENT) {
                whip_refuse(conn, 404, "not-found", "no such session");
        } else if (r < 0) {
                whip_refuse_with(conn, 503, "busy", "try again", "Retry-After", "1");
        } else {
                g_free(session->restarted);
                session->restarted = g_strconcat(session->front, ours, NULL);
                session->ice = *ice;
                renew_etag(session);
                reply_restarted(app, conn, session);
        }
        free(ours);
}

static void trickle(struct http_conn *conn)
{
        struct whip_headers headers;

        /* Checks come from wherever the client is: its candidates are not needed. */
        whip_headers_init(&headers);
        whip_reply(conn, 204, NULL, NULL, &headers);
}

static void apply(struct app *app, struct http_conn *conn, const struct http_request *req,
                  struct whip_session *session, const struct sdpfrag *frag)
{
        const struct ice_credentials *now = &session->ice, *given = &frag->ice;
        bool new_ufrag = given->ufrag[0] && strcmp(given->ufrag, now->ufrag) != 0;
        bool new_pwd = given->pwd[0] && strcmp(given->pwd, now->pwd) != 0;

        if (new_ufrag && new_pwd)
                restart(app, conn, session, given);
        else if (new_ufrag || new_pwd) /* RFC 8445 §9: a restart changes both */
                whip_refuse(conn, 422, "bad-field", "neither this ICE session nor a new one");
        else if (is_any(req->if_match) && given->ufrag[0] && session->restarted)
                reply_restarted(app, conn, session); /* the first answer was lost */
        else
                trickle(conn);
}

static bool read_fragment(struct http_conn *conn, const struct http_request *req,
                          struct sdpfrag *ret_frag)
{
        if (!whip_has_type(req, WHIP_FRAGMENT_TYPE)) {
                whip_refuse_with(conn, 415, "bad-message", "the body has to be " WHIP_FRAGMENT_TYPE,
                                 "Accept-Patch", WHIP_FRAGMENT_TYPE);
                return false;
        }
        switch (sdpfrag_parse(ret_frag, req->body.data, req->body.len)) {
        case 0:
                return true;
        case SDPFRAG_E_TOO_LARGE:
                whip_refuse(conn, 413, "too-large", "too many bytes, lines or candidates");
                return false;
        case SDPFRAG_E_CONFLICT:
                whip_refuse(conn, 422, "bad-field", "more than one ICE session");
                return false;
        default:
                whip_refuse(conn, 400, "bad-message", "not an SDP fragment");
                return false;
        }
}

static void patch(struct app *app, struct http_conn *conn, const struct http_request *req,
                  struct whip_session *session)
{
        struct sdpfrag frag;
        int status;

        if (!spend(app, session, WHIP_PATCH_EVERY_MS)) {
                whip_refuse_too_fast(app, conn);
                return;
        }
        if (!read_fragment(conn, req, &frag))
                return;
        status = check_precondition(req, session);
        if (status == 0)
                apply(app, conn, req, session, &frag);
        else if (status == 428)
                whip_refuse(conn, 428, "ice-changed", "If-Match is needed");
        else
                whip_refuse(conn, 412, "ice-changed", "this ICE session is over");
}

/* ---- requests ---- */

static struct whip_session *find_session(struct app *app, const char *meeting, const char *word)
{
        struct whip_session *session = g_hash_table_lookup(app->whip_sessions, word);

        return session && strcmp(session->room->info.id, meeting) == 0 ? session : NULL;
}

/* Who cannot show the very token is told whether his own is any good. */
static bool is_owner(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const struct whip_session *session)
{
        char *bearer = whip_bearer(req);
        bool same = session && strcmp(bearer, session->bearer) == 0;
        struct auth auth;
        int r;

        g_free(bearer);
        if (same && req->method == HTTP_DELETE)
                return true;
        r = req->authorization[0] ? auth_request(app, req, &auth) : TOKEN_E_INVALID;
        if (r != 0)
                whip_refuse_token(conn, r, req->authorization[0]);
        else if (!session)
                whip_refuse(conn, 404, "not-found", "no such session");
        else if (!same)
                whip_refuse(conn, 403, "forbidden", "this session is another token's");
        return r == 0 && same;
}

void whip_resource(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting, const char *word)
{
        struct whip_session *session = find_session(app, meeting, word);

        if (req->method == HTTP_OPTIONS)
                whip_reply_options(app, conn, true, NULL);
        else if (req->method != HTTP_DELETE && req->method != HTTP_PATCH)
                whip_refuse_method(conn, "PATCH, DELETE, OPTIONS");
        else if (!session && req->method == HTTP_DELETE && take_ended(app, req, meeting, word))
                reply_ended(conn);
        else if (!is_owner(app, conn, req, session))
                return;
        else if (req->method == HTTP_DELETE)
                end_session(app, conn, session);
        else
                patch(app, conn, req, session);
}
