/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate_limit — token buckets per source host in a table of fixed size. Hosts
 *              that fall on one place share its bucket; the seed keeps
 *              strangers from choosing whom they share with.
 *
 * Owner:  whoever embeds it.
 * Thread: its owner's.
 */
#ifndef BASE_RATE_LIMIT_H
#define BASE_RATE_LIMIT_H

#include "base/base.h"

enum { RATE_LIMIT_PLACES = 1024 };

struct rate_limit { /* private */
        uint32_t seed;
        uint32_t per_second, burst;
        int64_t full_us[RATE_LIMIT_PLACES]; /* when the bucket would be full again */
};

void rate_limit_init(struct rate_limit *limit, uint32_t per_second, uint32_t burst, uint32_t seed);

/* Takes one token; false when there is none. host is an IPv6 address, of which
 * the /64 counts, or an IPv4-mapped one (RFC 4291 §2.5.5.2). */
bool rate_limit_take(struct rate_limit *limit, const uint8_t host[16], int64_t now_us);

#endif
