/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp — the TCP side of a worker's media port: passive ICE-TCP candidates
 *       (RFC 6544), for networks that let no UDP through.
 *
 *   accepted ── first valid check: tcp_conn_keep() ──► kept ── tcp_conn_drop() ──► closed
 *      │                                                │
 *      └── FRESH_US over, evicted by newer ones         └── closed by the client: on_closed()
 *
 * Layer:  io.
 * Owner:  the worker owns the server, the server its connections.
 * Thread: the worker's. Handlers are called from run and flush; they may drop any
 *         connection, their own included.
 *
 * Invariants:
 *  (1) a connection lives as long as it is fresh, or is a peer's address: who
 *      keeps one must drop it.
 *  (2) bounded: connections in all; those that have proved nothing yet, also per
 *      host; bytes that wait to be sent (tcp_queue); the time of a turn.
 *  (3) a dropped connection is never handed out again; its memory stays until
 *      tcp_server_flush(), which writes what it still can and closes it.
 */
#ifndef SFU_IO_TCP_H
#define SFU_IO_TCP_H

#include "base/base.h"
#include "sfu/io/timer_heap.h"
#include "sfu/io/udp.h"

struct tcp_conn;

struct tcp_config {
        struct udp_socket udp; /* listens on its port, of its family */
        uint32_t seed;         /* of the table of hosts */
        struct timer_heap *timers;
        void (*on_frame)(void *user, struct tcp_conn *conn, struct span frame);
        void (*on_long)(void *user, struct tcp_conn *conn);   /* a frame over TCP_FRAME_CAP came */
        void (*on_closed)(void *user, struct tcp_conn *conn); /* a kept one; to be forgotten */
        void *user;
};

struct tcp_server;

/* Returns 0 or -errno (-EADDRINUSE: the number is free for UDP only). */
must_use int tcp_server_new(struct tcp_server **ret_server, const struct tcp_config *config);
struct tcp_server *tcp_server_free(struct tcp_server *server); /* accepts NULL */
DEFINE_CLEANUP(struct tcp_server *, tcp_server_free)

/* For epoll: readable when tcp_server_run() has work, also when it left some for the next
 * turn. */
int tcp_server_fd(const struct tcp_server *server);
void tcp_server_run(struct tcp_server *server, int64_t now_us);

/* At the end of a loop turn: writes what was sent, closes what was dropped. */
void tcp_server_flush(struct tcp_server *server);

struct tcp_counters {
        uint64_t accepted, refused; /* refused: over a bound, or closed without a valid check */
        uint64_t send_dropped;      /* frames that a full line could not take */
        uint32_t open;
};
struct tcp_counters tcp_server_counters(const struct tcp_server *server);

/* Between which addresses; its `tcp` is the connection. */
const struct udp_path *tcp_conn_path(const struct tcp_conn *conn);

/* Proved: a valid check has come. Idempotent, as the next one is. */
void tcp_conn_keep(struct tcp_conn *conn);
void tcp_conn_drop(struct tcp_conn *conn);
bool tcp_conn_is_fresh(const struct tcp_conn *conn);

/* Queues one frame; RTP is dropped when the line is full. */
void tcp_conn_send(struct tcp_conn *conn, const uint8_t *data, size_t len);

#endif
