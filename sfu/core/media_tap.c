/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_tap.h"

#include <errno.h>
#include <stdlib.h>

#include "sfu/core/media_priv.h"
#include "sfu/wire/job_record.h"
#include "sfu/wire/red.h"

enum {
        LOOK_US = 500 * 1000, /* at the layers of a tapped picture */
        US_PER_GENERATION = 1000,
        SOUND_WINDOW = 64, /* packets; later ones are not waited for */
};

struct media_tap {
        struct media_room *room;
        void *tag;
        enum sfu_tap_mode mode;
        size_t index;
        bool full; /* the job is behind */
        uint32_t generation;
};

/* What one tap takes of one publication. */
struct media_track {
        struct media_layer *current, *next, *desired;
        bool live;         /* TRACK was said, and no END since; then: */
        bool waits_key;    /* the job missed some of the picture */
        uint8_t codec;     /* enum job_codec */
        uint8_t index;     /* of the layer, */
        uint32_t layer_id; /* and its number when the generation began */
        uint32_t generation;
        uint32_t first_ext;
        uint32_t missed; /* what the job missed since it was last told */
        uint32_t newest; /* of sound: the highest number given, */
        uint64_t given;  /* and bit i: newest - i was */
};

/* Records. */

static struct job_record about(const struct media_track *track, const struct media_pub *pub,
                               enum job_record_type type)
{
        return (struct job_record){
                .type = (uint8_t)type,
                .kind = (uint8_t)pub->kind,
                .codec = track->codec,
                .layer = track->index,
                .participant = pub->peer->participant,
                .generation = track->generation,
        };
}

static bool give(struct media_tap *tap, const struct job_record *record)
{
        const struct media_out *out = &tap->room->out;
        bool taken = out->tap(out->user, tap->tag, record);

        tap->room->counters.tap_records += taken;
        return taken;
}

static void end_track(struct media_tap *tap, struct media_track *track, const struct media_pub *pub)
{
        struct job_record record = about(track, pub, JOB_END);

        if (track->live)
                (void)give(tap, &record);
        track->live = track->waits_key = false;
        track->missed = 0;
}

static uint32_t clock_generation(int64_t now_us)
{
        return (uint32_t)(now_us / US_PER_GENERATION);
}

/* Greater than any before, on whichever worker: see job_record.h. */
static uint32_t next_generation(struct media_tap *tap, int64_t now_us)
{
        uint32_t by_clock = clock_generation(now_us);

        tap->generation++;
        if (job_generation_is_newer(by_clock, tap->generation))
                tap->generation = by_clock;
        return tap->generation;
}

static uint8_t job_codec_of(const struct media_in *in)
{
        static const uint8_t codecs[SDP_N_CODECS] = {
                [SDP_OPUS] = JOB_OPUS, [SDP_VP8] = JOB_VP8, [SDP_H264] = JOB_H264,
                [SDP_VP9] = JOB_VP9,   [SDP_AV1] = JOB_AV1, [SDP_RED] = JOB_OPUS,
        };

        return codecs[in->codec];
}

static void begin_generation(struct media_tap *tap, struct media_track *track,
                             const struct media_layer *layer, const struct media_in *in,
                             int64_t now_us)
{
        struct job_record record;

        track->live = true;
        track->waits_key = false;
        track->codec = job_codec_of(in);
        track->index = layer->index;
        track->layer_id = layer->id;
        track->generation = next_generation(tap, now_us);
        track->first_ext = in->ext;
        track->missed = 0;
        track->newest = in->ext - 1;
        track->given = 0;
        record = about(track, layer->pub, JOB_TRACK);
        record.ext = in->ext;
        record.arrival_us = in->pkt->arrival_us;
        record.media_us = layer_time_of(layer, in->rtp.ts);
        (void)give(tap, &record);
}

/* A packet that the job goes without. */
static void miss(struct media_tap *tap, struct media_track *track)
{
        track->missed++;
        tap->room->counters.tap_dropped++;
}

/* What was missed is told before the next packet that is taken. */
static bool give_behind_gap(struct media_tap *tap, const struct media_track *track,
                            const struct job_record *record)
{
        struct job_record gap = *record;

        gap.type = JOB_GAP;
        gap.count = track->missed;
        gap.starts_keyframe = false;
        gap.bytes = (struct span){ 0 };
        return (track->missed == 0 || give(tap, &gap)) && give(tap, record);
}

static void give_rtp(struct media_tap *tap, struct media_track *track,
                     const struct media_layer *layer, const struct media_in *in, struct span bytes)
{
        struct job_record record = about(track, layer->pub, JOB_RTP);

        record.ext = in->ext;
        record.starts_keyframe = in->starts_keyframe;
        record.arrival_us = in->pkt->arrival_us;
        record.media_us = layer_time_by(layer, in->rtp.ts, &record.reported);
        record.bytes = bytes;
        if (give_behind_gap(tap, track, &record)) {
                track->missed = 0;
                return;
        }
        miss(tap, track);
        if (layer->pub->kind != SFU_MIC)
                track->waits_key = tap->full = true;
}

/* Layers. */

static void watch(struct media_layer *layer, uint8_t bit, bool on, int64_t now_us)
{
        if (on == !!(layer->tap_watch & bit))
                return;
        layer->tap_watch ^= bit;
        if (on)
                layer_watched(layer);
        else
                layer_unwatched(layer, now_us);
}

static void aim(struct media_tap *tap, struct media_track *track, struct media_pub *pub,
                struct media_layer *current, struct media_layer *next, int64_t now_us)
{
        track->current = current;
        track->next = next;
        for (size_t i = 0; i < pub->n_layers; i++) {
                struct media_layer *layer = &pub->layers[i];

                watch(layer, (uint8_t)(1u << tap->index), layer == current || layer == next,
                      now_us);
        }
}

/* Goes on being asked for until one comes. */
static void want_key(struct media_layer *layer, int64_t now_us)
{
        if (!layer->key_wanted)
                layer_want_key(layer, now_us);
}

static void desire(struct media_tap *tap, struct media_track *track, struct media_layer *layer,
                   int64_t now_us)
{
        struct media_layer *old = track->desired;
        uint8_t bit = (uint8_t)(1u << tap->index);

        if (old == layer)
                return;
        track->desired = layer;
        if (layer)
                layer->tap_desire |= bit;
        if (!old)
                return;
        old->tap_desire &= (uint8_t)~bit;
        if (layer_is_desired(old))
                return;
        old->idle_us = now_us;
        peer_wake(old->pub->peer, now_us + UNWATCHED_GRACE_US);
}

/* The best there is or would be; for a program, of those that are not too high. */
static struct media_layer *best_layer(const struct media_tap *tap, struct media_pub *pub,
                                      int64_t now_us)
{
        struct layer_info infos[LAYER_MAX] = { 0 };
        size_t n = pub->n_layers;
        int best;

        for (size_t i = 0; i < n; i++) {
                infos[i].flows = layer_available(&pub->layers[i], now_us);
                infos[i].height = pub->layers[i].height;
        }
        while (tap->mode == SFU_TAP_PROGRAM && n > 1 && infos[n - 1].height > MEDIA_PROGRAM_HEIGHT)
                n--;
        best = layer_select(infos, n, UINT16_MAX);
        if (!infos[best].flows)
                best = layer_select(infos, pub->n_layers, 0);
        return &pub->layers[best];
}

/* While the desired layer has not started: the best that flows. */
static struct media_layer *for_now(struct media_pub *pub, struct media_layer *desired,
                                   int64_t now_us)
{
        if (layer_is_live(desired, now_us))
                return desired;
        for (size_t i = pub->n_layers; i > 0; i--) {
                if (layer_flows(&pub->layers[i - 1], now_us))
                        return &pub->layers[i - 1];
        }
        return desired;
}

static void follow_picture(struct media_tap *tap, struct media_track *track, struct media_pub *pub,
                           int64_t now_us)
{
        struct media_layer *layer = best_layer(tap, pub, now_us);

        desire(tap, track, layer, now_us);
        layer = for_now(pub, layer, now_us);
        if (layer == track->current) {
                aim(tap, track, pub, layer, NULL, now_us);
        } else {
                aim(tap, track, pub, track->current, layer, now_us);
                want_key(layer, now_us);
        }
        if (track->waits_key && track->current && !tap->full)
                want_key(track->current, now_us);
}

static void leave(struct media_tap *tap, struct media_track *track, struct media_pub *pub,
                  int64_t now_us)
{
        desire(tap, track, NULL, now_us);
        aim(tap, track, pub, NULL, NULL, now_us);
        /* Who is muted or turns off her camera is recorded on when she comes back. */
        if (tap->mode == SFU_TAP_PROGRAM)
                end_track(tap, track, pub);
}

/* Who is in. */

static struct media_pub *camera_of(const struct media_room *room, uint32_t participant)
{
        struct media_peer *peer = participant ? room_find(room, participant) : NULL;

        return peer && pub_available(peer->pubs[SFU_CAMERA]) ? peer->pubs[SFU_CAMERA] : NULL;
}

/* The same on all workers of the room. */
static void choose_camera(struct media_room *room)
{
        uint32_t first = UINT32_MAX;

        if (camera_of(room, room->last_speaker))
                room->tap_camera = room->last_speaker;
        if (camera_of(room, room->tap_camera))
                return;
        for (size_t i = 0; i < room->n_peers; i++) {
                if (room->participants[i] < first &&
                    pub_available(room->peers[i]->pubs[SFU_CAMERA]))
                        first = room->participants[i];
        }
        room->tap_camera = first == UINT32_MAX ? 0 : first;
}

static bool is_heard(const struct media_pub *pub)
{
        const struct audio_ranking *ranking = &pub->peer->room->ranking;

        bool heard = pub->peer->film; /* a film's sound belongs to its picture */

        for (size_t i = 0; i < ranking->n_top; i++)
                heard |= ranking->top[i] == pub->mic_id;
        return heard;
}

static bool is_in(const struct media_tap *tap, const struct media_pub *pub)
{
        if (!pub_available(pub))
                return false;
        if (tap->mode == SFU_TAP_ALL || pub->kind == SFU_SCREEN)
                return true;
        if (pub->kind == SFU_MIC)
                return is_heard(pub);
        return pub->peer->participant == tap->room->tap_camera;
}

static void look(struct media_tap *tap, struct media_pub *pub, int64_t now_us)
{
        struct media_track *track = &pub->tracks[tap->index];
        uint8_t bit = (uint8_t)(1u << tap->index);

        if (is_in(tap, pub)) {
                pub->tapped |= bit;
                if (pub->kind == SFU_MIC)
                        aim(tap, track, pub, &pub->layers[0], NULL, now_us);
                else
                        follow_picture(tap, track, pub, now_us);
        } else if (pub->tapped & bit) {
                pub->tapped &= (uint8_t)~bit;
                leave(tap, track, pub, now_us);
        }
}

int64_t taps_look_at(struct media_pub *pub, int64_t now_us)
{
        const struct media_room *room = pub->peer->room;

        if (room->n_taps == 0 || !pub->tracks)
                return INT64_MAX;
        for (size_t i = 0; i < MEDIA_MAX_TAPS; i++) {
                if (room->taps[i])
                        look(room->taps[i], pub, now_us);
        }
        pub_update_wanted(pub, now_us);
        return pub->tapped && pub->kind != SFU_MIC ? now_us + LOOK_US : INT64_MAX;
}

void taps_look(struct media_room *room, int64_t now_us)
{
        if (room->n_taps == 0)
                return;
        choose_camera(room);
        for (size_t i = 0; i < room->n_peers; i++) {
                for (size_t kind = 0; kind < SFU_N_KINDS; kind++) {
                        struct media_pub *pub = room->peers[i]->pubs[kind];
                        int64_t again_us = pub ? taps_look_at(pub, now_us) : INT64_MAX;

                        if (again_us != INT64_MAX)
                                peer_wake(room->peers[i], again_us);
                }
        }
}

/* Packets. */

static void give_again(struct media_tap *tap, struct media_track *track,
                       const struct media_layer *layer, uint32_t ext)
{
        struct media_in in = { .pkt = rtx_cache_get(layer->cache, ext), .ext = ext };

        if (!in.pkt || track->waits_key || rtp_parse(&in.rtp, in.pkt->data, in.pkt->len) ||
            !media_in_classify(&in, layer->pub))
                return;
        give_rtp(tap, track, layer, &in, (struct span){ in.pkt->data, in.pkt->len });
}

/* A key frame that the track begins with, or goes on with. When its first packet was lost
 * and came again, what followed it is in the ring. */
static void start_at(struct media_tap *tap, struct media_track *track,
                     const struct media_layer *layer, const struct media_in *in)
{
        uint32_t newest = (uint32_t)layer->recv.seq.newest;

        track->waits_key = false;
        track->first_ext = in->ext;
        give_rtp(tap, track, layer, in, (struct span){ in->pkt->data, in->pkt->len });
        for (uint32_t ext = in->ext + 1; layer->cache && (int32_t)(newest - ext) >= 0; ext++)
                give_again(tap, track, layer, ext);
}

static void take_picture(struct media_tap *tap, struct media_track *track,
                         struct media_layer *layer, const struct media_in *in, int64_t now_us)
{
        bool same = track->current == layer && track->live && track->layer_id == layer->id &&
                    track->codec == job_codec_of(in);

        if (in->starts_keyframe && (!same || track->waits_key)) {
                if (!same) {
                        begin_generation(tap, track, layer, in, now_us);
                        aim(tap, track, layer->pub, layer, NULL, now_us);
                }
                start_at(tap, track, layer, in);
        } else if (same && track->waits_key) {
                miss(tap, track);
        } else if (same && (int32_t)(in->ext - track->first_ext) >= 0) {
                give_rtp(tap, track, layer, in, (struct span){ in->pkt->data, in->pkt->len });
        } else if (!same && track->current == layer) {
                want_key(layer, now_us); /* another stream in its place */
        }
}

/* Whether it is the first time; then it is noted. */
static bool is_new_sound(struct media_track *track, uint32_t ext)
{
        int32_t ahead = (int32_t)(ext - track->newest);
        uint64_t bit;

        if (ahead > 0) {
                track->given = ahead < SOUND_WINDOW ? track->given << ahead : 0;
                track->newest = ext;
                ahead = 0;
        }
        if (ahead <= -SOUND_WINDOW || (int32_t)(ext - track->first_ext) < 0)
                return false;
        bit = 1ull << -ahead;
        if (track->given & bit)
                return false;
        track->given |= bit;
        return true;
}

/* One frame of a packet with redundancy, as a packet of its own; back: so many before. */
static void give_frame(struct media_tap *tap, struct media_track *track,
                       const struct media_layer *layer, const struct media_in *in,
                       const struct red_block *block, uint32_t back)
{
        uint8_t data[RTP_HEADER + PKT_CAP];
        struct media_in frame = *in;
        enum sdp_codec codec;

        frame.ext = in->ext - back;
        if (!pub_codec(layer->pub, block->pt, &codec) || codec != SDP_OPUS ||
            block->data.len == 0 || block->data.len > PKT_CAP || !is_new_sound(track, frame.ext))
                return;
        frame.rtp.pt = block->pt;
        frame.rtp.seq = (uint16_t)frame.ext;
        frame.rtp.ts = in->rtp.ts - block->ts_offset;
        frame.rtp.marker = in->rtp.marker && back == 0;
        rtp_put_header(data, &frame.rtp, false);
        memcpy(data + RTP_HEADER, block->data.data, block->data.len);
        give_rtp(tap, track, layer, &frame, (struct span){ data, RTP_HEADER + block->data.len });
}

static void take_red(struct media_tap *tap, struct media_track *track,
                     const struct media_layer *layer, const struct media_in *in)
{
        struct red_block blocks[RED_MAX_BLOCKS];
        size_t n;

        if (red_parse(blocks, &n, in->rtp.payload))
                return;
        for (size_t i = 0; i < n; i++)
                give_frame(tap, track, layer, in, &blocks[i], (uint32_t)(n - 1 - i));
}

static void take_sound(struct media_tap *tap, struct media_track *track, struct media_layer *layer,
                       const struct media_in *in, int64_t now_us)
{
        if (!track->live || track->layer_id != layer->id)
                begin_generation(tap, track, layer, in, now_us);
        if (in->codec == SDP_RED && in->rtp.payload.len > 0)
                take_red(tap, track, layer, in);
        else if (is_new_sound(track, in->ext))
                give_rtp(tap, track, layer, in, (struct span){ in->pkt->data, in->pkt->len });
}

void taps_take(struct media_layer *layer, const struct media_in *in, int64_t now_us)
{
        struct media_pub *pub = layer->pub;

        for (uint8_t set = layer->tap_watch; set; set &= (uint8_t)(set - 1)) {
                unsigned i = (unsigned)__builtin_ctz(set);

                if (pub->kind == SFU_MIC)
                        take_sound(pub->peer->room->taps[i], &pub->tracks[i], layer, in, now_us);
                else
                        take_picture(pub->peer->room->taps[i], &pub->tracks[i], layer, in, now_us);
        }
}

/* Life. */

static int add_tracks(struct media_peer *peer)
{
        for (size_t kind = 0; kind < SFU_N_KINDS; kind++) {
                struct media_pub *pub = peer->pubs[kind];

                if (!pub || pub->tracks)
                        continue;
                pub->tracks = calloc(MEDIA_MAX_TAPS, sizeof(*pub->tracks));
                if (!pub->tracks)
                        return -ENOMEM;
        }
        return 0;
}

int taps_add_peer(struct media_peer *peer)
{
        return peer->room->n_taps > 0 ? add_tracks(peer) : 0;
}

void taps_forget(struct media_pub *pub)
{
        struct media_room *room = pub->peer->room;

        for (size_t i = 0; pub->tracks && i < MEDIA_MAX_TAPS; i++) {
                if (room->taps[i])
                        end_track(room->taps[i], &pub->tracks[i], pub);
        }
        for (size_t i = 0; i < pub->n_layers; i++)
                pub->layers[i].tap_watch = pub->layers[i].tap_desire = 0;
        pub->tapped = 0;
        free(pub->tracks);
        pub->tracks = NULL;
}

int media_room_add_tap(struct media_room *room, struct media_tap **ret_tap, enum sfu_tap_mode mode,
                       void *tag, int64_t now_us)
{
        cleanup(freep) struct media_tap *tap = NULL;
        size_t index = 0;

        while (index < MEDIA_MAX_TAPS && room->taps[index])
                index++;
        if (index == MEDIA_MAX_TAPS)
                return -EBUSY;
        for (size_t i = 0; i < room->n_peers; i++) {
                if (!room->peers[i]->proxy && add_tracks(room->peers[i]) < 0)
                        return -ENOMEM;
        }
        tap = calloc(1, sizeof(*tap));
        if (!tap)
                return -ENOMEM;
        *tap = (struct media_tap){ .room = room, .tag = tag, .mode = mode, .index = index };
        /* From the clock on, whose upper half would count as older than 0. */
        tap->generation = clock_generation(now_us);
        room->taps[index] = *ret_tap = take_ptr(tap);
        room->n_taps++;
        taps_look(room, now_us);
        return 0;
}

static void remove_from(struct media_tap *tap, struct media_pub *pub, int64_t now_us)
{
        struct media_track *track = &pub->tracks[tap->index];

        track->live = false; /* nothing is said any more */
        leave(tap, track, pub, now_us);
        pub->tapped &= (uint8_t) ~(1u << tap->index);
        *track = (struct media_track){ 0 };
        pub_update_wanted(pub, now_us);
}

void media_room_remove_tap(struct media_room *room, struct media_tap *tap, int64_t now_us)
{
        for (size_t i = 0; i < room->n_peers; i++) {
                for (size_t kind = 0; kind < SFU_N_KINDS; kind++) {
                        struct media_pub *pub = room->peers[i]->pubs[kind];

                        if (pub && pub->tracks)
                                remove_from(tap, pub, now_us);
                }
        }
        room->taps[tap->index] = NULL;
        room->n_taps--;
        free(tap);
}

void taps_free(struct media_room *room)
{
        for (size_t i = 0; i < MEDIA_MAX_TAPS; i++) {
                free(room->taps[i]);
                room->taps[i] = NULL;
        }
        room->n_taps = 0;
}

void media_tap_on_room(struct media_tap *tap, int64_t now_us)
{
        tap->full = false;
        taps_look(tap->room, now_us);
}
