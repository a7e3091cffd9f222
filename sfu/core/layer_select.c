/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/layer_select.h"

enum {
        GUESSED_TOP = 720, /* until the first key frame tells */
        RAISE_EVERY_US = 1000000,
        MIN_CONGESTED_BPS = 100000, /* below this, a REMB says nothing about the line */
};

static uint32_t height_of(const struct layer_info *layers, size_t n, size_t i)
{
        if (layers[i].height)
                return layers[i].height;
        for (size_t step = 1; step < n; step++) {
                if (i >= step && layers[i - step].height)
                        return (uint32_t)layers[i - step].height << step;
                if (i + step < n && layers[i + step].height)
                        return (uint32_t)layers[i + step].height >> step;
        }
        return (uint32_t)GUESSED_TOP >> (n - 1 - i);
}

int layer_select(const struct layer_info *layers, size_t n, uint16_t max_height)
{
        size_t best = 0;

        while (best + 1 < n && height_of(layers, n, best) < max_height)
                best++;
        for (size_t i = best + 1; i > 0; i--) {
                if (layers[i - 1].flows)
                        return (int)(i - 1);
        }
        for (size_t i = best + 1; i < n; i++) {
                if (layers[i].flows)
                        return (int)i;
        }
        return (int)best;
}

void line_budget_init(struct line_budget *line)
{
        *line = (struct line_budget){ .hold_us = LINE_HOLD_US };
}

/* Notes the report; true when it fell, or stands still for too long. */
static bool remb_complains(struct line_budget *line, uint64_t remb_bps, int64_t now_us)
{
        bool fell = line->remb_us && remb_bps < line->remb_bps - line->remb_bps / 20;
        bool grew = !line->remb_us || remb_bps > line->remb_bps + line->remb_bps / 50;

        if (!fell && !grew)
                return now_us - line->remb_us >= LINE_FLAT_US;
        line->remb_bps = remb_bps;
        line->remb_us = now_us;
        return fell;
}

void line_budget_on_remb(struct line_budget *line, uint64_t remb_bps, uint32_t sent_bps,
                         int64_t now_us)
{
        bool relapse = !line->limited && line->free_since_us > 0 &&
                       now_us - line->free_since_us < 2 * line->hold_us;

        if (!remb_complains(line, remb_bps, now_us) || sent_bps < MIN_CONGESTED_BPS ||
            remb_bps >= sent_bps)
                return;
        if (relapse || (line->limited && line->raised_us > line->congested_us))
                line->hold_us = line->hold_us * 2 < LINE_HOLD_MAX_US ? line->hold_us * 2
                                                                     : LINE_HOLD_MAX_US;
        line->limited = true;
        line->bps = remb_bps;
        line->congested_us = now_us;
}

uint64_t line_budget_poll(struct line_budget *line, uint64_t needed_bps, int64_t now_us)
{
        if (!line->limited)
                return UINT64_MAX;
        if (now_us - line->congested_us >= line->hold_us &&
            now_us - line->raised_us >= RAISE_EVERY_US) {
                line->bps += line->bps / 8 + 1;
                line->raised_us = now_us;
        }
        /* A fifth more than needed: key frames are bigger than the average. */
        if (line->bps > needed_bps + needed_bps / 5 && line->raised_us > line->congested_us) {
                line->limited = false;
                line->free_since_us = now_us;
                return UINT64_MAX;
        }
        return line->bps;
}
