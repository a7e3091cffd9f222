/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/media_span.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int media_room_span(struct media_room *room, unsigned self, unsigned n_workers)
{
        struct media_span *span;

        assert(n_workers > 1 && n_workers <= MEDIA_MAX_WORKERS && self < n_workers);
        assert(room->n_peers == 0 && room->out.relay);
        span = calloc(1, sizeof(*span) + n_workers * sizeof(span->others[0]));
        if (!span)
                return -ENOMEM;
        span->self = self;
        span->n = n_workers;
        link_init(&span->dirty_keys);
        link_init(&span->dirty_proxies);
        room->span = span;
        return 0;
}

/* After the peers: they stand in its tables. */
struct media_span *span_free(struct media_room *room)
{
        struct media_span *span = room->span;

        if (!span)
                return NULL;
        for (unsigned i = 0; i < span->n; i++)
                free(span->others[i].proxies);
        for (size_t i = 0; i < span->n_keys; i++)
                free(span->keys[i]);
        free(span->keys);
        free(span);
        return NULL;
}

void media_relay_drop(const struct media_relay *record)
{
        if (record->type == MEDIA_RELAY_RTP)
                pkt_unref(record->rtp.pkt);
        else if (record->type == MEDIA_RELAY_PEER)
                free(record->peer.pubs);
}

/* Proxies. */

void proxy_free(struct media_peer *peer)
{
        struct media_proxy *proxy = peer->proxy;

        if (!proxy)
                return;
        link_remove(&proxy->dirty);
        peer->room->span->others[proxy->home].proxies[proxy->key % KEY_SPAN] = NULL;
        peer->proxy = NULL;
        free(proxy);
}

int64_t proxy_on_timeout(struct media_peer *peer, int64_t now_us)
{
        int64_t next_us = INT64_MAX;

        for (int kind = 0; kind < SFU_N_KINDS; kind++) {
                struct media_pub *pub = peer->pubs[kind];

                for (size_t i = 0; pub && i < pub->n_layers; i++) {
                        int64_t tidy_us = layer_tidy(&pub->layers[i], now_us);

                        next_us = tidy_us < next_us ? tidy_us : next_us;
                }
        }
        return next_us;
}

static struct media_peer *find_proxy(const struct media_span *span, unsigned home, uint32_t key)
{
        const struct media_other *other = &span->others[home];
        size_t index = key % KEY_SPAN;
        struct media_peer *peer = index < other->n_proxies ? other->proxies[index] : NULL;

        return peer && peer->proxy->key == key ? peer : NULL;
}

static int reserve_proxy(struct media_other *other, size_t index)
{
        size_t n = other->n_proxies ? other->n_proxies : 16;
        struct media_peer **proxies;

        if (index < other->n_proxies)
                return 0;
        while (n <= index)
                n *= 2;
        proxies = realloc(other->proxies, n * sizeof(*proxies));
        if (!proxies)
                return -ENOMEM;
        for (size_t i = other->n_proxies; i < n; i++)
                proxies[i] = NULL;
        other->proxies = proxies;
        other->n_proxies = n;
        return 0;
}

static void link_proxy(struct media_peer *peer, struct media_proxy *proxy, unsigned home,
                       uint32_t key)
{
        proxy->home = home;
        proxy->key = key;
        link_init(&proxy->dirty);
        peer->proxy = proxy;
        peer->room->span->others[home].proxies[key % KEY_SPAN] = peer;
}

/* Without memory for it she is not seen here, until she comes again. */
static struct media_peer *make_proxy(struct media_room *room, unsigned home,
                                     const struct media_relay *record, int64_t now_us)
{
        struct sdp_media media = { 0 };
        const struct media_peer_params params = { .participant = record->peer.participant,
                                                  .film = record->peer.film,
                                                  .media = &media };
        struct media_proxy *proxy = calloc(1, sizeof(*proxy));
        struct media_peer *peer = NULL;

        for (int kind = 0; kind < SFU_N_KINDS; kind++)
                media.pubs[kind] = record->peer.pubs[kind];
        if (!proxy || reserve_proxy(&room->span->others[home], record->key % KEY_SPAN) < 0 ||
            room_add_peer(room, &peer, &params, now_us) != 0) {
                free(proxy);
                return NULL;
        }
        link_proxy(peer, proxy, home, record->key);
        return peer;
}

void span_drop_proxies(struct media_room *room, unsigned worker, int64_t now_us)
{
        struct media_other *other = &room->span->others[worker];

        for (size_t i = 0; i < other->n_proxies; i++) {
                if (other->proxies[i])
                        media_room_remove_peer(room, other->proxies[i], now_us);
        }
}

/* Records. */

static void on_peer(struct media_room *room, unsigned from, const struct media_relay *record,
                    int64_t now_us)
{
        struct media_peer *peer = find_proxy(room->span, from, record->key);

        if (!peer && record->peer.pubs)
                peer = make_proxy(room, from, record, now_us);
        if (!peer)
                return;
        for (int kind = 0; kind < SFU_N_KINDS; kind++)
                media_peer_set_muted(peer, (enum sfu_kind)kind, record->peer.muted >> kind & 1,
                                     now_us);
        media_peer_on_connected(peer, now_us);
}

static struct media_layer *find_layer(const struct media_room *room, unsigned from,
                                      const struct media_relay *record, int64_t now_us)
{
        struct media_peer *peer = find_proxy(room->span, from, record->key);
        struct media_pub *pub = peer && record->kind < SFU_N_KINDS ? peer->pubs[record->kind]
                                                                   : NULL;
        struct media_layer *layer;

        if (!pub || pub->muted || record->layer >= pub->n_layers)
                return NULL;
        layer = &pub->layers[record->layer];
        if (layer->generation != record->generation) {
                layer->generation = record->generation;
                layer_restart(layer, now_us);
        }
        return layer;
}

static void on_layer(struct media_room *room, unsigned from, const struct media_relay *record,
                     int64_t now_us)
{
        const struct media_relay_layer *state = &record->state;
        struct media_layer *layer = find_layer(room, from, record, now_us);
        bool flowed;

        if (!layer || state->codec >= SDP_N_CODECS)
                return;
        flowed = layer_flows(layer, now_us);
        if (layer->recv.packets == 0 && state->has_begun)
                layer->recv.packets = 1; /* though none came here */
        layer->recv.last_us = state->last_us;
        layer->recv.last_ts = state->last_ts;
        layer->recv.rate = (struct rtp_rate){ .since_us = state->last_us, .bps = state->bps };
        if (layer->known_bps == 0)
                layer->known_bps = state->known_bps; /* then we learn ourselves */
        layer->asked = state->asked;
        layer->asked_us = state->asked_us;
        layer->absent_us = state->absent_us;
        layer->height = state->height;
        layer->codec = (enum sdp_codec)state->codec;
        if (state->has_sr)
                rtp_recv_map(&layer->recv, state->sr_ntp, state->sr_ts);
        if (state->has_clock)
                layer->pub->peer->clock = (struct media_clock){ .valid = true,
                                                                .offset_us = state->clock_offset_us,
                                                                .updated_us = now_us };
        if (!flowed && layer_flows(layer, now_us))
                layer_on_start(layer, now_us);
}

static void on_rtp(struct media_room *room, unsigned from, const struct media_relay *record,
                   int64_t now_us)
{
        struct media_in in = { .pkt = record->rtp.pkt, .ext = record->rtp.ext };
        struct media_layer *layer = find_layer(room, from, record, now_us);

        if (!layer)
                return;
        if (rtp_parse(&in.rtp, in.pkt->data, in.pkt->len) == 0)
                layer_on_relayed(layer, &in, record->rtp.recovered, now_us);
        /* Home takes us for a watcher; if we are none, it will be told. */
        layer->pub->peer->proxy->told_layers |= (uint16_t)(1u << span_layer_index(layer));
        if (!layer_is_shown(layer))
                proxy_touch(layer->pub->peer);
}

static void on_claim(struct media_room *room, unsigned from, const struct media_relay *record,
                     int64_t now_us)
{
        const struct audio_claim claim = { .has_level = record->rtp.has_level,
                                           .level = record->rtp.level,
                                           .payload_len = record->rtp.payload_len };
        struct media_layer *layer = find_layer(room, from, record, now_us);

        if (layer && layer->pub->kind == SFU_MIC)
                audio_select_on_packet(room->select, layer->pub->mic_id, &claim, now_us);
}

static void on_open(struct media_room *room, unsigned from, const struct media_relay *record,
                    int64_t now_us)
{
        struct media_span *span = room->span;
        struct media_other *other = &span->others[from];
        bool known = span->members & WORKER_BIT(from) && other->epoch == record->epoch;

        if (!span->open)
                return; /* its own OPEN will be answered, if it ever has peers again */
        if (!known) {
                span_drop_proxies(room, from, now_us);
                span_forget_told(room, from, now_us);
                other->epoch = record->epoch;
                span->members |= WORKER_BIT(from);
                span_announce_all(room, from);
        }
        if (!record->open.answer)
                other->answer_due = span->others_due = true;
        if (room->last_speaker == 0 && record->open.speaker != 0) {
                room->last_speaker = record->open.speaker;
                room_resolve(room, room->last_speaker, now_us);
        }
}

static void on_close(struct media_room *room, unsigned from, int64_t now_us)
{
        span_drop_proxies(room, from, now_us);
        span_forget_told(room, from, now_us);
        room->span->members &= ~WORKER_BIT(from);
}

static void on_gone(struct media_room *room, unsigned from, const struct media_relay *record,
                    int64_t now_us)
{
        struct media_peer *peer = find_proxy(room->span, from, record->key);

        if (peer)
                media_room_remove_peer(room, peer, now_us);
}

static bool is_for_us(const struct media_room *room, unsigned from,
                      const struct media_relay *record)
{
        if (record->type == MEDIA_RELAY_OPEN || record->type == MEDIA_RELAY_CLOSE)
                return true;
        return room->span->members & WORKER_BIT(from) && record->epoch == room->span->epoch;
}

static void on_record(struct media_room *room, unsigned from, const struct media_relay *record,
                      int64_t now_us)
{
        switch ((enum media_relay_type)record->type) {
        case MEDIA_RELAY_OPEN:
                on_open(room, from, record, now_us);
                break;
        case MEDIA_RELAY_CLOSE:
                on_close(room, from, now_us);
                break;
        case MEDIA_RELAY_PEER:
                on_peer(room, from, record, now_us);
                break;
        case MEDIA_RELAY_GONE:
                on_gone(room, from, record, now_us);
                break;
        case MEDIA_RELAY_LAYER:
                on_layer(room, from, record, now_us);
                break;
        case MEDIA_RELAY_WATCH:
                span_on_watch(room, from, record, now_us);
                break;
        case MEDIA_RELAY_RTP:
                on_rtp(room, from, record, now_us);
                break;
        case MEDIA_RELAY_CLAIM:
                on_claim(room, from, record, now_us);
                break;
        }
}

void media_room_on_relay(struct media_room *room, unsigned from, const struct media_relay *record,
                         int64_t now_us)
{
        if (is_for_us(room, from, record))
                on_record(room, from, record, now_us);
        media_relay_drop(record); /* who keeps the packet has a reference of her own */
}
