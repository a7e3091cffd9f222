/* SPDX-License-Identifier: Apache-2.0 */
/* sfu_internal — what sfu.c and sfu_jobs.c share with each other, and with nobody else.
 *                All of it is the signalling thread's. */
#ifndef SFU_IO_SFU_INTERNAL_H
#define SFU_IO_SFU_INTERNAL_H

#include "sfu/core/media_remote.h"
#include "sfu/core/sdp_session.h"
#include "sfu/core/watchdog.h"
#include "sfu/io/late_commands.h"
#include "sfu/io/room_codecs.h"
#include "sfu/io/room_spread.h"
#include "sfu/io/u64_map.h"

/* What the signalling thread remembers, so that it can place rooms and answer
 * offers without asking a worker. */

struct room_info {
        uint64_t id;
        struct room_spread spread;
        struct u64_map participants; /* to struct peer_info: the newest peer of each */
        uint32_t n_peers;            /* with those that are being replaced */
        struct room_codecs codecs;
};

struct peer_info {
        uint64_t id;
        uint32_t participant;
        struct room_info *room;
        unsigned worker;
        struct peer_codecs codecs;
        struct feed_changes changes; /* of a feed's codec */
        bool dismissed;              /* it is to offer again */
        bool fed;                    /* by a job: there is no session */
        struct sdp_session session;
};

struct tap_info {
        uint64_t id, room;
};

struct sfu {
        struct dtls_context *dtls;
        char **addresses;
        size_t n_addresses;
        unsigned n_workers, next_polled;
        uint32_t spread_peers;
        struct worker **workers;
        struct link_hub *links; /* NULL: there is one worker */
        uint32_t *loads;        /* peers of each worker */
        uint64_t last_peer;
        int64_t feeds_us; /* when a feed may change that has to; 0: none has */
        int64_t tidy_us;  /* when the heap is due; 0: it is tidy */
        struct u64_map rooms, peers, taps;
        uint64_t last_tap;
        bool left_some; /* a worker lost its last peer of a room: who speaks there now? */
        struct late_commands *late; /* of each worker */
        struct {
                int64_t hung_us; /* 0: nobody looks */
                int64_t next_us;
                struct watchdog dogs[MEDIA_MAX_WORKERS];
        } watch;
};

/* The room, or a new one that is not in the table yet; NULL: no memory. */
struct room_info *sfu_room(struct sfu *sfu, uint64_t id);
void sfu_drop_if_empty(struct sfu *sfu, struct room_info *room);

/* Chooses number and worker of a new peer of params' room and participant: fills in *open.
 * Returns 0, SFU_OFFER_ROOM_FULL or -ENOMEM. */
must_use int sfu_place(struct sfu *sfu, struct room_info *room,
                       const struct sfu_peer_params *params, struct worker_peer *open);

/* Sends it to its worker and remembers it; codecs, session and fed of *info are filled in. Takes
 * both over when it returns 0, else -errno. */
must_use int sfu_start(struct sfu *sfu, struct room_info *room, struct worker_peer **open,
                       struct peer_info **info);

/* A command that waits when the worker is busy. */
void sfu_post(struct sfu *sfu, unsigned worker, const struct worker_command *command);

/* sfu_watch.c: ends the process when a worker hangs. Looks when it is time to. */
void sfu_watch(struct sfu *sfu);

/* sfu_jobs.c */
void sfu_free_taps(struct sfu *sfu);
/* Somebody came or went: the room's feeds go over to another codec if they have to. */
void sfu_feeds_adapt(struct sfu *sfu, struct room_info *room, const struct peer_codecs *who);
/* Those that had to wait, when it is time. */
void sfu_feeds_poll(struct sfu *sfu);

#endif
