/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/watchdog.h"

/* How much of the time since the last look the thread hung. */
static int64_t hung_since(const struct watchdog_look *last, const struct watchdog_look *look,
                          int64_t every_us)
{
        int64_t spent_us = look->now_us - last->now_us, us = look->cpu_us - last->cpu_us;

        if (last->blocked && look->blocked && spent_us > us)
                us = spent_us;
        return us < WATCHDOG_LATE * every_us ? us : WATCHDOG_LATE * every_us;
}

bool watchdog_hangs(struct watchdog *dog, const struct watchdog_look *look, int64_t every_us,
                    int64_t limit_us)
{
        if (look->asleep || look->beat != dog->last.beat)
                dog->hung_us = 0;
        else
                dog->hung_us += hung_since(&dog->last, look, every_us);
        dog->last = *look;
        return dog->hung_us >= limit_us;
}
