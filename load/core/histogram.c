/* SPDX-License-Identifier: Apache-2.0 */
#include "load/core/histogram.h"

enum { FINE = 1 << HISTOGRAM_FINE_BITS };

static size_t place_of(uint64_t us)
{
        unsigned shift = 0;
        size_t at;

        if (us >= 2 * FINE)
                shift = 63 - (unsigned)__builtin_clzll(us) - HISTOGRAM_FINE_BITS;
        at = ((size_t)shift << HISTOGRAM_FINE_BITS) + (size_t)(us >> shift);
        return at < HISTOGRAM_PLACES ? at : HISTOGRAM_PLACES - 1;
}

/* The largest value of a place. */
static uint64_t top_of(size_t at)
{
        size_t shift = at < 2 * FINE ? 0 : (at >> HISTOGRAM_FINE_BITS) - 1;

        return (((uint64_t)(at - (shift << HISTOGRAM_FINE_BITS)) + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, int64_t us)
{
        uint64_t value = us > 0 ? (uint64_t)us : 0;

        histogram->n++;
        histogram->places[place_of(value)]++;
        if (value > histogram->max_us)
                histogram->max_us = value;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
        into->n += from->n;
        if (from->max_us > into->max_us)
                into->max_us = from->max_us;
        for (size_t i = 0; i < HISTOGRAM_PLACES; i++)
                into->places[i] += from->places[i];
}

uint64_t histogram_at(const struct histogram *histogram, unsigned permille)
{
        uint64_t want = (histogram->n * permille + 999) / 1000, seen = 0;

        for (size_t i = 0; i < HISTOGRAM_PLACES && want > 0; i++) {
                seen += histogram->places[i];
                if (seen >= want)
                        return top_of(i) < histogram->max_us ? top_of(i) : histogram->max_us;
        }
        return 0;
}
