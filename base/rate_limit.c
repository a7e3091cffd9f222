/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rate_limit.h"

#include <string.h>

void rate_limit_init(struct rate_limit *limit, uint32_t per_second, uint32_t burst, uint32_t seed)
{
        memset(limit, 0, sizeof(*limit));
        limit->seed = seed;
        limit->per_second = per_second;
        limit->burst = burst;
}

static size_t place_of(const struct rate_limit *limit, const uint8_t host[16])
{
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        size_t n = memcmp(host, mapped, sizeof(mapped)) == 0 ? 16 : 8;
        uint32_t hash = 2166136261u ^ limit->seed;

        for (size_t i = 0; i < n; i++)
                hash = (hash ^ host[i]) * 16777619u;
        return (hash ^ hash >> 15) % RATE_LIMIT_PLACES;
}

/* The bucket is kept as the time when it will be full: each token taken moves
 * it one token's time ahead, at most burst tokens ahead of now. */
bool rate_limit_take(struct rate_limit *limit, const uint8_t host[16], int64_t now_us)
{
        int64_t *full_us = &limit->full_us[place_of(limit, host)];
        int64_t token_us = 1000000 / limit->per_second;
        int64_t from_us = *full_us > now_us ? *full_us : now_us;

        if (from_us + token_us - now_us > token_us * (int64_t)limit->burst)
                return false;
        *full_us = from_us + token_us;
        return true;
}
