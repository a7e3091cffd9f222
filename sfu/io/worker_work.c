/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's work that is done in pieces, by urgency: sound, pictures, handshakes. */
#include "base/clock.h"
#include "sfu/io/peer.h"
#include "sfu/io/worker_internal.h"

enum {
        /* Then the sockets are looked at again: sound may have come. */
        WORK_TURN_US = 2 * 1000,
        /* One is half a millisecond: a hall that joins must not stop the speaker. */
        HANDSHAKE_TURN_US = 1000,
};

/* Rooms whose packets wait to be distributed. */

static void busy_push(struct worker *worker, struct room *room)
{
        if (worker->n_busy++ == 0)
                worker->busy_end = &worker->busy;
        room->busy = true;
        room->next_busy = NULL;
        *worker->busy_end = room;
        worker->busy_end = &room->next_busy;
}

static void busy_remove(struct worker *worker, struct room *room)
{
        struct room **at = &worker->busy;

        while (*at != room)
                at = &(*at)->next_busy;
        *at = room->next_busy;
        if (!*at)
                worker->busy_end = at;
        room->busy = false;
        worker->n_busy--;
}

/* Steps through all rooms in turn, as long as one has something so urgent. */
static void distribute(struct worker *worker, enum media_waiting urgency, int64_t end_us)
{
        int64_t now_us = clock_now_us();
        size_t left = worker->n_busy;

        while (worker->n_busy > 0 && left > 0 && now_us < end_us) {
                struct room *room = worker->busy;

                busy_remove(worker, room);
                left--;
                if (media_room_waiting(room->media) >= urgency) {
                        media_room_step(room->media, now_us);
                        now_us = clock_now_us();
                        left = worker->n_busy + 1;
                }
                if (media_room_waiting(room->media) != MEDIA_WAITING_NONE)
                        busy_push(worker, room);
        }
}

void worker_distribute(struct worker *worker)
{
        int64_t end_us;

        for (struct room *room = worker->dirty; room; room = room->next_dirty) {
                if (!room->busy && media_room_waiting(room->media) != MEDIA_WAITING_NONE)
                        busy_push(worker, room);
        }
        if (worker->n_busy == 0)
                return;
        end_us = clock_now_us() + WORK_TURN_US;
        distribute(worker, MEDIA_WAITING_AUDIO, end_us);
        send_batch_flush(worker->batch);
        distribute(worker, MEDIA_WAITING_VIDEO, end_us);
}

void worker_forget_work(struct worker *worker, struct room *room)
{
        if (room->busy)
                busy_remove(worker, room);
}

/* Handshakes. */

void worker_defer_handshake(struct worker *worker, const struct udp_datagram *datagram)
{
        struct udp_datagram *at;

        if (worker->n_handshakes == WORKER_HANDSHAKES) {
                worker_count_garbage(worker, GARBAGE_RATE); /* it will be sent again */
                return;
        }
        at = &worker->handshakes[(worker->first_handshake + worker->n_handshakes) %
                                 WORKER_HANDSHAKES];
        *at = *datagram;
        pkt_ref(at->pkt);
        worker->n_handshakes++;
}

static struct udp_datagram take_handshake(struct worker *worker)
{
        struct udp_datagram datagram = worker->handshakes[worker->first_handshake];

        worker->first_handshake = (worker->first_handshake + 1) % WORKER_HANDSHAKES;
        worker->n_handshakes--;
        return datagram;
}

void worker_run_handshakes(struct worker *worker)
{
        int64_t end_us = worker->n_handshakes > 0 ? clock_now_us() + HANDSHAKE_TURN_US : 0;

        while (worker->n_handshakes > 0) {
                struct udp_datagram datagram = take_handshake(worker);
                struct addr_entry *from = addr_map_find(worker->addrs, &datagram.path);

                if (from) /* its peer may have gone meanwhile */
                        peer_on_dtls(from->peer, from, datagram.pkt);
                pkt_unref(datagram.pkt);
                if (clock_now_us() >= end_us)
                        return;
        }
}

void worker_drop_handshakes(struct worker *worker)
{
        while (worker->n_handshakes > 0)
                pkt_unref(take_handshake(worker).pkt);
}
