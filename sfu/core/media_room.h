/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_room — everything that happens to media between decryption and
 *              encryption: publications with their layers, slots,
 *              subscriptions, retransmission, feedback, loudest speakers.
 *
 * Layer:  core. Sans-IO: packets, time and random bytes come in as arguments;
 *         packets and events go out through struct media_out. No clock, no
 *         thread, no log, no allocation while packets flow.
 * Owner:  the worker owns its rooms; a room owns its peers.
 * Thread: the worker's.
 *
 * A packet that came waits until media_room_step() distributes it, so that the
 * shell can take in all of a loop turn's packets first: a subscriber then gets
 * them side by side.
 *
 * Invariants:
 *  (1) a subscriber gets a layer's packets in the order they came, each once.
 *  (2) one step costs at most about MEDIA_STEP_PACKETS outgoing packets, however
 *      many subscribers and packets wait, and sound goes before pictures: so
 *      sound that comes while a key frame is distributed overtakes it.
 *  (3) what waits is bounded for each layer; beyond it packets are dropped and
 *      counted (subscribers ask for them again).
 *
 * Units:  *_us monotonic microseconds; `ntp_now` is built from wall_us.
 */
#ifndef SFU_CORE_MEDIA_ROOM_H
#define SFU_CORE_MEDIA_ROOM_H

#include "base/base.h"
#include "sfu/api.h"
#include "sfu/core/pkt.h"
#include "sfu/core/sdp.h"

struct media_room;
struct media_peer;

enum { MEDIA_PREFETCH_STAGES = 3 };
struct media_relay;
struct job_record;

/* How the room talks to its shell. `tag` is what media_peer_params gave. */
struct media_out {
        void *user;
        /* Room for one outgoing packet of up to max_len bytes to this peer, or
         * NULL (not connected yet, or the batch is full: the packet is dropped
         * and counted by the shell). The room writes a plain packet there and
         * commits it before it reserves again; the shell encrypts it in place. ext:
         * the packet's extended sequence number, from 0x10000 on (media_crypt.h). */
        uint8_t *(*reserve)(void *user, void *tag, size_t max_len);
        void (*commit_rtp)(void *user, void *tag, size_t len, uint32_t ext);
        void (*commit_rtcp)(void *user, void *tag, size_t len);
        /* This peer is one of the next that packets are written for: call after call,
         * the first few lines at tag being loaded already, the shell has the cache load
         * what it will need. stage counts up to MEDIA_PREFETCH_STAGES. May be NULL. */
        void (*prefetch)(void *tag, unsigned stage);
        /* peer-bound event (room, peer and participant are filled by the shell
         * from tag; tag NULL: an event of the room, SFU_EV_SPEAKER). */
        void (*event)(void *user, void *tag, const struct sfu_event *event);
        /* To the room of the same id on another worker (media_remote.h). True:
         * what the record owns is handed over. False: no room, or it is lost if
         * media_relay_is_media(). NULL where a room lives on one worker. */
        bool (*relay)(void *user, unsigned worker, struct media_relay *record);
        /* A record for a job (media_tap.h), copied if it is taken. False: the job is
         * behind. Only RTP may be refused, and a GAP; where a GAP was taken there is
         * room for the RTP behind it. NULL where no tap is added. */
        bool (*tap)(void *user, void *tag, const struct job_record *record);
};

must_use int media_room_new(struct media_room **ret_room, const struct media_out *out,
                            uint64_t seed);
struct media_room *media_room_free(struct media_room *room); /* frees its peers too */
DEFINE_CLEANUP(struct media_room *, media_room_free)

struct media_peer_params {
        void *tag; /* the shell's handle of this peer */
        uint32_t participant;
        bool film; /* its sound goes before all voices, and is part of any program */
        const struct sdp_media *media; /* copied */
};

/* Returns 0, -ENOMEM, or SFU_OFFER_ROOM_FULL. */
must_use int media_room_add_peer(struct media_room *room, struct media_peer **ret_peer,
                                 const struct media_peer_params *params, int64_t now_us);
void media_room_remove_peer(struct media_room *room, struct media_peer *peer, int64_t now_us);

/* Transport is up: from now on reserve() gives buffers. Key frames are asked for. */
void media_peer_on_connected(struct media_peer *peer, int64_t now_us);

/* One decrypted RTP packet; pkt->data[0..len) is plain. The room takes its own
 * references if it keeps it. Returns 0 or an enum rtp_err (caller counts). */
int media_peer_on_rtp(struct media_peer *peer, struct pkt *pkt, int64_t now_us);

/* The same of a peer whose packets say beside them what they belong to. */
int media_peer_on_feed(struct media_peer *peer, enum sfu_kind kind, unsigned layer, struct pkt *pkt,
                       int64_t now_us);

enum { MEDIA_STEP_PACKETS = 256 };

/* What waits to be distributed. */
enum media_waiting { MEDIA_WAITING_NONE, MEDIA_WAITING_VIDEO, MEDIA_WAITING_AUDIO };
enum media_waiting media_room_waiting(const struct media_room *room); /* the most urgent */

/* Distributes some of it: sound if there is any. */
void media_room_step(struct media_room *room, int64_t now_us);
/* What a receiver reports may cost about as much as what it is sent. False:
 * more came than that, so do not even decrypt it. */
bool media_peer_may_report(const struct media_peer *peer, int64_t now_us);

/* Has the cache load what the next will touch, in steps: each needs what the one before
 * has had loaded. */
enum { MEDIA_REPORT_STEPS = 4 };
void media_peer_prefetch_report(const struct media_peer *peer, unsigned step);

/* One decrypted compound RTCP packet. Returns 0 or an enum rtcp_err. */
int media_peer_on_rtcp(struct media_peer *peer, const uint8_t *data, size_t len, int64_t now_us);

void media_peer_set_view(struct media_peer *peer, const struct sfu_slot_view *views, size_t n,
                         int64_t now_us);
void media_peer_set_muted(struct media_peer *peer, enum sfu_kind kind, bool muted, int64_t now_us);

/* wall_us: microseconds since 1970, for sender reports' NTP time. Where many peers
 * are due it serves some, and is due again at once. */
void media_room_on_timeout(struct media_room *room, int64_t now_us, int64_t wall_us);
int64_t media_room_deadline_us(const struct media_room *room);

/* Everything but room, peer and srtp_profile, which the shell knows. */
void media_peer_stats(const struct media_peer *peer, int64_t now_us,
                      struct sfu_peer_stats *ret_stats);

/* Counters of nack/rtx/pli/rtp_bad/overtaken since the room began are added to *counters. */
void media_room_add_counters(const struct media_room *room, struct sfu_counters *counters);

#endif
