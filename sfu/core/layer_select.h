/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_select — which simulcast layer a slot should show, by its size on the
 *                receiver's screen; and what the line of a receiver carries that
 *                reports nothing better than REMB (see cc.h for the others).
 *
 * Layer:  core. Pure functions, and one small struct per subscriber.
 * Owner:  struct line_budget: the subscribing peer.
 * Thread: the worker's.
 * Units:  *_bps bits per second, heights in pixels.
 *
 * REMB (draft-alvestrand-rmcat-remb-03) follows what we send: a receiver that
 * gets 200 kbit/s reports little more, however wide its line is, and after a
 * step up its number takes many seconds to follow (libwebrtc: 8 % a second). So
 * only a REMB below what we send that falls, or has not grown for
 * LINE_FLAT_US, says that the line is full; then the budget is that number, at
 * once. When the line was not full for LINE_HOLD_US, the budget grows step by
 * step until it limits nothing. Each time growing ends in a full line again,
 * the next try waits twice as long.
 */
#ifndef SFU_CORE_LAYER_SELECT_H
#define SFU_CORE_LAYER_SELECT_H

#include "base/base.h"

enum { LAYER_MAX = 3 };

struct layer_info {
        bool flows;
        uint16_t height; /* 0: not known yet */
};

/* The lowest layer at least max_height high (the highest, when none is); heights
 * that are not known are guessed from the others, each layer twice the one
 * below. If it does not flow: the next lower one that does, else the next
 * higher. n >= 1. Returns 0..n-1. */
int layer_select(const struct layer_info *layers, size_t n, uint16_t max_height);

enum {
        LINE_FLAT_US = 2500 * 1000,
        LINE_HOLD_US = 4 * 1000 * 1000,
        LINE_HOLD_MAX_US = 60 * 1000 * 1000,
};

struct line_budget {
        bool limited;
        uint64_t bps;
        uint64_t remb_bps;     /* the last one that grew or fell */
        int64_t remb_us;       /* and when; 0: none yet */
        int64_t congested_us;  /* last time the line was full */
        int64_t raised_us;     /* last step up */
        int64_t hold_us;       /* how long it must be free before a step up */
        int64_t free_since_us; /* when the limit was lifted */
};

void line_budget_init(struct line_budget *line);

/* sent_bps: what the subscriber was sent lately. */
void line_budget_on_remb(struct line_budget *line, uint64_t remb_bps, uint32_t sent_bps,
                         int64_t now_us);

/* The budget now, UINT64_MAX when nothing limits. needed_bps: what everything
 * wanted would take; a budget above it is lifted. */
uint64_t line_budget_poll(struct line_budget *line, uint64_t needed_bps, int64_t now_us);

#endif
