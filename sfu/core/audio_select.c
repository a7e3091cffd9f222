/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/audio_select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
        Q = 16,             /* scores are in sixteenths of a dB */
        CAP = 127 - 25,     /* -25 dBov: a normal voice close to the microphone */
        AUDIBLE = 127 - 50, /* softer than -50 dBov is room noise, not speech */
        UNKNOWN = 127 - 40, /* what a source without levels counts as */
        COMFORT_NOISE = 8,  /* bytes: Opus DTX frames are smaller */
        DIP_DB = 10,
        TIRED_DB_PER_S = 3,
        LEAD_DB = 3,
        PAUSE_US = 2000 * 1000,
        BEFORE_VOICES = 1000 * Q, /* more than any score */
};

struct mic {
        bool used, film, flows, in_top;
        int32_t smooth;        /* fast average of the claimed loudness, * Q */
        int32_t peak;          /* slowly sinking maximum of it, * Q */
        int32_t score;         /* of this tick */
        int64_t last_us;       /* last packet */
        int64_t last_dip_us;   /* or when it became loud */
        int64_t last_voice_us; /* last audible packet */
        int64_t last_sound_us; /* last one that was not all silence */
};

struct audio_select {
        struct mic *mics;
        size_t n, cap;
        bool lost_one; /* a ranked microphone went away since the last tick */
        struct audio_ranking ranking;
        uint32_t rival;
        int64_t rival_since_us, heard_us, next_us;
};

int audio_select_new(struct audio_select **ret_select)
{
        struct audio_select *select = calloc(1, sizeof(*select));

        if (!select)
                return -ENOMEM;
        select->ranking.speaker = select->rival = AUDIO_SELECT_NONE;
        select->next_us = INT64_MAX;
        *ret_select = select;
        return 0;
}

struct audio_select *audio_select_free(struct audio_select *select)
{
        if (!select)
                return NULL;
        free(select->mics);
        free(select);
        return NULL;
}

int audio_select_add(struct audio_select *select, uint32_t *ret_id)
{
        size_t i = 0;

        while (i < select->n && select->mics[i].used)
                i++;
        if (i == select->cap) {
                size_t cap = select->cap ? select->cap * 2 : 16;
                struct mic *mics = realloc(select->mics, cap * sizeof(*mics));

                if (!mics)
                        return -ENOMEM;
                select->mics = mics;
                select->cap = cap;
        }
        select->mics[i] = (struct mic){ .used = true };
        if (i == select->n)
                select->n++;
        *ret_id = (uint32_t)i;
        return 0;
}

void audio_select_film(struct audio_select *select, uint32_t id)
{
        select->mics[id].film = true;
}

static void forget(struct audio_select *select, uint32_t id)
{
        struct audio_ranking *r = &select->ranking;

        for (size_t i = 0; i < r->n_top; i++) {
                if (r->top[i] != id)
                        continue;
                select->lost_one = true;
                r->n_top--;
                memmove(&r->top[i], &r->top[i + 1], (r->n_top - i) * sizeof(r->top[0]));
                break;
        }
        if (r->speaker == id) {
                r->speaker = AUDIO_SELECT_NONE;
                select->lost_one = true;
        }
        if (select->rival == id)
                select->rival = AUDIO_SELECT_NONE;
}

void audio_select_remove(struct audio_select *select, uint32_t id)
{
        forget(select, id);
        select->mics[id] = (struct mic){ 0 };
        while (select->n > 0 && !select->mics[select->n - 1].used)
                select->n--;
}

void audio_select_silence(struct audio_select *select, uint32_t id)
{
        forget(select, id);
        select->mics[id] = (struct mic){ .used = true, .film = select->mics[id].film };
}

static int32_t loudness_of(const struct audio_claim *claim)
{
        int32_t loudness = 127 - claim->level;

        if (!claim->has_level)
                return claim->payload_len > COMFORT_NOISE ? UNKNOWN : 0;
        return loudness > CAP ? CAP : loudness;
}

void audio_select_on_packet(struct audio_select *select, uint32_t id,
                            const struct audio_claim *claim, int64_t now_us)
{
        struct mic *mic = &select->mics[id];
        int32_t loud = loudness_of(claim) * Q;

        if (!mic->flows) {
                mic->flows = true;
                mic->smooth = mic->peak = 0;
                mic->last_dip_us = now_us;
                mic->last_sound_us = now_us - PAUSE_US;
        }
        /* Up within two packets, down within eight: syllables, not clicks. */
        mic->smooth += loud > mic->smooth ? (loud - mic->smooth) / 2 : (loud - mic->smooth) / 8;
        mic->peak = mic->smooth > mic->peak ? mic->smooth : mic->peak - 1;
        if (loud < AUDIBLE * Q || loud < mic->peak - DIP_DB * Q)
                mic->last_dip_us = now_us;
        if (loud >= AUDIBLE * Q)
                mic->last_voice_us = now_us;
        if (loud > 0)
                mic->last_sound_us = now_us;
        mic->last_us = now_us;
        if (select->next_us == INT64_MAX)
                select->next_us = now_us;
}

static int32_t score_of(const struct mic *mic, int64_t now_us)
{
        int64_t steady_us = now_us - mic->last_dip_us - AUDIO_SELECT_TIRED_US;
        int64_t score = mic->smooth;

        if (steady_us > 0 && !mic->film)
                score -= steady_us / 1000 * TIRED_DB_PER_S * Q / 1000;
        return score > 0 ? (int32_t)score : 0;
}

/* What a microphone ranks by. One that has its place keeps it through the pause
 * between two sentences, unless somebody speaks up. */
static int32_t value_of(const struct mic *mic, int64_t now_us)
{
        bool talks = now_us - mic->last_voice_us < PAUSE_US && mic->score > 0;

        if (mic->film && now_us - mic->last_sound_us < PAUSE_US)
                return BEFORE_VOICES + mic->score;
        if (!mic->in_top)
                return mic->score;
        if (talks && mic->score < AUDIBLE * Q)
                return AUDIBLE * Q;
        return mic->score + AUDIO_SELECT_STAY_DB * Q;
}

/* Inserts id into the descending list best[0..*n), at most TOP long. */
static void rank(const struct audio_select *select, uint32_t *best, size_t *n, uint32_t id,
                 int64_t now_us)
{
        int32_t value = value_of(&select->mics[id], now_us);
        size_t at = *n;

        while (at > 0 && value_of(&select->mics[best[at - 1]], now_us) < value)
                at--;
        if (at == AUDIO_SELECT_TOP)
                return;
        if (*n < AUDIO_SELECT_TOP)
                (*n)++;
        memmove(&best[at + 1], &best[at], (*n - at - 1) * sizeof(best[0]));
        best[at] = id;
}

static size_t old_place(const struct audio_ranking *ranking, uint32_t id)
{
        size_t i = 0;

        while (i < ranking->n_top && ranking->top[i] != id)
                i++;
        return i;
}

/* Noise must not change places: of two that were ranked before, the later one
 * goes first only when it is clearly louder. Whoever takes three of the four
 * then keeps the same three. */
static void settle_order(const struct audio_select *select, uint32_t *best, size_t n,
                         int64_t now_us)
{
        for (size_t round = 1; round < n; round++) {
                for (size_t i = 0; i + round < n; i++) {
                        const struct mic *a = &select->mics[best[i]];
                        const struct mic *b = &select->mics[best[i + 1]];
                        bool turned = a->in_top && b->in_top &&
                                      old_place(&select->ranking, best[i]) >
                                              old_place(&select->ranking, best[i + 1]);
                        uint32_t id = best[i];

                        if (!turned ||
                            value_of(a, now_us) - value_of(b, now_us) > AUDIO_SELECT_STAY_DB * Q)
                                continue;
                        best[i] = best[i + 1];
                        best[i + 1] = id;
                }
        }
}

/* Returns true when it changed, be it the order alone: who takes three of the four then
 * hears somebody else. */
static bool recompute_top(struct audio_select *select, int64_t now_us)
{
        uint32_t best[AUDIO_SELECT_TOP];
        size_t n = 0;
        bool changed;

        for (size_t i = 0; i < select->n; i++) {
                struct mic *mic = &select->mics[i];

                if (mic->flows && now_us - mic->last_us > AUDIO_SELECT_FLOW_US) {
                        mic->flows = false;
                        mic->score = 0; /* nobody has to beat what it was */
                }
                if (!mic->flows)
                        continue;
                mic->score = score_of(mic, now_us);
                rank(select, best, &n, (uint32_t)i, now_us);
        }
        settle_order(select, best, n, now_us);
        changed = n != select->ranking.n_top;
        for (size_t i = 0; i < n; i++)
                changed |= best[i] != select->ranking.top[i];
        for (size_t i = 0; i < select->ranking.n_top; i++)
                select->mics[select->ranking.top[i]].in_top = false;
        for (size_t i = 0; i < n; i++)
                select->mics[best[i]].in_top = true;
        memcpy(select->ranking.top, best, n * sizeof(best[0]));
        select->ranking.n_top = n;
        return changed;
}

static uint32_t loudest(const struct audio_select *select)
{
        const struct audio_ranking *r = &select->ranking;
        uint32_t id = AUDIO_SELECT_NONE;

        for (size_t i = 0; i < r->n_top; i++) {
                int32_t score = select->mics[r->top[i]].score;

                if (score >= AUDIBLE * Q &&
                    (id == AUDIO_SELECT_NONE || score > select->mics[id].score))
                        id = r->top[i];
        }
        return id;
}

static bool set_speaker(struct audio_select *select, uint32_t id)
{
        select->rival = AUDIO_SELECT_NONE;
        if (select->ranking.speaker == id)
                return false;
        select->ranking.speaker = id;
        return true;
}

static bool update_speaker(struct audio_select *select, int64_t now_us)
{
        uint32_t speaker = select->ranking.speaker, id = loudest(select);
        int32_t to_beat = 0;

        if (id == AUDIO_SELECT_NONE) {
                bool silent = now_us - select->heard_us >= AUDIO_SELECT_SILENCE_US;

                select->rival = AUDIO_SELECT_NONE;
                return silent && set_speaker(select, AUDIO_SELECT_NONE);
        }
        select->heard_us = now_us;
        if (speaker != AUDIO_SELECT_NONE && select->mics[speaker].score >= AUDIBLE * Q)
                to_beat = select->mics[speaker].score + LEAD_DB * Q;
        if (id == speaker || select->mics[id].score < to_beat) {
                select->rival = AUDIO_SELECT_NONE;
                return false;
        }
        if (select->rival != id) {
                select->rival = id;
                select->rival_since_us = now_us;
        }
        return now_us - select->rival_since_us >= AUDIO_SELECT_TAKE_US && set_speaker(select, id);
}

bool audio_select_tick(struct audio_select *select, int64_t now_us,
                       struct audio_ranking *ret_ranking)
{
        bool changed = select->lost_one;

        select->lost_one = false;
        changed |= recompute_top(select, now_us);
        changed |= update_speaker(select, now_us);
        /* Without a flowing microphone only the end of the speaker's time is left. */
        select->next_us = select->ranking.n_top == 0 && select->ranking.speaker == AUDIO_SELECT_NONE
                                  ? INT64_MAX
                                  : now_us + AUDIO_SELECT_TICK_US;
        *ret_ranking = select->ranking;
        return changed;
}

int64_t audio_select_deadline_us(const struct audio_select *select)
{
        return select->lost_one ? 0 : select->next_us;
}
