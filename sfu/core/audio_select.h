/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audio_select — who is heard: ranks open microphones by the level each claims
 *                for its packets (RFC 6464), and names the active speaker.
 *
 * Layer:  core. No clock; the caller ticks it.
 * Owner:  the room.
 * Thread: the worker's.
 * Units:  *_us monotonic microseconds; loudness is 127 - level: 0 (silence) ..
 *         127 (0 dBov), so one step is 1 dB; scores are loudness times 16.
 *
 * The level is the sender's own word, so it is not trusted:
 *  - claims above CAP count as CAP: nobody outshouts a normal voice;
 *  - speech pauses. A microphone that stays loud without one dip of 10 dB for
 *    AUDIO_SELECT_TIRED_US loses 3 dB a second from then on, until it dips;
 *  - only microphones whose packets flow are ranked.
 * A film has its own rule: see audio_select_film().
 * A source without the extension counts as a steady, moderate voice while its
 * packets are bigger than comfort noise, and so gives way to speech.
 *
 * Cost: a packet is O(1); a tick is O(microphones with recent packets) with
 * four comparisons each.
 *
 * Invariants:
 *  (1) top[0..n_top) are distinct live entries. While an entry stays in top it
 *      is preferred by AUDIO_SELECT_STAY_DB, so places do not flap.
 *  (2) speaker changes when another one leads for AUDIO_SELECT_TAKE_US, and
 *      becomes AUDIO_SELECT_NONE after AUDIO_SELECT_SILENCE_US of silence.
 */
#ifndef SFU_CORE_AUDIO_SELECT_H
#define SFU_CORE_AUDIO_SELECT_H

#include "base/base.h"

enum {
        AUDIO_SELECT_TOP = 4, /* three slots, and one more: nobody hears herself */
        AUDIO_SELECT_TICK_US = 30 * 1000,
        AUDIO_SELECT_FLOW_US = 1000 * 1000, /* DTX sends a packet every 400 ms */
        AUDIO_SELECT_TAKE_US = 300 * 1000,
        AUDIO_SELECT_SILENCE_US = 2500 * 1000,
        AUDIO_SELECT_TIRED_US = 8 * 1000 * 1000,
        AUDIO_SELECT_STAY_DB = 6,
};

#define AUDIO_SELECT_NONE UINT32_MAX

struct audio_select;

must_use int audio_select_new(struct audio_select **ret_select);
struct audio_select *audio_select_free(struct audio_select *select); /* accepts NULL */
DEFINE_CLEANUP(struct audio_select *, audio_select_free)

/* Registers a microphone; the number is small, and used again after removal.
 * Returns 0 or -ENOMEM. */
must_use int audio_select_add(struct audio_select *select, uint32_t *ret_id);
/* A film, whose level is our own word: what is loud all the time does not tire. While it sounds,
 * however softly, and for two seconds, it is ranked before all voices. */
void audio_select_film(struct audio_select *select, uint32_t id);
void audio_select_remove(struct audio_select *select, uint32_t id);

struct audio_claim {
        bool has_level;
        uint8_t level; /* -dBov, 0..127 */
        size_t payload_len;
};
void audio_select_on_packet(struct audio_select *select, uint32_t id,
                            const struct audio_claim *claim, int64_t now_us);

/* Muted: drops out of the ranking at once, comes back with its next packet. */
void audio_select_silence(struct audio_select *select, uint32_t id);

struct audio_ranking {
        size_t n_top;
        uint32_t top[AUDIO_SELECT_TOP]; /* those who speak first */
        uint32_t speaker;               /* or AUDIO_SELECT_NONE */
};

/* Recomputes. Returns true when the top, its order or the speaker changed. */
bool audio_select_tick(struct audio_select *select, int64_t now_us,
                       struct audio_ranking *ret_ranking);

/* When to tick next; INT64_MAX when no microphone is open. */
int64_t audio_select_deadline_us(const struct audio_select *select);

#endif
