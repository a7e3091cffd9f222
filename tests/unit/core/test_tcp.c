/* SPDX-License-Identifier: Apache-2.0 */
/* The TCP side of the media port: queue, framing, bounds, hostile clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "sfu/io/tcp.h"
#include "sfu/io/tcp_queue.h"

enum { MAX_GOT = 8, SECOND_US = 1000 * 1000, WAIT_MS = 5000 };

struct fixture {
        struct udp_socket udp;
        struct timer_heap timers;
        struct tcp_server *server;
        int64_t now_us;
        size_t n_frames, n_long, n_closed;
        size_t lens[MAX_GOT];
        struct tcp_conn *conn; /* the last that a frame came from */
        bool keep, drop;       /* what to do with it */
        int64_t work_us;       /* how long each frame keeps the handler busy */
};

static void on_frame(void *user, struct tcp_conn *conn, struct span frame)
{
        struct fixture *f = user;

        if (f->n_frames < MAX_GOT)
                f->lens[f->n_frames] = frame.len;
        f->n_frames++;
        f->conn = conn;
        for (int64_t end_us = clock_now_us() + f->work_us; clock_now_us() < end_us;)
                ;
        if (f->keep)
                tcp_conn_keep(conn);
        if (f->drop)
                tcp_conn_drop(conn);
}

static void on_long(void *user, struct tcp_conn *conn)
{
        struct fixture *f = user;

        (void)conn;
        f->n_long++;
}

static void on_closed(void *user, struct tcp_conn *conn)
{
        struct fixture *f = user;

        f->n_closed++;
        f->conn = NULL;
        tcp_conn_drop(conn);
}

static void init(struct fixture *f)
{
        struct tcp_config config = { .seed = 1,
                                     .timers = &f->timers,
                                     .on_frame = on_frame,
                                     .on_long = on_long,
                                     .on_closed = on_closed,
                                     .user = f };

        memset(f, 0, sizeof(*f));
        f->now_us = SECOND_US;
        for (;;) { /* until a number is free for both */
                int r;

                assert_int_equal(udp_open(&f->udp, 0), 0);
                config.udp = f->udp;
                r = tcp_server_new(&f->server, &config);
                if (r == 0)
                        break;
                assert_int_equal(r, -EADDRINUSE);
                udp_close(&f->udp);
        }
}

static void done(struct fixture *f)
{
        f->server = tcp_server_free(f->server);
        timer_heap_done(&f->timers);
        udp_close(&f->udp);
}

static void turn(struct fixture *f)
{
        tcp_server_run(f->server, f->now_us);
        timer_heap_run(&f->timers, f->now_us);
        tcp_server_flush(f->server);
}

static void await(struct fixture *f, const size_t *count, size_t n)
{
        struct pollfd fd = { .fd = tcp_server_fd(f->server), .events = POLLIN };

        while (*count < n) {
                assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
                turn(f);
        }
}

static int dial(const struct fixture *f, const char *address)
{
        struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons(f->udp.port) };
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(inet_pton(AF_INET6, address, &to.sin6_addr), 1);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        return fd;
}

static void await_open(struct fixture *f, uint32_t n)
{
        struct pollfd fd = { .fd = tcp_server_fd(f->server), .events = POLLIN };

        while (tcp_server_counters(f->server).open != n) {
                assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
                turn(f);
        }
}

static void write_frame(int fd, size_t len)
{
        static uint8_t bytes[2 + 65535];

        memset(bytes, 0x80, sizeof(bytes));
        bytes[0] = (uint8_t)(len >> 8);
        bytes[1] = (uint8_t)len;
        assert_int_equal(write(fd, bytes, 2 + len), 2 + len);
}

/* The server closed it: end of stream, or a reset when it had not read all. */
static void assert_closed(int fd)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        uint8_t byte;
        ssize_t n;

        assert_int_equal(poll(&poll_fd, 1, WAIT_MS), 1);
        n = read(fd, &byte, 1);
        assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
        close(fd);
}

static void queue_keeps_frames_whole_and_in_order(void **state)
{
        struct tcp_queue queue = { 0 };
        struct iovec pieces[2];
        uint8_t data[1000] = { 0 };
        uint16_t in = 0, out = 0;

        (void)state;
        assert_int_equal(tcp_queue_pieces(&queue, pieces), 0);
        for (int round = 0; round < 1000; round++) {
                uint8_t head[6];
                size_t n, got = 0;

                for (int i = 0; i < 70; i++) {
                        memcpy(data, &in, sizeof(in));
                        if (tcp_queue_put(&queue, data, sizeof(data), true))
                                in++;
                }
                assert_true(queue.used <= TCP_QUEUE_CAP - TCP_QUEUE_KEPT);
                /* Checks and the like still find room. */
                assert_true(round > 0 || tcp_queue_put(&queue, data, sizeof(data), false));
                if (round == 0)
                        assert_true(queue.used > TCP_QUEUE_CAP - TCP_QUEUE_KEPT);
                n = tcp_queue_pieces(&queue, pieces);
                for (size_t i = 0; i < n; i++)
                        for (size_t b = 0; b < pieces[i].iov_len && got < 4; b++)
                                head[got++] = ((uint8_t *)pieces[i].iov_base)[b];
                assert_int_equal(head[0] << 8 | head[1], sizeof(data));
                assert_int_equal(head[2] | head[3] << 8, out);
                tcp_queue_took(&queue, 1002);
                out++;
                if (round == 0) { /* away with the extra one, which repeats a number */
                        tcp_queue_took(&queue, queue.used);
                        out = in;
                        assert_int_equal(queue.head, 0);
                }
        }
        tcp_queue_done(&queue);
}

static void frames_arrive_however_they_are_cut(void **state)
{
        struct fixture f;
        int fd;

        (void)state;
        init(&f);
        f.keep = true;
        fd = dial(&f, "::ffff:127.0.0.1");
        write_frame(fd, 10);
        write_frame(fd, 65535);
        write_frame(fd, 1500);
        assert_int_equal(write(fd, "\0", 1), 1);
        await(&f, &f.n_frames, 2);
        assert_int_equal(write(fd, "\1x", 2), 2);
        await(&f, &f.n_frames, 3);
        assert_int_equal(f.lens[0], 10);
        assert_int_equal(f.lens[1], 1500);
        assert_int_equal(f.lens[2], 1);
        assert_int_equal(f.n_long, 1);
        assert_true(IN6_IS_ADDR_V4MAPPED(&tcp_conn_path(f.conn)->remote.sin6_addr));
        assert_ptr_equal(tcp_conn_path(f.conn)->tcp, f.conn);
        close(fd);
        await(&f, &f.n_closed, 1);
        assert_int_equal(tcp_server_counters(f.server).open, 0);
        done(&f);
}

static void what_is_sent_arrives_framed(void **state)
{
        uint8_t got[8];
        struct fixture f;
        int fd;

        (void)state;
        init(&f);
        f.keep = true;
        fd = dial(&f, "::1");
        write_frame(fd, 10);
        await(&f, &f.n_frames, 1);
        tcp_conn_send(f.conn, (const uint8_t *)"abc", 3);
        tcp_conn_send(f.conn, (const uint8_t *)"d", 1);
        tcp_server_flush(f.server);
        assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), 8);
        assert_memory_equal(got, "\0\3abc\0\1d", 8);
        /* A goodbye goes out before the line is cut. */
        tcp_conn_send(f.conn, (const uint8_t *)"bye", 3);
        tcp_conn_drop(f.conn);
        tcp_conn_send(f.conn, (const uint8_t *)"late", 4);
        tcp_server_flush(f.server);
        assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), 5);
        assert_memory_equal(got, "\0\3bye", 5);
        assert_int_equal(tcp_server_counters(f.server).open, 0);
        assert_int_equal(f.n_closed, 0); /* whoever drops it knows */
        close(fd);
        done(&f);
}

static void client_that_does_not_read_loses_media_only(void **state)
{
        static uint8_t packet[1200] = { 0x80 };
        static const uint8_t check[20] = { 0 };
        struct fixture f;
        int fd;

        (void)state;
        init(&f);
        f.keep = true;
        fd = dial(&f, "::1");
        write_frame(fd, 10);
        await(&f, &f.n_frames, 1);
        for (int i = 0; i < 20000; i++) {
                tcp_conn_send(f.conn, packet, sizeof(packet));
                tcp_server_flush(f.server);
        }
        assert_true(tcp_server_counters(f.server).send_dropped > 1000);
        {
                uint64_t before = tcp_server_counters(f.server).send_dropped;

                tcp_conn_send(f.conn, check, sizeof(check));
                assert_int_equal(tcp_server_counters(f.server).send_dropped, before);
        }
        assert_int_equal(tcp_server_counters(f.server).open, 1);
        close(fd);
        done(&f);
}

static void silent_connection_goes_a_kept_one_stays(void **state)
{
        struct fixture f;
        int silent, talks;

        (void)state;
        init(&f);
        f.keep = true;
        talks = dial(&f, "::1");
        write_frame(talks, 10);
        await(&f, &f.n_frames, 1);
        silent = dial(&f, "::1");
        assert_int_equal(write(silent, "\0", 1), 1); /* half a head */
        await_open(&f, 2);
        f.now_us += 9 * SECOND_US;
        turn(&f);
        assert_int_equal(tcp_server_counters(f.server).open, 2);
        f.now_us += 2 * SECOND_US;
        turn(&f);
        assert_int_equal(tcp_server_counters(f.server).open, 1);
        assert_int_equal(tcp_server_counters(f.server).refused, 1);
        assert_closed(silent);
        f.now_us += 100 * (int64_t)SECOND_US;
        turn(&f);
        assert_int_equal(tcp_server_counters(f.server).open, 1);
        close(talks);
        done(&f);
}

static void newer_connections_push_out_the_oldest_silent_one(void **state)
{
        enum { MAX_FRESH = 256 };
        struct fixture f;
        int fds[MAX_FRESH + 1];

        (void)state;
        init(&f);
        for (unsigned i = 0; i <= MAX_FRESH; i++) {
                fds[i] = dial(&f, i % 2 ? "::1" : "::ffff:127.0.0.1");
                await_open(&f, i < MAX_FRESH ? i + 1 : MAX_FRESH);
                turn(&f);
        }
        assert_closed(fds[0]);
        for (unsigned i = 1; i <= MAX_FRESH; i++)
                close(fds[i]);
        await_open(&f, 0);
        done(&f);
}

static void one_host_has_its_share_of_the_silent_only(void **state)
{
        enum { MAX_FRESH_PER_HOST = 192 };
        struct fixture f;
        int fds[MAX_FRESH_PER_HOST + 1], other;
        uint8_t byte;

        (void)state;
        init(&f);
        other = dial(&f, "::ffff:127.0.0.1");
        await_open(&f, 1);
        for (unsigned i = 0; i <= MAX_FRESH_PER_HOST; i++) {
                fds[i] = dial(&f, "::1");
                await_open(&f, i < MAX_FRESH_PER_HOST ? i + 2 : MAX_FRESH_PER_HOST + 1);
                turn(&f);
        }
        /* The oldest of that host, not the oldest of all. */
        assert_closed(fds[0]);
        assert_int_equal(recv(other, &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
        for (unsigned i = 1; i <= MAX_FRESH_PER_HOST; i++)
                close(fds[i]);
        close(other);
        await_open(&f, 0);
        done(&f);
}

static void hall_behind_one_router_comes_in(void **state)
{
        enum { HALL = 1000 };
        struct fixture f;
        int fds[HALL], silent;

        (void)state;
        init(&f);
        f.keep = true;
        for (unsigned i = 0; i < HALL; i++) {
                fds[i] = dial(&f, "::1");
                write_frame(fds[i], 1);
                await(&f, &f.n_frames, i + 1);
        }
        assert_int_equal(tcp_server_counters(f.server).open, HALL);
        assert_int_equal(tcp_server_counters(f.server).refused, 0);
        for (unsigned i = 0; i < HALL; i++)
                close(fds[i]);
        await_open(&f, 0);
        /* Whoever went took nobody's place with her. */
        silent = dial(&f, "::1");
        await_open(&f, 1);
        close(silent);
        done(&f);
}

/* Some who send without end, and some with one frame each. */
static void crowd_that_sends_holds_no_turn_and_keeps_nobody_out(void **state)
{
        enum { LOUD = 32, CROWD = 40, FRAME = 1000, N_FRAMES = 64 };
        enum { OF_A_TURN = 8 * 17 }; /* frames: eight connections, 16 kB of each */
        int fds[CROWD];
        struct fixture f;

        (void)state;
        init(&f);
        f.keep = true;
        for (size_t i = 0; i < CROWD; i++) {
                fds[i] = dial(&f, "::1");
                write_frame(fds[i], 1);
                await(&f, &f.n_frames, i + 1);
        }
        for (size_t i = 0; i < LOUD; i++)
                for (size_t n = 0; n < N_FRAMES; n++)
                        write_frame(fds[i], FRAME);
        for (size_t i = LOUD; i < CROWD; i++)
                write_frame(fds[i], 1501); /* too long: counted apart */
        f.work_us = 200;
        for (size_t i = 0; f.n_frames < CROWD + LOUD * N_FRAMES; i++) {
                size_t before = f.n_frames + f.n_long;

                turn(&f);
                assert_in_range(f.n_frames + f.n_long - before, 1, OF_A_TURN);
                if (i == CROWD / 8 - 1)
                        assert_int_equal(f.n_long, CROWD - LOUD); /* all were looked at */
        }
        done(&f);
        for (size_t i = 0; i < CROWD; i++)
                close(fds[i]);
}

/* Only the soft limit, and only for what is opened meanwhile. */
static void turn_without_descriptors(struct fixture *f)
{
        struct rlimit limit, none;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = limit;
        none.rlim_cur = 1;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        tcp_server_run(f->server, f->now_us);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void who_waits_for_a_descriptor_comes_in_though_others_talk(void **state)
{
        struct fixture f;
        int talks, waits;

        (void)state;
        init(&f);
        f.keep = true;
        talks = dial(&f, "::1");
        write_frame(talks, 10);
        await(&f, &f.n_frames, 1);
        waits = dial(&f, "::1");
        turn_without_descriptors(&f);
        assert_int_equal(tcp_server_counters(f.server).open, 1);
        for (int i = 0; i < 20; i++) {
                f.now_us += SECOND_US / 10;
                write_frame(talks, 10);
                await(&f, &f.n_frames, f.n_frames + 1);
        }
        turn(&f);
        assert_int_equal(tcp_server_counters(f.server).open, 2);
        close(talks);
        close(waits);
        done(&f);
}

static void handler_may_drop_the_connection_it_reads(void **state)
{
        struct fixture f;
        int fd;

        (void)state;
        init(&f);
        f.drop = true;
        fd = dial(&f, "::1");
        write_frame(fd, 10);
        write_frame(fd, 10);
        await(&f, &f.n_frames, 1);
        assert_int_equal(f.n_frames, 1);
        assert_int_equal(tcp_server_counters(f.server).open, 0);
        assert_closed(fd);
        done(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(queue_keeps_frames_whole_and_in_order),
                cmocka_unit_test(frames_arrive_however_they_are_cut),
                cmocka_unit_test(what_is_sent_arrives_framed),
                cmocka_unit_test(client_that_does_not_read_loses_media_only),
                cmocka_unit_test(silent_connection_goes_a_kept_one_stays),
                cmocka_unit_test(newer_connections_push_out_the_oldest_silent_one),
                cmocka_unit_test(one_host_has_its_share_of_the_silent_only),
                cmocka_unit_test(hall_behind_one_router_comes_in),
                cmocka_unit_test(crowd_that_sends_holds_no_turn_and_keeps_nobody_out),
                cmocka_unit_test(who_waits_for_a_descriptor_comes_in_though_others_talk),
                cmocka_unit_test(handler_may_drop_the_connection_it_reads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
