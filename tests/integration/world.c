/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/integration/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

void world_init(struct world *world, unsigned n_workers, int64_t silence_us)
{
        const struct sfu_tuning tuning = {
                .silence_us = silence_us ? silence_us : SFU_SILENCE_US,
                .spread_peers = SFU_SPREAD_PEERS,
        };

        world_init_tuned(world, n_workers, &tuning);
}

void world_init_tuned(struct world *world, unsigned n_workers, const struct sfu_tuning *tuning)
{
        static const char *const addresses[] = { "127.0.0.1", "::1" };
        struct sfu_config config = {
                .n_workers = n_workers,
                .addresses = addresses,
                .n_addresses = ARRAY_LEN(addresses),
                .wake = client_wake,
        };
        char error[200] = "";

        memset(world, 0, sizeof(*world));
        strcpy(world->dir, "/tmp/dinh-sfu-XXXXXX");
        assert_non_null(mkdtemp(world->dir));
        snprintf(world->identity, sizeof(world->identity), "%s/dtls.pem", world->dir);
        config.identity_path = world->identity;
        if (sfu_new_tuned(&world->sfu, &config, tuning, error, sizeof(error)) < 0)
                fail_msg("%s", error);
}

void world_done(struct world *world)
{
        world->sfu = sfu_free(world->sfu);
        unlink(world->identity);
        rmdir(world->dir);
}

static void take_events(struct world *world)
{
        struct sfu_event event;

        while (world->sfu && sfu_poll(world->sfu, &event))
                if (world->n_events < WORLD_MAX_EVENTS)
                        world->events[world->n_events++] = event;
}

bool world_wait(struct world *world, bool (*ok)(struct world *world, void *user), void *user,
                int timeout_ms)
{
        int64_t end_us = clock_now_us() + (int64_t)timeout_ms * 1000;

        do {
                take_events(world);
                if (ok(world, user))
                        return true;
                client_pump();
        } while (clock_now_us() < end_us);
        take_events(world);
        return ok(world, user);
}

uint64_t world_open(struct world *world, struct client *client, uint64_t room, uint32_t participant)
{
        const struct sfu_peer_params params = { .room = room,
                                                .participant = participant,
                                                .may_publish = true };
        char *offer = client_offer(client), *answer = NULL;
        uint64_t peer = 0;

        assert_int_equal(sfu_peer_open(world->sfu, &params, offer, strlen(offer), &answer, &peer),
                         0);
        assert_non_null(answer);
        client_accept_answer(client, answer);
        free(offer);
        free(answer);
        return peer;
}

bool world_connected(struct world *world, void *client)
{
        (void)world;
        return ((struct client *)client)->connected;
}

const struct sfu_event *world_event(const struct world *world, enum sfu_event_type type,
                                    uint64_t peer)
{
        for (size_t i = 0; i < world->n_events; i++)
                if (world->events[i].type == type && world->events[i].peer == peer)
                        return &world->events[i];
        return NULL;
}
