/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix — the sound of a program: voices placed on one timeline to the sample, and their sum.
 *
 * Layer:  sfu/jobs/core. Pure: no I/O, no clock.
 * Owner:  one per program.
 * Units:  *_us: microseconds on the program's timeline. 48 kHz, stereo, interleaved floats, 1.0
 *         is full scale; a *frame* is one sample of each channel.
 *
 * Each voice is a run of chunks with a time each. Chunks that follow each other within
 * MIX_JUMP_US are joined without a seam: what their times drift apart from the sender's count of
 * samples (another crystal, some hundred ppm) is made up by playing faster or slower by less than
 * a thousandth, which nobody hears. A greater difference is a pause or a jump: silence between,
 * faded in and out. What comes too late for its time is left out.
 *
 * Invariants:
 *  (1) reading goes forward in blocks of MIX_BLOCK frames and never waits.
 *  (2) a voice holds at most MIX_AHEAD frames that were not read; what is farther ahead is dropped.
 */
#ifndef SFU_JOBS_CORE_MIX_H
#define SFU_JOBS_CORE_MIX_H

#include "base/base.h"

enum {
        MIX_RATE = 48000,
        MIX_BLOCK = 960, /* 20 ms */
        MIX_AHEAD = 24000,
        MIX_JUMP_US = 30000,
        MIX_VOICES = 256,
};

struct mix;

must_use int mix_new(struct mix **ret_mix, int64_t start_us); /* 0, -ENOMEM */
struct mix *mix_free(struct mix *mix);                        /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct mix *, mix_free)

/* Returns 0 and the voice's number, -ENOSPC (MIX_VOICES there), -ENOMEM. */
must_use int mix_add(struct mix *mix, size_t *ret_voice);
/* What of it was not read is dropped. */
void mix_remove(struct mix *mix, size_t voice);

/* n frames that begin at time_us. Samples that are no numbers count as silence. */
void mix_put(struct mix *mix, size_t voice, int64_t time_us, const float *frames, size_t n);

/* Where the block begins that mix_read() yields next. */
int64_t mix_position_us(const struct mix *mix);

/* The next MIX_BLOCK frames; voices are summed and bent below full scale. */
void mix_read(struct mix *mix, float *ret_frames);

#endif
