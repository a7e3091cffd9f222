/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate_limit — token buckets per source host in a table of fixed size. Hosts
 *              that fall on one place share its bucket; the seed keeps
 *              strangers from choosing whom they share with.
 *
 * Layer:  io.
 * Owner:  the worker.
 */
#ifndef SFU_IO_RATE_LIMIT_H
#define SFU_IO_RATE_LIMIT_H

#include <netinet/in.h>

#include "base/base.h"

enum { RATE_LIMIT_PLACES = 1024 };

struct rate_limit {
        uint32_t seed;
        uint32_t per_second, burst;
        struct {
                int64_t full_us; /* when the bucket would be full again */
        } places[RATE_LIMIT_PLACES];
};

void rate_limit_init(struct rate_limit *limit, uint32_t per_second, uint32_t burst, uint32_t seed);

/* Takes one token; false when there is none. An IPv6 host is its /64. */
bool rate_limit_take(struct rate_limit *limit, const struct in6_addr *host, int64_t now_us);

#endif
