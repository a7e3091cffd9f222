/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steady — notices that a peer which was heard all the time is heard no more:
 *          its address has changed, or its way is broken. The browser itself
 *          finds out only with its next connectivity check, seconds later.
 *
 * Swept every STEADY_SWEEP_US. Steady is who was heard in eight of ten sweeps;
 * a pause of five sweeps then counts. So a talker who pauses
 * (with Opus DTX a packet every 400 ms, RFC 7587 §3.1.3) is still heard, and one
 * that sends little is never missed.
 *
 * Layer:  core. No I/O, no clock, no threads.
 * Owner:  whoever embeds it, zero-initialised.
 */
#ifndef SFU_CORE_STEADY_H
#define SFU_CORE_STEADY_H

#include "base/base.h"

#define STEADY_SWEEP_US ((int64_t)100 * 1000)

struct steady {
        uint32_t heard;   /* authenticated packets; the owner counts them */
        uint32_t before;  /* at the last sweep */
        uint16_t history; /* a bit a sweep, the last one lowest: was it heard? */
};

/* Returns true once per pause. */
must_use bool steady_sweep(struct steady *steady);

/* What it sends has been told to change: forget what was usual. */
static inline void steady_reset(struct steady *steady)
{
        steady->history = 0;
}

#endif
