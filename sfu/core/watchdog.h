/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchdog — decides whether a thread that should go round in turns hangs in one,
 *            from looks at it: an endless loop, or a wait that nothing ends.
 *
 * A turn's length by the clock says nothing: the machine may have slept, been
 * short of CPU or stopped us (SIGSTOP, a debugger). What counts is
 *  - CPU time that the thread used within one turn: it runs and comes to no end;
 *  - time in which it was blocked in one turn, by the kernel's own word, at two
 *    looks running: a deadlock uses no CPU. A thread that waits for a CPU or a disk,
 *    or is stopped, is not blocked.
 * Of the time between two looks no more than WATCHDOG_LATE times the usual counts: a
 * look that comes late was held up by the same as the thread, and a virtual machine
 * that stood still may call it CPU time.
 *
 * Layer:  core. No I/O, no clock, no threads.
 * Owner:  whoever looks; zero-initialised.
 * Units:  *_us microseconds of any monotonic clock.
 */
#ifndef SFU_CORE_WATCHDOG_H
#define SFU_CORE_WATCHDOG_H

#include "base/base.h"

enum { WATCHDOG_LATE = 2 };

struct watchdog_look {
        int64_t now_us;
        uint32_t beat;  /* another one with each turn */
        bool asleep;    /* not in a turn: it waits for work */
        int64_t cpu_us; /* that the thread has used so far */
        bool blocked;   /* it waits in the kernel for another thread, or a pipe or socket */
};

struct watchdog {
        struct watchdog_look last;
        int64_t hung_us; /* in this turn */
};

/* True when the same turn has hung for limit_us; looks usually come every_us apart. */
must_use bool watchdog_hangs(struct watchdog *dog, const struct watchdog_look *look,
                             int64_t every_us, int64_t limit_us);

#endif
