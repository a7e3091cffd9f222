/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why packets are lost, told by what is lost of the slices.
 *
 * A radio takes a share of everything. A policer, or a queue of a few packets, takes
 * what there was too much: of a slice with little in it nothing, of the next byte all.
 * So it is the slope of a straight line through the slices, lost bytes over bytes
 * (least squares): with a radio the share of the whole, with a policer 1. Slices differ
 * by themselves, for video comes in frames; nothing has to be sent less to see it.
 */
#include "sfu/core/cc_internal.h"

enum {
        MIN_SLICES = 20,
        RATE_PERCENT = 40, /* of the way from the share to 1 */
        SURE = 3 * 3,      /* standard errors of the slope, squared */
        PACKET = 1100,     /* bytes, of pictures */
};

void cc_fit_slice(struct cc_fit *fit, const struct cc_slice *slice)
{
        double known = slice->acked_bytes + slice->lost_bytes, lost = slice->lost_bytes;

        /* Repeats follow on losses: together with what was before, more would be lost the more
         * is sent. */
        if (!fit->begun) {
                fit->begun = lost > 0;
                return;
        }
        if (known == 0)
                return;
        fit->n++;
        fit->known += known;
        fit->lost += lost;
        fit->known_known += known * known;
        fit->known_lost += known * lost;
        fit->lost_lost += lost * lost;
}

bool cc_fit_is_enough(const struct cc_fit *fit)
{
        return fit->n >= MIN_SLICES;
}

enum cc_cause cc_cause_of(const struct cc_fit *fit)
{
        double n = fit->n, spread, slope, share, excess, enough, rest, error;

        if (!cc_fit_is_enough(fit))
                return CC_UNKNOWN_CAUSE;
        spread = fit->known_known - fit->known * fit->known / n;
        if (spread <= 0)
                return CC_UNKNOWN_CAUSE;
        slope = (fit->known_lost - fit->known * fit->lost / n) / spread;
        rest = fit->lost_lost - fit->lost * fit->lost / n - slope * slope * spread;
        error = rest / (n - 2) / spread; /* of the slope, squared */
        share = fit->lost / fit->known;
        excess = slope - share;
        enough = (1 - share) * RATE_PERCENT / 100;
        if (excess > enough && excess * excess > SURE * error)
                return CC_OUR_RATE;
        /* Chance scatters more than that: of frames that are all alike a policer takes the same. */
        if (rest < fit->lost * (1 - share) * PACKET / 2)
                return CC_UNKNOWN_CAUSE;
        if ((excess <= 0 || excess * excess < error) && enough * enough > SURE * error)
                return CC_ITS_NATURE;
        return CC_UNKNOWN_CAUSE;
}
