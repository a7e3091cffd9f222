/* SPDX-License-Identifier: Apache-2.0 */
/* What comes to the worker's port: to whom it belongs, and when it is looked for. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "sfu/io/peer.h"
#include "sfu/io/worker_internal.h"
#include "sfu/wire/demux.h"

enum {
        POOL_KEPT = 2 * UDP_BATCH, /* for receiving, when the rooms hold all the rest */
        AHEAD = 8,                 /* datagrams that are looked at together */
        /* Then what came is distributed, and timers get their turn. */
        BATCHES_PER_TURN = 4,
        RECEIVE_TURN_US = 2 * 1000,
};

static const char topic[] = "worker";

static void on_stun(struct worker *worker, const struct udp_datagram *datagram)
{
        const struct pkt *pkt = datagram->pkt;
        struct send_target target;
        struct ice_check check;
        uint8_t *reply = send_batch_reserve(worker->batch, ICE_REPLY_CAP);
        int err = ice_on_datagram(worker->ice, pkt->data, pkt->len,
                                  (const struct sockaddr *)&datagram->path.remote,
                                  sizeof(datagram->path.remote), reply, &check);

        if (err == ICE_E_NOT_REQUEST)
                return; /* keep-alive indications of libnice and others */
        if (err) {
                worker_count_garbage(worker, GARBAGE_STUN);
                if (datagram->path.tcp && tcp_conn_is_fresh(datagram->path.tcp))
                        tcp_conn_drop(datagram->path.tcp);
                return;
        }
        worker->counters.stun_ok++;
        if (check.reply_len > 0) {
                send_target_set(worker->batch, &target, &datagram->path);
                send_batch_commit(worker->batch, &target, check.reply_len);
        }
        if (check.valid)
                peer_on_check(check.cred->tag, &datagram->path, &check, pkt->arrival_us);
}

bool worker_has_packets(struct worker *worker)
{
        static struct log_limit limit;

        if (pkt_pool_available(worker->pool) >= POOL_KEPT)
                return true;
        log_limited(&limit, LOG_ERROR, topic, "packet pool is used up, media is dropped");
        return false;
}

void worker_on_datagram(struct worker *worker, const struct udp_datagram *datagram)
{
        struct pkt *pkt = datagram->pkt;
        enum demux_kind kind = demux_classify(pkt->data, pkt->len);
        struct addr_entry *from;

        if (datagram->truncated) {
                worker_count_garbage(worker, GARBAGE_OVERSIZE);
                return;
        }
        if (kind == DEMUX_STUN) {
                on_stun(worker, datagram);
                return;
        }
        from = addr_map_find(worker->addrs, &datagram->path);
        if (!from) {
                worker_count_garbage(worker, GARBAGE_UNKNOWN_SOURCE);
                return;
        }
        switch (kind) {
        case DEMUX_DTLS:
                worker_defer_handshake(worker, datagram);
                break;
        case DEMUX_RTP:
                if (worker_has_packets(worker))
                        peer_on_rtp(from->peer, pkt);
                break;
        case DEMUX_RTCP:
                peer_on_rtcp(from->peer, pkt);
                break;
        case DEMUX_STUN:
        case DEMUX_UNKNOWN:
                worker_count_garbage(worker, GARBAGE_UNKNOWN);
                break;
        }
}

/* In a crowd each report is another peer's, of whom nothing is in the cache: it is a
 * chain of pointers with some seventy lines along it. So that the loads for all that
 * came run side by side, each step is taken for all of them before the next. */
static void look_ahead(const struct worker *worker, const struct udp_datagram *datagrams, size_t n)
{
        const struct udp_path *from[AHEAD];
        const struct peer *peers[AHEAD];
        size_t n_from = 0, n_peers = 0;

        for (size_t i = 0; i < n; i++) {
                if (demux_classify(datagrams[i].pkt->data, datagrams[i].pkt->len) == DEMUX_RTCP)
                        from[n_from++] = &datagrams[i].path;
        }
        if (n_from < 2)
                return;
        for (unsigned step = 0; step < 2; step++) {
                for (size_t i = 0; i < n_from; i++)
                        addr_map_prefetch(worker->addrs, from[i], step);
        }
        for (size_t i = 0; i < n_from; i++) {
                const struct addr_entry *entry = addr_map_find(worker->addrs, from[i]);

                if (entry)
                        peers[n_peers++] = entry->peer;
        }
        for (unsigned step = 0; step < PEER_REPORT_STEPS; step++) {
                for (size_t i = 0; i < n_peers; i++)
                        peer_prefetch_report(peers[i], step);
        }
}

/* Up to AHEAD of the datagrams that were received. */
static size_t take(struct worker *worker, struct udp_datagram *datagrams, int64_t now_us)
{
        static struct log_limit limit;
        size_t n = 0;

        for (; n < AHEAD; n++) {
                datagrams[n].pkt = pkt_get(worker->pool);
                if (!datagrams[n].pkt) {
                        log_limited(&limit, LOG_ERROR, topic, "packet pool is used up");
                        break;
                }
                datagrams[n].pkt->arrival_us = now_us;
                if (!udp_next(worker->receiver, &datagrams[n])) {
                        pkt_unref(datagrams[n].pkt);
                        break;
                }
        }
        return n;
}

/* Returns how many messages; when UDP_BATCH, more may be waiting. */
static size_t receive(struct worker *worker, int fd)
{
        struct udp_datagram datagrams[AHEAD];
        size_t got = udp_receive(fd, worker->receiver), n;
        int64_t now_us = clock_now_us();

        while ((n = take(worker, datagrams, now_us)) > 0) {
                look_ahead(worker, datagrams, n);
                for (size_t i = 0; i < n; i++) {
                        worker_on_datagram(worker, &datagrams[i]);
                        pkt_unref(datagrams[i].pkt);
                }
        }
        return got;
}

/* Returns how many messages; *ret_more: and there may be more. */
static size_t run_socket(struct worker *worker, int fd, bool *ret_more)
{
        int64_t now_us = clock_now_us(), end_us = now_us + RECEIVE_TURN_US;
        size_t sum = 0;

        worker_is_at(worker, "datagrams");
        *ret_more = true;
        for (int i = 0; i < BATCHES_PER_TURN && now_us < end_us; i++) {
                size_t got = receive(worker, fd);

                sum += got;
                now_us = worker_warn_if_slow(worker, "a batch of datagrams", now_us);
                if (got < UDP_BATCH) {
                        *ret_more = false;
                        break;
                }
        }
        return sum;
}

void worker_run_datagrams(struct worker *worker)
{
        bool more; /* then epoll tells again */

        (void)run_socket(worker, worker->socket.fd, &more);
}

/* Out of epoll, but for faults, and in again. */
static void watch_patient(struct worker *worker)
{
        struct epoll_event event = { .events = worker->patience.watched ? EPOLLIN : 0,
                                     .data.fd = worker->socket.patient_fd };

        if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_MOD, event.data.fd, &event) < 0)
                log_line(LOG_ERROR, topic, "port %u: epoll_ctl: %s", worker->socket.port,
                         strerror(errno));
}

void worker_run_patient(struct worker *worker, bool ready)
{
        bool watched = worker->patience.watched, more;
        size_t got;

        if (worker->socket.patient_fd < 0 ||
            !patience_wants(&worker->patience, ready, clock_now_us()))
                return;
        got = run_socket(worker, worker->socket.patient_fd, &more);
        worker->unpublished |= got > 0;
        patience_on_read(&worker->patience, got, more, clock_now_us());
        if (worker->patience.watched != watched)
                watch_patient(worker);
}
