/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the queue, and whether it grows.
 *
 * The gradient of GCC (draft-ietf-rmcat-gcc-02 §5.3) is taken between bursts. We send
 * without a pacer, so a burst is as long as the publisher made it and a key frame
 * is ten times another frame. What tells a burst from congestion is what is left of
 * it: the lowest delay of two slices, 100 ms, is that of a packet at the head of a
 * frame or of a voice packet between two. It is high only if the queue never emptied. The
 * same minimum removes most of the jitter of Wi-Fi and of cellular schedulers.
 */
#include "sfu/core/cc_internal.h"

enum {
        THRESHOLD_US = 12 * 1000,
        MAX_THRESHOLD_US = 80 * 1000,
        MAX_DEVIATION_STEP_US = 20 * 1000,
        JUMP_US = 5 * 1000 * 1000, /* no queue is that long: a clock was set */
        BUCKET_US = 5 * 1000 * 1000,
        STALE_US = 2 * 1000 * 1000, /* samples older than that are no trend */
        MIN_SLOPE = 12 * 1000,      /* 1.2 % over the capacity */
        STANDING_US = 1500 * 1000,
        MIN_TOLERATED_US = 60 * 1000,
        MAX_TOLERATED_US = 300 * 1000,
        FLAT_US = 2500,
        FLAT_FOR_US = 650 * 1000,
        GONE_US = 3 * 1000 * 1000,
        MODEL_MIN_US = 6 * 1000,
        MODEL_MEMORY = 12,
        MODEL_SURE = 4,
        EMPTY_US = 8 * 1000,
};

static const int64_t MAX_CLOCK_US = INT64_C(1) << 52;

void cc_delay_init(struct cc_delay *delay)
{
        *delay = (struct cc_delay){
                .last_min_us = CC_NONE,
                .base_us = CC_NONE,
                .floor_us = CC_NONE,
                .given_us = CC_NONE,
                .last_delay_us = CC_NONE,
                .first_us = INT64_MAX,
                .high_since_us = CC_NONE,
                .deviation_us = 2000,
        };
        for (size_t i = 0; i < CC_BUCKETS; i++)
                delay->buckets[i] = CC_NONE;
}

/* The receiver's clock is another one from here: nothing of before compares. */
static void restart(struct cc *cc)
{
        struct cc_delay *delay = &cc->delay;
        int32_t deviation_us = delay->deviation_us;

        cc_delay_init(delay);
        delay->deviation_us = deviation_us;
        delay->restarted = true;
        cc->n_reports = 0;
        for (size_t i = 0; i < CC_SLICES; i++)
                cc->slices[i].min_delay_us = cc->slices[i].max_delay_us =
                        cc->slices[i].last_arrival_us = CC_NONE;
}

int64_t cc_delay_on_packet(struct cc *cc, int64_t arrival_us, int64_t sent_us)
{
        struct cc_delay *delay = &cc->delay;

        if (arrival_us < -MAX_CLOCK_US || arrival_us > MAX_CLOCK_US)
                return CC_NONE;

        int64_t delay_us = arrival_us - sent_us;
        int64_t before_us = delay->last_delay_us != CC_NONE ? delay->last_delay_us : delay_us;

        if (delay_us - before_us > JUMP_US || before_us - delay_us > JUMP_US) {
                if (delay->restarted)
                        return CC_NONE; /* twice in one report: it is not a clock */
                restart(cc);
        }
        delay->last_delay_us = delay_us;
        if (delay_us < delay->first_us)
                delay->first_us = delay_us;
        return delay_us;
}

static void update_base(struct cc_delay *delay, int64_t at_us, int64_t min_us)
{
        int64_t no = at_us / BUCKET_US;
        int64_t *bucket = &delay->buckets[(uint64_t)no % CC_BUCKETS];

        if (no != delay->bucket_no) {
                for (int64_t i = delay->bucket_no + 1;
                     i <= no && i <= delay->bucket_no + CC_BUCKETS; i++)
                        delay->buckets[(uint64_t)i % CC_BUCKETS] = CC_NONE;
                delay->bucket_no = no;
                *bucket = CC_NONE;
        }
        if (*bucket == CC_NONE || min_us < *bucket)
                *bucket = min_us;
        delay->floor_us = *bucket;
        for (size_t i = 0; i < CC_BUCKETS; i++) {
                if (delay->buckets[i] != CC_NONE && delay->buckets[i] < delay->floor_us)
                        delay->floor_us = delay->buckets[i];
        }
        if (delay->given_us != CC_NONE && min_us < delay->given_us)
                delay->given_us = min_us;
        if (delay->given_us != CC_NONE && delay->given_us < delay->floor_us + EMPTY_US) {
                /* As empty as it once was: the neighbour is gone, or the half minute is. */
                delay->given_us = CC_NONE;
                delay->tolerated_us = 0;
        }
        delay->base_us = delay->given_us != CC_NONE ? delay->given_us : delay->floor_us;
}

static int64_t sample_delay(const struct cc_delay *delay, unsigned back)
{
        return delay->samples[(delay->n_samples - 1 - back) % CC_SAMPLES].delay_us;
}

/* Least squares over the samples, µs of queue per second. */
static int32_t slope(const struct cc_delay *delay)
{
        unsigned n = delay->n_samples < CC_SAMPLES ? delay->n_samples : CC_SAMPLES;
        unsigned first = delay->n_samples - n;
        int64_t at_us = delay->samples[first % CC_SAMPLES].at_us;
        int64_t base_us = delay->samples[first % CC_SAMPLES].delay_us;
        int64_t sx = 0, sy = 0, sxx = 0, sxy = 0;

        for (unsigned i = first; i < delay->n_samples; i++) {
                int64_t x = (delay->samples[i % CC_SAMPLES].at_us - at_us) / 1000;
                int64_t y = delay->samples[i % CC_SAMPLES].delay_us - base_us;

                sx += x;
                sy += y;
                sxx += x * x;
                sxy += x * y;
        }

        int64_t below = n * sxx - sx * sx;

        if (n < 3 || below <= 0)
                return 0;
        return (int32_t)cc_clamp((n * sxy - sx * sy) * 1000 / below, INT32_MIN, INT32_MAX);
}

int32_t cc_delay_threshold_us(const struct cc_delay *delay)
{
        int64_t us = cc_clamp(THRESHOLD_US + 3 * delay->deviation_us, 0, MAX_THRESHOLD_US);

        return us > delay->tolerated_us ? (int32_t)us : delay->tolerated_us;
}

static void note_deviation(struct cc_delay *delay, int64_t change_us)
{
        int64_t size_us = change_us < 0 ? -change_us : change_us;

        size_us = cc_clamp(size_us, 0, MAX_DEVIATION_STEP_US);
        delay->deviation_us += (int32_t)((size_us - delay->deviation_us) / 16);
}

static void take_sample(struct cc_delay *delay, int64_t at_us, int64_t delay_us)
{
        int32_t threshold_us = cc_delay_threshold_us(delay);
        bool falling = false;

        if (delay->n_samples > 0) {
                int64_t last_us = delay->samples[(delay->n_samples - 1) % CC_SAMPLES].at_us;

                if (at_us - last_us > STALE_US)
                        delay->n_samples = 0;
        }
        if (delay->n_samples > 0)
                note_deviation(delay, delay_us - sample_delay(delay, 0));
        delay->samples[delay->n_samples % CC_SAMPLES].at_us = at_us;
        delay->samples[delay->n_samples % CC_SAMPLES].delay_us = delay_us;
        delay->n_samples++;
        if (delay_us > delay->flat_us + FLAT_US || delay_us < delay->flat_us - FLAT_US) {
                delay->flat_us = delay_us;
                delay->flat_since_us = at_us;
        }
        if (delay->n_samples > 2)
                falling = delay_us < sample_delay(delay, 2) - 1000 - delay->deviation_us / 2;

        delay->queue_us = (int32_t)cc_clamp(delay_us - delay->base_us, 0, INT32_MAX);
        delay->full_us = (int32_t)cc_clamp(delay_us - delay->floor_us, 0, INT32_MAX);
        delay->slope = slope(delay);
        if (delay->queue_us <= threshold_us) {
                delay->n_over = 0;
                delay->high_since_us = CC_NONE;
                return;
        }
        if (delay->high_since_us == CC_NONE)
                delay->high_since_us = at_us;
        delay->n_over = !falling && delay->slope > MIN_SLOPE ? delay->n_over + 1 : 0;
}

void cc_delay_on_slice(struct cc *cc, const struct cc_slice *slice)
{
        struct cc_delay *delay = &cc->delay;
        int64_t at_us = slice->no * CC_SLICE_US, lowest_us = slice->min_delay_us;

        if (slice->min_delay_us == CC_NONE)
                return;
        update_base(delay, at_us, slice->min_delay_us);
        if (delay->last_min_us != CC_NONE && delay->last_min_us < lowest_us)
                lowest_us = delay->last_min_us;
        delay->last_min_us = slice->min_delay_us;
        take_sample(delay, at_us, lowest_us);
        if (delay->queue_us > EMPTY_US)
                delay->filled_us = at_us;
        if (at_us - delay->filled_us > GONE_US)
                delay->tolerated_us = 0; /* nobody fills it any more: the path was longer */
}

void cc_model_on_slice(struct cc *cc, const struct cc_slice *slice)
{
        struct cc_model *model = &cc->model;

        if (slice->max_delay_us == CC_NONE || slice->model_us < MODEL_MIN_US)
                return;

        int64_t queue_us = slice->max_delay_us - cc->delay.floor_us;

        if (slice->n_lost == 0 && queue_us * 2 < slice->model_us) {
                model->n_room += model->n_room < MODEL_MEMORY;
                model->n_full -= model->n_full > 0;
        } else if (queue_us * 4 > slice->model_us * 3) {
                model->n_full += model->n_full < MODEL_MEMORY;
                model->n_room = 0;
        }
}

bool cc_model_full(const struct cc *cc)
{
        return cc->model.n_full >= MODEL_SURE;
}

bool cc_model_has_room(const struct cc *cc)
{
        return cc->model.n_room >= MODEL_SURE && cc->model.n_full == 0;
}

bool cc_delay_competing(const struct cc_delay *delay)
{
        return delay->tolerated_us > 0;
}

bool cc_delay_flat(const struct cc_delay *delay)
{
        return delay->n_samples >= CC_SAMPLES &&
               delay->samples[(delay->n_samples - 1) % CC_SAMPLES].at_us - delay->flat_since_us >
                       FLAT_FOR_US;
}

bool cc_delay_overused(const struct cc_delay *delay)
{
        if (delay->n_over >= 3)
                return true;
        if (delay->high_since_us == CC_NONE || delay->n_samples == 0)
                return false;

        int64_t newest_us = delay->samples[(delay->n_samples - 1) % CC_SAMPLES].at_us;

        return newest_us - delay->high_since_us > STANDING_US;
}

void cc_delay_rebase(struct cc_delay *delay, bool neighbours, int64_t now_us)
{
        unsigned n = delay->n_samples < CC_SAMPLES ? delay->n_samples : CC_SAMPLES;
        int64_t lowest_us;

        if (n == 0)
                return;
        lowest_us = sample_delay(delay, 0);
        for (unsigned i = 1; i < n; i++) {
                if (sample_delay(delay, i) < lowest_us)
                        lowest_us = sample_delay(delay, i);
        }
        delay->given_us = delay->base_us = lowest_us;
        delay->queue_us = (int32_t)cc_clamp(sample_delay(delay, 0) - lowest_us, 0, INT32_MAX);
        delay->high_since_us = CC_NONE;
        delay->n_over = 0;
        if (neighbours)
                delay->tolerated_us = (int32_t)cc_clamp(delay->full_us, MIN_TOLERATED_US,
                                                        MAX_TOLERATED_US);
        delay->filled_us = now_us;
}
