/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/whip_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "signaling/core/auth.h"
#include "signaling/core/media_glue.h"
#include "signaling/core/names.h"
#include "signaling/core/people.h"
#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/http_peer.h"
#include "signaling/wire/words.h"

enum {
        MADE_UP_CHARS = 12,
        FULL_HEIGHT = 2160, /* a WHEP player that tells no size gets the best layer */
        HEIGHT_CHARS = 4,
        PRIORITY = 128,
};

static void refuse_busy(struct http_conn *conn)
{
        whip_refuse_with(conn, 503, "busy", "try again", "Retry-After", "1");
}

/* Answering an offer is the dearest thing that one request can ask of us. */
static bool is_in_time(struct app *app, struct http_conn *conn, const struct http_request *req)
{
        uint8_t host[16] = { 0 };

        (void)!peer_parse(host, req->remote, strlen(req->remote));
        if (rate_limit_take(&app->whip_posts, host, app->now_us()))
                return true;
        whip_refuse_too_fast(app, conn);
        return false;
}

/* ---- one request to publish or to watch ---- */

struct request {
        struct app *app;
        struct http_conn *conn;
        const struct http_request *req;
        enum whip_role role;
        struct identity who;
        struct room *room;
        char id[MEETING_ID], name[MEETING_NAME];
        struct member *publishers[WHIP_MAX_PUBLISHERS];
        size_t n_publishers;
        char *bearer;    /* digest of the token */
        uint16_t height; /* lines of the viewer's picture */
};

static bool check_token(struct request *q, const char *meeting)
{
        struct auth auth;
        unsigned permissions = 0;
        int r = q->req->authorization[0] ? auth_request(q->app, q->req, &auth) : TOKEN_E_INVALID;

        if (r != 0) {
                whip_refuse_token(q->conn, r, q->req->authorization[0]);
                return false;
        }
        if (room_open(q->app, meeting, &q->room) != 0) {
                whip_refuse(q->conn, 404, "meeting-not-found", "no such meeting");
                return false;
        }
        q->who = auth.who;
        r = auth_permissions(q->room, &q->who, &permissions);
        if (r != 0) {
                whip_refuse(q->conn, 403, "removed", "a host has ended this seat");
                return false;
        }
        if (strcmp(q->who.meeting, meeting) != 0 ||
            (q->role == WHIP_PUBLISH && !(permissions & PERM_PUBLISH))) {
                whip_refuse(q->conn, 403, "forbidden", "the token does not allow it");
                return false;
        }
        return true;
}

static bool check_body(const struct request *q)
{
        if (!whip_has_type(q->req, WHIP_OFFER_TYPE)) {
                whip_refuse_with(q->conn, 415, "bad-message", "the body has to be " WHIP_OFFER_TYPE,
                                 "Accept-Post", WHIP_OFFER_TYPE);
                return false;
        }
        if (q->req->body.len == 0) {
                whip_refuse(q->conn, 400, "sdp-malformed", "no offer");
                return false;
        }
        return true;
}

/* One token in wrong hands must not fill the room. */
static bool check_count(struct request *q)
{
        unsigned max = q->who.seat[0] ? WHIP_PER_PERSON : WHIP_PER_TOKEN;

        q->bearer = whip_bearer(q->req);
        if (whip_count(q->app, q->bearer) < max)
                return true;
        whip_refuse(q->conn, 503, "full", "too many sessions with this token");
        return false;
}

/* Seats of people are not to be had by their ids; a publisher's own old seat is. */
static bool id_is_free(const struct request *q)
{
        const struct meeting_seat *seat = meeting_seat(q->room->state, q->id);
        const struct member *member = room_find_member(q->room, q->id);

        if (g_str_has_prefix(q->id, SEAT_SESSION_PREFIX) ||
            g_str_has_prefix(q->id, SEAT_PERSON_PREFIX) || seat_is_of_job(q->id))
                return false;
        return !(seat && (seat->online || seat->removed || seat->role != q->who.role)) &&
               !(member && (member->peer || member->session));
}

static void make_up_id(char ret[MEETING_ID])
{
        size_t at = strlen(MEETING_PASSING_PREFIX);

        memcpy(ret, MEETING_PASSING_PREFIX, at);
        rand_word(ret + at, MADE_UP_CHARS);
}

static bool choose_id(struct request *q)
{
        int r = q->role == WHIP_PUBLISH ? http_query_get(q->req, "id", q->id, sizeof(q->id))
                                        : -ENOENT;

        if (r == -ENOENT) {
                make_up_id(q->id);
                return true;
        }
        if (r != 0 || !msg_is_id(q->id)) {
                whip_refuse(q->conn, 400, "bad-field", "?id= has to match [A-Za-z0-9._-]{1,64}");
                return false;
        }
        if (id_is_free(q))
                return true;
        whip_refuse(q->conn, 409, "id-taken", "this id is taken");
        return false;
}

static bool choose_name(struct request *q)
{
        char given[4 * MEETING_NAME];
        int r = http_query_get(q->req, "name", given, sizeof(given));

        if (r == -EINVAL) {
                whip_refuse(q->conn, 400, "bad-field", "?name= is not UTF-8, or too long");
                return false;
        }
        name_clean(q->name, r == 0 ? given : q->who.name);
        if (!q->name[0])
                g_strlcpy(q->name, q->id, sizeof(q->name));
        return true;
}

/* Ids may be of people still to come: they get their numbers now, and keep them
 * as long as the viewer is there; see is_forgotten() in rooms.c. */
static bool choose_publishers(struct request *q)
{
        char list[WHIP_MAX_PUBLISHERS * MEETING_ID];
        char *rest = list, *id;
        int r = q->role == WHIP_WATCH ? http_query_get(q->req, "publishers", list, sizeof(list))
                                      : -ENOENT;

        if (r == -ENOENT)
                return true;
        while (r == 0 && (id = strsep(&rest, ","))) {
                struct member *member = NULL;

                if (msg_is_id(id) && q->n_publishers < WHIP_MAX_PUBLISHERS)
                        member = room_member(q->room, id);
                if (!member) {
                        r = -EINVAL;
                        break;
                }
                q->publishers[q->n_publishers++] = member;
        }
        if (r == 0)
                return true;
        whip_refuse(q->conn, 400, "bad-field", "?publishers= is a list of up to 25 ids");
        return false;
}

/* A small screen, or a small window on a large one, needs no large picture. */
static bool choose_height(struct request *q)
{
        char text[HEIGHT_CHARS + 1];
        int r = q->role == WHIP_WATCH ? http_query_get(q->req, "height", text, sizeof(text))
                                      : -ENOENT;

        q->height = FULL_HEIGHT;
        if (r == -ENOENT)
                return true;
        if (r == 0 && text[0] && strspn(text, "0123456789") == strlen(text)) {
                q->height = (uint16_t)atoi(text);
                return true;
        }
        whip_refuse(q->conn, 400, "bad-field", "?height= is a number of lines");
        return false;
}

/* ---- the answer ---- */

static struct sfu_slot_view speaker_view(const struct request *q, enum sfu_kind kind)
{
        return (struct sfu_slot_view){ .slot = kind == SFU_SCREEN,
                                       .participant = SFU_ACTIVE_SPEAKER,
                                       .kind = kind,
                                       .max_height = q->height,
                                       .priority = PRIORITY };
}

static void pin_publishers(const struct request *q, const struct member *member)
{
        struct sfu_slot_view views[2 * WHIP_MAX_PUBLISHERS];
        size_t n = 0;

        for (size_t i = 0; i < q->n_publishers; i++) {
                views[n++] = (struct sfu_slot_view){
                        .slot = (uint8_t)i,
                        .participant = q->publishers[i]->number,
                        .kind = strcmp(q->publishers[i]->id, SEAT_FILM) == 0 ? SFU_SCREEN
                                                                             : SFU_CAMERA,
                        .max_height = q->height,
                        .priority = PRIORITY
                };
                if (i < SFU_AUDIO_SLOTS)
                        views[n++] = (struct sfu_slot_view){
                                .audio = true,
                                .slot = (uint8_t)i,
                                .participant = q->publishers[i]->number,
                                .kind = SFU_MIC
                        };
        }
        if (n == 0) {
                views[n++] = speaker_view(q, SFU_CAMERA);
                views[n++] = speaker_view(q, SFU_SCREEN);
        }
        /* What she watches at once is bounded by the media plane's slots. */
        sfu_peer_view(q->app->sfu, member->peer, views, n < SFU_MAX_SLOTS ? n : SFU_MAX_SLOTS);
}

/* What the encoder says it sends, for the seat's little icons. */
static bool offers(const struct request *q, const char *m_line)
{
        return memmem(q->req->body.data, q->req->body.len, m_line, strlen(m_line)) != NULL;
}

static int take_seat(struct request *q)
{
        struct meeting_command join = { .type = COMMAND_JOIN,
                                        .by = q->id,
                                        .name = q->name,
                                        .role = q->role == WHIP_WATCH ? ROLE_OBSERVER
                                                                      : q->who.role };
        struct meeting_command media = { .type = COMMAND_MEDIA, .by = q->id };
        int r = room_submit(q->room, &join, NULL, NULL);

        if (r != 0 || q->role == WHIP_WATCH)
                return r;
        media.sends[KIND_MIC] = offers(q, "m=audio ");
        media.sends[KIND_CAMERA] = offers(q, "m=video ");
        return room_submit(q->room, &media, NULL, NULL);
}

static struct whip_session *add_session(struct request *q, struct member *member,
                                        const char *answer)
{
        struct whip_session *session = whip_session_new(q->room, member, take_ptr(q->bearer),
                                                        q->req->body, answer);

        for (size_t i = 0; session && i < q->n_publishers; i++) {
                session->awaited[session->n_awaited++] = q->publishers[i];
                q->publishers[i]->awaited++;
        }
        return session;
}

static void send_answer(const struct request *q, const struct whip_session *session,
                        const char *answer)
{
        struct whip_headers headers;
        char location[128];

        snprintf(location, sizeof(location), "/%s/%s/%s", q->role == WHIP_PUBLISH ? "whip" : "whep",
                 q->room->info.id, session->word);
        whip_headers_init(&headers);
        whip_headers_add(&headers, "Location", location);
        whip_headers_add(&headers, "ETag", session->etag);
        whip_headers_add(&headers, "Accept-Patch", WHIP_FRAGMENT_TYPE);
        whip_headers_add(&headers, "Cache-Control", "no-store");
        whip_headers_add_turn(&headers, q->app, q->id);
        whip_reply(q->conn, 201, WHIP_OFFER_TYPE, answer, &headers);
}

/* 406: we understand the offer and cannot do what it needs. */
static int status_of(enum sfu_offer_err err)
{
        switch (err) {
        case SFU_OFFER_TOO_LARGE:
                return 413;
        case SFU_OFFER_ROOM_FULL:
                return 503;
        case SFU_OFFER_NO_BUNDLE:
        case SFU_OFFER_NO_RTCP_MUX:
        case SFU_OFFER_NO_ICE:
        case SFU_OFFER_NO_DTLS:
        case SFU_OFFER_NO_CODEC:
        case SFU_OFFER_WRONG_WAY:
                return 406;
        case SFU_OFFER_CHANGED:
                return 409;
        case SFU_OFFER_MALFORMED:
        case SFU_OFFER_TOO_MANY:
        case SFU_N_OFFER_ERRS:
                break;
        }
        return 400;
}

/* Encoders and players show this text as it is. */
static const char *offer_message(const struct request *q, int r)
{
        if (r != SFU_OFFER_WRONG_WAY)
                return "the offer was refused";
        if (q->role == WHIP_PUBLISH)
                return "Địa chỉ /whip/ để gửi hình tiếng, mà ở đây không có gì được gửi. "
                       "Để xem, xin dùng địa chỉ /whep/. "
                       "(The offer sends nothing; to watch, use /whep/.)";
        return "Địa chỉ /whep/ để xem, mà ở đây không xin nhận gì. "
               "Để gửi hình tiếng, xin dùng địa chỉ /whip/. "
               "(The offer receives nothing; to send, use /whip/.)";
}

static void refuse_offer(const struct request *q, int r)
{
        if (r > 0)
                whip_refuse(q->conn, status_of((enum sfu_offer_err)r),
                            sfu_offer_error_code((enum sfu_offer_err)r), offer_message(q, r));
        else
                refuse_busy(q->conn);
}

static void refuse_seat(const struct request *q, int r)
{
        int status = r == MEETING_E_FULL ? 503 : 403;

        if (r > 0)
                whip_refuse(q->conn, status, meeting_error_word(r),
                            "refused by the meeting's rules");
        else
                refuse_busy(q->conn);
}

static void give_up(struct request *q, struct member *member)
{
        if (member->peer)
                sfu_peer_close(q->app->sfu, member->peer);
        member->peer = 0;
        whip_forget(q->app, member);
}

static void start(struct request *q)
{
        struct member *member = room_member(q->room, q->id);
        struct whip_session *session = NULL;
        char *answer = NULL;
        int r;

        if (!member) {
                whip_refuse(q->conn, 503, "full", "too many people");
                return;
        }
        r = media_open_peer(q->room, member, q->role == WHIP_PUBLISH,
                            q->role == WHIP_PUBLISH ? SFU_TO_PUBLISH : SFU_TO_WATCH,
                            (const char *)q->req->body.data, q->req->body.len, &answer);
        if (r != 0) {
                refuse_offer(q, r);
                return;
        }
        r = take_seat(q);
        if (r == 0 && !member->peer)
                r = -EAGAIN; /* the store took nothing, and the seat is gone again */
        if (r == 0)
                session = add_session(q, member, answer);
        if (session) {
                if (q->role == WHIP_WATCH)
                        pin_publishers(q, member);
                send_answer(q, session, answer);
        } else {
                give_up(q, member);
                refuse_seat(q, r ? r : -ENOMEM);
        }
        free(answer);
}

static void post(struct app *app, struct http_conn *conn, const struct http_request *req,
                 enum whip_role role, const char *meeting)
{
        struct request q = { .app = app, .conn = conn, .req = req, .role = role };

        if (app->draining)
                refuse_busy(conn);
        else if (is_in_time(app, conn, req) && check_token(&q, meeting) && check_body(&q) &&
                 check_count(&q) && choose_id(&q) && choose_name(&q) && choose_publishers(&q) &&
                 choose_height(&q))
                start(&q);
        g_free(q.bearer);
}

/* ---- requests ---- */

bool whip_refuses_length(struct http_conn *conn, const struct http_request *req)
{
        int64_t max = req->method == HTTP_PATCH ? SDPFRAG_MAX_BYTES : SFU_MAX_SDP_BYTES;

        if (req->metrics_port || req->content_length <= max ||
            (strncmp(req->path, "/whip/", 6) != 0 && strncmp(req->path, "/whep/", 6) != 0))
                return false;
        whip_refuse(conn, 413, req->method == HTTP_POST ? "sdp-too-large" : "too-large",
                    "the body is too large");
        return true;
}

/* Who shows a token gets TURN credentials before her offer (RFC 9725 §4.6); a
 * browser's preflight has none to show. Coturn's quota is by name: each needs one. */
static void options(struct app *app, struct http_conn *conn, const struct http_request *req,
                    enum whip_role role, const char *meeting)
{
        struct request q = { .app = app, .conn = conn, .req = req, .role = role };

        if (!req->authorization[0]) {
                whip_reply_options(app, conn, false, NULL);
        } else if (is_in_time(app, conn, req) && check_token(&q, meeting)) {
                make_up_id(q.id);
                whip_reply_options(app, conn, false, q.id);
        }
}

void whip_endpoint(struct app *app, struct http_conn *conn, const struct http_request *req,
                   enum whip_role role, const char *meeting)
{
        if (req->method == HTTP_OPTIONS)
                options(app, conn, req, role, meeting);
        else if (req->method == HTTP_POST)
                post(app, conn, req, role, meeting);
        else
                whip_refuse_method(conn, "POST, OPTIONS");
}
