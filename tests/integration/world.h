/* SPDX-License-Identifier: Apache-2.0 */
/* world — a media plane on loopback and its clients, for integration tests. */
#ifndef TESTS_INTEGRATION_WORLD_H
#define TESTS_INTEGRATION_WORLD_H

#include "sfu/io/tuning.h"
#include "tests/integration/client.h"

enum { WORLD_MAX_EVENTS = 1024 };

struct world {
        char dir[64], identity[96];
        struct sfu *sfu;
        size_t n_events;
        struct sfu_event events[WORLD_MAX_EVENTS];
};

/* silence_us 0: the default. Small rooms stay on one worker. */
void world_init(struct world *world, unsigned n_workers, int64_t silence_us);
void world_init_tuned(struct world *world, unsigned n_workers, const struct sfu_tuning *tuning);
void world_done(struct world *world);

/* Pumps until ok() or for at most timeout_ms; returns what ok() said last. */
bool world_wait(struct world *world, bool (*ok)(struct world *world, void *user), void *user,
                int timeout_ms);

/* Offers, answers and returns the peer's number (the client is not connected yet). */
uint64_t world_open(struct world *world, struct client *client, uint64_t room,
                    uint32_t participant);
bool world_connected(struct world *world, void *client); /* for world_wait() */

/* The first event of a type about a peer, or NULL. */
const struct sfu_event *world_event(const struct world *world, enum sfu_event_type type,
                                    uint64_t peer);

#endif
