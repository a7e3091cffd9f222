/* SPDX-License-Identifier: Apache-2.0 */
/* The job's end of a tap. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/wire/job_record.h"
#include "tests/sim/sim_priv.h"

static struct sim_track *track_of(struct sim_tap *tap, const struct job_record *record)
{
        struct sim_track *track = sim_tap_track(tap, record->participant,
                                                (enum sfu_kind)record->kind);

        if (track)
                return track;
        assert(tap->n_tracks < SIM_MAX_TRACKS);
        track = &tap->tracks[tap->n_tracks++];
        track->participant = record->participant;
        track->kind = record->kind;
        return track;
}

static void begin(struct sim_track *track, const struct job_record *record)
{
        track->generation = record->generation;
        track->layer = record->layer;
        track->n_generations++;
        track->live = true;
        track->n = 0;
        track->after_gap = false;
        track->lowest_ext = UINT32_MAX;
        track->highest_ext = 0;
        memset(track->seen, 0, sizeof(track->seen));
}

static void read_signature(struct sim_track *track, const struct job_record *record,
                           const struct rtp_pkt *rtp)
{
        struct rd r = rd_init(rtp->payload.data + rtp->payload.len - SIM_SIGNATURE, SIM_SIGNATURE);
        int64_t capture_us;

        assert(rtp->payload.len >= SIM_SIGNATURE);
        assert(rd_u32(&r) == record->participant);
        assert(rd_u8(&r) == record->kind);
        assert(rd_u8(&r) == record->layer);
        (void)rd_u16(&r);
        capture_us = (int64_t)rd_u32(&r) << 32;
        capture_us |= rd_u32(&r);
        track->skew_us = record->media_us - capture_us;
}

static uint8_t pt_of(const struct job_record *record)
{
        if (record->kind == SFU_MIC)
                return SIM_PT_OPUS;
        return record->codec == JOB_H264 ? SIM_PT_H264 : SIM_PT_VP8;
}

static void take_rtp(struct sim_tap *tap, struct sim_track *track, const struct job_record *record)
{
        struct rtp_pkt rtp;
        uint8_t *seen, bit;

        assert(rtp_parse(&rtp, record->bytes.data, record->bytes.len) == 0);
        assert(rtp.seq == (uint16_t)record->ext);
        assert(rtp.pt == pt_of(record));
        seen = &track->seen[rtp.seq / 8];
        bit = (uint8_t)(1u << rtp.seq % 8);
        track->n_duplicates += !!(*seen & bit);
        *seen |= bit;
        if (record->kind != SFU_MIC)
                track->n_broken += ((track->n == 0 || track->after_gap) &&
                                    !record->starts_keyframe) ||
                                   (track->n > 0 && record->ext < track->lowest_ext);
        track->after_gap = false;
        track->n++;
        track->n_total++;
        track->n_keyframes += record->starts_keyframe;
        if (record->ext < track->lowest_ext)
                track->lowest_ext = record->ext;
        if (record->ext > track->highest_ext)
                track->highest_ext = record->ext;
        if (track->n_total == 1)
                track->first_us = tap->sim->now_us;
        track->last_us = tap->sim->now_us;
        if (rtp.payload.len > 0)
                read_signature(track, record, &rtp);
}

static bool has_room(struct sim_tap *tap, const struct job_record *record)
{
        int64_t need = JOB_RECORD_HEAD + (int64_t)record->bytes.len;
        bool picture = record->kind != SFU_MIC;

        if (tap->budget < 0)
                return true;
        if (record->type != JOB_RTP && record->type != JOB_GAP)
                return true;
        if (tap->budget - (picture ? tap->kept : 0) <
            need + (record->type == JOB_GAP ? JOB_RECORD_MAX : 0)) {
                tap->refused = true;
                return false;
        }
        tap->budget -= need;
        return true;
}

bool sim_tap_on_record(void *user, void *tag, const struct job_record *record)
{
        struct sim_tap *tap = tag;
        struct sim_track *track;

        (void)user;
        if (tap->take) {
                tap->take(tap->user, record);
                return true;
        }
        track = track_of(tap, record);
        if (!has_room(tap, record))
                return false;
        if (record->type == JOB_TRACK) {
                assert(track->n_generations == 0 ||
                       job_generation_is_newer(record->generation, track->generation));
                begin(track, record);
        } else if (track->generation != record->generation) {
                track->n_late++;
        } else if (record->type == JOB_END) {
                assert(track->live);
                track->live = false;
                track->n_ends++;
        } else if (record->type == JOB_GAP) {
                track->n_gaps++;
                track->n_told_missing += record->count;
                track->after_gap = true;
        } else {
                assert(record->type == JOB_RTP && track->live);
                take_rtp(tap, track, record);
        }
        return true;
}

struct sim_tap *sim_tap_new(struct sim *sim, enum sfu_tap_mode mode)
{
        struct sim_tap *tap = calloc(1, sizeof(*tap));

        assert(tap);
        tap->sim = sim;
        tap->budget = -1;
        for (unsigned i = 0; i < sim->n_workers; i++)
                assert(media_room_add_tap(sim->workers[i]->room, &tap->taps[i], mode, tap,
                                          sim->now_us) == 0);
        sim_settle(sim);
        return tap;
}

void sim_tap_free(struct sim_tap *tap)
{
        for (unsigned i = 0; i < tap->sim->n_workers; i++)
                media_room_remove_tap(tap->sim->workers[i]->room, tap->taps[i], tap->sim->now_us);
        free(tap);
}

void sim_tap_refill(struct sim_tap *tap, int64_t budget)
{
        tap->budget = budget;
        for (unsigned i = 0; i < tap->sim->n_workers; i++)
                media_tap_on_room(tap->taps[i], tap->sim->now_us);
}

struct sim_track *sim_tap_track(struct sim_tap *tap, uint32_t participant, enum sfu_kind kind)
{
        for (size_t i = 0; i < tap->n_tracks; i++) {
                struct sim_track *track = &tap->tracks[i];

                if (track->participant == participant && track->kind == (int)kind)
                        return track;
        }
        return NULL;
}

uint32_t sim_track_lost(const struct sim_track *track)
{
        return track->n == 0 ? 0 : track->highest_ext - track->lowest_ext + 1 - track->n;
}
