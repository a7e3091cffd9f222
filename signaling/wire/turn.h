/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn — TURN servers and credentials for them that end by themselves: the
 *        scheme of coturn's `use-auth-secret`. The username is
 *        "{when it ends}:{participant}", the password is
 *        base64(HMAC-SHA1(secret, username)). No word goes between us and the
 *        TURN server: it computes the same.
 *
 * Layer: wire. Pure; OpenSSL's HMAC.
 * Units: *_ms since 1970.
 */
#ifndef SIGNALING_WIRE_TURN_H
#define SIGNALING_WIRE_TURN_H

#include "base/base.h"
#include "meeting/meeting.h"

enum {
        TURN_MAX_URIS = 8,
        TURN_URI_CAP = 256,
        TURN_LIFE_MS = 24 * 3600 * 1000, /* longer than a day's meeting */
        TURN_USERNAME = 24 + MEETING_ID,
        TURN_PASSWORD = 28 + 1,
};

/* Borrowed texts. n_uris 0: no TURN server. */
struct turn_config {
        const char *uris[TURN_MAX_URIS];
        size_t n_uris;
        const char *secret; /* never logged */
};

struct turn_credential {
        char username[TURN_USERNAME], password[TURN_PASSWORD];
};

/* "turn:" or "turns:", host, optional port, optional "?transport=udp" or "tcp"
 * (RFC 7065 §3.1). */
bool turn_uri_is_good(const char *uri);

/* Good for TURN_LIFE_MS from now on. Returns 0 or -ENOMEM. */
must_use int turn_credential_make(struct turn_credential *ret_credential,
                                  const struct turn_config *turn, const char *participant,
                                  int64_t now_ms);

#endif
