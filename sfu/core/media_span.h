/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_span — what media_remote.c (records that come in) and media_relay.c
 *              (records that go out) share with each other, and with nobody else.
 *
 *   another worker's room, as this one sees it:
 *
 *     unknown ── its OPEN ──► member ── its CLOSE, or an OPEN of a new epoch ──► …
 *
 * A room says OPEN to all when its first own peer comes, and CLOSE to all it
 * ever said OPEN to when the last one goes. An OPEN that is no answer is
 * answered with OPEN, so two rooms that begin at the same time learn of each
 * other whichever is first.
 */
#ifndef SFU_CORE_MEDIA_SPAN_H
#define SFU_CORE_MEDIA_SPAN_H

#include "sfu/core/media_priv.h"
#include "sfu/core/media_remote.h"

#define WORKER_BIT(w) (UINT32_C(1) << (w))

enum { KEY_SPAN = 1 << 16 }; /* more than peers of a room, with those just gone */

enum { MEDIA_MAX_LAYERS = SFU_N_KINDS * SDP_MAX_RIDS };

/* One layer of an own peer, as others know it. */
struct media_told {
        uint32_t untold;  /* workers whose proxy does not know its state */
        uint32_t lost_to; /* workers that missed packets of it, and need a key frame */
        int64_t told_us;
};

/* One own peer that publishes, as others know it. */
struct media_key {
        struct media_link dirty;                    /* in span->dirty_keys */
        struct media_peer *peer;                    /* NULL: gone */
        uint32_t id;                                /* generation * KEY_SPAN + index */
        uint32_t announced;                         /* workers that have a proxy of it */
        uint32_t due;                               /* workers that are to be told PEER or GONE */
        struct media_told layers[MEDIA_MAX_LAYERS]; /* by span_layer_index() */
};

/* What makes a peer a proxy. */
struct media_proxy {
        struct media_link dirty; /* in span->dirty_proxies */
        unsigned home;
        uint32_t key;
        uint8_t told_pubs; /* as the last WATCH said */
        uint16_t told_layers, told_desired;
        uint16_t keys; /* layers whose key frame is to be asked for */
};

struct media_other {
        bool told; /* OPEN, and no CLOSE since */
        bool open_due, answer_due, close_due;
        uint32_t epoch;
        size_t n_proxies;            /* length of the array */
        struct media_peer **proxies; /* by index of their key; NULL: none */
};

struct media_span {
        unsigned self, n;
        bool open; /* it has own peers, and a life */
        uint32_t epoch;
        uint32_t members; /* workers whose room of this id lives */
        uint32_t full;    /* workers that took no record in this round */
        bool others_due;
        struct media_link dirty_keys, dirty_proxies;
        size_t n_own, n_keys;
        struct media_key **keys;
        struct media_other others[];
};

static inline size_t span_layer_index(const struct media_layer *layer)
{
        return (size_t)layer->pub->kind * SDP_MAX_RIDS + layer->index;
}

/* media_relay.c */
void span_announce_all(struct media_room *room, unsigned worker);
void span_forget_told(struct media_room *room, unsigned worker, int64_t now_us);
void span_on_watch(struct media_room *room, unsigned from, const struct media_relay *record,
                   int64_t now_us);
struct media_key *span_key(const struct media_span *span,
                           uint32_t id); /* of a living peer, or NULL */
void proxy_touch(struct media_peer *peer);

/* media_remote.c */
void span_drop_proxies(struct media_room *room, unsigned worker, int64_t now_us);

#endif
