/* SPDX-License-Identifier: Apache-2.0 */
/* job_end — the job's end of a tap or a feed, for integration tests. */
#ifndef TESTS_INTEGRATION_JOB_END_H
#define TESTS_INTEGRATION_JOB_END_H

#include "sfu/api.h"
#include "sfu/wire/job_record.h"

struct world;

/* What came for one track. */
struct job_track {
        uint32_t participant, generation;
        int kind;
        bool live, after_gap;
        size_t n, n_keyframes, n_lost, n_twice, n_generations, n_ends, n_gaps;
        size_t n_broken; /* pictures that began, or went on after a GAP, without a key frame */
        uint32_t next_ext, first_ext;
        size_t len;
        uint8_t last[JOB_RECORD_MAX_BYTES]; /* RTP */
};

struct job_end {
        int fd;     /* -1: closed */
        bool ended; /* the server closed its end */
        size_t n_rtcp, n_pli;
        /* Of a feed: what its pictures are to be in, and how often that was said. */
        enum job_codec codec;
        size_t n_codecs;
        size_t n_tracks;
        struct job_track tracks[64];
};

/* A socket pair: returns the server's end. */
int job_end_open(struct job_end *end);
void job_end_close(struct job_end *end);

/* Reads all there is. */
void job_end_read(struct job_end *end);
struct job_track *job_end_track(struct job_end *end, uint32_t participant, enum sfu_kind kind);

/* As a feed: one RTP packet (a picture in `codec`), and a sender report. */
void job_end_send(struct job_end *end, enum sfu_kind kind, uint8_t layer, uint16_t seq, uint32_t ts,
                  const uint8_t *payload, size_t len);
void job_end_report(struct job_end *end, enum sfu_kind kind, uint8_t layer, uint64_t ntp,
                    uint32_t ts);

#endif
