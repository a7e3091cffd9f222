/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer_heap — who wants to be woken when: a binary heap of timers that their
 *              owners embed.
 *
 * Layer:  io.
 * Owner:  the worker; timers belong to peers and rooms, and leave by
 *         timer_heap_remove() before they die.
 *
 * Invariants:
 *  (1) setting a timer never allocates or fails: its place is made on entry.
 */
#ifndef SFU_IO_TIMER_HEAP_H
#define SFU_IO_TIMER_HEAP_H

#include "base/base.h"

struct timer {
        int64_t due_us; /* INT64_MAX: never; read only, see timer_heap_set() */
        size_t at;      /* private */
        void (*fire)(void *owner, int64_t now_us);
        void *owner;
};

struct timer_heap {
        struct timer **timers;
        size_t n, cap;
};

void timer_heap_done(struct timer_heap *heap);

/* Enters a timer (fire and owner filled) as "never". Returns 0 or -ENOMEM. */
must_use int timer_heap_add(struct timer_heap *heap, struct timer *timer);
void timer_heap_remove(struct timer_heap *heap, struct timer *timer);
void timer_heap_set(struct timer_heap *heap, struct timer *timer, int64_t due_us);

/* When the first one is due; INT64_MAX when none is. */
int64_t timer_heap_next_us(const struct timer_heap *heap);

/* Fires all that are due. Each is set to "never" before its call, which may
 * set, add and remove timers, its own included. */
void timer_heap_run(struct timer_heap *heap, int64_t now_us);

#endif
