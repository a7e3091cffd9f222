/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fmp4 — writes fragmented MP4 (ISO/IEC 14496-12, -14, -15) of one H.264 picture and one
 *        AAC sound: the recorded program and the segments of HLS.
 *
 * Layer:  sfu/jobs/core. Pure: no I/O, no clock.
 * Owner:  one per file or rendition.
 * Units:  *_us: microseconds on the file's own timeline, from 0.
 *
 * Samples are put in the order of decoding; pictures are decoded in the order in which they are
 * shown (no B pictures). Sound is 48 kHz in units of 1024 samples.
 *
 * Invariants:
 *  (1) a fragment holds both tracks, every sample exactly once, and says by itself at which
 *      time it begins: whatever ends behind a whole fragment can be played.
 *  (2) what waits for a cut is at most FMP4_MAX_SAMPLES of each track and FMP4_MAX_BYTES.
 */
#ifndef SFU_JOBS_CORE_FMP4_H
#define SFU_JOBS_CORE_FMP4_H

#include "base/base.h"

enum {
        FMP4_MAX_SAMPLES = 512, /* of a track between two cuts: 20 s of 25 pictures */
        FMP4_MAX_BYTES = 32 * 1024 * 1024,
        FMP4_MAX_CONFIG = 1024,
        FMP4_SOUND_RATE = 48000,
        FMP4_SOUND_UNIT = 1024,
};

enum fmp4_track { FMP4_PICTURE, FMP4_SOUND, FMP4_N_TRACKS };

struct fmp4_config {
        uint16_t width, height; /* 0: no pictures */
        uint8_t channels;       /* 0: no sound */
        struct span avcc;       /* AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3) */
        struct span asc;        /* AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2) */
};

struct fmp4;

/* Returns 0, -EINVAL (no track at all, a configuration too long) or -ENOMEM. */
must_use int fmp4_new(struct fmp4 **ret_mp4, const struct fmp4_config *config);
struct fmp4 *fmp4_free(struct fmp4 *mp4); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct fmp4 *, fmp4_free)

/* ftyp and moov; borrowed, lives as long as mp4. */
struct span fmp4_head(const struct fmp4 *mp4);

/* Takes a copy. Returns 0, -ENOMEM, -ENOSPC (invariant 2), or -EINVAL: earlier than the one
 * before it. */
must_use int fmp4_put(struct fmp4 *mp4, enum fmp4_track track, int64_t time_us, bool key,
                      struct span data);

/* Everything of the pictures, and the sound that begins before end_us, as one fragment; the last
 * picture lasts to end_us. *ret_bytes is empty when there is nothing; borrowed until the next
 * call. Returns 0 or -ENOMEM. */
must_use int fmp4_cut(struct fmp4 *mp4, int64_t end_us, struct span *ret_bytes);

#endif
