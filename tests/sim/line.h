/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line — one subscriber behind a link: an SFU that forwards layered cameras and a
 *        voice as cc allows, the link, and a receiver that reports. Feedback passes the
 *        real writers and parsers. A step is a millisecond; an hour takes seconds.
 *
 * The SFU has no pacer: a packet leaves when its publisher's packet came. Publishers
 * pace at 2.5 times what they send, key frames are ten times a frame, and the frames after
 * them smaller until that is paid back, as encoders do. A layer changes at a
 * key frame, which comes a while after it is asked for.
 */
#ifndef TESTS_SIM_LINE_H
#define TESTS_SIM_LINE_H

#include "sfu/core/cc.h"
#include "tests/sim/link.h"

enum { LINE_MAX_TOGETHER = 4 };
enum { LINE_MAX_CAMS = 12, LINE_LAYERS = 3, LINE_ROW_US = 100 * 1000 };

enum line_feedback { LINE_TCC, LINE_CCFB };

/* What a receiver may do to its reports before they leave: numbers from `base`. */
typedef void (*line_lie)(void *data, uint16_t *base, int64_t *arrivals_us, size_t *n,
                         int64_t now_us);

struct line_config {
        struct link_config link;
        int64_t for_us;
        size_t n_cams;
        int64_t cams_from_us, cams_to_us; /* wanted in between; to 0: to the end */
        int64_t key_every_us;             /* somebody joins; 0: when asked for only */
        bool elastic;                     /* cameras give any rate: the first takes all */
        bool silent;                      /* no voice */
        bool voice_unnumbered;
        uint64_t start_bps;
        enum line_feedback feedback;
        int64_t report_us; /* 0: as Chromium, 5 % of the rate, 50..250 ms */
        int64_t back_us;   /* the way back; 0: as the way there at the start */
        int back_loss_permille;
        int64_t dead_from_us, dead_to_us; /* no report gets through */
        int64_t clock_us;                 /* the receiver's epoch */
        int drift_ppm;
        line_lie lie;
        void *lie_data;
        uint64_t seed;
};

/* A tenth of a second. */
struct line_row {
        uint64_t capacity_bps, target_bps, sent_bps, received_bps, padding_bps, cross_bps;
        uint64_t delay_bps, loss_bps;
        int32_t wait_us, max_wait_us; /* in the queue, mean and highest */
        int32_t queue_us;             /* as cc sees it */
        uint16_t n_sent, n_lost;
        int8_t layer; /* of the first camera; -1: paused */
        int8_t n_shown;
};

struct line_result {
        size_t n_rows;
        struct line_row *rows;
        struct cc_info info;
        uint64_t n_packets, n_waits;
        struct line_wait {
                uint32_t row;
                int32_t us;
        } * waits; /* of each packet of ours that was sent */
        size_t cap_waits;
        uint32_t n_switches; /* of layers, all cameras */
        uint64_t max_target_bps;
};

/* Stops the process on an inconsistency. */
void line_run(const struct line_config *config, struct line_result *ret_result);
/* Several subscribers behind the link of the first: phones of one office. */
void line_run_together(const struct line_config *configs, size_t n,
                       struct line_result *ret_results);
void line_result_done(struct line_result *result);

/* Means over [from, to) seconds. */
uint64_t line_mean(const struct line_result *result, size_t offset, double from_s, double to_s);
#define LINE_MEAN(result, field, from_s, to_s)                                                     \
        line_mean(result, offsetof(struct line_row, field), from_s, to_s)
/* Of the time our packets waited in the queue between the two moments. */
int32_t line_wait_percentile(const struct line_result *result, double from_s, double to_s,
                             int percent);

#endif
