/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

#include <errno.h>
#include <stdlib.h>

int room_add_mic(struct media_room *room, struct media_pub *pub)
{
        uint32_t id;
        int r = audio_select_add(room->select, &id);

        if (r < 0)
                return r;
        if (id >= room->n_mics) {
                size_t n = room->n_mics ? room->n_mics * 2 : 16;
                struct media_pub **mics = realloc(room->mics, n * sizeof(*mics));

                if (!mics) {
                        audio_select_remove(room->select, id);
                        return -ENOMEM;
                }
                for (size_t i = room->n_mics; i < n; i++)
                        mics[i] = NULL;
                room->mics = mics;
                room->n_mics = n;
        }
        if (pub->peer->film)
                audio_select_film(room->select, id);
        room->mics[id] = pub;
        pub->mic_id = id;
        return 0;
}

void room_remove_mic(struct media_room *room, struct media_pub *pub)
{
        struct audio_ranking *r = &room->ranking;

        if (pub->mic_id == AUDIO_SELECT_NONE)
                return;
        for (size_t i = 0; i < r->n_top; i++) {
                if (r->top[i] == pub->mic_id)
                        r->top[i] = r->top[--r->n_top];
        }
        room->mics[pub->mic_id] = NULL;
        audio_select_remove(room->select, pub->mic_id);
        pub->mic_id = AUDIO_SELECT_NONE;
}

static bool is_automatic(const struct media_slot *slot)
{
        return slot->view.participant == 0 || slot->view.participant == SFU_ACTIVE_SPEAKER;
}

static bool hears(const struct media_peer *peer, const struct media_pub *pub)
{
        for (size_t i = 0; i < peer->n_audio; i++) {
                if (peer->slots[i].target == pub)
                        return true;
        }
        return false;
}

static bool is_pinned_by(const struct media_peer *peer, const struct media_pub *pub)
{
        for (size_t i = 0; i < peer->n_audio; i++) {
                if (!is_automatic(&peer->slots[i]) && peer->slots[i].target == pub)
                        return true;
        }
        return false;
}

/* The loudest that this peer should hear: not herself, not more than she has
 * free slots for, and nobody a second time whom she pinned. */
static size_t list_wanted(const struct media_peer *peer, struct media_pub **ret_wanted)
{
        const struct media_room *room = peer->room;
        size_t n = 0, n_free = 0;

        for (size_t i = 0; i < peer->n_audio; i++)
                n_free += is_automatic(&peer->slots[i]);
        for (size_t i = 0; i < room->ranking.n_top && n < n_free; i++) {
                struct media_pub *pub = room->mics[room->ranking.top[i]];

                if (pub->peer != peer && pub_available(pub) && !is_pinned_by(peer, pub))
                        ret_wanted[n++] = pub;
        }
        return n;
}

/* An empty slot, or else one whose speaker is not wanted any more. */
static struct media_slot *free_slot(struct media_peer *peer, struct media_pub *const *wanted,
                                    size_t n)
{
        struct media_slot *found = NULL;

        for (size_t i = 0; i < peer->n_audio; i++) {
                struct media_slot *slot = &peer->slots[i];
                bool kept = false;

                if (!is_automatic(slot))
                        continue;
                if (!slot->target)
                        return slot;
                for (size_t k = 0; k < n; k++)
                        kept |= slot->target == wanted[k];
                if (!kept && !found)
                        found = slot;
        }
        return found;
}

void peer_assign_audio(struct media_peer *peer, int64_t now_us)
{
        struct media_pub *wanted[AUDIO_SELECT_TOP];
        size_t n = list_wanted(peer, wanted);

        for (size_t i = 0; i < peer->n_audio; i++) { /* whom she heard when she pinned her */
                struct media_slot *slot = &peer->slots[i];

                if (is_automatic(slot) && slot->target && is_pinned_by(peer, slot->target))
                        slot_set_target(slot, NULL, now_us);
        }
        for (size_t i = 0; i < n; i++) {
                struct media_slot *slot;

                if (hears(peer, wanted[i]))
                        continue;
                slot = free_slot(peer, wanted, n);
                if (slot)
                        slot_set_target(slot, wanted[i], now_us);
        }
}

static void tell_speaker(struct media_room *room, uint32_t participant, int64_t now_us)
{
        struct sfu_event event = { .type = SFU_EV_SPEAKER, .participant = participant };

        if (room->speaker == participant)
                return;
        room->speaker = participant;
        room->out.event(room->out.user, NULL, &event);
        if (participant == 0 || participant == room->last_speaker)
                return;
        room->last_speaker = participant;
        room_resolve(room, participant, now_us);
}

void room_audio_tick(struct media_room *room, int64_t now_us)
{
        uint32_t speaker;

        if (!audio_select_tick(room->select, now_us, &room->ranking))
                return;
        for (size_t i = 0; i < room->n_peers; i++) {
                if (room->peers[i]->connected)
                        peer_assign_audio(room->peers[i], now_us);
        }
        speaker = room->ranking.speaker;
        tell_speaker(room,
                     speaker == AUDIO_SELECT_NONE ? 0 : room->mics[speaker]->peer->participant,
                     now_us);
        taps_look(room, now_us);
}
