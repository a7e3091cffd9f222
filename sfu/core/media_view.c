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

        if (room->n_available[kind] == 0)
                return NULL; /* all of a room may look for a screen that nobody shares */
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
        taps_look(room, now_us);
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
                if (view->kind != slot->view.kind || view->max_height > slot->view.max_height)
                        slot->grant = (struct alloc_memory){ 0 }; /* asked for by hand: at once */
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
