/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/pace.h"

enum pace_step pace_next(struct pace *pace, int64_t lag_us)
{
        if (lag_us < 0)
                return PACE_WAIT;
        if (lag_us <= PACE_LATE_US || pace->left_out >= PACE_MOST_LEFT_OUT) {
                pace->left_out = 0;
                return PACE_WHOLE;
        }
        pace->left_out++;
        return PACE_SOUND_ONLY;
}
