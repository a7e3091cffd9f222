/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/whip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "signaling/core/auth.h"
#include "signaling/core/media_glue.h"
#include "signaling/core/names.h"
#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/http_peer.h"
#include "signaling/wire/words.h"

enum {
        RESOURCE_CHARS = 24, /* 143 bits */
        MADE_UP_CHARS = 12,
        MAX_PUBLISHERS = SFU_MAX_VIDEO_SLOTS,
        FULL_HEIGHT = 2160, /* a WHEP player tells no size: the best layer */
        PRIORITY = 128,
};

struct whip_resource {
        char word[RESOURCE_CHARS + 1];
        struct room *room;
        struct member *member;
        char *bearer;                           /* digest of the token that made it */
        struct member *awaited[MAX_PUBLISHERS]; /* as named by the viewer */
        size_t n_awaited;
};

static const struct http_header cors[] = {
        { "Access-Control-Allow-Origin", "*" }, /* bearer tokens only: no cookie is read here */
        { "Access-Control-Expose-Headers", "Location, ETag, Link" },
};

static void refuse(struct http_conn *conn, int status, const char *code, const char *message)
{
        reply_error_with(conn, status, code, message, cors, ARRAY_LEN(cors));
}

static void refuse_token(struct http_conn *conn, int token_err)
{
        struct http_header headers[] = { cors[0], cors[1], { "WWW-Authenticate", "Bearer" } };
        bool expired = token_err == TOKEN_E_EXPIRED;

        reply_error_with(conn, 401, expired ? "token-expired" : "token-invalid",
                         expired ? "the token has expired" : "no valid token", headers,
                         ARRAY_LEN(headers));
}

/* Answering an offer is the dearest thing that one request can ask of us. */
static bool is_in_time(struct app *app, struct http_conn *conn, const struct http_request *req)
{
        struct http_header headers[] = { cors[0], cors[1], { "Retry-After", "1" } };
        uint8_t host[16] = { 0 };

        (void)!peer_parse(host, req->remote, strlen(req->remote));
        if (rate_limit_take(&app->whip_posts, host, app->now_us()))
                return true;
        app->n_too_fast++;
        reply_error_with(conn, 429, "too-fast", "too many offers, slow down", headers,
                         ARRAY_LEN(headers));
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
        struct member *publishers[MAX_PUBLISHERS];
        size_t n_publishers;
};

static bool check_token(struct request *q, const char *meeting)
{
        struct auth auth;
        unsigned permissions = 0;
        int r = q->req->authorization[0] ? auth_request(q->app, q->req, &auth) : TOKEN_E_INVALID;

        if (r != 0) {
                refuse_token(q->conn, r);
                return false;
        }
        if (room_open(q->app, meeting, &q->room) != 0) {
                refuse(q->conn, 404, "meeting-not-found", "no such meeting");
                return false;
        }
        q->who = auth.who;
        r = auth_permissions(q->room, &q->who, &permissions);
        if (r != 0) {
                refuse(q->conn, 403, "removed", "a host has ended this seat");
                return false;
        }
        if (strcmp(q->who.meeting, meeting) != 0 ||
            (q->role == WHIP_PUBLISH && !(permissions & PERM_PUBLISH))) {
                refuse(q->conn, 403, "forbidden", "the token does not allow it");
                return false;
        }
        return true;
}

/* "application/sdp", with or without parameters. */
static bool check_body(const struct request *q)
{
        static const char type[] = "application/sdp";
        const char *given = q->req->content_type;
        char after = strncasecmp(given, type, strlen(type)) == 0 ? given[strlen(type)] : 'x';

        if (after != '\0' && after != ';' && after != ' ') {
                refuse(q->conn, 415, "bad-message", "the body has to be application/sdp");
                return false;
        }
        if (q->req->body.len == 0) {
                refuse(q->conn, 400, "sdp-malformed", "no offer");
                return false;
        }
        return true;
}

/* Seats of people are not to be had by their ids; a publisher's own old seat is. */
static bool id_is_free(const struct request *q)
{
        const struct meeting_seat *seat = meeting_seat(q->room->state, q->id);
        const struct member *member = room_find_member(q->room, q->id);

        if (g_str_has_prefix(q->id, SEAT_SESSION_PREFIX) ||
            g_str_has_prefix(q->id, SEAT_PERSON_PREFIX))
                return false;
        return !(seat && (seat->online || seat->removed || seat->role != q->who.role)) &&
               !(member && (member->peer || member->session));
}

static bool choose_id(struct request *q)
{
        int r = q->role == WHIP_PUBLISH ? http_query_get(q->req, "id", q->id, sizeof(q->id))
                                        : -ENOENT;

        if (r == -ENOENT) {
                size_t at = strlen(MEETING_PASSING_PREFIX);

                memcpy(q->id, MEETING_PASSING_PREFIX, at);
                rand_word(q->id + at, MADE_UP_CHARS);
                return true;
        }
        if (r != 0 || !msg_is_id(q->id)) {
                refuse(q->conn, 400, "bad-field", "?id= has to match [A-Za-z0-9._-]{1,64}");
                return false;
        }
        if (id_is_free(q))
                return true;
        refuse(q->conn, 409, "id-taken", "this id is taken");
        return false;
}

static bool choose_name(struct request *q)
{
        char given[4 * MEETING_NAME];
        int r = http_query_get(q->req, "name", given, sizeof(given));

        if (r == -EINVAL) {
                refuse(q->conn, 400, "bad-field", "?name= is not UTF-8, or too long");
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
        char list[MAX_PUBLISHERS * MEETING_ID];
        char *rest = list, *id;
        int r = q->role == WHIP_WATCH ? http_query_get(q->req, "publishers", list, sizeof(list))
                                      : -ENOENT;

        if (r == -ENOENT)
                return true;
        while (r == 0 && (id = strsep(&rest, ","))) {
                struct member *member = NULL;

                if (msg_is_id(id) && q->n_publishers < MAX_PUBLISHERS)
                        member = room_member(q->room, id);
                if (!member) {
                        r = -EINVAL;
                        break;
                }
                q->publishers[q->n_publishers++] = member;
        }
        if (r == 0)
                return true;
        refuse(q->conn, 400, "bad-field", "?publishers= is a list of up to 25 ids");
        return false;
}

/* ---- the answer ---- */

static void pin_publishers(const struct request *q, const struct member *member)
{
        struct sfu_slot_view views[2 * MAX_PUBLISHERS];
        size_t n = 0;

        for (size_t i = 0; i < q->n_publishers; i++) {
                views[n++] = (struct sfu_slot_view){ .slot = (uint8_t)i,
                                                     .participant = q->publishers[i]->number,
                                                     .kind = SFU_CAMERA,
                                                     .max_height = FULL_HEIGHT,
                                                     .priority = PRIORITY };
                if (i < SFU_AUDIO_SLOTS)
                        views[n++] = (struct sfu_slot_view){
                                .audio = true,
                                .slot = (uint8_t)i,
                                .participant = q->publishers[i]->number,
                                .kind = SFU_MIC
                        };
        }
        if (n == 0)
                views[n++] = (struct sfu_slot_view){ .participant = SFU_ACTIVE_SPEAKER,
                                                     .kind = SFU_CAMERA,
                                                     .max_height = FULL_HEIGHT,
                                                     .priority = PRIORITY };
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

static struct whip_resource *add_resource(struct request *q, struct member *member)
{
        struct whip_resource *resource = calloc(1, sizeof(*resource));

        if (!resource)
                return NULL;
        rand_word(resource->word, RESOURCE_CHARS);
        resource->room = q->room;
        resource->member = member;
        resource->bearer = g_compute_checksum_for_string(G_CHECKSUM_SHA256, q->req->authorization,
                                                         -1);
        for (size_t i = 0; i < q->n_publishers; i++) {
                resource->awaited[resource->n_awaited++] = q->publishers[i];
                q->publishers[i]->awaited++;
        }
        member->whip = resource;
        g_hash_table_insert(q->app->resources, resource->word, resource);
        return resource;
}

void whip_forget(struct app *app, struct member *member)
{
        struct whip_resource *resource = take_ptr(member->whip);

        if (!resource)
                return;
        for (size_t i = 0; i < resource->n_awaited; i++)
                resource->awaited[i]->awaited--;
        g_hash_table_remove(app->resources, resource->word);
        g_free(resource->bearer);
        free(resource);
}

static void send_answer(const struct request *q, const struct whip_resource *resource,
                        const char *answer)
{
        char location[128], etag[RESOURCE_CHARS + 3];
        struct http_header headers[] = {
                cors[0],
                cors[1],
                { "Location", location },
                { "ETag", etag },
                { "Cache-Control", "no-store" },
        };
        struct http_response response = { .status = 201,
                                          .content_type = "application/sdp",
                                          .body = { (const uint8_t *)answer, strlen(answer) },
                                          .headers = headers,
                                          .n_headers = ARRAY_LEN(headers) };

        snprintf(location, sizeof(location), "/%s/%s/%s", q->role == WHIP_PUBLISH ? "whip" : "whep",
                 q->room->info.id, resource->word);
        snprintf(etag, sizeof(etag), "\"%.*s\"", RESOURCE_CHARS / 2, resource->word);
        http_reply(q->conn, &response);
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

static void refuse_offer(const struct request *q, int r)
{
        if (r > 0)
                refuse(q->conn, status_of((enum sfu_offer_err)r),
                       sfu_offer_error_code((enum sfu_offer_err)r), "the offer was refused");
        else
                refuse(q->conn, 503, "busy", "try again");
}

static void refuse_seat(const struct request *q, int r)
{
        int status = r == MEETING_E_FULL ? 503 : 403;

        if (r > 0)
                refuse(q->conn, status, meeting_error_word(r), "refused by the meeting's rules");
        else
                refuse(q->conn, 503, "busy", "try again");
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
        struct whip_resource *resource = NULL;
        char *answer = NULL;
        int r;

        if (!member) {
                refuse(q->conn, 503, "full", "too many people");
                return;
        }
        r = media_open_peer(q->room, member, q->role == WHIP_PUBLISH,
                            (const char *)q->req->body.data, q->req->body.len, &answer);
        if (r != 0) {
                refuse_offer(q, r);
                return;
        }
        r = take_seat(q);
        if (r == 0 && !member->peer)
                r = -EAGAIN; /* the store took nothing, and the seat is gone again */
        if (r == 0)
                resource = add_resource(q, member);
        if (resource) {
                if (q->role == WHIP_WATCH)
                        pin_publishers(q, member);
                send_answer(q, resource, answer);
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

        if (is_in_time(app, conn, req) && check_token(&q, meeting) && check_body(&q) &&
            choose_id(&q) && choose_name(&q) && choose_publishers(&q))
                start(&q);
}

/* ---- requests ---- */

static void reply_options(struct http_conn *conn)
{
        static const struct http_header headers[] = {
                { "Access-Control-Allow-Origin", "*" },
                { "Access-Control-Allow-Methods", "POST, DELETE, OPTIONS" },
                { "Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match" },
                { "Access-Control-Expose-Headers", "Location, ETag, Link" },
                { "Access-Control-Max-Age", "86400" },
                { "Accept-Post", "application/sdp" }, /* RFC 9725 §4.2 */
        };

        reply_empty(conn, 204, headers, ARRAY_LEN(headers));
}

/* PATCH too: an ICE-lite server has no use for trickled candidates (RFC 9725 §4.3). */
static void refuse_method(struct http_conn *conn, const char *allow)
{
        struct http_header headers[] = { cors[0], cors[1], { "Allow", allow } };

        reply_error_with(conn, 405, "bad-message", "no such method here", headers,
                         ARRAY_LEN(headers));
}

void whip_endpoint(struct app *app, struct http_conn *conn, const struct http_request *req,
                   enum whip_role role, const char *meeting)
{
        if (req->method == HTTP_OPTIONS)
                reply_options(conn);
        else if (req->method == HTTP_POST)
                post(app, conn, req, role, meeting);
        else
                refuse_method(conn, "POST, OPTIONS");
}

static void leave(struct room *room, struct member *member, enum meeting_leave reason)
{
        struct meeting_command command = { .type = COMMAND_LEAVE,
                                           .by = member->id,
                                           .reason = reason };

        if (room_submit(room, &command, NULL, NULL) < 0)
                room_member_lost(room, member); /* tried again by the clock */
}

static void end_resource(struct app *app, struct http_conn *conn, const struct http_request *req,
                         struct whip_resource *resource)
{
        char *bearer = g_compute_checksum_for_string(G_CHECKSUM_SHA256, req->authorization, -1);
        bool same = strcmp(bearer, resource->bearer) == 0;
        struct member *member = resource->member;
        struct room *room = resource->room;

        g_free(bearer);
        if (!same) {
                refuse_token(conn, TOKEN_E_INVALID);
                return;
        }
        sfu_peer_close(app->sfu, member->peer);
        member->peer = 0;
        whip_forget(app, member);
        leave(room, member, LEAVE_LEFT);
        reply_empty(conn, 200, cors, ARRAY_LEN(cors));
}

void whip_resource(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting, const char *word)
{
        struct whip_resource *resource = g_hash_table_lookup(app->resources, word);

        if (req->method == HTTP_OPTIONS)
                reply_options(conn);
        else if (req->method != HTTP_DELETE)
                refuse_method(conn, "DELETE, OPTIONS");
        else if (!resource || strcmp(resource->room->info.id, meeting) != 0)
                refuse(conn, 404, "not-found", "no such session");
        else
                end_resource(app, conn, req, resource);
}

void whip_on_peer_gone(struct room *room, struct member *member)
{
        if (!member->whip)
                return;
        whip_forget(room->app, member);
        leave(room, member, LEAVE_LOST);
}
