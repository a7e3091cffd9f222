/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patience — when to read a line on which nothing urgent comes. While it is quiet
 *            its reader is woken by what comes. In a crowd it is not: then all
 *            that came is read together, whenever the reader is awake for something
 *            else, and at the latest PATIENCE_US after it came, and the millisecond
 *            to which a timer is exact. A wake-up for each report of a hundred
 *            receivers costs more than the reports.
 *
 *             read twice within PATIENCE_US
 *   watched ──────────────────────────────────► unwatched
 *           ◄──────────────────────────────────
 *             nothing came for PATIENCE_US
 *
 * Layer:  core. No I/O, no clock.
 * Owner:  whoever embeds it, set up by patience_init().
 */
#ifndef SFU_CORE_PATIENCE_H
#define SFU_CORE_PATIENCE_H

#include "base/base.h"

/* Less than a browser's own delay before a report, much less than any path's round
 * trip that a retransmission has to wait for. */
#define PATIENCE_US ((int64_t)5 * 1000)

struct patience {
        bool watched;   /* what comes wakes the reader */
        int64_t due_us; /* INT64_MAX: watched. Else the reader is to be awake then. */
        int64_t got_us; /* when something was read last */
        int64_t read_us;
};

void patience_init(struct patience *patience);

/* The reader is awake; ready: because of this line. Is it time to read? */
must_use bool patience_wants(const struct patience *patience, bool ready, int64_t now_us);

/* It was read, n messages; more: and not all of them. */
void patience_on_read(struct patience *patience, size_t n, bool more, int64_t now_us);

#endif
