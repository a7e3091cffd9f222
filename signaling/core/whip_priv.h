/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whip_priv — what the files of WHIP and WHEP share: whip.c (offers),
 *             whip_session.c (what comes to a Location), whip_reply.c.
 *
 * Layer: signaling/core.
 *
 * Who holds a session's Location and the token it was made with has the
 * session. The entity-tag names its present ICE session (RFC 9725 §4.3.1): a
 * restart makes a new one.
 */
#ifndef SIGNALING_CORE_WHIP_PRIV_H
#define SIGNALING_CORE_WHIP_PRIV_H

#include "signaling/core/whip.h"
#include "signaling/wire/sdpfrag.h"

#define WHIP_OFFER_TYPE "application/sdp"
#define WHIP_FRAGMENT_TYPE "application/trickle-ice-sdpfrag"

enum {
        WHIP_WORD_CHARS = 24, /* 143 bits */
        WHIP_ETAG_CHARS = 12,
        WHIP_MAX_PUBLISHERS = SFU_MAX_VIDEO_SLOTS,
        /* Sessions of a token that many share; the rest of a room is for other tokens. */
        WHIP_PER_TOKEN = SFU_MAX_PEERS_PER_ROOM - 256,
        WHIP_PER_PERSON = 16,       /* and of a token that is one person's */
        WHIP_MAX_HEADERS = 6,       /* of ours on one answer, besides Link */
        WHIP_PATCH_EVERY_MS = 50,   /* in the long run, on one session */
        WHIP_PATCH_BURST_MS = 5000, /* 100 at once */
        WHIP_RESTART_EVERY_MS = 500,
        /* Of those who leave a room at the same time each has ended before her DELETE is here. */
        WHIP_MAX_ENDED = SFU_MAX_PEERS_PER_ROOM,
        WHIP_ENDED_MS = 60 * 1000,
};

/* A session that ended by itself: a client that closes its PeerConnection and
 * then sends its DELETE has done nothing wrong. */
struct whip_ended {
        char word[WHIP_WORD_CHARS + 1];
        char meeting[UUID_TEXT];
        char *bearer;
        int64_t until_ms;
};

struct whip_session {
        char word[WHIP_WORD_CHARS + 1];
        char etag[WHIP_ETAG_CHARS + 3]; /* quoted */
        struct room *room;
        struct member *member;
        char *bearer;                                /* digest of the token that made it */
        struct member *awaited[WHIP_MAX_PUBLISHERS]; /* as named by the viewer */
        size_t n_awaited;
        struct ice_credentials ice; /* the client's */
        char *front;                /* of our fragments */
        char *restarted;            /* our side of the last restart; NULL: none yet */
        int64_t patches_ms;         /* when its allowance of PATCHes is whole again */
};

/* Headers of one answer; CORS is in it from the start. */
struct whip_headers {
        struct http_header list[2 + WHIP_MAX_HEADERS + TURN_MAX_URIS];
        size_t n;
        char links[TURN_MAX_URIS][TURN_URI_CAP + TURN_USERNAME + TURN_PASSWORD + 128];
};

void whip_headers_init(struct whip_headers *headers);
void whip_headers_add(struct whip_headers *headers, const char *name, const char *value);
/* A Link for each TURN server, with new credentials (RFC 9725 §4.6). */
void whip_headers_add_turn(struct whip_headers *headers, const struct app *app,
                           const char *participant);

/* --- whip_reply.c */
void whip_refuse(struct http_conn *conn, int status, const char *code, const char *message);
/* The same, with one more header. */
void whip_refuse_with(struct http_conn *conn, int status, const char *code, const char *message,
                      const char *name, const char *value);
/* 401. given: was there a token at all? (RFC 6750 §3) */
void whip_refuse_token(struct http_conn *conn, int token_err, bool given);
void whip_refuse_method(struct http_conn *conn, const char *allow);
void whip_refuse_too_fast(struct app *app, struct http_conn *conn);
void whip_reply(struct http_conn *conn, int status, const char *content_type, const char *body,
                const struct whip_headers *headers);
/* 204 to OPTIONS. participant: who gets TURN credentials; NULL: nobody. */
void whip_reply_options(struct app *app, struct http_conn *conn, bool is_session,
                        const char *participant);

/* True for this media type with or without parameters. */
bool whip_has_type(const struct http_request *req, const char *type);

/* --- whip_session.c */
/* Digest of the request's token, however the words before it are written; g_free(). */
char *whip_bearer(const struct http_request *req);
unsigned whip_count(const struct app *app, const char *bearer);
/* Takes bearer, also on failure. NULL: no memory. */
struct whip_session *whip_session_new(struct room *room, struct member *member, char *bearer,
                                      struct span offer, const char *answer);

#endif
