/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker — one media thread: a UDP port, an epoll loop, and the rooms and peers
 *          placed on it. Commands go in and reports come out by mailbox.
 *
 * Layer:  io.
 * Owner:  struct sfu.
 * Thread: the functions below are the signalling thread's; inside, everything
 *         belongs to the worker's own thread (worker_internal.h, peer.h).
 */
#ifndef SFU_IO_WORKER_H
#define SFU_IO_WORKER_H

#include "base/base.h"
#include "sfu/api.h"
#include "sfu/core/dtls.h"
#include "sfu/core/ice.h"
#include "sfu/core/sdp.h"
#include "sfu/core/watchdog.h"

struct worker;
struct link_hub;

struct worker_config {
        unsigned index, n_workers;
        struct link_hub *links;    /* of all workers; NULL: there is one */
        uint16_t port;             /* 0: any */
        struct dtls_context *dtls; /* outlives the worker */
        int64_t silence_us;        /* a peer not heard of for so long is gone */
        int64_t settle_us;         /* see SFU_SETTLE_US */
        void (*wake)(void *user);
        void *wake_user;
        void (*on_turn)(void *user, unsigned worker); /* tuning.h; may be NULL */
        void *on_turn_user;
};

/* A negotiated peer on its way to the worker. */
struct worker_peer {
        uint64_t id, room;
        uint32_t participant;
        unsigned worker;   /* the one it goes to */
        uint64_t replaces; /* peer that goes when this one comes; 0: none */
        bool film;
        int feed_fd;               /* its media come from a job; -1: from a client, or taken over */
        enum sdp_codec feed_codec; /* what its pictures are to be in; SDP_OPUS: it has none */
        char ufrag[ICE_UFRAG_LEN + 1], pwd[ICE_PWD_LEN + 1];
        struct sdp_transport transport;
        struct sdp_media media;
};

/* New credentials of a peer, on their way to the worker. */
struct worker_restart {
        char ufrag[ICE_UFRAG_LEN + 1], pwd[ICE_PWD_LEN + 1];
        char remote_ufrag[ICE_REMOTE_UFRAG_CAP];
};

/* A worker's share of a tap. */
struct worker_tap_open {
        uint64_t id, room;
        enum sfu_tap_mode mode;
        int fd; /* its own; -1: taken over */
};

enum worker_command_type {
        WORKER_OPEN,
        WORKER_RESTART,
        WORKER_CLOSE,
        WORKER_DISMISS, /* closes it and reports SFU_EV_GONE */
        WORKER_VIEW,
        WORKER_MUTE,
        WORKER_STATS,
        WORKER_TAP,
        WORKER_UNTAP, /* peer is the tap's number */
        WORKER_CODEC, /* of a feed: its pictures are to be in another codec */
        WORKER_STOP,
};

/* Pointers change hands with the command. */
struct worker_command {
        enum worker_command_type type;
        uint64_t peer;
        union {
                struct worker_peer *open;       /* malloc */
                struct worker_restart *restart; /* malloc */
                struct worker_tap_open *tap;    /* malloc */
                enum sfu_gone reason;           /* of WORKER_DISMISS */
                enum sdp_codec codec;           /* of WORKER_CODEC */
                struct {
                        struct sfu_slot_view *views; /* malloc */
                        size_t n;
                } view;
                struct {
                        enum sfu_kind kind;
                        bool muted;
                } mute;
                struct {
                        void (*done)(void *user, const struct sfu_peer_stats *stats);
                        void *user;
                } stats;
        };
};

/* What comes back: an event, or an answer to WORKER_STATS (done is not NULL). */
struct worker_report {
        struct sfu_event event;
        void (*done)(void *user, const struct sfu_peer_stats *stats);
        void *user;
        struct sfu_peer_stats *stats; /* malloc, or NULL: the peer is gone */
};

/* Binds the port; no thread yet. Returns 0 or -errno. */
must_use int worker_new(struct worker **ret_worker, const struct worker_config *config);
must_use int worker_start(struct worker *worker); /* 0 or -errno */

/* Says goodbye to the peers, joins the thread. Accepts NULL and one that does not run. */
void worker_stop(struct worker *worker);

/* Of a stopped worker, when no other one runs and the link_hub is gone: its
 * packets may be anywhere before. What was not taken is lost, but each pending
 * done() is called with NULL. Accepts NULL, returns NULL. */
struct worker *worker_free(struct worker *worker);
DEFINE_CLEANUP(struct worker *, worker_free)

/* Of a started worker: what its thread does now, and at what of its turn it is (a literal).
 * *last: the look before; whether it is blocked is only found out while the beat is the same. */
void worker_look(const struct worker *worker, const struct watchdog_look *last,
                 struct watchdog_look *ret_look, const char **ret_at);

uint16_t worker_port(const struct worker *worker);

/* Returns 0, or -EAGAIN: the mailbox is full and the pointers are still the caller's. */
must_use int worker_post(struct worker *worker, const struct worker_command *command);
bool worker_take(struct worker *worker, struct worker_report *ret_report);

/* Adds the worker's published counters to *sum, but for rooms: they may be on several. */
void worker_add_counters(const struct worker *worker, struct sfu_counters *sum);

#endif
