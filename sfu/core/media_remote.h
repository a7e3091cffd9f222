/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_remote — a room over several workers: what the rooms of one id on
 *                different workers tell each other.
 *
 * Each worker that has peers of a room keeps a media_room of its own for it.
 * There it has its own peers, and a *proxy* for every peer of the others that
 * ever published something unmuted: a media_peer without transport and without slots. So
 * room_find(), views, the layer choice and the ranking of voices work on each
 * worker as if the room were whole, and nothing mutable is shared.
 *
 *   home worker of a publisher                 every other worker of the room
 *   ─────────────────────────                 ──────────────────────────────
 *   decrypts, dedups, NACKs, reports    PEER   makes or changes the proxy
 *   and asks for key frames           ──────►
 *                                       LAYER  what the layer choice and lip-sync
 *                                     ──────►  must know: rate, height, reports
 *                                       WATCH  which publications and layers its
 *                                     ◄──────  slots watch; key frame wanted
 *                                       RTP    only layers that are watched: a
 *                                     ──────►  reference to the decrypted packet
 *                                       CLAIM  how loud an unwatched microphone
 *                                     ──────►  is: all workers rank all voices
 *                                       GONE
 *                                     ──────►
 *
 * A layer that starts to flow is handed to whoever watches its publication, so
 * that its first key frame is not missed; a worker that shows something else of
 * it says so with a WATCH, and the rest stays away.
 *
 * Subscribers' NACKs are served by their own worker, from its own ring of
 * references. Losses between publisher and home are home's to repair; what it
 * recovers it hands over too.
 *
 * Layer:  core. Records go out through struct media_out's relay() and come in
 *         by media_room_on_relay(); how they travel is the shell's (io/link).
 * Owner:  each room owns what it has; a record that was taken by relay() owns
 *         its pointers until media_room_on_relay() has taken them over.
 * Thread: each room is its worker's.
 *
 * Invariants:
 *  (1) RTP and CLAIM may be lost where a worker does not keep up: counted, and
 *      once there is room again a lost layer asks for a key frame. Everything
 *      else is state with a dirty flag: told when there is room, so a worker that
 *      stands still costs the others flags and no memory.
 *  (2) relay() keeps order, so a record is never older than what it builds on.
 *  (3) every life of a room on a worker has its own random epoch. Records name
 *      the epoch of the room they are meant for; others are dropped.
 *  (4) a key names one peer of one life of a room; it is used again, with
 *      another generation, when every worker has been told GONE.
 */
#ifndef SFU_CORE_MEDIA_REMOTE_H
#define SFU_CORE_MEDIA_REMOTE_H

#include "base/base.h"
#include "sfu/core/media_room.h"

enum { MEDIA_MAX_WORKERS = 32 }; /* sets of workers are one word, a bit each */

enum media_relay_type {
        MEDIA_RELAY_OPEN, /* my room lives: tell me what you have */
        MEDIA_RELAY_CLOSE,
        MEDIA_RELAY_PEER,
        MEDIA_RELAY_GONE,
        MEDIA_RELAY_LAYER,
        MEDIA_RELAY_WATCH,
        MEDIA_RELAY_RTP,
        MEDIA_RELAY_CLAIM,
};

/* What the home worker knows of a layer, at the end of a turn. */
struct media_relay_layer {
        int64_t last_us;             /* arrival of the newest packet, */
        uint32_t last_ts;            /* its timestamp */
        uint32_t bps, known_bps;     /* the rate now, and when it last flowed */
        int64_t asked_us, absent_us; /* as in struct media_layer */
        bool asked, has_begun;
        uint16_t height;
        uint8_t codec;
        bool has_sr, has_clock;
        uint32_t sr_ts;
        uint64_t sr_ntp;
        int64_t clock_offset_us; /* the peer's struct media_clock */
};

struct media_relay {
        uint64_t room;      /* filled in by the shell */
        uint32_t epoch;     /* of the room it is for; OPEN, CLOSE: of the one that says it */
        uint32_t key;       /* of the peer, in its home room */
        uint8_t type;       /* enum media_relay_type */
        uint8_t kind;       /* LAYER, RTP, CLAIM: enum sfu_kind */
        uint8_t layer;      /* LAYER, RTP: index */
        uint8_t generation; /* LAYER, RTP: counts the layer's restarts */
        union {
                struct {
                        bool answer;      /* do not answer again */
                        uint32_t speaker; /* who spoke last; 0: unknown */
                } open;
                struct {
                        uint32_t participant;
                        uint8_t muted; /* bit per kind */
                        bool film;
                        struct sdp_publication *pubs; /* malloc, [SFU_N_KINDS]; NULL: as before */
                } peer;
                struct media_relay_layer state;
                struct {
                        uint8_t pubs; /* bit per kind: a slot is meant to show it */
                        uint16_t layers, desired, keys; /* bit per layer: span_layer_index() */
                } watch;
                struct {
                        struct pkt *pkt; /* a reference; NULL: CLAIM */
                        uint32_t ext;
                        uint16_t payload_len; /* of a CLAIM */
                        bool recovered, has_level;
                        uint8_t level;
                } rtp;
        };
};

/* True for what is lost rather than told later: it may not use the ring's last places. */
static inline bool media_relay_is_media(const struct media_relay *record)
{
        return record->type == MEDIA_RELAY_RTP || record->type == MEDIA_RELAY_CLAIM;
}

/* Gives back what a record owns that nobody will take. */
void media_relay_drop(const struct media_relay *record);

/* Makes a new room one of several: it is on worker self of n_workers (2..MEDIA_MAX_WORKERS),
 * and out.relay is not NULL. Returns 0 or -ENOMEM. */
must_use int media_room_span(struct media_room *room, unsigned self, unsigned n_workers);

/* Takes over what the record owns. */
void media_room_on_relay(struct media_room *room, unsigned from, const struct media_relay *record,
                         int64_t now_us);

/* Tells the others all that changed; to be called at the end of a turn. Returns
 * false when there was no room for some of it: call again soon. A room whose
 * last own peer has left says CLOSE, and may be freed when this returns true. */
must_use bool media_room_relay(struct media_room *room);

#endif
