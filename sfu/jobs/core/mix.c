/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/mix.h"

#include <errno.h>
#include <math.h>

enum {
        FADE = 120,       /* 2.5 ms: enough for no click */
        RING = 32768,     /* frames; holds MIX_AHEAD and the fade of the frames just read */
        HISTORY = 3,      /* frames that the interpolation looks back */
        SECONDS_BACK = 2, /* a difference is made up over as many seconds */
};

/* The limit of what is made up, of one; and how much of a new difference is believed: the times
 * of single packets waver. */
static const double MAX_PULL = 0.001;
static const double BELIEVE = 0.05;
/* Up to here a sum passes as it is. */
static const float BEND = 0.7F;

struct voice {
        float (*ring)[2]; /* frame f of the timeline at f % RING; zero where nothing is */
        int64_t begin;    /* of the run at hand */
        int64_t end;      /* behind its last frame */
        bool running;
        double next_in;             /* where the next frame of the source lies, in frames of time */
        double differs;             /* of what the times say, smoothed, frames */
        double phase;               /* of the next frame out: below 0 once last[] reaches it */
        float last[HISTORY + 1][2]; /* the newest frames of the source */
};

struct mix {
        int64_t origin_us;
        int64_t position; /* frames read */
        struct voice *voices[MIX_VOICES];
};

int mix_new(struct mix **ret_mix, int64_t start_us)
{
        struct mix *mix = calloc(1, sizeof(*mix));

        if (!mix)
                return -ENOMEM;
        mix->origin_us = start_us;
        *ret_mix = mix;
        return 0;
}

static struct voice *voice_free(struct voice *voice)
{
        if (voice)
                free(voice->ring);
        free(voice);
        return NULL;
}
DEFINE_CLEANUP(struct voice *, voice_free)

struct mix *mix_free(struct mix *mix)
{
        if (!mix)
                return NULL;
        for (size_t i = 0; i < MIX_VOICES; i++)
                mix->voices[i] = voice_free(mix->voices[i]);
        free(mix);
        return NULL;
}

int mix_add(struct mix *mix, size_t *ret_voice)
{
        cleanup(voice_freep) struct voice *voice = NULL;
        size_t i = 0;

        while (i < MIX_VOICES && mix->voices[i])
                i++;
        if (i == MIX_VOICES)
                return -ENOSPC;
        voice = calloc(1, sizeof(*voice));
        if (!voice)
                return -ENOMEM;
        voice->ring = calloc(RING, sizeof(*voice->ring));
        if (!voice->ring)
                return -ENOMEM;
        mix->voices[i] = take_ptr(voice);
        *ret_voice = i;
        return 0;
}

void mix_remove(struct mix *mix, size_t voice)
{
        if (voice < MIX_VOICES)
                mix->voices[voice] = voice_free(mix->voices[voice]);
}

int64_t mix_position_us(const struct mix *mix)
{
        return mix->origin_us + mix->position * 1000000 / MIX_RATE;
}

/* Through four frames around the wanted place, a third-degree curve (Catmull-Rom). */
static float between(const struct voice *voice, size_t channel, float at)
{
        float a = voice->last[0][channel], b = voice->last[1][channel];
        float c = voice->last[2][channel], d = voice->last[3][channel];
        float slope_b = 0.5F * (c - a), slope_c = 0.5F * (d - b);
        float third = slope_b + slope_c - 2 * (c - b);
        float second = (c - b) - slope_b - third;

        return ((third * at + second) * at + slope_b) * at + b;
}

/* The end of a run that has not been read yet is faded out. */
static void fade_out(const struct mix *mix, struct voice *voice)
{
        int64_t from = voice->end - FADE;

        if (!voice->running)
                return;
        if (from < voice->begin)
                from = voice->begin;
        for (int64_t f = from < mix->position ? mix->position : from; f < voice->end; f++) {
                float gain = (float)(voice->end - f) / FADE;

                voice->ring[f % RING][0] *= gain;
                voice->ring[f % RING][1] *= gain;
        }
        voice->running = false;
}

/* A run that begins at `at` frames. */
static void begin_run(const struct mix *mix, struct voice *voice, double at)
{
        double whole = ceil(at);

        fade_out(mix, voice);
        voice->running = true;
        voice->begin = voice->end = (int64_t)whole;
        voice->next_in = at;
        voice->differs = 0;
        /* The curve lies between the second and third of four: the third frame makes the first. */
        voice->phase = 2 + (whole - at);
        memset(voice->last, 0, sizeof(voice->last));
}

static void place(const struct mix *mix, struct voice *voice, const float frame[2])
{
        int64_t f = voice->end++;
        float gain = 1;

        if (f < mix->position || f >= mix->position + MIX_AHEAD)
                return;
        if (f - voice->begin < FADE)
                gain = (float)(f - voice->begin) / FADE;
        voice->ring[f % RING][0] = frame[0] * gain;
        voice->ring[f % RING][1] = frame[1] * gain;
}

static void take_frame(const struct mix *mix, struct voice *voice, const float *frame, double step)
{
        memmove(voice->last, voice->last + 1, HISTORY * sizeof(voice->last[0]));
        for (size_t i = 0; i < 2; i++) {
                bool sane = frame[i] > -8.0F && frame[i] < 8.0F;

                voice->last[HISTORY][i] = sane ? frame[i] : 0;
        }
        voice->phase -= 1;
        while (voice->phase < 0) {
                float at = (float)(voice->phase + 1);
                float out[2] = { between(voice, 0, at), between(voice, 1, at) };

                place(mix, voice, out);
                voice->phase += step;
        }
}

void mix_put(struct mix *mix, size_t which, int64_t time_us, const float *frames, size_t n)
{
        struct voice *voice = which < MIX_VOICES ? mix->voices[which] : NULL;
        double at = (double)(time_us - mix->origin_us) * (MIX_RATE / 1000000.0);
        double differs, pull;

        if (!voice || !n)
                return;
        differs = at - voice->next_in;
        if (!voice->running || fabs(differs) > MIX_JUMP_US * (MIX_RATE / 1000000.0)) {
                /* Nothing of it would be heard; and a time that lies is not followed. */
                if (at + (double)n < (double)mix->position ||
                    at > (double)(mix->position + MIX_AHEAD))
                        return;
                begin_run(mix, voice, at);
                differs = 0;
        }
        voice->differs += (differs - voice->differs) * BELIEVE;
        pull = voice->differs / (SECONDS_BACK * MIX_RATE);
        pull = fmax(-MAX_PULL, fmin(MAX_PULL, pull));
        for (size_t i = 0; i < n; i++)
                take_frame(mix, voice, frames + 2 * i, 1 - pull);
        voice->next_in += (double)n / (1 - pull);
        if (voice->end < mix->position)
                voice->running = false; /* late as a whole: the next one is placed anew */
}

static float bend(float x)
{
        float over = fabsf(x) - BEND;

        if (over <= 0)
                return x;
        return copysignf(BEND + (1 - BEND) * tanhf(over / (1 - BEND)), x);
}

/* A run whose continuation has not come when its end is about to be read has ended. */
static void read_voice(const struct mix *mix, struct voice *voice, float *sum)
{
        int64_t behind = mix->position + MIX_BLOCK;

        if (voice->running && voice->end < behind + FADE)
                fade_out(mix, voice);
        for (size_t i = 0; i < MIX_BLOCK; i++) {
                float *frame = voice->ring[(mix->position + (int64_t)i) % RING];

                sum[2 * i] += frame[0];
                sum[2 * i + 1] += frame[1];
                frame[0] = frame[1] = 0;
        }
}

void mix_read(struct mix *mix, float *ret_frames)
{
        memset(ret_frames, 0, 2 * MIX_BLOCK * sizeof(*ret_frames));
        for (size_t i = 0; i < MIX_VOICES; i++) {
                if (mix->voices[i])
                        read_voice(mix, mix->voices[i], ret_frames);
        }
        for (size_t i = 0; i < (size_t)2 * MIX_BLOCK; i++)
                ret_frames[i] = bend(ret_frames[i]);
        mix->position += MIX_BLOCK;
}
