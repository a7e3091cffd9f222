/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdp — reads a hostile SDP offer, decides, and writes the one answer we give
 *       (RFC 8829, 8843 BUNDLE, 8853 simulcast, 8858 rtcp-mux, 8839 ICE, 8842 DTLS).
 *
 * Layer:  core. gstreamer-sdp only splits the text; every value is checked here.
 * Owner:  the caller owns the offer and the answer text.
 * Thread: any; no shared state.
 *
 * Invariants:
 *  (1) an offer that parsed holds only bounded, syntactically valid values.
 *  (2) sending m-lines become publications (first audio: microphone; first
 *      video: camera; second video: screen); receiving ones become slots in
 *      m-line order; everything else is answered with port 0.
 *  (3) answered extension ids and payload types are the offer's own.
 *
 * A publication gets one codec, so that what arrives is that one. VP9 or AV1 where
 * the client lists it first and everybody watching decodes it; else H.264 where
 * everybody decodes that and somebody cannot decode VP8; else VP8.
 */
#ifndef SFU_CORE_SDP_H
#define SFU_CORE_SDP_H

#include "base/base.h"
#include "sfu/api.h"

enum {
        SDP_MAX_MLINES = 40,
        SDP_MAX_PTS = 128,    /* per m-line */
        SDP_MAX_EXTMAPS = 32, /* per m-line */
        SDP_MAX_RIDS = 3,
        SDP_MID_CAP = 17, /* with NUL; RFC 8843 suggests at most 3 bytes */
        SDP_RID_CAP = 17,
        SDP_UFRAG_CAP = 257,
        SDP_PWD_CAP = 257,
};

/* The CNAME of all that we send; the same in a=ssrc and in RTCP SDES. */
#define SDP_CNAME "dinh"

/* RED (RFC 2198) is Opus with older frames in front, never alone: a line has it
 * only beside Opus. */
enum sdp_codec { SDP_OPUS, SDP_VP8, SDP_H264, SDP_VP9, SDP_AV1, SDP_RED, SDP_N_CODECS };
#define SDP_CODEC_BIT(c) (1u << (c))
#define SDP_VIDEO_CODECS                                                                           \
        (SDP_CODEC_BIT(SDP_VP8) | SDP_CODEC_BIT(SDP_H264) | SDP_CODEC_BIT(SDP_VP9) |               \
         SDP_CODEC_BIT(SDP_AV1))

/* 0: not negotiated on this m-line. Only ids 1..14 are taken, so the one-byte
 * form of RFC 8285 carries all but a long dependency descriptor, which is taken
 * with a=extmap-allow-mixed only; mid has one id in the whole bundle. */
struct sdp_ext_ids {
        uint8_t mid, rid, repaired_rid, audio_level, abs_send_time, transport_cc, dependency;
};

struct sdp_pt {
        bool used;
        uint8_t pt, rtx_pt; /* rtx_pt 0: no RTX */
};

/* One thing the client will send us. */
struct sdp_publication {
        bool used;
        char mid[SDP_MID_CAP];
        struct sdp_ext_ids ext;
        struct sdp_pt pts[SDP_N_CODECS];      /* accepted, by codec */
        size_t n_rids;                        /* 0: a single encoding */
        char rids[SDP_MAX_RIDS][SDP_RID_CAP]; /* in the offer's order: lowest first by our client */
        uint32_t ssrc, rtx_ssrc;              /* from a=ssrc when n_rids is 0; 0: unknown */
        bool nack, transport_cc;
};

/* One thing we will send to the client. */
struct sdp_slot {
        char mid[SDP_MID_CAP];
        /* mid, and what congestion control needs: transport_cc, or else abs_send_time. */
        struct sdp_ext_ids ext;
        struct sdp_pt pts[SDP_N_CODECS];
        uint32_t ssrc, rtx_ssrc; /* ours, as announced; rtx 0 for audio */
        bool nack;
        bool ccfb; /* RFC 8888 feedback, where transport-wide feedback was not offered */
};

/* What the media core needs to know of a negotiated peer. */
struct sdp_media {
        struct sdp_publication pubs[SFU_N_KINDS];
        size_t n_audio_slots, n_video_slots;
        struct sdp_slot audio_slots[SFU_AUDIO_SLOTS];
        struct sdp_slot video_slots[SFU_MAX_VIDEO_SLOTS];
        unsigned recv_codecs; /* sdp_offer_recv_codecs(), and Opus with any audio slot */
};

/* What the transport needs to know. */
struct sdp_transport {
        char ufrag[SDP_UFRAG_CAP], pwd[SDP_PWD_CAP];
        uint8_t fingerprint[32]; /* sha-256 of the client's certificate */
        bool we_are_dtls_client; /* the offer said a=setup:passive */
};

/* Reads ICE credentials that came without an offer into *transport. Returns 0
 * or SFU_OFFER_NO_ICE. */
must_use int sdp_credentials_read(struct sdp_transport *transport, const char *ufrag,
                                  const char *pwd);

struct sdp_offer;

/* Returns 0 and hands over *ret_offer, an enum sfu_offer_err, or -ENOMEM. */
must_use int sdp_offer_parse(struct sdp_offer **ret_offer, const char *text, size_t len);
struct sdp_offer *sdp_offer_free(struct sdp_offer *offer);
DEFINE_CLEANUP(struct sdp_offer *, sdp_offer_free)

const struct sdp_transport *sdp_offer_transport(const struct sdp_offer *offer);

/* Who comes to watch sends nothing: sendrecv lines of such an offer become slots.
 * Returns 0, or SFU_OFFER_WRONG_WAY when no line serves the purpose. */
must_use int sdp_offer_aim(struct sdp_offer *offer, enum sfu_purpose purpose);

/* Bits of the video codecs that every video slot of the offer can receive; 0
 * when it has none. */
unsigned sdp_offer_recv_codecs(const struct sdp_offer *offer);

/* Bits of the video codecs that every video publication of the offer can send; 0
 * when it has none. */
unsigned sdp_offer_send_codecs(const struct sdp_offer *offer);

/* An address of ours: for UDP, and with `tcp` for TCP too on the same number. */
struct sdp_candidate {
        char address[46];
        uint16_t port;
        bool tcp;
};

/* Puts private addresses first (who reaches one is near: her media need not go
 * out and back) and loopback last; else the order stays. */
void sdp_addresses_sort(char **addresses, size_t n);

struct sdp_answer_params {
        const char *ufrag, *pwd;    /* ours */
        const uint8_t *fingerprint; /* ours, sha-256, 32 bytes */
        const struct sdp_candidate *candidates;
        size_t n_candidates;
        bool may_publish;
        unsigned video_codecs; /* bits: what everybody decodes who watches what she sends */
        uint64_t session_id;
        uint32_t session_version;           /* 1 at first; one more with each restart */
        uint32_t (*random_u32)(void *user); /* SSRCs; must not repeat itself soon */
        void *random_user;
};

/* Our side of an ICE restart as SDP lines (sfu_peer_restart_ice()); of params
 * ufrag, pwd, candidates and session_version count. Returns 0 and hands over *ret_lines, or -ENOMEM. */
must_use int sdp_restart_write(const struct sdp_answer_params *params, char **ret_lines);

/* Writes the answer. Returns 0, hands the text (free()) through *ret_text and
 * fills *ret_media; an enum sfu_offer_err; or -ENOMEM. */
must_use int sdp_answer_write(const struct sdp_offer *offer, const struct sdp_answer_params *params,
                              char **ret_text, struct sdp_media *ret_media);

#endif
