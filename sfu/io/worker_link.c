/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker and the others tell each other about rooms that they share. */
#include "base/clock.h"
#include "sfu/io/worker_internal.h"

enum {
        RECORDS_PER_TURN = 256,  /* of each other worker; */
        LINKS_TURN_US = 2 * 1000 /* of all: then the sockets are looked at again */
};

bool worker_on_relay(void *user, unsigned to, struct media_relay *record)
{
        const struct room *room = user;
        const struct worker_config *config = &room->worker->config;

        record->room = room->id;
        return link_put(config->links, config->index, to, record);
}

static void take_from(struct worker *worker, unsigned from, int64_t now_us)
{
        const struct worker_config *config = &worker->config;
        struct media_relay record;
        struct room *room = NULL;

        for (int i = 0; i < RECORDS_PER_TURN; i++) {
                if (!link_take(config->links, config->index, from, &record))
                        return;
                if (!room || room->id != record.room)
                        room = u64_map_get(&worker->rooms, record.room);
                if (!room) {
                        media_relay_drop(&record);
                        continue;
                }
                media_room_on_relay(room->media, from, &record, now_us);
                worker_touch_room(worker, room);
                worker->unpublished = true;
        }
}

void worker_run_links(struct worker *worker)
{
        const struct worker_config *config = &worker->config;
        int64_t now_us, end_us;

        if (!config->links)
                return;
        worker_is_at(worker, "records of other workers");
        now_us = clock_now_us();
        end_us = now_us + LINKS_TURN_US;
        for (unsigned i = 0; i < config->n_workers && now_us < end_us; i++) {
                unsigned from = worker->next_link;

                worker->next_link = (from + 1) % config->n_workers;
                if (from == config->index)
                        continue;
                take_from(worker, from, now_us);
                now_us = clock_now_us();
        }
}

void worker_publish_links(struct worker *worker)
{
        if (worker->config.links)
                link_publish(worker->config.links, worker->config.index);
}

bool worker_may_sleep(struct worker *worker)
{
        return !worker->config.links || link_sleep(worker->config.links, worker->config.index);
}

void worker_awake(struct worker *worker)
{
        if (worker->config.links)
                link_awake(worker->config.links, worker->config.index);
}
