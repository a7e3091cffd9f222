/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/timer_heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { FIRST_CAP = 64 };

void timer_heap_done(struct timer_heap *heap)
{
        assert(heap->n == 0);
        free(heap->timers);
        *heap = (struct timer_heap){ 0 };
}

static void put(struct timer_heap *heap, size_t at, struct timer *timer)
{
        heap->timers[at] = timer;
        timer->at = at;
}

static void sift_up(struct timer_heap *heap, struct timer *timer)
{
        size_t at = timer->at;

        while (at > 0 && heap->timers[(at - 1) / 2]->due_us > timer->due_us) {
                put(heap, at, heap->timers[(at - 1) / 2]);
                at = (at - 1) / 2;
        }
        put(heap, at, timer);
}

static void sift_down(struct timer_heap *heap, struct timer *timer)
{
        size_t at = timer->at;

        for (;;) {
                size_t child = 2 * at + 1;

                if (child + 1 < heap->n &&
                    heap->timers[child + 1]->due_us < heap->timers[child]->due_us)
                        child++;
                if (child >= heap->n || heap->timers[child]->due_us >= timer->due_us)
                        break;
                put(heap, at, heap->timers[child]);
                at = child;
        }
        put(heap, at, timer);
}

int timer_heap_add(struct timer_heap *heap, struct timer *timer)
{
        if (heap->n == heap->cap) {
                size_t cap = heap->cap ? heap->cap * 2 : FIRST_CAP;
                struct timer **timers = reallocarray(heap->timers, cap, sizeof(*timers));

                if (!timers)
                        return -ENOMEM;
                heap->timers = timers;
                heap->cap = cap;
        }
        timer->due_us = INT64_MAX;
        put(heap, heap->n++, timer);
        return 0;
}

void timer_heap_remove(struct timer_heap *heap, struct timer *timer)
{
        struct timer *last = heap->timers[--heap->n];

        assert(heap->timers[timer->at] == timer);
        if (last == timer)
                return;
        put(heap, timer->at, last);
        sift_up(heap, last);
        sift_down(heap, last);
}

void timer_heap_set(struct timer_heap *heap, struct timer *timer, int64_t due_us)
{
        if (timer->due_us == due_us)
                return;
        timer->due_us = due_us;
        sift_up(heap, timer);
        sift_down(heap, timer);
}

int64_t timer_heap_next_us(const struct timer_heap *heap)
{
        return heap->n > 0 ? heap->timers[0]->due_us : INT64_MAX;
}

void timer_heap_run(struct timer_heap *heap, int64_t now_us)
{
        while (timer_heap_next_us(heap) <= now_us) {
                struct timer *timer = heap->timers[0];

                timer_heap_set(heap, timer, INT64_MAX);
                timer->fire(timer->owner, now_us);
        }
}
