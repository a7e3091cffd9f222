/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room_spread — on which workers the peers of one room are: where the next one
 *               goes, and whose word on the active speaker counts.
 *
 * Layer:  io. Pure: numbers in, numbers out.
 * Owner:  the room's entry in struct sfu.
 * Thread: the signalling thread's.
 *
 * Every worker ranks all voices of the room, at slightly different moments. One
 * of them is the room's *voice*: what it says is told. When its last peer
 * leaves, another becomes the voice.
 *
 * Invariants:
 *  (1) the voice has peers, unless no worker has.
 *  (2) the same speaker is not told twice in a row.
 */
#ifndef SFU_IO_ROOM_SPREAD_H
#define SFU_IO_ROOM_SPREAD_H

#include "base/base.h"

struct room_part {
        uint32_t n_peers;
        uint32_t speaker; /* as the worker says; 0: silence */
};

struct room_spread {
        unsigned n_workers, voice;
        uint32_t n_peers;
        uint32_t told;           /* speaker */
        struct room_part *parts; /* by worker */
};

must_use int room_spread_init(struct room_spread *spread, unsigned n_workers); /* 0 or -ENOMEM */
void room_spread_done(struct room_spread *spread);

/* The worker for one more peer. loads: peers of each worker, of all rooms. A room
 * of fewer than spread_peers stays where it is; a larger one goes on to the least
 * loaded worker when its own have at least spread_peers more. */
unsigned room_spread_pick(const struct room_spread *spread, const uint32_t *loads,
                          uint32_t spread_peers);

void room_spread_add(struct room_spread *spread, unsigned worker);
void room_spread_remove(struct room_spread *spread, unsigned worker);

/* A worker's word. */
void room_spread_hear(struct room_spread *spread, unsigned worker, uint32_t speaker);

/* True, once, when there is another speaker to tell. */
bool room_spread_poll(struct room_spread *spread, uint32_t *ret_speaker);

#endif
