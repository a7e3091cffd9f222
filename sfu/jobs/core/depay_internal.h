/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depay_internal — what depay.c and the codecs of it (depay_*.c) share.
 *
 * depay.c knows which packets make a frame; a codec adds a packet's payload to it.
 *
 * Layer:  jobs/core. Nobody else includes this.
 */
#ifndef SFU_JOBS_CORE_DEPAY_INTERNAL_H
#define SFU_JOBS_CORE_DEPAY_INTERNAL_H

#include "sfu/jobs/core/byte_buf.h"
#include "sfu/jobs/core/depay.h"

enum depay_err { DEPAY_E_BROKEN = 1 }; /* or any above 0: the frame cannot become whole */

enum {
        DEPAY_MAX_LAYERS = 8,       /* VP9 */
        DEPAY_MAX_PARAMETERS = 256, /* bytes of an H.264 parameter set */
};

struct parameter_set {
        uint8_t bytes[DEPAY_MAX_PARAMETERS];
        size_t len; /* 0: none came */
};

struct depay {
        const struct depay_codec *codec;
        struct depay_format format;
        bool started;   /* a key frame of this stream came out */
        bool is_open;   /* packets of ts came, its marker did not */
        bool is_broken; /* the rest of ts is skipped */
        uint32_t ts;

        /* The open frame. */
        struct byte_buf frame;
        struct byte_buf part; /* AV1, H.264: what goes on in the next packet */
        bool has_part;
        bool is_keyframe;
        uint32_t duration_us;            /* Opus */
        size_t layers[DEPAY_MAX_LAYERS]; /* VP9: where each begins */
        unsigned n_layers;
        bool has_sequence, has_picture; /* AV1: OBUs that came */

        struct parameter_set sps, pps; /* H.264: the newest of the stream */
};

struct depay_codec {
        bool is_sound;
        /* After a loss: false when this cannot be a frame's first packet. NULL: add() knows. */
        bool (*may_begin)(struct span payload);
        /* Returns 0, > 0 (broken) or -ENOMEM. */
        int (*add)(struct depay *depay, struct span payload);
        /* The frame is complete. Of key frames it fills depay->format. Returns as add(). */
        int (*end)(struct depay *depay);
};

extern const struct depay_codec depay_opus, depay_vp8, depay_vp9, depay_h264, depay_av1;

static inline int depay_add_bytes(struct depay *depay, struct span bytes)
{
        return byte_buf_add(&depay->frame, bytes, DEPAY_MAX_FRAME);
}

#endif
