/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer — one client's transport on its worker: ICE, DTLS, SRTP and timeouts
 *        around the room's media_peer.
 *
 *   opened ── valid check ──► reachable ── DTLS done ──► connected
 *      │                          │                          │
 *      └──────── peer_gone(): silence, DTLS failure, goodbye, replaced, closed
 *
 * A job's peer is connected when it is opened, by its feed (feed.h).
 *
 * Layer:  io.
 * Owner:  the worker, by worker->peers.
 * Thread: the worker's.
 *
 * Invariants:
 *  (1) only authenticated packets keep a peer alive: a valid check, or SRTP and
 *      SRTCP that verify.
 *  (2) at most PEER_MAX_ADDRS addresses lead to a peer, each by a valid check;
 *      media goes to the one that was nominated last.
 */
#ifndef SFU_IO_PEER_H
#define SFU_IO_PEER_H

#include "sfu/core/media_crypt.h"
#include "sfu/core/steady.h"
#include "sfu/io/worker_internal.h"

/* Two interfaces, IPv4 and IPv6, UDP and TCP. */
enum { PEER_MAX_ADDRS = 8, PEER_MAX_CREDS = 3 };

/* What each outgoing packet needs comes first, then what each report does. */
struct peer {
        struct worker *worker;
        struct media_crypt *crypt;   /* from the handshake's end on: it is connected */
        struct addr_entry *selected; /* nominated; NULL: none yet */
        struct send_target target;   /* of selected */
        struct room *room;
        struct media_peer *media;
        int64_t alive_us;
        struct steady heard_media, heard_feedback;
        uint64_t id;
        uint32_t participant;
        /* Oldest first: those in use, then of restarts that no check has nominated
         * with yet. More than one, for a client may not have heard our last answer. */
        struct ice_cred *creds[PEER_MAX_CREDS];
        struct sdp_transport transport;
        struct addr_entry addrs[PEER_MAX_ADDRS];
        struct dtls *dtls; /* from the first DTLS datagram on */
        int64_t opened_us;
        uint64_t swept_batch; /* the last that had something for it, at the last sweep */
        int64_t settle_us;    /* when the handshake is surely over; 0: it is, or not begun */
        struct timer timer;
        size_t n_ssrcs;
        uint32_t ssrcs[SFU_MAX_SLOTS]; /* of our slots, for BYE */
        struct feed *feed;             /* its media come from a job: nothing above leads to it */
};

/* Starts a peer in its room (already made) and takes params->feed_fd over. Returns 0, -errno or an enum
 * sfu_offer_err. */
must_use int peer_open(struct worker *worker, struct room *room, struct worker_peer *params,
                       int64_t now_us);

/* Reports SFU_EV_GONE and frees the peer. */
void peer_gone(struct peer *peer, enum sfu_gone reason, int64_t now_us);

/* Frees without a report; the client is told if it can be. */
void peer_close(struct peer *peer, int64_t now_us);

/* One datagram of a kind, from an address that is the peer's. The peer may be
 * gone afterwards. */
void peer_on_dtls(struct peer *peer, struct addr_entry *from, const struct pkt *pkt);
void peer_on_rtp(struct peer *peer, struct pkt *pkt);
void peer_on_rtcp(struct peer *peer, struct pkt *pkt);

/* Has the cache load what peer_on_rtcp() will touch, in steps: each needs what the one
 * before has had loaded. */
enum { PEER_REPORT_STEPS = MEDIA_REPORT_STEPS + 1 };
void peer_prefetch_report(const struct peer *peer, unsigned step);

/* A valid check came over path. */
void peer_on_check(struct peer *peer, const struct udp_path *path, const struct ice_check *check,
                   int64_t now_us);

/* The TCP connection of this address is gone. */
void peer_on_path_lost(struct addr_entry *entry);

/* Every STEADY_SWEEP_US: reports SFU_EV_SILENT when the peer fell silent. Returns
 * true while it may still do so. */
bool peer_sweep(struct peer *peer);

/* ICE restart: the new credentials count too, until a check with them nominates:
 * then the older ones end. Without memory the old ones stay the only ones, and
 * the client has to open a new peer. */
void peer_restart(struct peer *peer, const struct worker_restart *restart);

void peer_stats(const struct peer *peer, int64_t now_us, struct sfu_peer_stats *ret_stats);

/* The room's way out (struct media_out); `tag` is the struct peer. */
uint8_t *peer_reserve(void *user, void *tag, size_t max_len);
void peer_commit_rtp(void *user, void *tag, size_t len, uint32_t ext);
void peer_commit_rtcp(void *user, void *tag, size_t len);
void peer_prefetch(void *tag, unsigned stage);

#endif
