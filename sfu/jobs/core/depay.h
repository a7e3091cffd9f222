/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depay — RTP payloads of one track to frames: what a Matroska block or a decoder takes. Opus (RFC
 *         7587), VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184, modes 0 and 1), AV1 (AOM "RTP
 *         Payload Format For AV1").
 *
 * A frame of pictures is everything of one RTP timestamp:
 *  - VP9: its spatial layers, as a superframe when there are several (VP9 Annex B);
 *  - H.264: NAL units, each after its length of four bytes; parameter sets stay in ("avc3");
 *  - AV1: a temporal unit, each OBU with its size (§5.2), without delimiters, padding and tile
 *    lists, as Matroska wants it.
 *
 * Layer:  jobs/core. No I/O, no clock, no threads.
 * Owner:  the track's.
 *
 * Invariants:
 *  (1) a frame that comes out is whole. A packet that was lost, or one that cannot be read, costs
 *      the frame it was part of, and nothing else.
 *  (2) a frame larger than DEPAY_MAX_FRAME is dropped; what is held is two of that at most, and
 *      not for longer than the frame.
 *  (3) the first frame of a stream of pictures is a key frame, and its format is known.
 */
#ifndef SFU_JOBS_CORE_DEPAY_H
#define SFU_JOBS_CORE_DEPAY_H

#include "base/base.h"
#include "sfu/wire/job_record.h"

enum {
        DEPAY_MAX_FRAME = 2 * 1024 * 1024,
        DEPAY_MAX_CONFIG = 1024,
};

struct depay_packet {
        struct span payload; /* of one RTP packet, in the order of reorder.h */
        uint32_t ts;
        bool marker;
        bool after_loss; /* packets before it are missing */
        bool new_stream; /* the first of a stream: see (3) */
};

/* What a decoder is set up with. */
struct depay_format {
        uint32_t width, height; /* of pictures; 0 for sound */
        /* H.264: avcC; AV1: av1C (both as in ISO BMFF); others: none. */
        uint8_t config[DEPAY_MAX_CONFIG];
        size_t config_len;
};

struct depay_frame {
        struct span bytes;                 /* until the next call */
        uint32_t ts;                       /* of RTP */
        bool is_keyframe;                  /* a decoder can begin here; each of sound */
        uint32_t duration_us;              /* of sound; 0: not known */
        const struct depay_format *format; /* the stream's, as of its newest key frame */
};

struct depay;

/* Returns 0 or -ENOMEM. */
must_use int depay_new(struct depay **ret_depay, enum job_codec codec);
struct depay *depay_free(struct depay *depay); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct depay *, depay_free)

/* Returns 1 and a frame when one is complete, 0 when not yet, -ENOMEM (the frame is lost). A
 * frame of pictures ends with its marker; one whose marker was lost is not whole. */
must_use int depay_put(struct depay *depay, const struct depay_packet *packet,
                       struct depay_frame *ret_frame);

#endif
