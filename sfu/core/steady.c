/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/steady.h"

enum {
        PAUSE_MASK = 0x3f, /* five sweeps and the one before */
        PAUSE = 0x20,      /* heard in that one and never since */
        PAUSE_SWEEPS = 5,
        USUAL_MASK = 0x3ff,
        USUAL = 8, /* of ten */
};

bool steady_sweep(struct steady *steady)
{
        unsigned heard = steady->heard != steady->before;

        steady->before = steady->heard;
        steady->history = (uint16_t)(steady->history << 1 | heard);
        if ((steady->history & PAUSE_MASK) != PAUSE)
                return false;
        return __builtin_popcount(steady->history >> PAUSE_SWEEPS & USUAL_MASK) >= USUAL;
}
