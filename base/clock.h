/* SPDX-License-Identifier: Apache-2.0 */
/* clock — the two clocks. io/ layers read them and pass the value down. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_read_us(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Monotonic microseconds: for intervals and deadlines. */
static inline int64_t clock_now_us(void)
{
        return clock_read_us(CLOCK_MONOTONIC);
}

/* Microseconds since 1970 UTC: for people, files and NTP time. */
static inline int64_t clock_wall_us(void)
{
        return clock_read_us(CLOCK_REALTIME);
}

#endif
