/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdpfrag — application/trickle-ice-sdpfrag (RFC 8840 §9): what a WHIP or WHEP
 *           client sends to add candidates or to restart ICE (RFC 9725 §4.3).
 *
 * Layer: wire, pure.
 *
 * All media of a client are bundled, so a fragment has one pair of credentials,
 * said once or repeated the same. Candidates are judged and counted, and not
 * kept: an ICE-lite agent answers checks from wherever they come.
 */
#ifndef SIGNALING_WIRE_SDPFRAG_H
#define SIGNALING_WIRE_SDPFRAG_H

#include "base/base.h"

enum {
        SDPFRAG_MAX_BYTES = 16 * 1024,
        SDPFRAG_MAX_CANDIDATES = 100,
        SDPFRAG_MAX_MEDIA = 64,
        SDPFRAG_FRONT_CAP = 4096,     /* of our answers' m-lines and groups */
        ICE_CREDENTIAL_CAP = 256 + 1, /* RFC 8839 §5.4: at most 256 ice-chars; with NUL */
};

struct ice_credentials {
        char ufrag[ICE_CREDENTIAL_CAP], pwd[ICE_CREDENTIAL_CAP];
};

struct sdpfrag {
        struct ice_credentials ice; /* each "" when absent */
        unsigned n_media, n_candidates;
        bool end_of_candidates;
};

enum sdpfrag_err {
        SDPFRAG_E_SYNTAX = 1,
        SDPFRAG_E_TOO_LARGE, /* bytes, m-lines or candidates */
        SDPFRAG_E_CONFLICT,  /* two different ufrags or passwords */
};

/* Reads a whole fragment. Returns 0 or an enum sdpfrag_err. */
must_use int sdpfrag_parse(struct sdpfrag *ret_frag, const uint8_t *data, size_t len);

/* The first ufrag and the first password of an offer or answer that was taken
 * as good; "" for what it does not have. */
void sdpfrag_credentials_of(struct ice_credentials *ret_ice, const char *sdp, size_t len);

/* The front of a fragment of ours (RFC 8840 §9.1): ice-lite, and from an answer of
 * ours its BUNDLE group, its first m-line and that one's mid, to which candidates
 * can be added. NUL-terminated. Returns 0, or -ENOSPC when it would pass cap. */
must_use int sdpfrag_write_front(char *ret, size_t cap, const char *answer, size_t len);

#endif
