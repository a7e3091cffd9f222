/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ID_SPAN = 1 << 15 }; /* > SFU_MAX_PEERS_PER_ROOM * 7 layers */

uint32_t room_random(struct media_room *room)
{
        /* splitmix64: for starting values of sequence numbers and the like; the
         * seed comes from the kernel. */
        uint64_t z = room->random += 0x9e3779b97f4a7c15ull;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return (uint32_t)((z ^ (z >> 31)) >> 32);
}

int media_room_new(struct media_room **ret_room, const struct media_out *out, uint64_t seed)
{
        cleanup(media_room_freep) struct media_room *room = calloc(1, sizeof(*room));
        int r;

        if (!room)
                return -ENOMEM;
        room->out = *out;
        room->random = seed;
        link_init(&room->work[0]);
        link_init(&room->work[1]);
        room->next_us = INT64_MAX;
        for (size_t i = 0; i < WAKE_BLOCKS; i++)
                room->block_us[i] = INT64_MAX;
        room->ranking.speaker = AUDIO_SELECT_NONE;
        r = audio_select_new(&room->select);
        if (r < 0)
                return r;
        *ret_room = take_ptr(room);
        return 0;
}

static struct media_peer *peer_free(struct media_peer *peer)
{
        if (!peer)
                return NULL;
        for (size_t i = 0; i < peer->n_slots; i++) {
                slot_set_target(&peer->slots[i], NULL, 0);
                slot_map_done(&peer->slots[i].map);
        }
        for (size_t kind = 0; kind < SFU_N_KINDS; kind++)
                peer->pubs[kind] = pub_free(peer->pubs[kind]);
        proxy_free(peer);
        path_free(peer->path);
        free(peer);
        return NULL;
}
DEFINE_CLEANUP(struct media_peer *, peer_free)

struct media_room *media_room_free(struct media_room *room)
{
        if (!room)
                return NULL;
        taps_free(room);
        for (size_t i = 0; i < room->n_peers; i++)
                room->peers[i]->connected = false; /* nobody is told any more */
        while (room->n_peers > 0)
                peer_free(room->peers[--room->n_peers]);
        room->span = span_free(room);
        audio_select_free(room->select);
        free(room->peers);
        free(room->participants);
        free(room->due_us);
        free(room->layer_ids);
        free(room->layer_generations);
        free(room->mics);
        free(room->lines);
        free(room);
        return NULL;
}

void media_tell(struct media_peer *peer, const struct sfu_event *event)
{
        if (peer->connected && !peer->proxy)
                peer->room->out.event(peer->room->out.user, peer->tag, event);
}

/* One who changes workers is here before her proxy goes. */
struct media_peer *room_find(const struct media_room *room, uint32_t participant)
{
        struct media_peer *proxy = NULL;

        for (size_t i = 0; i < room->n_peers; i++) {
                if (room->participants[i] != participant)
                        continue;
                if (!room->peers[i]->proxy)
                        return room->peers[i];
                proxy = room->peers[i];
        }
        return proxy;
}

void peer_wake(struct media_peer *peer, int64_t at_us)
{
        struct media_room *room = peer->room;
        int64_t *block_us = &room->block_us[peer->index / WAKE_BLOCK];

        if (at_us < room->due_us[peer->index])
                room->due_us[peer->index] = at_us;
        if (at_us < *block_us)
                *block_us = at_us;
        if (at_us < room->next_us)
                room->next_us = at_us;
}

static uint32_t next_layer_id(struct media_room *room, size_t i)
{
        uint32_t id;

        do
                id = ++room->layer_generations[i] * ID_SPAN + (uint32_t)i;
        while (id == 0); /* that is: none */
        return id;
}

/* Layers by number: a slot's history names layers that may be gone by the time
 * a NACK asks for them. */
int room_add_layer(struct media_room *room, struct media_layer *layer)
{
        size_t i = 0;

        while (i < room->n_layer_ids && room->layer_ids[i])
                i++;
        if (i == ID_SPAN)
                return -ENOMEM;
        if (i == room->n_layer_ids) {
                size_t n = i ? i * 2 : 16;
                struct media_layer **ids = realloc(room->layer_ids, n * sizeof(*ids));
                uint32_t *generations;

                if (!ids)
                        return -ENOMEM;
                room->layer_ids = ids;
                generations = realloc(room->layer_generations, n * sizeof(*generations));
                if (!generations)
                        return -ENOMEM;
                room->layer_generations = generations;
                memset(&ids[i], 0, (n - i) * sizeof(*ids));
                memset(&generations[i], 0, (n - i) * sizeof(*generations));
                room->n_layer_ids = n;
        }
        room->layer_ids[i] = layer;
        layer->id = next_layer_id(room, i);
        return 0;
}

void room_remove_layer(struct media_room *room, struct media_layer *layer)
{
        if (layer->id != 0)
                room->layer_ids[layer->id % ID_SPAN] = NULL;
        layer->id = 0;
}

void room_renumber_layer(struct media_room *room, struct media_layer *layer)
{
        layer->id = next_layer_id(room, layer->id % ID_SPAN);
}

struct media_layer *room_layer(const struct media_room *room, uint32_t id)
{
        struct media_layer *layer;

        if (id % ID_SPAN >= room->n_layer_ids)
                return NULL;
        layer = room->layer_ids[id % ID_SPAN];
        return layer && layer->id == id ? layer : NULL;
}

static int reserve_peer(struct media_room *room)
{
        size_t cap = room->cap_peers ? room->cap_peers * 2 : 8;
        struct media_peer **peers;
        uint32_t *participants;
        int64_t *due_us;

        if (room->n_peers < room->cap_peers)
                return 0;
        peers = realloc(room->peers, cap * sizeof(*peers));
        if (!peers)
                return -ENOMEM;
        room->peers = peers;
        participants = realloc(room->participants, cap * sizeof(*participants));
        if (!participants)
                return -ENOMEM;
        room->participants = participants;
        due_us = realloc(room->due_us, cap * sizeof(*due_us));
        if (!due_us)
                return -ENOMEM;
        room->due_us = due_us;
        room->cap_peers = cap;
        return 0;
}

/* The first publication that has an id for an extension decides: in a bundle
 * they are the same (RFC 8843 §9.2). */
static void merge_ext(struct sdp_ext_ids *to, const struct sdp_ext_ids *from)
{
        to->mid = to->mid ? to->mid : from->mid;
        to->rid = to->rid ? to->rid : from->rid;
        to->repaired_rid = to->repaired_rid ? to->repaired_rid : from->repaired_rid;
        to->audio_level = to->audio_level ? to->audio_level : from->audio_level;
        to->transport_cc = to->transport_cc ? to->transport_cc : from->transport_cc;
        to->dependency = to->dependency ? to->dependency : from->dependency;
}

static void bind_announced(struct media_peer *peer, struct media_pub *pub)
{
        struct media_layer *layer = &pub->layers[0];

        if (pub->sdp.n_rids > 0)
                return;
        layer->ssrc = pub->sdp.ssrc;
        layer->rtx_ssrc = pub->sdp.rtx_ssrc;
        if (layer->ssrc)
                peer->ssrcs[peer->n_ssrcs++] = (struct media_ssrc){ layer->ssrc, false, layer };
        if (layer->rtx_ssrc)
                peer->ssrcs[peer->n_ssrcs++] = (struct media_ssrc){ layer->rtx_ssrc, true, layer };
}

static int peer_new(struct media_peer **ret_peer, struct media_room *room,
                    const struct media_peer_params *params)
{
        const struct sdp_media *media = params->media;
        size_t n_slots = media->n_audio_slots + media->n_video_slots;
        cleanup(peer_freep) struct media_peer *peer = calloc(
                1, sizeof(*peer) + n_slots * sizeof(peer->slots[0]));

        if (!peer)
                return -ENOMEM;
        peer->room = room;
        peer->tag = params->tag;
        peer->participant = params->participant;
        peer->film = params->film;
        peer->local_ssrc = room_random(room) | 1;
        peer->bars = -1;
        line_budget_init(&peer->line);
        peer->n_audio = media->n_audio_slots;
        for (size_t i = 0; i < n_slots; i++) {
                struct media_slot *slot = &peer->slots[peer->n_slots++];

                slot->audio = i < peer->n_audio;
                slot->index = (uint8_t)(slot->audio ? i : i - peer->n_audio);
                slot_init(slot, peer,
                          slot->audio ? &media->audio_slots[slot->index]
                                      : &media->video_slots[slot->index]);
        }
        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                int r;

                if (!media->pubs[kind].used)
                        continue;
                r = pub_new(&peer->pubs[kind], peer, (enum sfu_kind)kind, &media->pubs[kind]);
                if (r < 0)
                        return r;
                merge_ext(&peer->ext, &media->pubs[kind].ext);
                peer->transport_cc |= media->pubs[kind].transport_cc;
                bind_announced(peer, peer->pubs[kind]);
        }
        *ret_peer = take_ptr(peer);
        return 0;
}

int room_add_peer(struct media_room *room, struct media_peer **ret_peer,
                  const struct media_peer_params *params, int64_t now_us)
{
        struct media_peer *peer;
        int r;

        if (room->n_peers >= SFU_MAX_PEERS_PER_ROOM)
                return SFU_OFFER_ROOM_FULL;
        r = reserve_peer(room);
        if (r < 0)
                return r;
        r = peer_new(&peer, room, params);
        if (r < 0)
                return r;
        peer->index = room->n_peers++;
        room->peers[peer->index] = peer;
        room->participants[peer->index] = peer->participant;
        room->due_us[peer->index] = INT64_MAX;
        peer->quality_us = now_us + REPORT_INTERVAL_US;
        peer->rtx_spent_us = now_us; /* what a machine's uptime earns does not fit */
        *ret_peer = peer;
        return 0;
}

int media_room_add_peer(struct media_room *room, struct media_peer **ret_peer,
                        const struct media_peer_params *params, int64_t now_us)
{
        struct media_peer *peer;
        int r = room_add_peer(room, &peer, params, now_us);

        if (r != 0)
                return r;
        r = taps_add_peer(peer);
        if (r == 0)
                r = relay_add_peer(peer);
        if (r < 0) {
                media_room_remove_peer(room, peer, now_us);
                return r;
        }
        *ret_peer = peer;
        return 0;
}

/* What pub_available() says of a peer's publications comes true, or ends. */
static void count_available(struct media_peer *peer, size_t by)
{
        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                if (peer->pubs[kind] && !peer->pubs[kind]->muted)
                        peer->room->n_available[kind] += by;
        }
}

void media_room_remove_peer(struct media_room *room, struct media_peer *peer, int64_t now_us)
{
        size_t last = room->n_peers - 1;
        uint32_t gone = peer->participant;

        assert(room->peers[peer->index] == peer);
        room->n_peers = last;
        if (peer->index != last) {
                room->peers[peer->index] = room->peers[last];
                room->participants[peer->index] = room->participants[last];
                room->due_us[peer->index] = room->due_us[last];
                if (room->due_us[last] < room->block_us[peer->index / WAKE_BLOCK])
                        room->block_us[peer->index / WAKE_BLOCK] = room->due_us[last];
                room->peers[peer->index]->index = peer->index;
        }
        if (peer->connected)
                count_available(peer, (size_t)-1);
        peer->connected = false;
        relay_remove_peer(peer);
        room_remember_line(peer, now_us);
        for (size_t i = 0; i < peer->n_slots; i++)
                slot_set_target(&peer->slots[i], NULL, now_us);
        peer_free(peer);
        room_resolve(room, gone, now_us);
        if (audio_select_deadline_us(room->select) < room->next_us)
                room->next_us = now_us;
}

void media_peer_on_connected(struct media_peer *peer, int64_t now_us)
{
        if (peer->connected)
                return;
        peer->connected = true;
        count_available(peer, 1);
        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                if (peer->pubs[kind])
                        pub_update_wanted(peer->pubs[kind], now_us);
        }
        /* Others may have been waiting for what she publishes, and she for them. */
        room_resolve(peer->room, peer->participant, now_us);
        peer_resolve(peer, now_us);
        peer_assign_audio(peer, now_us);
        peer_wake(peer, now_us);
        relay_peer_changed(peer);
}

void media_peer_set_muted(struct media_peer *peer, enum sfu_kind kind, bool muted, int64_t now_us)
{
        struct media_pub *pub = kind < SFU_N_KINDS ? peer->pubs[kind] : NULL;

        if (!pub || pub->muted == muted)
                return;
        pub->muted = muted;
        if (peer->connected)
                peer->room->n_available[kind] += muted ? (size_t)-1 : 1;
        relay_peer_changed(peer);
        for (size_t i = 0; muted && i < pub->n_layers; i++) {
                layer_drop_waiting(&pub->layers[i]);
                rtp_recv_pause(&pub->layers[i].recv);
        }
        if (muted && kind == SFU_MIC) {
                audio_select_silence(peer->room->select, pub->mic_id);
                peer->room->next_us = now_us;
        }
        room_resolve(peer->room, peer->participant, now_us);
}

static void peer_on_timeout(struct media_peer *peer, int64_t now_us)
{
        struct media_room *room = peer->room;
        int64_t next_us, report_us, path_us;

        room->due_us[peer->index] = INT64_MAX;
        if (!peer->connected)
                return;
        if (peer->proxy) {
                peer_wake(peer, proxy_on_timeout(peer, now_us));
                return;
        }
        path_us = path_on_timeout(peer, now_us);
        if (now_us >= peer->allocate_us)
                peer_allocate(peer, now_us);
        next_us = peer_feedback(peer, now_us);
        report_us = peer_report(peer, now_us);
        if (report_us < next_us)
                next_us = report_us;
        if (path_us < next_us)
                next_us = path_us;
        peer_quality(peer, now_us);
        if (peer->allocate_us < next_us && peer_needs_allocation(peer))
                next_us = peer->allocate_us;
        peer_wake(peer, next_us);
}

/* Serves those of a block that are due, at most *left. */
static void block_on_timeout(struct media_room *room, size_t block, size_t *left, int64_t now_us)
{
        size_t first = block * WAKE_BLOCK, end = first + WAKE_BLOCK;
        int64_t next_us = INT64_MAX;

        if (end > room->n_peers)
                end = room->n_peers;
        for (size_t i = first; i < end; i++) {
                if (room->due_us[i] <= now_us && *left > 0) {
                        --*left;
                        peer_on_timeout(room->peers[i], now_us);
                }
        }
        /* Only now: peers wake each other. */
        for (size_t i = first; i < end; i++) {
                if (room->due_us[i] < next_us)
                        next_us = room->due_us[i];
        }
        room->block_us[block] = next_us;
}

void media_room_on_timeout(struct media_room *room, int64_t now_us, int64_t wall_us)
{
        int64_t next_us = INT64_MAX;
        size_t left = TIMEOUTS_PER_CALL;

        /* Taken once: a step of the machine's clock must not tear apart the
         * reports of streams that belong together. */
        if (!room->has_wall) {
                room->has_wall = true;
                room->wall_offset_us = wall_us - now_us;
        }
        if (now_us >= audio_select_deadline_us(room->select))
                room_audio_tick(room, now_us);
        for (size_t i = 0; i * WAKE_BLOCK < room->n_peers; i++) {
                if (room->block_us[i] <= now_us)
                        block_on_timeout(room, i, &left, now_us);
        }
        for (size_t i = 0; i * WAKE_BLOCK < room->n_peers; i++) {
                if (room->block_us[i] < next_us)
                        next_us = room->block_us[i];
        }
        room->next_us = next_us;
}

int64_t media_room_deadline_us(const struct media_room *room)
{
        int64_t audio_us = audio_select_deadline_us(room->select);

        return audio_us < room->next_us ? audio_us : room->next_us;
}

void media_room_add_counters(const struct media_room *room, struct sfu_counters *counters)
{
        const struct media_counters *c = &room->counters;

        counters->nack_in += c->nack_in;
        counters->nack_out += c->nack_out;
        counters->rtx_out += c->rtx_out;
        counters->rtx_miss += c->rtx_miss;
        counters->pli_in += c->pli_in;
        counters->pli_out += c->pli_out;
        counters->rtp_bad += c->rtp_bad;
        counters->overtaken += c->overtaken;
        counters->relayed += c->relayed;
        counters->relay_dropped += c->relay_dropped;
        counters->feedback_dropped += c->feedback_dropped;
        counters->probe_bytes += c->probe_bytes;
        counters->tap_records += c->tap_records;
        counters->tap_dropped += c->tap_dropped;
}
