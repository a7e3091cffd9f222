/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_seen — the meeting's side of a feed in tests: gathers what a job sends, checks its form,
 *             and decodes it. Times are those of the sender reports.
 */
#ifndef TESTS_INTEGRATION_FEED_SEEN_H
#define TESTS_INTEGRATION_FEED_SEEN_H

#include <glib.h>
#include <uv.h>

#include "sfu/jobs/core/depay.h"

enum { SEEN_SOUND = 3, SEEN_STREAMS };

struct seen_unit { /* a picture, or an Opus packet */
        uint32_t ts;
        bool key;
        uint8_t level;     /* of sound */
        int width, height; /* of a key frame */
        int64_t arrived_us;
        GByteArray *bytes;
};

struct seen_stream {
        uint32_t ssrc, clock_hz;
        uint16_t seq, picture_id;
        unsigned packets;
        bool in_picture;
        uint8_t pt;         /* of pictures: what came last */
        struct depay *h264; /* NULL: it is not in that */
        GPtrArray *units;
        /* The last report. */
        bool has_report;
        uint32_t report_ts;
        int64_t report_us;
};

struct feed_seen {
        int fd;               /* our end */
        int kind;             /* of the pictures: checked */
        enum job_codec codec; /* what was asked for last */
        uv_poll_t poll;
        struct seen_stream streams[SEEN_STREAMS]; /* layers, lowest first; sound */
        bool closed;
};

/* Opens the pair; *ret_fd is the job's end. Pictures are asked for in this codec. */
void feed_seen_open(struct feed_seen *seen, uv_loop_t *loop, int kind, enum job_codec codec,
                    int *ret_fd);
/* From now on in another. What came in the one before stays until it is forgotten. */
void feed_seen_want_codec(struct feed_seen *seen, enum job_codec codec);
/* Forgets what came so far. */
void feed_seen_clear(struct feed_seen *seen);
void feed_seen_close(struct feed_seen *seen);

void feed_seen_ask_key(struct feed_seen *seen, unsigned layer);

unsigned feed_seen_units(const struct feed_seen *seen, unsigned stream);
const struct seen_unit *feed_seen_unit(const struct feed_seen *seen, unsigned stream, unsigned i);

/* Wall time of a unit, by the stream's report. */
int64_t feed_seen_wall_us(const struct seen_stream *stream, const struct seen_unit *unit);

struct seen_value {
        int64_t wall_us;
        double value;
};
/* Decodes a layer, all of one codec, from its first key frame on: mean brightness 0..255 of each picture. Or the
 * sound: root mean square 0..1 of each millisecond. The caller frees it. */
GArray *feed_seen_decode(const struct feed_seen *seen, unsigned stream);

#endif
