/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
        CLOCK_CREEP_PPM = 250,         /* faster than any quartz drifts */
        CLOCK_STEP_US = 1000 * 1000,   /* more than a network delays: the clock was set */
        SR_DOUBT_US = 5 * 1000 * 1000, /* a report this far from arrival times is wrong */
};

int pub_new(struct media_pub **ret_pub, struct media_peer *peer, enum sfu_kind kind,
            const struct sdp_publication *sdp)
{
        cleanup(pub_freep) struct media_pub *pub = calloc(1, sizeof(*pub));
        int r;

        if (!pub)
                return -ENOMEM;
        pub->peer = peer;
        pub->kind = kind;
        pub->sdp = *sdp;
        pub->mic_id = AUDIO_SELECT_NONE;
        link_init(&pub->watchers);
        for (size_t i = 0; i < (sdp->n_rids ? sdp->n_rids : 1); i++) {
                struct media_layer *layer = &pub->layers[pub->n_layers];

                layer->pub = pub;
                layer->index = (uint8_t)i;
                layer->asked = true;
                layer->pli_us = -PLI_INTERVAL_US;
                layer->restart_us = layer->start_us = -RESTART_INTERVAL_US;
                link_init(&layer->current);
                link_init(&layer->next);
                burst_init(&layer->burst);
                rtp_recv_init(&layer->recv, kind == SFU_MIC ? MEDIA_AUDIO_RATE : MEDIA_VIDEO_RATE);
                pub->n_layers++;
                layer->detail = kind == SFU_MIC ? NULL : calloc(1, sizeof(*layer->detail));
                if (kind != SFU_MIC && !layer->detail)
                        return -ENOMEM;
                r = room_add_layer(peer->room, layer);
                if (r < 0)
                        return r;
        }
        r = kind == SFU_MIC ? room_add_mic(peer->room, pub) : 0;
        if (r < 0)
                return r;
        *ret_pub = take_ptr(pub);
        return 0;
}

struct media_pub *pub_free(struct media_pub *pub)
{
        struct media_slot *slot;

        if (!pub)
                return NULL;
        taps_forget(pub);
        list_for_each (slot, &pub->watchers, LINK_WATCH)
                slot_set_target(slot, NULL, 0);
        for (size_t i = 0; i < pub->n_layers; i++) {
                struct media_layer *layer = &pub->layers[i];

                /* Slots on their way to another source may still show this one. */
                list_for_each (slot, &layer->current, LINK_CURRENT)
                        slot_release(slot, 0);
                /* Others were on their way to this one, and have another target since. */
                list_for_each (slot, &layer->next, LINK_NEXT)
                        slot_release(slot, 0);
                room_remove_layer(pub->peer->room, layer);
                layer_drop_waiting(layer);
                burst_unwatched(&layer->burst);
                nack_gen_free(layer->nack);
                rtx_cache_free(layer->cache);
                free(layer->detail);
        }
        room_remove_mic(pub->peer->room, pub);
        free(pub);
        return NULL;
}

bool pub_codec(const struct media_pub *pub, uint8_t pt, enum sdp_codec *ret_codec)
{
        for (int codec = 0; codec < SDP_N_CODECS; codec++) {
                if (pub->sdp.pts[codec].used && pub->sdp.pts[codec].pt == pt) {
                        *ret_codec = (enum sdp_codec)codec;
                        return true;
                }
        }
        return false;
}

/* Losses are asked for, and packets kept, only while somebody needs them: a
 * thousand open microphones cost no ring. */
void layer_watched(struct media_layer *layer)
{
        bool audio = layer->pub->kind == SFU_MIC;
        bool proxy = relay_watch(layer->pub->peer); /* its losses are home's to ask for */

        if (!layer->cache &&
            rtx_cache_new(&layer->cache, audio ? MEDIA_AUDIO_RING : MEDIA_VIDEO_RING) < 0)
                layer->cache = NULL; /* no retransmission from this layer, no harm else */
        burst_watched(&layer->burst, audio);
        if (!layer->nack && layer->pub->sdp.nack && !proxy &&
            nack_gen_new(&layer->nack, audio ? MEDIA_AUDIO_MISSING : MEDIA_VIDEO_MISSING) < 0)
                layer->nack = NULL;
}

void layer_unwatched(struct media_layer *layer, int64_t now_us)
{
        if (layer_is_shown(layer))
                return;
        relay_watch(layer->pub->peer);
        layer->left_us = now_us;
        layer->key_wanted = false;
        layer_drop_waiting(layer);
        nack_gen_reset(layer->nack);
        peer_wake(layer->pub->peer, now_us + RING_GRACE_US);
}

int64_t layer_tidy(struct media_layer *layer, int64_t now_us)
{
        if (!layer->cache && !layer->burst.items)
                return INT64_MAX;
        if (layer_is_shown(layer)) {
                rtx_cache_trim(layer->cache, now_us - RTX_CACHE_AGE_US);
                return rtx_cache_size(layer->cache) > 0 ? now_us + RTX_CACHE_AGE_US : INT64_MAX;
        }
        if (now_us - layer->left_us < RING_GRACE_US)
                return layer->left_us + RING_GRACE_US;
        layer->cache = rtx_cache_free(layer->cache);
        layer->nack = nack_gen_free(layer->nack);
        burst_unwatched(&layer->burst);
        return INT64_MAX;
}

bool layer_is_shown(const struct media_layer *layer)
{
        return layer->watched_by || !link_empty(&layer->current) || !link_empty(&layer->next) ||
               layer->tap_watch;
}

bool layer_is_desired(const struct media_layer *layer)
{
        return layer->desired_by || layer->n_desired > 0 || layer->tap_desire;
}

bool layer_flows(const struct media_layer *layer, int64_t now_us)
{
        return layer->recv.packets > 0 && now_us - layer->recv.last_us < FLOW_TIMEOUT_US;
}

bool layer_is_live(const struct media_layer *layer, int64_t now_us)
{
        return layer_flows(layer, now_us) || (layer->recv.packets > 0 && layer->asked &&
                                              layer->keyframe_us + KEY_REST_US > now_us &&
                                              layer->recv.last_us + KEY_REST_US > now_us);
}

bool layer_available(const struct media_layer *layer, int64_t now_us)
{
        if (layer_is_live(layer, now_us))
                return true;
        if (!layer->asked)
                return now_us >= layer->absent_us;
        return layer->asked_us != 0 && now_us - layer->asked_us < START_PATIENCE_US;
}

void layer_want_key(struct media_layer *layer, int64_t now_us)
{
        if (layer->pub->kind == SFU_MIC || relay_want_key(layer))
                return;
        layer->key_wanted = true;
        peer_wake(layer->pub->peer, now_us);
}

/* Another stream took the layer's place: what slots remember of the old one
 * must not be mixed with it. */
void layer_restart(struct media_layer *layer, int64_t now_us)
{
        struct media_slot *slot;

        layer_drop_waiting(layer);
        rtp_recv_init(&layer->recv, layer->recv.clock_rate);
        rtx_cache_clear(layer->cache);
        nack_gen_reset(layer->nack);
        layer->height = 0;
        if (layer->detail)
                memset(layer->detail, 0, sizeof(*layer->detail));
        layer->restart_us = now_us;
        if (!layer->pub->peer->proxy)
                layer->generation++;
        room_renumber_layer(layer->pub->peer->room, layer);
        list_for_each (slot, &layer->current, LINK_CURRENT)
                slot_restart(slot, now_us);
        if (!link_empty(&layer->next)) /* its key frame may have gone with what waited */
                layer_want_key(layer, now_us);
}

static int64_t us_of_ntp(uint64_t ntp)
{
        return (int64_t)(ntp >> 32) * 1000000 + (int64_t)((ntp & 0xffffffffu) * 1000000 >> 32);
}

void clock_on_sr(struct media_clock *clock, uint64_t ntp, int64_t now_us)
{
        int64_t sample = now_us - us_of_ntp(ntp), since = now_us - clock->updated_us;

        if (clock->valid && sample - clock->offset_us < CLOCK_STEP_US &&
            clock->offset_us - sample < CLOCK_STEP_US) {
                int64_t crept = clock->offset_us + since * CLOCK_CREEP_PPM / 1000000;

                clock->offset_us = sample < crept ? sample : crept;
        } else {
                clock->offset_us = sample;
        }
        clock->valid = true;
        clock->updated_us = now_us;
}

/* By the publisher's reports, if she sent any that make sense. */
static bool time_by_report(const struct media_layer *layer, uint32_t ts, int64_t *ret_us)
{
        const struct media_clock *clock = &layer->pub->peer->clock;
        uint64_t ntp, last_ntp;
        int64_t doubt;

        if (!clock->valid || !rtp_recv_ntp_at(&layer->recv, ts, &ntp) ||
            !rtp_recv_ntp_at(&layer->recv, layer->recv.last_ts, &last_ntp))
                return false;
        doubt = us_of_ntp(last_ntp) + clock->offset_us - layer->recv.last_us;
        if (doubt > SR_DOUBT_US || doubt < -SR_DOUBT_US)
                return false;
        *ret_us = us_of_ntp(ntp) + clock->offset_us;
        return true;
}

int64_t layer_time_of(const struct media_layer *layer, uint32_t ts)
{
        bool reported;

        return layer_time_by(layer, ts, &reported);
}

int64_t layer_time_by(const struct media_layer *layer, uint32_t ts, bool *ret_reported)
{
        const struct rtp_recv *recv = &layer->recv;
        int64_t us;

        *ret_reported = time_by_report(layer, ts, &us);
        if (*ret_reported)
                return us;
        return recv->last_us +
               (int64_t)(int32_t)(ts - recv->last_ts) * 1000000 / (int64_t)recv->clock_rate;
}

uint32_t layer_ts_at(const struct media_layer *layer, int64_t time_us)
{
        const struct rtp_recv *recv = &layer->recv;
        int64_t since_us = time_us - layer_time_of(layer, recv->last_ts);

        return recv->last_ts + (uint32_t)(since_us * (int64_t)recv->clock_rate / 1000000);
}

/* Whether the publisher should send this layer. The lowest always, so that there
 * is something to show at once; others stay a while behind their last viewer. */
static bool of_use(const struct media_layer *layer, int64_t now_us)
{
        if (layer->index == 0 || layer_is_desired(layer) || layer_is_shown(layer))
                return true;
        return layer->asked && now_us - layer->idle_us < UNWATCHED_GRACE_US;
}

/* Returns whether anything changed. */
static bool update_layers(struct media_pub *pub, int64_t now_us)
{
        bool changed = false;

        for (size_t i = 0; i < pub->n_layers; i++) {
                struct media_layer *layer = &pub->layers[i];
                bool use = of_use(layer, now_us);

                if (layer->asked && layer->asked_us && !layer_available(layer, now_us))
                        layer->absent_us = now_us + ABSENT_US;
                if (layer->asked == use)
                        continue;
                layer->asked = use;
                layer->asked_us = now_us;
                relay_layer_changed(layer);
                changed = true;
        }
        return changed;
}

static void tell_wanted(struct media_pub *pub, bool wanted)
{
        struct sfu_event event = { .type = SFU_EV_WANTED };

        pub->wanted = wanted;
        pub->wanted_told = true;
        event.wanted.kind = pub->kind;
        event.wanted.wanted = wanted;
        event.wanted.n_layers = (uint8_t)pub->n_layers;
        for (size_t i = 0; i < pub->n_layers; i++)
                event.wanted.layers |= (uint8_t)(pub->layers[i].asked << i);
        media_tell(pub->peer, &event);
}

void pub_update_wanted(struct media_pub *pub, int64_t now_us)
{
        bool watched = pub->watched_by || !link_empty(&pub->watchers) || pub->tapped;

        if (relay_watch(pub->peer) || pub->kind == SFU_MIC || !pub->peer->connected)
                return;
        if (watched) {
                bool changed;

                for (size_t i = 0; !pub->wanted && i < pub->n_layers; i++)
                        pub->layers[i].idle_us = now_us; /* the first viewer decides first */
                changed = update_layers(pub, now_us);

                pub->unwatched_us = 0;
                if (changed || !pub->wanted_told || !pub->wanted)
                        tell_wanted(pub, true);
                return;
        }
        if (pub->wanted_told && pub->wanted) {
                /* A viewer who turns the page comes back soon: let it run on. */
                if (pub->unwatched_us == 0)
                        pub->unwatched_us = now_us;
                if (now_us - pub->unwatched_us < UNWATCHED_GRACE_US) {
                        peer_wake(pub->peer, pub->unwatched_us + UNWATCHED_GRACE_US);
                        return;
                }
        }
        if (!pub->wanted_told || pub->wanted)
                tell_wanted(pub, false);
}
