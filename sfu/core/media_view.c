/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

bool pub_available(const struct media_pub *pub)
{
        return pub && !pub->muted && pub->peer->connected;
}

static bool share_codec(const struct media_slot *slot, const struct media_pub *pub)
{
        for (int codec = 0; codec < SDP_N_CODECS; codec++) {
                if (slot->sdp.pts[codec].used && pub->sdp.pts[codec].used)
                        return true;
        }
        return false;
}

static struct media_pub *usable(const struct media_slot *slot, const struct media_peer *peer,
                                enum sfu_kind kind)
{
        struct media_pub *pub = peer ? peer->pubs[kind] : NULL;

        return pub_available(pub) && share_codec(slot, pub) ? pub : NULL;
}

/* Follows the speaker, but never shows the viewer herself; when she speaks, or
 * the speaker has no camera, whom it showed before stays. */
static struct media_pub *follow_speaker(const struct media_slot *slot)
{
        struct media_room *room = slot->peer->room;
        enum sfu_kind kind = slot->view.kind;
        struct media_pub *pub = NULL;

        if (room->last_speaker && room->last_speaker != slot->peer->participant)
                pub = usable(slot, room_find(room, room->last_speaker), kind);
        if (!pub && slot->target && slot->target->kind == kind)
                pub = usable(slot, slot->target->peer, kind);
        for (size_t i = 0; i < room->n_peers && !pub; i++) {
                if (room->peers[i] != slot->peer)
                        pub = usable(slot, room->peers[i], kind);
        }
        return pub;
}

static bool is_pinned(const struct media_slot *slot)
{
        return !slot->audio ||
               (slot->view.participant != 0 && slot->view.participant != SFU_ACTIVE_SPEAKER);
}

static void resolve(struct media_slot *slot, int64_t now_us)
{
        struct media_room *room = slot->peer->room;
        struct media_pub *pub = NULL;
        uint32_t participant = slot->view.participant;
        bool own_voice = slot->audio && participant == slot->peer->participant;

        if (participant == SFU_ACTIVE_SPEAKER)
                pub = follow_speaker(slot);
        else if (participant != 0 && !own_voice)
                pub = usable(slot, room_find(room, participant), slot->view.kind);
        slot_set_target(slot, pub, now_us);
}

void peer_resolve(struct media_peer *peer, int64_t now_us)
{
        if (!peer->connected)
                return;
        for (size_t i = 0; i < peer->n_slots; i++) {
                if (is_pinned(&peer->slots[i]))
                        resolve(&peer->slots[i], now_us);
        }
        if (peer->allocate_us <= now_us)
                peer_allocate(peer, now_us);
}

/* What a participant publishes came, went, or changed: every slot that names
 * her, or shows whoever is right, is looked at again. */
void room_resolve(struct media_room *room, uint32_t participant, int64_t now_us)
{
        for (size_t i = 0; i < room->n_peers; i++) {
                struct media_peer *peer = room->peers[i];

                for (size_t k = 0; k < peer->n_slots && peer->connected; k++) {
                        struct media_slot *slot = &peer->slots[k];

                        if (!is_pinned(slot)) {
                                if (slot->target && !pub_available(slot->target))
                                        slot_set_target(slot, NULL, now_us);
                        } else if (slot->view.participant == participant ||
                                   slot->view.participant == SFU_ACTIVE_SPEAKER) {
                                resolve(slot, now_us);
                        }
                }
        }
}

void media_peer_set_view(struct media_peer *peer, const struct sfu_slot_view *views, size_t n,
                         int64_t now_us)
{
        for (size_t i = 0; i < n; i++) {
                const struct sfu_slot_view *view = &views[i];
                size_t n_kind = view->audio ? peer->n_audio : peer->n_slots - peer->n_audio;
                struct media_slot *slot;

                if (view->slot >= n_kind || (unsigned)view->kind >= SFU_N_KINDS ||
                    (!view->audio && view->kind == SFU_MIC))
                        continue;
                slot = &peer->slots[view->audio ? view->slot : peer->n_audio + view->slot];
                if (is_pinned(slot) && slot->audio)
                        slot_set_target(slot, NULL, now_us);
                slot->view = *view;
                if (slot->audio)
                        slot->view.kind = SFU_MIC;
        }
        peer->allocate_us = now_us;
        peer_resolve(peer, now_us);
        if (peer->connected)
                peer_assign_audio(peer, now_us);
        peer_wake(peer, now_us);
}

static void fill_demand(const struct media_slot *slot, struct layer_demand *ret_demand,
                        int64_t now_us)
{
        struct media_pub *pub = slot->target;
        struct layer_info infos[LAYER_MAX] = { 0 };

        *ret_demand = (struct layer_demand){ .priority = slot->view.priority };
        for (size_t i = 0; i < pub->n_layers; i++) {
                struct media_layer *layer = &pub->layers[i];
                uint32_t bps = rtp_rate_bps(&layer->recv.rate, now_us);

                if (bps)
                        layer->known_bps = bps;
                infos[i].flows = layer_available(layer, now_us);
                infos[i].height = layer->height;
                infos[i].bps = layer->known_bps;
                ret_demand->flows[i] = infos[i].flows;
                ret_demand->bps[i] = infos[i].bps;
        }
        ret_demand->wanted = layer_select(infos, pub->n_layers, slot->view.max_height);
}

/* What the line has left for pictures. */
static uint64_t video_budget(struct media_peer *peer, uint64_t needed_bps, int64_t now_us)
{
        uint64_t audio_bps = 0, line_bps;

        for (size_t i = 0; i < peer->n_audio; i++)
                audio_bps += rtp_rate_bps(&peer->slots[i].rate, now_us);
        line_bps = line_budget_poll(&peer->line, needed_bps + audio_bps, now_us);
        if (line_bps == UINT64_MAX)
                return line_bps;
        return line_bps > audio_bps ? line_bps - audio_bps : 0;
}

static bool undecodable(const struct media_slot *slot, const struct media_layer *layer)
{
        return layer->recv.packets > 0 && !slot->sdp.pts[layer->codec].used;
}

/* Down at once, up when there has been room for a while: rates are measured, and
 * measures tremble. */
static int damp(struct media_slot *slot, int granted, int64_t now_us)
{
        const struct media_layer *now = slot->current;
        bool shows = now && now->pub == slot->target && layer_flows(now, now_us);
        int have = shows ? now->index : LAYER_NONE;

        if (!slot->peer->line.limited || (!shows && !slot->paused) || granted <= have) {
                slot->room_since_us = 0;
                return granted;
        }
        if (slot->room_since_us == 0)
                slot->room_since_us = now_us;
        return now_us - slot->room_since_us < ROOM_PATIENCE_US ? have : granted;
}

/* What to show while a layer that was stopped starts again: one that flows, if
 * the slot shows nothing of the target yet. */
static struct media_layer *for_now(const struct media_slot *slot, struct media_layer *layer,
                                   int64_t now_us)
{
        struct media_pub *pub = layer->pub;

        if (layer_flows(layer, now_us) || (slot->current && slot->current->pub == pub))
                return layer;
        for (size_t i = 0; i < pub->n_layers; i++) {
                if (layer_flows(&pub->layers[i], now_us))
                        return &pub->layers[i];
        }
        return layer;
}

static void apply_grant(struct media_slot *slot, int granted, int64_t now_us)
{
        struct media_layer *layer;

        slot_desire(slot, granted == LAYER_NONE ? NULL : &slot->target->layers[granted], now_us);
        granted = damp(slot, granted, now_us);
        slot->paused = granted == LAYER_NONE;
        layer = slot->paused ? NULL : for_now(slot, &slot->target->layers[granted], now_us);
        if (!layer || undecodable(slot, layer)) {
                slot_release(slot, now_us);
                return;
        }
        slot_aim(slot, layer, now_us);
        slot_limit(slot, layer_sid_for(layer, slot->view.max_height, now_us), LAYER_ALL, now_us);
        if (slot->current && slot->next && slot->current->pub != slot->target &&
            now_us - slot->next_since_us >= SWITCH_PATIENCE_US)
                slot_give_up(slot, now_us);
}

void peer_allocate(struct media_peer *peer, int64_t now_us)
{
        struct layer_demand demands[SFU_MAX_VIDEO_SLOTS];
        struct media_slot *slots[SFU_MAX_VIDEO_SLOTS];
        uint64_t needed_bps = 0;
        size_t n = 0;

        peer->allocate_us = now_us + ALLOCATE_INTERVAL_US;
        for (size_t i = peer->n_audio; i < peer->n_slots; i++) {
                if (!peer->slots[i].target)
                        continue;
                slots[n] = &peer->slots[i];
                fill_demand(slots[n], &demands[n], now_us);
                needed_bps += demands[n].bps[demands[n].wanted];
                n++;
        }
        if (n == 0)
                return;
        layer_allocate(demands, n, video_budget(peer, needed_bps, now_us));
        for (size_t i = 0; i < n; i++)
                apply_grant(slots[i], demands[i].granted, now_us);
        peer_wake(peer, peer->allocate_us);
}
