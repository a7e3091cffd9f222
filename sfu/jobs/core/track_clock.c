/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/track_clock.h"

#include <assert.h>

enum {
        PULL = 20,                /* at most a twentieth faster or slower */
        MAX_RTP_GAP_US = 2000000, /* behind a longer pause media_us counts, not the timestamp */
};

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
        return value < low ? low : value > high ? high : value;
}

static int64_t truth_us(const struct track_clock_packet *packet)
{
        return clamp(packet->media_us, packet->arrival_us - TRACK_CLOCK_EARLY_US,
                     packet->arrival_us + TRACK_CLOCK_LATE_US);
}

static int64_t next_us(struct track_clock *clock, const struct track_clock_packet *packet)
{
        int64_t truth = truth_us(packet);
        int64_t passed = (int64_t)(int32_t)(packet->ts - clock->ts) * 1000000 / clock->rate;
        int64_t by_rtp = clock->time_us + passed;

        clock->fresh = packet->generation != clock->generation || passed <= 0 ||
                       passed > MAX_RTP_GAP_US;
        clock->off_us = clock->fresh ? 0 : by_rtp - truth;
        if (clock->fresh)
                return truth;
        if (truth - by_rtp > TRACK_CLOCK_APART_US)
                return truth;
        if (by_rtp - truth > TRACK_CLOCK_APART_US)
                return clock->time_us + passed / 2;
        return by_rtp + clamp(truth - by_rtp, -passed / PULL, passed / PULL);
}

int64_t track_clock_on_packet(struct track_clock *clock, const struct track_clock_packet *packet)
{
        int64_t time_us;

        assert(clock->rate > 0);
        if (!clock->started) {
                clock->fresh = true;
                clock->off_us = 0;
                time_us = truth_us(packet);
        } else {
                if (packet->generation == clock->generation && packet->ts == clock->ts)
                        return clock->time_us;
                time_us = next_us(clock, packet);
                if (time_us <= clock->time_us)
                        time_us = clock->time_us + 1;
        }
        clock->started = true;
        clock->generation = packet->generation;
        clock->ts = packet->ts;
        clock->reported = packet->reported;
        clock->left_us = time_us - truth_us(packet);
        clock->time_us = time_us;
        return time_us;
}
