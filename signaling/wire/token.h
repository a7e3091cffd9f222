/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token — signed access tokens: base64url(payload) "." base64url(HMAC-SHA256).
 *
 * Layer:  wire. Pure; OpenSSL's HMAC.
 * Units:  *_ms: milliseconds since 1970.
 *
 * Kinds: a *join* token is in a join link and may make many sessions (or, with
 * a seat in it, always the same person's); a *session* token is in the cookie
 * and is one seat; an *operator* token reads /metrics; a *viewer* token is in a
 * viewers' link and finds the meeting's stream, nothing else.
 */
#ifndef SIGNALING_WIRE_TOKEN_H
#define SIGNALING_WIRE_TOKEN_H

#include "base/base.h"
#include "base/rand.h"
#include "meeting/meeting.h"

enum { TOKEN_MAX = 1024, TOKEN_SECRET = 32 };

enum token_kind { TOKEN_JOIN, TOKEN_SESSION, TOKEN_OPERATOR, TOKEN_VIEWER, N_TOKEN_KINDS };

struct token {
        enum token_kind kind;
        char meeting[UUID_TEXT]; /* "" for an operator's */
        enum meeting_role role;
        char name[MEETING_NAME]; /* "": the person types it */
        char seat[MEETING_ID];   /* "": a new seat for each session */
        int64_t expires_ms;
};

enum token_err { TOKEN_E_INVALID = 1, TOKEN_E_EXPIRED };

/* Writes the token to ret (TOKEN_MAX bytes). Returns 0 or -ENOMEM. */
must_use int token_write(char ret[TOKEN_MAX], const struct token *token,
                         const uint8_t secret[TOKEN_SECRET]);

/* Nothing is read of a payload before its signature verifies. Returns 0 or an
 * enum token_err. */
must_use int token_read(struct token *ret_token, const char *text, int64_t now_ms,
                        const uint8_t secret[TOKEN_SECRET]);

/* The key of a meeting's stream that began at since_ms, for its address: the same one after a
 * restart of the server, so that players go on. Returns 0 or -ENOMEM. */
enum { TOKEN_STREAM_KEY = 22 };
must_use int token_stream_key(char ret[TOKEN_STREAM_KEY + 1], const char *meeting, int64_t since_ms,
                              const uint8_t secret[TOKEN_SECRET]);

#endif
