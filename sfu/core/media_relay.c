/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_span.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TELL_INTERVAL_US = 200 * 1000 }; /* the state of a flowing layer */

static void touch_key(struct media_span *span, struct media_key *key)
{
        if (link_empty(&key->dirty))
                link_append(&span->dirty_keys, &key->dirty);
}

static unsigned first_worker(uint32_t set)
{
        return (unsigned)__builtin_ctz(set);
}

static struct media_told *told_of(const struct media_layer *layer)
{
        return &layer->pub->peer->key->layers[span_layer_index(layer)];
}

/* The word about own peers. */

static struct media_key *new_key(struct media_span *span, size_t index)
{
        struct media_key *key;

        if (index == KEY_SPAN)
                return NULL;
        if ((index & (index - 1)) == 0) {
                struct media_key **keys = realloc(span->keys, (index ? index * 2 : 1) *
                                                                      sizeof(struct media_key *));

                if (!keys)
                        return NULL;
                span->keys = keys;
        }
        key = calloc(1, sizeof(*key));
        if (!key)
                return NULL;
        link_init(&key->dirty);
        key->id = (uint32_t)index;
        span->keys[index] = key;
        span->n_keys++;
        return key;
}

int relay_add_peer(struct media_peer *peer)
{
        struct media_span *span = peer->room->span;
        struct media_key *key = NULL;
        size_t i = 0;

        if (!span)
                return 0;
        for (; i < span->n_keys && !key; i++) {
                if (!span->keys[i]->peer && !span->keys[i]->announced)
                        key = span->keys[i];
        }
        if (!key)
                key = new_key(span, i);
        if (!key)
                return -ENOMEM;
        key->id += KEY_SPAN;
        key->due = 0;
        memset(key->layers, 0, sizeof(key->layers));
        key->peer = peer;
        peer->key = key;
        span->n_own++;
        return 0;
}

void relay_remove_peer(struct media_peer *peer)
{
        struct media_key *key = peer->key;

        if (!key)
                return;
        peer->key = NULL;
        key->peer = NULL;
        key->due = key->announced;
        peer->room->span->n_own--;
        touch_key(peer->room->span, key);
}

/* Who is muted throughout costs the other workers nothing. */
static bool publishes(const struct media_peer *peer)
{
        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                if (peer->pubs[kind] && !peer->pubs[kind]->muted)
                        return true;
        }
        return false;
}

void relay_peer_changed(struct media_peer *peer)
{
        struct media_span *span = peer->room->span;

        if (!peer->key || !peer->connected)
                return;
        peer->key->due = publishes(peer) ? span->members : peer->key->announced;
        touch_key(span, peer->key);
}

void relay_layer_changed(struct media_layer *layer)
{
        struct media_key *key = layer->pub->peer->key;

        if (!key)
                return;
        told_of(layer)->untold |= key->announced;
        touch_key(layer->pub->peer->room->span, key);
}

/* Its first packet is most often a key frame's: whoever watches the publication
 * gets it unasked, and says what it shows of it (media_remote.c, on_rtp()). */
void relay_layer_started(struct media_layer *layer)
{
        struct media_pub *pub = layer->pub;

        relay_layer_changed(layer);
        if (!pub->peer->key || pub->kind == SFU_MIC || !pub->watched_by)
                return;
        layer->watched_by |= pub->watched_by;
        layer_watched(layer);
}

void span_announce_all(struct media_room *room, unsigned worker)
{
        struct media_span *span = room->span;

        for (size_t i = 0; i < span->n_keys; i++) {
                struct media_key *key = span->keys[i];

                if (!key->peer || !key->peer->connected || !publishes(key->peer))
                        continue;
                key->due |= WORKER_BIT(worker);
                touch_key(span, key);
        }
}

struct media_key *span_key(const struct media_span *span, uint32_t id)
{
        struct media_key *key = id % KEY_SPAN < span->n_keys ? span->keys[id % KEY_SPAN] : NULL;

        return key && key->id == id && key->peer ? key : NULL;
}

/* What one worker watches of a layer. */
static void set_layer_watched(struct media_layer *layer, uint32_t bit, bool shown, bool desired,
                              int64_t now_us)
{
        bool was_desired = layer_is_desired(layer);

        layer->desired_by = desired ? layer->desired_by | bit : layer->desired_by & ~bit;
        if (was_desired && !layer_is_desired(layer)) {
                layer->idle_us = now_us;
                peer_wake(layer->pub->peer, now_us + UNWATCHED_GRACE_US);
        }
        if (shown) {
                layer->watched_by |= bit;
                layer_watched(layer);
        } else if (layer->watched_by & bit) {
                layer->watched_by &= ~bit;
                told_of(layer)->lost_to &= ~bit;
                layer_unwatched(layer, now_us);
        }
}

static void set_watched(struct media_peer *peer, unsigned worker, const struct media_relay *record,
                        int64_t now_us)
{
        uint32_t bit = WORKER_BIT(worker);

        for (unsigned kind = 0; kind < SFU_N_KINDS; kind++) {
                struct media_pub *pub = peer->pubs[kind];

                if (!pub)
                        continue;
                pub->watched_by &= ~bit;
                if (record->watch.pubs >> kind & 1)
                        pub->watched_by |= bit;
                for (size_t i = 0; i < pub->n_layers; i++) {
                        struct media_layer *layer = &pub->layers[i];
                        size_t n = span_layer_index(layer);

                        set_layer_watched(layer, bit, record->watch.layers >> n & 1,
                                          record->watch.desired >> n & 1, now_us);
                        if (record->watch.keys >> n & 1)
                                layer_want_key(layer, now_us);
                }
                pub_update_wanted(pub, now_us);
        }
}

void span_forget_told(struct media_room *room, unsigned worker, int64_t now_us)
{
        static const struct media_relay nothing = { .type = MEDIA_RELAY_WATCH };
        struct media_span *span = room->span;

        for (size_t i = 0; i < span->n_keys; i++) {
                struct media_key *key = span->keys[i];

                key->announced &= ~WORKER_BIT(worker);
                key->due &= ~WORKER_BIT(worker);
                if (key->peer)
                        set_watched(key->peer, worker, &nothing, now_us);
        }
}

void span_on_watch(struct media_room *room, unsigned from, const struct media_relay *record,
                   int64_t now_us)
{
        struct media_key *key = span_key(room->span, record->key);

        if (key) /* else she has left */
                set_watched(key->peer, from, record, now_us);
}

/* Sending. */

static bool send(struct media_room *room, unsigned worker, struct media_relay *record)
{
        const struct media_out *out = &room->out;

        if (room->span->full & WORKER_BIT(worker))
                return false;
        if (out->relay(out->user, worker, record))
                return true;
        room->span->full |= WORKER_BIT(worker);
        return false;
}

static struct media_relay about(const struct media_span *span, const struct media_key *key,
                                unsigned worker, enum media_relay_type type)
{
        return (struct media_relay){
                .type = (uint8_t)type,
                .epoch = span->others[worker].epoch,
                .key = key->id,
        };
}

static struct sdp_publication *copy_pubs(const struct media_peer *peer)
{
        struct sdp_publication *pubs = calloc(SFU_N_KINDS, sizeof(*pubs));

        for (int kind = 0; pubs && kind < SFU_N_KINDS; kind++) {
                if (peer->pubs[kind])
                        pubs[kind] = peer->pubs[kind]->sdp;
        }
        return pubs;
}

static void all_layers_untold(struct media_peer *peer, uint32_t workers)
{
        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                struct media_pub *pub = peer->pubs[kind];

                for (size_t i = 0; pub && i < pub->n_layers; i++) {
                        if (pub->layers[i].recv.packets > 0 || pub->layers[i].asked_us)
                                told_of(&pub->layers[i])->untold |= workers;
                }
        }
}

static bool send_peer(struct media_room *room, struct media_key *key, unsigned worker)
{
        struct media_relay record = about(room->span, key, worker, MEDIA_RELAY_PEER);
        bool first = !(key->announced & WORKER_BIT(worker));

        record.peer.participant = key->peer->participant;
        record.peer.film = key->peer->film;
        for (unsigned kind = 0; kind < SFU_N_KINDS; kind++) {
                if (key->peer->pubs[kind] && key->peer->pubs[kind]->muted)
                        record.peer.muted |= (uint8_t)(1u << kind);
        }
        if (room->span->full & WORKER_BIT(worker))
                return false;
        if (first)
                record.peer.pubs = copy_pubs(key->peer);
        if (first && !record.peer.pubs)
                return false; /* no memory now: tried again */
        if (!send(room, worker, &record)) {
                free(record.peer.pubs);
                return false;
        }
        key->announced |= WORKER_BIT(worker);
        if (first)
                all_layers_untold(key->peer, WORKER_BIT(worker));
        return true;
}

static bool send_gone(struct media_room *room, struct media_key *key, unsigned worker)
{
        struct media_relay record = about(room->span, key, worker, MEDIA_RELAY_GONE);

        if (!send(room, worker, &record))
                return false;
        key->announced &= ~WORKER_BIT(worker);
        return true;
}

static bool send_layer(struct media_room *room, const struct media_layer *layer, unsigned worker)
{
        const struct media_peer *peer = layer->pub->peer;
        const struct rtp_recv *recv = &layer->recv;
        struct media_relay record = about(room->span, peer->key, worker, MEDIA_RELAY_LAYER);

        record.kind = (uint8_t)layer->pub->kind;
        record.layer = layer->index;
        record.generation = layer->generation;
        record.state = (struct media_relay_layer){
                .last_us = recv->last_us,
                .last_ts = recv->last_ts,
                .bps = rtp_rate_bps(&recv->rate, recv->last_us),
                .known_bps = layer->known_bps,
                .asked = layer->asked,
                .has_begun = recv->packets > 0,
                .asked_us = layer->asked_us,
                .absent_us = layer->absent_us,
                .height = layer->height,
                .codec = (uint8_t)layer->codec,
                .has_sr = recv->sr.mapped,
                .sr_ts = recv->sr.ts,
                .sr_ntp = recv->sr.ntp,
                .has_clock = peer->clock.valid,
                .clock_offset_us = peer->clock.offset_us,
        };
        return send(room, worker, &record);
}

static bool tell_layers(struct media_room *room, struct media_key *key)
{
        bool all = true;

        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                struct media_pub *pub = key->peer->pubs[kind];

                for (size_t i = 0; pub && i < pub->n_layers; i++) {
                        struct media_told *told = told_of(&pub->layers[i]);

                        told->untold &= key->announced;
                        for (uint32_t set = told->untold; set; set &= set - 1) {
                                unsigned worker = first_worker(set);

                                if (send_layer(room, &pub->layers[i], worker))
                                        told->untold &= ~WORKER_BIT(worker);
                        }
                        all &= told->untold == 0;
                }
        }
        return all;
}

/* True when nobody is left to be told. */
static bool tell_key(struct media_room *room, struct media_key *key)
{
        for (uint32_t set = key->due & room->span->members; set; set &= set - 1) {
                unsigned worker = first_worker(set);

                if (key->peer ? send_peer(room, key, worker) : send_gone(room, key, worker))
                        key->due &= ~WORKER_BIT(worker);
        }
        key->due &= room->span->members;
        return (!key->peer || tell_layers(room, key)) && key->due == 0;
}

static bool tell_keys(struct media_room *room)
{
        struct media_link *head = &room->span->dirty_keys, *next;
        bool all = true;

        for (struct media_link *l = head->next; l != head; l = next) {
                struct media_key *key = (struct media_key *)(void *)l; /* its first member */

                next = l->next;
                if (tell_key(room, key))
                        link_remove(l);
                else
                        all = false;
        }
        return all;
}

static void add_watch(struct media_relay *record, const struct media_layer *layer)
{
        uint16_t bit = (uint16_t)(1u << span_layer_index(layer));

        if (layer_is_shown(layer))
                record->watch.layers |= bit;
        if (layer_is_desired(layer))
                record->watch.desired |= bit;
}

/* What this worker watches of a proxy. */
static bool tell_watch(struct media_room *room, struct media_peer *peer)
{
        struct media_proxy *proxy = peer->proxy;
        struct media_relay record = {
                .type = MEDIA_RELAY_WATCH,
                .epoch = room->span->others[proxy->home].epoch,
                .key = proxy->key,
        };

        for (size_t kind = 0; kind < SFU_N_KINDS; kind++) {
                struct media_pub *pub = peer->pubs[kind];

                if (pub && !link_empty(&pub->watchers))
                        record.watch.pubs |= (uint8_t)(1u << kind);
                for (size_t i = 0; pub && i < pub->n_layers; i++)
                        add_watch(&record, &pub->layers[i]);
        }
        record.watch.keys = proxy->keys & record.watch.layers;
        if (record.watch.pubs == proxy->told_pubs && record.watch.layers == proxy->told_layers &&
            record.watch.desired == proxy->told_desired && record.watch.keys == 0)
                return true;
        if (!send(room, proxy->home, &record))
                return false;
        proxy->told_pubs = record.watch.pubs;
        proxy->told_layers = record.watch.layers;
        proxy->told_desired = record.watch.desired;
        proxy->keys = 0;
        return true;
}

static bool tell_watches(struct media_room *room)
{
        struct media_link *head = &room->span->dirty_proxies, *next;
        bool all = true;

        for (struct media_link *l = head->next; l != head; l = next) {
                struct media_proxy *proxy = (struct media_proxy *)(void *)l; /* its first member */
                struct media_other *home = &room->span->others[proxy->home];

                next = l->next;
                if (tell_watch(room, home->proxies[proxy->key % KEY_SPAN]))
                        link_remove(l);
                else
                        all = false;
        }
        return all;
}

static bool tell_other(struct media_room *room, unsigned worker)
{
        struct media_span *span = room->span;
        struct media_other *other = &span->others[worker];
        struct media_relay record = { .type = MEDIA_RELAY_CLOSE, .epoch = span->epoch };

        if (other->close_due) {
                if (!send(room, worker, &record))
                        return false;
                other->close_due = other->told = false;
        }
        if (!other->open_due && !other->answer_due)
                return true;
        record.type = MEDIA_RELAY_OPEN;
        record.open.answer = !other->open_due;
        record.open.speaker = room->last_speaker;
        if (!send(room, worker, &record))
                return false;
        other->open_due = other->answer_due = false;
        other->told = true;
        return true;
}

static bool tell_others(struct media_room *room)
{
        struct media_span *span = room->span;
        bool all = true;

        for (unsigned i = 0; span->others_due && i < span->n; i++)
                all &= i == span->self || tell_other(room, i);
        span->others_due = !all;
        return all;
}

static void open_life(struct media_room *room)
{
        struct media_span *span = room->span;

        span->open = true;
        span->epoch = room_random(room);
        span->others_due = true;
        for (unsigned i = 0; i < span->n; i++) {
                /* What the last life owed is said by the new epoch. */
                span->others[i].close_due = span->others[i].answer_due = false;
                span->others[i].open_due = true;
        }
}

static void close_life(struct media_room *room)
{
        struct media_span *span = room->span;

        span->open = false;
        span->members = 0;
        span->others_due = true;
        for (unsigned i = 0; i < span->n; i++) {
                span_drop_proxies(room, i, 0);
                span_forget_told(room, i, 0);
                span->others[i].open_due = span->others[i].answer_due = false;
                span->others[i].close_due = span->others[i].told;
        }
}

bool media_room_relay(struct media_room *room)
{
        struct media_span *span = room->span;
        bool all;

        if (!span)
                return true;
        if (!span->open && span->n_own > 0)
                open_life(room);
        else if (span->open && span->n_own == 0)
                close_life(room);
        span->full = 0;
        all = tell_others(room);
        all &= tell_keys(room);
        all &= tell_watches(room);
        return all;
}

/* Packets. */

static void send_packet(struct media_room *room, struct media_layer *layer, unsigned worker,
                        struct media_relay *record, int64_t now_us)
{
        const struct media_out *out = &room->out;
        struct media_told *told = told_of(layer);

        record->epoch = room->span->others[worker].epoch;
        if (!out->relay(out->user, worker, record)) {
                pkt_unref(record->rtp.pkt);
                if (record->type == MEDIA_RELAY_RTP) {
                        room->counters.relay_dropped++;
                        told->lost_to |= WORKER_BIT(worker);
                }
                return;
        }
        if (record->type != MEDIA_RELAY_RTP)
                return;
        room->counters.relayed++;
        if (told->lost_to & WORKER_BIT(worker)) {
                told->lost_to &= ~WORKER_BIT(worker);
                layer_want_key(layer, now_us);
        }
}

void relay_packet(struct media_layer *layer, const struct media_in *in,
                  const struct audio_claim *claim, bool recovered, int64_t now_us)
{
        struct media_peer *peer = layer->pub->peer;
        struct media_room *room = peer->room;
        struct media_relay record = { .type = MEDIA_RELAY_RTP };

        if (!peer->key || !room->span->members)
                return;
        if (layer->pub->kind != SFU_MIC && now_us - told_of(layer)->told_us >= TELL_INTERVAL_US) {
                told_of(layer)->told_us = now_us;
                relay_layer_changed(layer);
        }
        record.key = peer->key->id;
        record.kind = (uint8_t)layer->pub->kind;
        record.layer = layer->index;
        record.generation = layer->generation;
        record.rtp.ext = in->ext;
        record.rtp.recovered = recovered;
        for (uint32_t set = layer->watched_by; set; set &= set - 1) {
                unsigned worker = first_worker(set);

                record.rtp.pkt = pkt_ref(in->pkt);
                send_packet(room, layer, worker, &record, now_us);
        }
        if (!claim)
                return;
        record.type = MEDIA_RELAY_CLAIM;
        record.rtp.pkt = NULL;
        record.rtp.has_level = claim->has_level;
        record.rtp.level = claim->level;
        record.rtp.payload_len = (uint16_t)claim->payload_len;
        for (uint32_t set = room->span->members & ~layer->watched_by; set; set &= set - 1) {
                unsigned worker = first_worker(set);

                send_packet(room, layer, worker, &record, now_us);
        }
}

/* Proxies. */

void proxy_touch(struct media_peer *peer)
{
        if (link_empty(&peer->proxy->dirty))
                link_append(&peer->room->span->dirty_proxies, &peer->proxy->dirty);
}

bool relay_watch(struct media_peer *peer)
{
        if (!peer->proxy)
                return false;
        proxy_touch(peer);
        return true;
}

bool relay_want_key(struct media_layer *layer)
{
        struct media_peer *peer = layer->pub->peer;

        if (!peer->proxy)
                return false;
        peer->proxy->keys |= (uint16_t)(1u << span_layer_index(layer));
        proxy_touch(peer);
        return true;
}
