/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/tcp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/fd.h"
#include "sfu/io/tcp_queue.h"
#include "sfu/wire/demux.h"
#include "sfu/wire/tcp_frame.h"

enum {
        MAX_CONNS = 2048,
        MAX_FRESH = 256,
        /* Of the fresh ones: others find a place too. Who has proved who she is counts no more:
         * a hall of a thousand may be behind one router. */
        MAX_FRESH_PER_HOST = 192,
        HOSTS = 4096, /* places of the table of counts */
        /* Events are taken a few at a time, and epoll tells those next that were not among them:
         * so nobody's turn is long, and everybody's comes. */
        EVENTS = 8,
        EVENTS_ROUNDS = 8,
        TURN_US = 2 * 1000,
        ACCEPTS_PER_TURN = 32,
        READ_BYTES = 16 * 1024, /* of one connection, each time it is looked at */
        BACKLOG = 256,
        FRESH_US = 10 * 1000 * 1000,
        PAUSE_US = 1000 * 1000, /* of accepting, when there are no descriptors */
        /* Not yet on the wire: what waits behind it waits in our queue, where
         * media can be dropped and the rest is not late by megabytes. */
        NOTSENT_BYTES = 16 * 1024,
        UNANSWERED_MS = 15 * 1000, /* unacknowledged for so long: the way is gone */
};

struct conns {
        struct tcp_conn *first, *last; /* oldest first */
        size_t n;
};

struct tcp_conn {
        struct tcp_server *server;
        int fd;
        bool fresh, dropped, dirty, waits; /* waits: for EPOLLOUT */
        int64_t accepted_us;
        struct udp_path path;
        struct tcp_conn *prev, *next; /* in server->fresh or server->kept */
        struct tcp_conn *next_dirty;
        struct tcp_queue queue;
        struct tcp_frame_reader reader;
};

struct tcp_server {
        struct tcp_config config;
        int epoll_fd, listen_fd;
        int64_t resume_us; /* when accepting goes on; 0: it does */
        struct timer timer;
        bool timed; /* the timer is in the heap */
        struct conns fresh, kept;
        struct tcp_conn *dirty; /* to be written to, or dropped */
        struct tcp_counters counters;
        uint16_t hosts[HOSTS]; /* fresh connections by hash of the host */
        uint8_t scratch[READ_BYTES];
};

/* Lists. */

static struct conns *list_of(struct tcp_conn *conn)
{
        return conn->fresh ? &conn->server->fresh : &conn->server->kept;
}

static void unlink_conn(struct tcp_conn *conn)
{
        struct conns *list = list_of(conn);

        *(conn->prev ? &conn->prev->next : &list->first) = conn->next;
        *(conn->next ? &conn->next->prev : &list->last) = conn->prev;
        conn->prev = conn->next = NULL;
        list->n--;
}

static void append_conn(struct tcp_conn *conn)
{
        struct conns *list = list_of(conn);

        conn->prev = list->last;
        *(list->last ? &list->last->next : &list->first) = conn;
        list->last = conn;
        list->n++;
}

/* A host is an IPv4 address or the /64 of an IPv6 one. Hosts that fall on one
 * place share its bound; the seed keeps strangers from choosing with whom. */
static uint16_t *host_of(struct tcp_server *server, const struct in6_addr *addr)
{
        size_t n = IN6_IS_ADDR_V4MAPPED(addr) ? 16 : 8;
        uint32_t hash = 2166136261u ^ server->config.seed;

        for (size_t i = 0; i < n; i++)
                hash = (hash ^ addr->s6_addr[i]) * 16777619u;
        return &server->hosts[(hash ^ hash >> 15) % HOSTS];
}

static void mark_dirty(struct tcp_conn *conn)
{
        if (conn->dirty)
                return;
        conn->dirty = true;
        conn->next_dirty = conn->server->dirty;
        conn->server->dirty = conn;
}

/* The oldest fresh connection is the next to go. */
static void rearm(struct tcp_server *server)
{
        int64_t due_us = server->fresh.first ? server->fresh.first->accepted_us + FRESH_US
                                             : INT64_MAX;

        if (server->resume_us && server->resume_us < due_us)
                due_us = server->resume_us;
        timer_heap_set(server->config.timers, &server->timer, due_us);
}

/* Connections. */

void tcp_conn_drop(struct tcp_conn *conn)
{
        if (conn->dropped)
                return;
        conn->server->counters.refused += conn->fresh;
        conn->dropped = true;
        mark_dirty(conn);
}

/* The line is gone: a kept connection's peer hears of it. */
static void lose(struct tcp_conn *conn)
{
        bool kept = !conn->fresh && !conn->dropped;

        tcp_conn_drop(conn);
        if (kept)
                conn->server->config.on_closed(conn->server->config.user, conn);
}

static void close_conn(struct tcp_conn *conn)
{
        struct tcp_server *server = conn->server;

        unlink_conn(conn);
        if (conn->fresh)
                --*host_of(server, &conn->path.remote.sin6_addr);
        server->counters.open--;
        closep(&conn->fd);
        tcp_queue_done(&conn->queue);
        free(conn);
}

const struct udp_path *tcp_conn_path(const struct tcp_conn *conn)
{
        return &conn->path;
}

void tcp_conn_keep(struct tcp_conn *conn)
{
        if (!conn->fresh || conn->dropped)
                return;
        unlink_conn(conn);
        --*host_of(conn->server, &conn->path.remote.sin6_addr);
        conn->fresh = false;
        append_conn(conn);
}

bool tcp_conn_is_fresh(const struct tcp_conn *conn)
{
        return conn->fresh;
}

void tcp_conn_send(struct tcp_conn *conn, const uint8_t *data, size_t len)
{
        if (conn->dropped)
                return;
        if (!tcp_queue_put(&conn->queue, data, len, demux_classify(data, len) == DEMUX_RTP)) {
                conn->server->counters.send_dropped++;
                return;
        }
        mark_dirty(conn);
}

static void wait_for_room(struct tcp_conn *conn, bool waits)
{
        struct epoll_event event = { .events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = conn };

        if (conn->waits == waits)
                return;
        conn->waits = waits;
        if (epoll_ctl(conn->server->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event) < 0)
                lose(conn);
}

static void write_out(struct tcp_conn *conn)
{
        struct iovec pieces[2];
        size_t n;

        while ((n = tcp_queue_pieces(&conn->queue, pieces)) > 0) {
                struct msghdr msg = { .msg_iov = pieces, .msg_iovlen = n };
                ssize_t sent = sendmsg(conn->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (sent < 0 && errno == EINTR)
                        continue;
                if (sent < 0 && errno == EAGAIN)
                        break;
                if (sent < 0) {
                        lose(conn);
                        return;
                }
                tcp_queue_took(&conn->queue, (size_t)sent);
        }
        if (!conn->dropped)
                wait_for_room(conn, conn->queue.used > 0);
}

void tcp_server_flush(struct tcp_server *server)
{
        while (server->dirty) {
                struct tcp_conn *conn = server->dirty;

                server->dirty = conn->next_dirty;
                if (!conn->waits || conn->dropped)
                        write_out(conn);
                /* Still marked, so that a failed write has not entered it anew. */
                conn->dirty = false;
                if (conn->dropped)
                        close_conn(conn);
        }
}

static void read_in(struct tcp_conn *conn)
{
        const struct tcp_config *config = &conn->server->config;
        ssize_t n = recv(conn->fd, conn->server->scratch, READ_BYTES, MSG_DONTWAIT);
        struct span stream, frame;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                lose(conn);
                return;
        }
        stream = (struct span){ conn->server->scratch, (size_t)n };
        while (!conn->dropped) {
                enum tcp_frame_event event = tcp_frame_read(&conn->reader, &stream, &frame);

                if (event == TCP_FRAME_MORE)
                        break;
                if (event == TCP_FRAME_WHOLE)
                        config->on_frame(config->user, conn, frame);
                else
                        config->on_long(config->user, conn);
        }
}

/* Accepting. */

/* resume_us: 0, or nobody is let in until then. */
static void watch_listener(struct tcp_server *server, int64_t resume_us)
{
        struct epoll_event event = { .events = resume_us ? 0 : EPOLLIN };

        server->resume_us = resume_us;
        (void)epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->listen_fd, &event);
}

/* count: of that host's place; NULL: of any. */
static struct tcp_conn *oldest_fresh(struct tcp_server *server, const uint16_t *count)
{
        for (struct tcp_conn *conn = server->fresh.first; conn; conn = conn->next)
                if (!conn->dropped &&
                    (!count || host_of(server, &conn->path.remote.sin6_addr) == count))
                        return conn;
        return NULL;
}

/* Who has shown nothing for the longest time makes room, if need be one of the same host. */
static bool take_place(struct tcp_server *server, const struct in6_addr *host)
{
        uint16_t *count = host_of(server, host);
        bool host_is_full = *count >= MAX_FRESH_PER_HOST;

        if (host_is_full || server->fresh.n >= MAX_FRESH ||
            server->fresh.n + server->kept.n >= MAX_CONNS) {
                struct tcp_conn *oldest = oldest_fresh(server, host_is_full ? count : NULL);

                if (!oldest)
                        return false;
                tcp_conn_drop(oldest);
        }
        ++*count;
        return true;
}

static int add_conn(struct tcp_server *server, int *fd, const struct udp_path *path, int64_t now_us)
{
        struct tcp_conn *conn = calloc(1, sizeof(*conn));
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };

        if (!conn)
                return -ENOMEM;
        if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, *fd, &event) < 0) {
                free(conn);
                return -errno;
        }
        conn->server = server;
        conn->fd = take_fd(fd);
        conn->fresh = true;
        conn->accepted_us = now_us;
        conn->path = *path;
        conn->path.tcp = conn;
        tcp_frame_init(&conn->reader);
        append_conn(conn);
        server->counters.open++;
        server->counters.accepted++;
        return 0;
}

/* False: nobody waits, or there is nothing left to accept with. */
static bool accept_one(struct tcp_server *server, int64_t now_us)
{
        cleanup(closep) int fd = -1;
        struct udp_path path;

        fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
                watch_listener(server, now_us + PAUSE_US);
        if (fd < 0)
                return errno == ECONNABORTED || errno == EINTR;
        if (udp_path_of(fd, &path) < 0)
                return true;
        if (!take_place(server, &path.remote.sin6_addr)) {
                server->counters.refused++;
                return true;
        }
        if (add_conn(server, &fd, &path, now_us) < 0)
                --*host_of(server, &path.remote.sin6_addr);
        return true;
}

static void accept_some(struct tcp_server *server, int64_t now_us)
{
        for (int i = 0; i < ACCEPTS_PER_TURN; i++)
                if (!accept_one(server, now_us))
                        break;
}

static void on_event(struct tcp_server *server, const struct epoll_event *event, int64_t now_us)
{
        struct tcp_conn *conn = event->data.ptr;

        if (!conn) {
                accept_some(server, now_us);
                return;
        }
        if (event->events & EPOLLOUT) {
                wait_for_room(conn, false);
                mark_dirty(conn);
        }
        if (!conn->dropped && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_in(conn);
}

void tcp_server_run(struct tcp_server *server, int64_t now_us)
{
        int64_t end_us = clock_now_us() + TURN_US;
        int n = EVENTS;

        for (int i = 0; i < EVENTS_ROUNDS && n == EVENTS && clock_now_us() < end_us; i++) {
                struct epoll_event events[EVENTS];

                n = epoll_wait(server->epoll_fd, events, EVENTS, 0);
                for (int e = 0; e < n; e++)
                        on_event(server, &events[e], now_us);
        }
        rearm(server);
}

static void on_timer(void *owner, int64_t now_us)
{
        struct tcp_server *server = owner;

        for (struct tcp_conn *conn = server->fresh.first; conn; conn = conn->next) {
                if (now_us - conn->accepted_us < FRESH_US)
                        break;
                tcp_conn_drop(conn);
        }
        tcp_server_flush(server);
        if (server->resume_us && now_us >= server->resume_us)
                watch_listener(server, 0);
        rearm(server);
}

/* Life. */

static int set_options(int fd, bool ipv6)
{
        const int on = 1, off = 0, notsent = NOTSENT_BYTES, unanswered = UNANSWERED_MS;

        /* What is set on a listener holds for what it accepts. */
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent, sizeof(notsent)) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered, sizeof(unanswered)) < 0)
                return -errno;
        if (ipv6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
                return -errno;
        return 0;
}

static int open_listener(struct tcp_server *server)
{
        bool ipv6 = server->config.udp.ipv6;
        uint16_t port = htons(server->config.udp.port);
        const struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = port };
        const struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = port };
        struct epoll_event event = { .events = EPOLLIN };
        int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int r;

        server->listen_fd = fd;
        if (fd < 0)
                return -errno;
        r = set_options(fd, ipv6);
        if (r < 0)
                return r;
        if (bind(fd, ipv6 ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in4,
                 ipv6 ? sizeof(in6) : sizeof(in4)) < 0 ||
            listen(fd, BACKLOG) < 0 || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                return -errno;
        return 0;
}

int tcp_server_new(struct tcp_server **ret_server, const struct tcp_config *config)
{
        cleanup(tcp_server_freep) struct tcp_server *server = calloc(1, sizeof(*server));
        int r;

        if (!server)
                return -ENOMEM;
        server->config = *config;
        server->listen_fd = -1;
        server->timer = (struct timer){ .fire = on_timer, .owner = server };
        server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (server->epoll_fd < 0)
                return -errno;
        r = open_listener(server);
        if (r == 0)
                r = timer_heap_add(config->timers, &server->timer);
        if (r < 0)
                return r;
        server->timed = true;
        *ret_server = take_ptr(server);
        return 0;
}

struct tcp_server *tcp_server_free(struct tcp_server *server)
{
        if (!server)
                return NULL;
        while (server->fresh.first)
                close_conn(server->fresh.first);
        while (server->kept.first)
                close_conn(server->kept.first);
        if (server->timed)
                timer_heap_remove(server->config.timers, &server->timer);
        closep(&server->listen_fd);
        closep(&server->epoll_fd);
        free(server);
        return NULL;
}

int tcp_server_fd(const struct tcp_server *server)
{
        return server->epoll_fd;
}

struct tcp_counters tcp_server_counters(const struct tcp_server *server)
{
        return server->counters;
}
