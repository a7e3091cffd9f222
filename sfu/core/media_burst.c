/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distribution of what came for a layer. Packets wait in the layer's burst; a
 * *walk* goes along the layer's slots once and gives each all of them, so that a
 * subscription's state is touched once and its packets leave side by side, as a
 * train. A walk may be left after any slot and taken up again later, with
 * anything in between: slots come and go, packets arrive (they wait for the next
 * walk), layers end.
 *
 *   current: [a][b] head [c][d]      the head of the list is the walk's place:
 *    walked   1  1        0  0       it moves behind each slot that was served,
 *                                    and new slots enter before it, as served.
 *
 * The stamp (slot->walked, the walk's number) ends a walk that has come round.
 * After the slots that show the layer come those that wait for it: they enter at
 * a switch point among the packets and take the rest.
 */
#include "sfu/core/media_priv.h"

#include <stdlib.h>
#include <string.h>

enum { SOUND, PICTURES };

void burst_init(struct media_burst *burst)
{
        *burst = (struct media_burst){ 0 };
        link_init(&burst->work);
}

static bool is_sound(const struct media_layer *layer)
{
        return layer->pub->kind == SFU_MIC;
}

void burst_watched(struct media_burst *burst, bool sound)
{
        if (burst->items)
                return;
        burst->cap = sound ? MEDIA_AUDIO_WAITING : MEDIA_VIDEO_WAITING;
        burst->items = calloc(burst->cap, sizeof(*burst->items));
}

void burst_unwatched(struct media_burst *burst)
{
        free(burst->items);
        burst->items = NULL;
}

void layer_push(struct media_layer *layer, const struct media_in *in, int64_t now_us)
{
        struct media_room *room = layer->pub->peer->room;
        struct media_burst *burst = &layer->burst;

        burst_watched(burst, is_sound(layer)); /* there may be memory now */
        if (!burst->items || burst->n == burst->cap) {
                room->counters.overtaken++;
                if (in->starts_keyframe && !link_empty(&layer->next))
                        layer_want_key(layer, now_us); /* nobody could begin with this one */
                return;
        }
        burst->items[burst->n] = *in;
        pkt_ref(in->pkt);
        if (burst->n++ == 0)
                link_append(&room->work[is_sound(layer) ? SOUND : PICTURES], &burst->work);
}

/* The first n have been distributed, or will not be. */
static void drop_first(struct media_burst *burst, size_t n)
{
        for (size_t i = 0; i < n; i++)
                pkt_unref(burst->items[i].pkt);
        burst->n = (uint16_t)(burst->n - n);
        if (burst->n > 0)
                memmove(&burst->items[0], &burst->items[n], burst->n * sizeof(burst->items[0]));
        else
                link_remove(&burst->work);
        burst->n_walked = 0;
}

void layer_drop_waiting(struct media_layer *layer)
{
        drop_first(&layer->burst, layer->burst.n);
}

static void give(struct media_slot *slot, const struct media_in *items, size_t n,
                 struct media_pass *pass)
{
        for (size_t i = 0; i < n; i++) {
                if (items[i].rtp.payload.len == 0)
                        slot_skip(slot, &items[i], pass);
                else
                        slot_forward(slot, &items[i], pass);
        }
        slot_count(slot, pass);
}

/* The next slot of a list that this walk has not come by, or NULL. */
static struct media_slot *next_slot(struct media_link *head, int which, uint32_t number)
{
        struct media_slot *slot;

        if (link_empty(head))
                return NULL;
        slot = slot_of(head->next, which);
        if (slot->walked[which] == number)
                return NULL;
        slot->walked[which] = number;
        link_rotate(head);
        return slot;
}

/* What a slot needs is a chain of pointers, and with a thousand subscribers none of
 * it is in the cache when its turn comes. So a little of each of the next few slots'
 * chains is loaded while this one is served: far away the slot itself, next to us
 * the end of the chain. */
static void look_ahead(struct media_link *head, int which, const struct media_pass *pass)
{
        enum { NEAREST = 1, CHAIN = MEDIA_PREFETCH_STAGES, TAGS, PEERS, SLOTS };
        enum { SLOT_LINES = 6 }; /* five that begin anywhere */
        struct media_link *link = head->next;

        for (unsigned ahead = NEAREST; ahead <= SLOTS && link != head; ahead++, link = link->next) {
                const struct media_slot *slot = slot_of(link, which);
                const struct media_peer *peer;

                if (ahead == SLOTS) {
                        prefetch_lines(slot, SLOT_LINES);
                        return;
                }
                peer = slot->peer;
                if (ahead == PEERS) {
                        prefetch_lines(peer, 2);
                } else if (ahead == TAGS) {
                        prefetch_lines(peer->tag, 4);
                        prefetch_lines(peer->path, 1);
                        path_prefetch_sound(slot);
                } else {
                        if (pass->out->prefetch)
                                pass->out->prefetch(peer->tag, CHAIN - ahead);
                        if (peer->path && ahead == CHAIN)
                                cc_prefetch(peer->path->cc, pass->now_us);
                        else if (peer->path && ahead == CHAIN - 1)
                                cc_prefetch_next(peer->path->cc);
                }
        }
}

static bool is_switch_point(const struct media_layer *layer, const struct media_in *in)
{
        return in->rtp.payload.len > 0 && (in->starts_keyframe || is_sound(layer));
}

/* The slot waits for the layer: it begins at the first packet it can begin with. */
static void let_in(struct media_layer *layer, struct media_slot *slot, struct media_pass *pass)
{
        struct media_burst *burst = &layer->burst;

        for (size_t i = 0; i < burst->n_walked; i++) {
                const struct media_in *in = &burst->items[i];

                if (!is_switch_point(layer, in))
                        continue;
                slot_switch(slot, in, pass->now_us);
                if (slot->current != layer)
                        continue;
                slot->walked[LINK_CURRENT] = burst->number;
                slot_forward(slot, in, pass);
                if (in->newest != in->ext)
                        slot_catch_up(slot, in->newest, in + 1, burst->n - i - 1u, pass);
                give(slot, in + 1, burst->n_walked - i - 1u, pass);
                return;
        }
}

static bool has_switch_point(const struct media_layer *layer)
{
        for (size_t i = 0; i < layer->burst.n_walked; i++) {
                if (is_switch_point(layer, &layer->burst.items[i]))
                        return true;
        }
        return false;
}

/* Goes on with the layer's walk; *left is what the step may still cost. True: it
 * has come to its end. */
static bool walk(struct media_layer *layer, size_t *left, struct media_pass *pass)
{
        struct media_burst *burst = &layer->burst;
        size_t cost = burst->n_walked;
        struct media_slot *slot;

        for (; *left > 0; *left -= *left < cost ? *left : cost) {
                slot = next_slot(&layer->current, LINK_CURRENT, burst->number);
                if (!slot)
                        break;
                look_ahead(&layer->current, LINK_CURRENT, pass);
                give(slot, burst->items, burst->n_walked, pass);
        }
        if (!has_switch_point(layer))
                return *left > 0;
        for (; *left > 0; *left -= *left < cost ? *left : cost) {
                slot = next_slot(&layer->next, LINK_NEXT, burst->number);
                if (!slot)
                        break;
                let_in(layer, slot, pass);
        }
        return *left > 0;
}

static struct media_layer *layer_of(struct media_link *work)
{
        return (struct media_layer *)(void *)((uint8_t *)work -
                                              offsetof(struct media_layer, burst.work));
}

static void begin_walk(struct media_room *room, struct media_burst *burst)
{
        burst->n_walked = burst->n;
        burst->number = ++room->n_walks;
        if (burst->number == 0) /* what no slot was ever stamped with */
                burst->number = ++room->n_walks;
}

enum media_waiting media_room_waiting(const struct media_room *room)
{
        if (!link_empty(&room->work[SOUND]))
                return MEDIA_WAITING_AUDIO;
        return link_empty(&room->work[PICTURES]) ? MEDIA_WAITING_NONE : MEDIA_WAITING_VIDEO;
}

void media_room_step(struct media_room *room, int64_t now_us)
{
        struct media_link *work = &room->work[link_empty(&room->work[SOUND]) ? PICTURES : SOUND];
        struct media_pass pass = media_pass_init(room, now_us);
        size_t left = MEDIA_STEP_PACKETS;

        while (left > 0 && !link_empty(work)) {
                struct media_layer *layer = layer_of(work->next);

                if (layer->burst.n_walked == 0)
                        begin_walk(room, &layer->burst);
                if (walk(layer, &left, &pass))
                        drop_first(&layer->burst, layer->burst.n_walked);
                else
                        link_rotate(work); /* the others' turn */
        }
}
