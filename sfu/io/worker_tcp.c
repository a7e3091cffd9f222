/* SPDX-License-Identifier: Apache-2.0 */
/* Where TCP connections meet the worker: a frame is a datagram, a connection an address. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/rand.h"
#include "base/clock.h"
#include "sfu/io/peer.h"
#include "sfu/io/worker_internal.h"
#include "sfu/wire/demux.h"
#include "sfu/wire/tcp_frame.h"

enum { PORT_TRIES = 64 };

static const char topic[] = "worker";

static void on_frame(void *user, struct tcp_conn *conn, struct span frame)
{
        struct worker *worker = user;
        struct udp_datagram datagram = { .path = *tcp_conn_path(conn) };

        _Static_assert((int)TCP_FRAME_CAP <= (int)PKT_CAP, "a frame fits a packet");
        /* Whoever has proved nothing may only begin to: no browser sends else. */
        if (tcp_conn_is_fresh(conn) && demux_classify(frame.data, frame.len) != DEMUX_STUN) {
                worker_count_garbage(worker, GARBAGE_UNKNOWN_SOURCE);
                tcp_conn_drop(conn);
                return;
        }
        datagram.pkt = pkt_get(worker->pool);
        if (!datagram.pkt)
                return; /* used up: as good as lost on the way */
        memcpy(datagram.pkt->data, frame.data, frame.len);
        datagram.pkt->len = (uint16_t)frame.len;
        datagram.pkt->arrival_us = worker->tcp_now_us;
        worker_on_datagram(worker, &datagram);
        pkt_unref(datagram.pkt);
}

static void on_long(void *user, struct tcp_conn *conn)
{
        worker_count_garbage(user, GARBAGE_OVERSIZE);
        if (tcp_conn_is_fresh(conn))
                tcp_conn_drop(conn);
}

static void on_closed(void *user, struct tcp_conn *conn)
{
        struct worker *worker = user;
        struct addr_entry *entry = addr_map_find(worker->addrs, tcp_conn_path(conn));

        if (entry)
                peer_on_path_lost(entry);
}

/* Costs time where the kernel does not do it, and nothing else. */
static void split(struct worker *worker)
{
        int r = udp_split(&worker->socket);

        if (r < 0)
                log_line(LOG_WARN, topic,
                         "port %u: feedback wakes the server each time it comes: %s",
                         worker->socket.port, strerror(-r));
}

int worker_open_ports(struct worker *worker)
{
        struct tcp_config config = {
                .seed = rand_u32(),
                .timers = &worker->timers,
                .on_frame = on_frame,
                .on_long = on_long,
                .on_closed = on_closed,
                .user = worker,
        };
        int r = -EADDRINUSE;

        /* Any number will do for a test, if it is free for both. */
        for (int i = 0; i < (worker->config.port ? 1 : PORT_TRIES) && r == -EADDRINUSE; i++) {
                udp_close(&worker->socket);
                r = udp_open(&worker->socket, worker->config.port);
                if (r < 0)
                        break;
                config.udp = worker->socket;
                r = tcp_server_new(&worker->tcp, &config);
        }
        if (r == 0)
                split(worker);
        return r;
}

void worker_run_tcp(struct worker *worker)
{
        worker_is_at(worker, "TCP");
        worker->tcp_now_us = clock_now_us();
        tcp_server_run(worker->tcp, worker->tcp_now_us);
}
