/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram — times in microseconds, kept to 3 % in a fixed space.
 *
 * Layer:  load/core. Pure.
 */
#ifndef LOAD_CORE_HISTOGRAM_H
#define LOAD_CORE_HISTOGRAM_H

#include "base/base.h"

enum {
        HISTOGRAM_FINE_BITS = 5, /* 32 steps in each doubling */
        HISTOGRAM_DOUBLINGS = 28,
        HISTOGRAM_PLACES = HISTOGRAM_DOUBLINGS << HISTOGRAM_FINE_BITS,
};

struct histogram {
        uint64_t n, max_us;
        uint32_t places[HISTOGRAM_PLACES];
};

/* Negative times count as 0. */
void histogram_add(struct histogram *histogram, int64_t us);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The time that permille of the values do not pass; 0 when there is none. */
uint64_t histogram_at(const struct histogram *histogram, unsigned permille);

#endif
