/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/room_spread.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int room_spread_init(struct room_spread *spread, unsigned n_workers)
{
        assert(n_workers > 0);
        *spread = (struct room_spread){ .n_workers = n_workers };
        spread->parts = calloc(n_workers, sizeof(*spread->parts));
        return spread->parts ? 0 : -ENOMEM;
}

void room_spread_done(struct room_spread *spread)
{
        free(spread->parts);
        spread->parts = NULL;
}

unsigned room_spread_pick(const struct room_spread *spread, const uint32_t *loads,
                          uint32_t spread_peers)
{
        unsigned least = 0, here = spread->n_workers;

        for (unsigned i = 0; i < spread->n_workers; i++) {
                if (loads[i] < loads[least])
                        least = i;
                if (spread->parts[i].n_peers > 0 &&
                    (here == spread->n_workers || loads[i] < loads[here]))
                        here = i;
        }
        if (here == spread->n_workers)
                return least;
        if (spread->n_peers < spread_peers || loads[here] - loads[least] < spread_peers)
                return here;
        return least;
}

void room_spread_add(struct room_spread *spread, unsigned worker)
{
        if (spread->n_peers++ == 0)
                spread->voice = worker;
        spread->parts[worker].n_peers++;
}

void room_spread_remove(struct room_spread *spread, unsigned worker)
{
        assert(spread->parts[worker].n_peers > 0);
        spread->n_peers--;
        if (--spread->parts[worker].n_peers > 0)
                return;
        spread->parts[worker].speaker = 0; /* its room starts anew, in silence */
        for (unsigned i = 0; spread->voice == worker && i < spread->n_workers; i++) {
                if (spread->parts[i].n_peers > 0)
                        spread->voice = i;
        }
}

void room_spread_hear(struct room_spread *spread, unsigned worker, uint32_t speaker)
{
        if (spread->parts[worker].n_peers > 0)
                spread->parts[worker].speaker = speaker;
}

bool room_spread_poll(struct room_spread *spread, uint32_t *ret_speaker)
{
        uint32_t speaker = spread->parts[spread->voice].speaker;

        if (speaker == spread->told)
                return false;
        spread->told = speaker;
        *ret_speaker = speaker;
        return true;
}
