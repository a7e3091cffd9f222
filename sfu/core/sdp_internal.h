/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdp_internal — what the sdp_….c files share: the words of a line, and an
 *                offer after validation. Nobody else includes it.
 *
 * Layer:  core.
 *
 * Invariants:
 *  (1) every string is NUL-terminated printable ASCII of its own grammar, safe
 *      to be written back.
 *  (2) a codec with .used has a payload type that cannot be taken for RTCP
 *      (RFC 5761 §4).
 */
#ifndef SFU_CORE_SDP_INTERNAL_H
#define SFU_CORE_SDP_INTERNAL_H

#include <gst/sdp/gstsdpmessage.h>
#include <stdio.h>

#include "sfu/core/sdp.h"

enum {
        SDP_TOKEN_CAP = 33,  /* media, proto and fmt of lines we only refuse */
        SDP_MAX_LINE = 4096, /* bytes of one line; browsers stay under 1,000 */
        SDP_MAX_OFFERED_RIDS = 16,
        SDP_MAX_EXT_ID = 14, /* the one-byte form carries every id (RFC 8285 §4.2) */
};

/* Bit 0: the offerer sends; bit 1: it receives. */
enum sdp_dir { SDP_INACTIVE, SDP_SENDONLY, SDP_RECVONLY, SDP_SENDRECV };

enum sdp_media_type { SDP_AUDIO, SDP_VIDEO, SDP_OTHER };

enum sdp_role {
        SDP_REFUSED,     /* answered with port 0 */
        SDP_IDLE,        /* accepted, nobody sends */
        SDP_PUBLICATION, /* the client sends */
        SDP_SLOT,        /* we send */
};

enum sdp_setup { SDP_SETUP_NONE, SDP_SETUP_ACTPASS, SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE };

/* The extensions we know, in the order of struct sdp_ext_ids. */
enum sdp_ext {
        SDP_EXT_MID,
        SDP_EXT_RID,
        SDP_EXT_REPAIRED_RID,
        SDP_EXT_AUDIO_LEVEL,
        SDP_EXT_ABS_SEND_TIME,
        SDP_EXT_TRANSPORT_CC,
        SDP_EXT_DEPENDENCY,
        SDP_N_EXTS,
};
extern const char *const sdp_ext_uris[SDP_N_EXTS];

enum sdp_fb {
        SDP_FB_NACK = 1 << 0,
        SDP_FB_PLI = 1 << 1,
        SDP_FB_FIR = 1 << 2,
        SDP_FB_REMB = 1 << 3,
        SDP_FB_TRANSPORT_CC = 1 << 4,
        SDP_FB_CCFB = 1 << 5, /* RFC 8888 */
        SDP_N_FBS = 6,
};
extern const char *const sdp_fb_names[SDP_N_FBS]; /* by bit number */

struct sdp_offered_codec {
        bool used;
        uint8_t pt, rtx_pt; /* rtx_pt 0: none */
        unsigned fb;        /* enum sdp_fb bits */
        /* H.264 only (RFC 6184 §8.1) */
        uint32_t profile_level_id; /* 0: not given */
        uint8_t packetization_mode;
        bool level_asymmetry;
        bool says_profile; /* VP9, AV1: 0, but was it written? */
};

struct sdp_offered_ext {
        uint8_t id; /* 0: not offered */
        enum sdp_dir dir;
};

/* ICE and DTLS words of a line or of the session; empty: not given there. */
struct sdp_security {
        char ufrag[SDP_UFRAG_CAP], pwd[SDP_PWD_CAP];
        bool has_fingerprint;
        uint8_t fingerprint[32];
        enum sdp_setup setup;
};

struct sdp_line {
        enum sdp_media_type type;
        char media[SDP_TOKEN_CAP], proto[SDP_TOKEN_CAP], fmt[SDP_TOKEN_CAP];
        char mid[SDP_MID_CAP];
        bool live;     /* the offerer means it: port, or bundle-only */
        bool dtls_rtp; /* a profile that may mean DTLS-SRTP */
        bool bundled, rtcp_mux, rtcp_rsize;
        enum sdp_dir dir;
        enum sdp_role role;
        unsigned index; /* enum sfu_kind of a publication, or slot number */
        struct sdp_offered_codec codecs[SDP_N_CODECS];
        enum sdp_codec first_codec; /* of those in use, the offerer's favourite */
        bool allow_mixed;           /* a=extmap-allow-mixed (RFC 8285 §6) */
        struct sdp_offered_ext exts[SDP_N_EXTS];
        size_t n_rids;
        char rids[SDP_MAX_RIDS][SDP_RID_CAP];
        uint32_t ssrc, rtx_ssrc;
        struct sdp_security security;
};

struct sdp_offer {
        struct sdp_transport transport;
        size_t n_lines;
        struct sdp_line lines[SDP_MAX_MLINES];
        size_t n_bundle;
        uint8_t bundle[SDP_MAX_MLINES]; /* line numbers in the group's order */
};

/* A piece of a line; never owns. */
struct sdp_word {
        const char *at;
        size_t len;
};

struct sdp_word sdp_word(const char *text);

/* Takes the next piece up to `sep` off *rest; repeated separators count as
 * one. An empty piece means the end. */
struct sdp_word sdp_word_cut(struct sdp_word *rest, char sep);

bool sdp_word_is(struct sdp_word word, const char *text);

/* Decimal digits only, at most max. */
must_use bool sdp_word_number(struct sdp_word word, uint32_t max, uint32_t *ret_number);

/* A token of RFC 8866 §9 (`extra`: one more allowed character, or 0) of
 * 1..cap-1 bytes. */
must_use bool sdp_word_token(struct sdp_word word, char extra, char *ret, size_t cap);

/* ICE and DTLS attributes, of a line or of the session. Other keys are
 * ignored. Returns 0 or an enum sfu_offer_err. */
must_use int sdp_security_read(struct sdp_security *security, const char *key, const char *value);

/* The candidates as SDP lines, best first, and a=end-of-candidates. Those of a
 * later restart are better. */
void sdp_candidates_write(FILE *out, const struct sdp_candidate *candidates, size_t n,
                          uint32_t restarts);

static inline bool sdp_is_alnum(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* True when the word, or the attribute's key, names a direction, which then is
 * in *ret_dir. */
bool sdp_word_dir(struct sdp_word word, enum sdp_dir *ret_dir);
bool sdp_dir_read(const char *key, enum sdp_dir *ret_dir);

/* What the session says for lines that say nothing. */
struct sdp_defaults {
        enum sdp_dir dir;
        bool allow_mixed;
};

/* Reads one m-section into *ret_line, whose memory is zeroed. Leaves bundled, role and index alone. Returns 0 or an enum
 * sfu_offer_err. */
must_use int sdp_line_read(struct sdp_line *ret_line, const GstSDPMedia *media,
                           const struct sdp_defaults *defaults);

#endif
