/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace — which pictures of a live program are left out, so that it stays near the clock: what is
 *        not composed yet is what a killed job loses.
 *
 * Layer:  sfu/jobs/core. Pure: a caller's struct, no I/O, no clock. Zero is a new one.
 * Owner:  a live program.
 *
 * Invariants:
 *  (1) no frame is begun before its time.
 *  (2) a picture is begun at most PACE_LATE_US late, but for one in PACE_MOST_LEFT_OUT: a machine
 *      that is too slow for the sound alone shows something all the same.
 *  (3) sound is never left out.
 */
#ifndef SFU_JOBS_CORE_PACE_H
#define SFU_JOBS_CORE_PACE_H

#include "base/base.h"

enum {
        PACE_LATE_US = 200000,
        PACE_MOST_LEFT_OUT = 125, /* one after the other: 5 s */
};

struct pace {
        unsigned left_out;
};

enum pace_step { PACE_WAIT, PACE_WHOLE, PACE_SOUND_ONLY };

/* What to do with the next frame, which should have been composed lag_us ago (negative: it is not
 * due yet). */
enum pace_step pace_next(struct pace *pace, int64_t lag_us);

#endif
