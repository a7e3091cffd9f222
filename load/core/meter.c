/* SPDX-License-Identifier: Apache-2.0 */
#include "load/core/meter.h"

static uint64_t *word_of(struct meter_stretch *stretch, uint32_t number)
{
        return &stretch->seen[number % METER_WINDOW / 64];
}

static uint64_t bit_of(uint32_t number)
{
        return UINT64_C(1) << number % 64;
}

static void advance(struct meter_stretch *stretch, uint32_t number)
{
        uint32_t step = number - stretch->highest;

        if (step >= METER_WINDOW)
                memset(stretch->seen, 0, sizeof(stretch->seen));
        else
                for (uint32_t n = stretch->highest + 1; n != number; n++)
                        *word_of(stretch, n) &= ~bit_of(n);
        stretch->highest = number;
        *word_of(stretch, number) |= bit_of(number);
}

static void count_step(struct meter_stretch *stretch, struct meter_counts *counts, uint32_t number,
                       uint16_t seq)
{
        uint32_t step = number - stretch->highest, sent = (uint16_t)(seq - stretch->seq);

        /* Padding takes sequence numbers as well, so there may be more of them. */
        if (sent > step)
                sent = step;
        counts->expected += sent;
        counts->withheld += step - sent;
        stretch->seq = seq;
}

static void begin(struct meter *meter, const struct pattern *pattern, uint16_t seq)
{
        meter->before = meter->now;
        meter->now = (struct meter_stretch){
                .used = true, .stream = pattern->stream, .highest = pattern->number, .seq = seq
        };
        /* What came before the first packet is no loss: it counts as seen. */
        memset(meter->now.seen, 0xff, sizeof(meter->now.seen));
}

static bool on_late(struct meter_stretch *stretch, struct meter_counts *counts, uint32_t number,
                    bool is_repair)
{
        bool seen = stretch->highest - number >= METER_WINDOW ||
                    (*word_of(stretch, number) & bit_of(number));

        if (seen && is_repair)
                counts->repeated++;
        else if (seen)
                counts->duplicates++;
        else if (is_repair)
                counts->repaired++;
        else
                counts->reordered++;
        if (seen)
                return false;
        *word_of(stretch, number) |= bit_of(number);
        counts->unique++;
        return true;
}

bool meter_on_packet(struct meter *meter, struct meter_counts *counts,
                     const struct pattern *pattern, uint16_t seq, bool is_repair)
{
        struct meter_stretch *now = &meter->now, *before = &meter->before;
        uint32_t number = pattern->number;

        if (now->used && now->stream == pattern->stream) {
                if ((int32_t)(number - now->highest) <= 0)
                        return on_late(now, counts, number, is_repair);
                count_step(now, counts, number, seq);
                advance(now, number);
        } else if (before->used && before->stream == pattern->stream &&
                   (int32_t)(number - before->highest) <= 0) {
                return on_late(before, counts, number, is_repair);
        } else {
                counts->switches += now->used;
                begin(meter, pattern, seq);
                counts->expected++;
        }
        counts->unique++;
        counts->repaired += is_repair;
        return true;
}

void meter_finish(struct meter *meter, struct meter_counts *counts, uint32_t stream, uint32_t last)
{
        struct meter_stretch *now = &meter->now;

        if (!now->used || now->stream != stream || (int32_t)(last - now->highest) <= 0)
                return;
        counts->expected += last - now->highest;
        now->highest = last;
}

int64_t meter_lost(const struct meter_counts *counts)
{
        return (int64_t)(counts->expected - counts->unique);
}
