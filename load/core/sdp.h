/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdp — the offers our test clients make, and what they need of an answer.
 *
 * Layer:  load/core. Pure but for memory.
 */
#ifndef LOAD_CORE_SDP_H
#define LOAD_CORE_SDP_H

#include "load/core/source.h"

enum {
        LOAD_OPUS_PT = 111,
        LOAD_VP8_PT = 96,
        LOAD_RTX_PT = 97,
        LOAD_MAX_SLOTS = 28, /* audio and video together */
        LOAD_MAX_CANDIDATES = 8,

        LOAD_EXT_LEVEL = 1,
        LOAD_EXT_TCC = 3,
        LOAD_EXT_MID = 4,
        LOAD_EXT_RID = 10,
};

struct load_offer {
        const char *ufrag, *pwd, *fingerprint; /* "AB:CD:…" of SHA-256 */
        bool sends_sound;
        unsigned n_layers;               /* of the picture it sends; 0: none; 1: by SSRC */
        uint32_t sound_ssrc, video_ssrc; /* in the offer; layers are told by RID */
        unsigned n_sound, n_video;       /* slots it receives on */
        bool transport_cc;
};

/* Returns the text (free()), or NULL without memory. */
char *load_offer_write(const struct load_offer *offer);

struct load_slot {
        bool sound;
        uint32_t ssrc, rtx_ssrc; /* the server's; 0: none */
};

struct load_answer {
        char ufrag[257], pwd[257], fingerprint[96];
        size_t n_candidates;
        char candidates[LOAD_MAX_CANDIDATES][160]; /* whole "a=candidate:…" lines */
        bool sends_tcc;                            /* our pictures carry transport-wide numbers */
        bool receives_tcc;                         /* the server's do, and want feedback */
        size_t n_slots;
        struct load_slot slots[LOAD_MAX_SLOTS]; /* in the order offered */
};

/* Reads the answer to an offer with n_sent sending lines before the others.
 * Returns 0 or -EINVAL when something needed is missing. */
must_use int load_answer_read(struct load_answer *ret_answer, const char *text, unsigned n_sent);

#endif
