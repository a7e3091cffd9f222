/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocator — spends what a receiver's line carries over its slots: sound first,
 *             then the shared screen, then who speaks, then the others by the
 *             priority and the size the client shows them with.
 *
 * Layer:  core. Pure functions; what a slot must remember is a small struct of
 *         its owner's.
 * Owner:  struct alloc_memory: the slot.
 * Thread: the worker's.
 * Units:  *_bps bits per second, everything included; *_us monotonic.
 *
 * A demand is a ladder of points (simulcast, spatial, temporal layer), cheap to dear; its
 * last point is what the receiver wishes. First everybody gets the lowest point,
 * in order of service, as far as it goes; then each is raised as far as it goes,
 * in the same order. The first voice is always granted: it is the last thing
 * that a line gives up.
 *
 * Rates and estimates tremble, and a step up that fails costs the receiver a
 * freeze. So a slot goes down at once; it goes up when there was room, with a
 * margin, for ALLOC_HOLD_US (ALLOC_FIRST_HOLD_US while it never fell); after a fall
 * within ALLOC_DOUBT_US only when the line is clearly wider than what it fell from (for
 * ALLOC_KEY_DOUBT_US twice as wide, if that takes another layer's key frame); and each
 * time that going up ended in a fall the next try waits twice as long. What a slot
 * shows for the first time is given at once, and again when its cost is known.
 *
 * Invariants:
 *  (1) what is granted costs no more than the budget and a trembling's worth
 *      (ALLOC_SLACK of it), the first voice apart, and for ALLOC_GRACE_US the
 *      first picture's lowest point when half of it fits.
 *  (2) nobody loses a point while somebody later in order is raised.
 */
#ifndef SFU_CORE_ALLOCATOR_H
#define SFU_CORE_ALLOCATOR_H

#include "base/base.h"

enum {
        ALLOC_MAX_POINTS = 12,
        ALLOC_NONE = -1,
        ALLOC_HOLD_US = 800 * 1000,
        ALLOC_FIRST_HOLD_US = 300 * 1000, /* of a slot that never fell: the line is being found */
        ALLOC_GRACE_US = 1200 * 1000,
        ALLOC_DOUBT_US = 10 * 1000 * 1000,
        ALLOC_KEY_DOUBT_US = 4 * 1000 * 1000,
        ALLOC_DOUBLINGS = 3, /* of ALLOC_DOUBT_US, at most */
        ALLOC_SLACK = 16,    /* a sixteenth */
};

/* In order of service. */
enum alloc_kind { ALLOC_SOUND, ALLOC_SCREEN, ALLOC_SPEAKER, ALLOC_PICTURE };

struct alloc_point {
        uint8_t layer, spatial, temporal;
        uint32_t bps;
};

/* Zero-initialise, and again whenever the slot gets somebody else to show. */
struct alloc_memory {
        bool known;                       /* was granted something, or refused everything */
        bool paused;                      /* refused everything */
        uint8_t layer, spatial, temporal; /* what was granted last; UINT8_MAX: all frames of it */
        bool rose;                        /* the last change was a step up */
        uint8_t failed;                   /* steps up in a row that ended in a fall */
        int64_t changed_us;
        int64_t room_us;  /* since when there is room for more; 0: there is none */
        int64_t short_us; /* since when not even the lowest point fits; 0: it does */
        int64_t fell_us;  /* last step down for lack of room; 0: never */
};

struct alloc_demand {
        enum alloc_kind kind;
        uint8_t priority; /* higher first, within the kind; then the bigger; then list order */
        uint16_t height;
        size_t n_points; /* 0: nothing to show */
        struct alloc_point points[ALLOC_MAX_POINTS];
        struct alloc_memory *memory;
        int granted; /* result: 0 .. n_points - 1, or ALLOC_NONE */
};

struct alloc_sum {
        uint64_t granted_bps, wanted_bps;
        size_t n_pictures, n_paused, n_reduced; /* pictures wanted; paused; below their wish */
        size_t n_silenced;                      /* voices left out */
};

/* Adds a better point; those before it that cost as much or more are no bargain
 * and go, and so does the last one when there are ALLOC_MAX_POINTS. */
void alloc_add_point(struct alloc_demand *demand, const struct alloc_point *point);

/* In order of service. */
bool alloc_serves_before(const struct alloc_demand *a, const struct alloc_demand *b);

/* budget_bps UINT64_MAX: nothing limits. keep_first: the first picture in order
 * gets its lowest point even when nothing is left. */
void allocate(struct alloc_demand *demands, size_t n, uint64_t budget_bps, bool keep_first,
              int64_t now_us, struct alloc_sum *ret_sum);

#endif
