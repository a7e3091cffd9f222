/* SPDX-License-Identifier: Apache-2.0 */
/* send_batch and udp over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "sfu/io/send_batch.h"

enum { N_SENT = 2500, LEN = 100 }; /* more than one batch takes */

static struct udp_path path_to(const struct udp_socket *socket, bool ipv4)
{
        struct udp_path path = { .remote = { .sin6_family = AF_INET6,
                                             .sin6_port = htons(socket->port),
                                             .sin6_addr = IN6ADDR_LOOPBACK_INIT } };

        if (ipv4)
                memcpy(&path.remote.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01", 16);
        path.local = path.remote.sin6_addr;
        return path;
}

struct reader {
        struct udp_socket socket;
        struct udp_receiver *receiver;
        struct pkt_pool *pool;
        struct udp_datagram datagram;
        uint16_t next; /* number expected */
        struct udp_path last;
};

static void reader_init(struct reader *reader)
{
        memset(reader, 0, sizeof(*reader));
        assert_int_equal(udp_open(&reader->socket, 0), 0);
        assert_int_equal(udp_receiver_new(&reader->receiver), 0);
        assert_int_equal(pkt_pool_new(&reader->pool, 1), 0);
        reader->datagram.pkt = pkt_get(reader->pool);
}

static void reader_done(struct reader *reader)
{
        pkt_unref(reader->datagram.pkt);
        pkt_pool_free(reader->pool);
        udp_receiver_free(reader->receiver);
        udp_close(&reader->socket);
}

/* Takes what is there; every datagram carries its number. len 0: of any length. */
static size_t read_all_of(struct reader *reader, size_t len)
{
        const struct pkt *pkt = reader->datagram.pkt;
        size_t total = 0;

        while (udp_receive(reader->socket.fd, reader->receiver)) {
                while (udp_next(reader->receiver, &reader->datagram)) {
                        struct rd r = rd_init(pkt->data, pkt->len);

                        if (len > 0)
                                assert_int_equal(pkt->len, len);
                        assert_int_equal(rd_u16(&r), reader->next++);
                        reader->last = reader->datagram.path;
                        total++;
                }
        }
        return total;
}

static size_t read_all(struct reader *reader)
{
        return read_all_of(reader, LEN);
}

static void send_of(struct send_batch *batch, struct send_target *target, uint16_t number,
                    size_t len)
{
        uint8_t *at = send_batch_reserve(batch, SEND_MAX_LEN);
        struct wr w = wr_init(at, len);

        memset(at, 0, len);
        wr_u16(&w, number);
        send_batch_commit(batch, target, len);
}

static void send_numbered(struct send_batch *batch, struct send_target *target, uint16_t number)
{
        send_of(batch, target, number, LEN);
}

static void order_is_kept_for_each_destination(void **state)
{
        struct udp_socket from;
        struct reader readers[2];
        struct send_target targets[2];
        cleanup(send_batch_freep) struct send_batch *batch = NULL;
        size_t got = 0;

        (void)state;
        assert_int_equal(udp_open(&from, 0), 0);
        assert_int_equal(send_batch_new(&batch, &from), 0);
        for (int i = 0; i < 2; i++) {
                struct udp_path path;

                reader_init(&readers[i]);
                path = path_to(&readers[i].socket, i == 0);
                send_target_set(batch, &targets[i], &path);
        }
        for (unsigned i = 0; i < N_SENT * 2; i++) {
                send_numbered(batch, &targets[i % 2], (uint16_t)(i / 2));
                if (i % 500 == 0)
                        got += read_all(&readers[0]) + read_all(&readers[1]);
        }
        send_batch_flush(batch);
        got += read_all(&readers[0]) + read_all(&readers[1]);
        assert_int_equal(got + send_batch_counts(batch)->dropped, N_SENT * 2);
        assert_int_equal(send_batch_counts(batch)->dropped, 0);
        for (int i = 0; i < 2; i++) {
                /* From the address and port that were talked to. */
                assert_int_equal(ntohs(readers[i].last.remote.sin6_port), from.port);
                assert_memory_equal(&readers[i].last.remote.sin6_addr, &targets[i].path.local, 16);
                assert_memory_equal(&readers[i].last.local, &targets[i].path.local, 16);
                reader_done(&readers[i]);
        }
        udp_close(&from);
}

static void unreachable_destination_costs_only_itself(void **state)
{
        struct udp_socket from;
        struct reader reader;
        struct send_target good, bad;
        struct udp_path path;
        cleanup(send_batch_freep) struct send_batch *batch = NULL;

        (void)state;
        assert_int_equal(udp_open(&from, 0), 0);
        assert_int_equal(send_batch_new(&batch, &from), 0);
        reader_init(&reader);
        path = path_to(&reader.socket, true);
        send_target_set(batch, &good, &path);
        path.local.s6_addr[12] = 203; /* not an address of this machine */
        send_target_set(batch, &bad, &path);
        for (unsigned i = 0; i < 20; i++) {
                send_numbered(batch, i % 2 ? &good : &bad, (uint16_t)(i / 2));
        }
        send_batch_flush(batch);
        assert_int_equal(send_batch_counts(batch)->dropped, 10);
        assert_int_equal(read_all(&reader), 10);
        reader_done(&reader);
        udp_close(&from);
}

/* Trains. sendmmsg() refuses them while train_error is set. */

static int train_error;
static unsigned n_refused;

int __real_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);

static bool is_train(struct msghdr *msg)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT)
                        return true;
        }
        return false;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
        unsigned n_plain = 0;

        if (train_error == 0)
                return __real_sendmmsg(fd, msgs, n, flags);
        while (n_plain < n && !is_train(&msgs[n_plain].msg_hdr))
                n_plain++;
        if (n_plain > 0)
                return __real_sendmmsg(fd, msgs, n_plain, flags);
        n_refused++;
        errno = train_error;
        return -1;
}

struct line {
        struct udp_socket from;
        struct reader reader;
        struct send_target target;
        struct send_batch *batch;
};

/* gro: the reader takes trains whole. False: this kernel has none. */
static bool line_init(struct line *line, bool ipv4, bool gro)
{
        struct udp_path path;
        const int on = gro;

        train_error = 0;
        n_refused = 0;
        assert_int_equal(udp_open(&line->from, 0), 0);
        assert_int_equal(send_batch_new(&line->batch, &line->from), 0);
        reader_init(&line->reader);
        path = path_to(&line->reader.socket, ipv4);
        send_target_set(line->batch, &line->target, &path);
        (void)setsockopt(line->reader.socket.fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
        return line->from.gso && line->reader.socket.gro;
}

static void line_done(struct line *line)
{
        reader_done(&line->reader);
        send_batch_free(line->batch);
        udp_close(&line->from);
}

static void expect_counts(const struct line *line, unsigned n_trains, unsigned n_segments,
                          unsigned n_plain)
{
        const struct send_counts *counts = send_batch_counts(line->batch);

        assert_int_equal(counts->gso_messages, n_trains);
        assert_int_equal(counts->gso_segments, n_segments);
        assert_int_equal(counts->plain_messages, n_plain);
        assert_int_equal(counts->dropped, 0);
}

static void equal_neighbours_leave_as_a_train(void **state)
{
        static const uint16_t lens[] = { 100, 100, 120, 120, 90, 120, 121, 7 };

        (void)state;
        for (int variant = 0; variant < 4; variant++) {
                struct line line;
                bool trains = line_init(&line, variant & 1, variant & 2);
                uint64_t n_messages, n_segments;

                for (uint16_t i = 0; i < ARRAY_LEN(lens); i++)
                        send_of(line.batch, &line.target, i, lens[i]);
                send_batch_flush(line.batch);
                assert_int_equal(read_all_of(&line.reader, 0), ARRAY_LEN(lens));
                udp_receiver_count(line.reader.receiver, &n_messages, &n_segments);
                if (trains) {
                        /* 100 100, 120 120 90, 120, 121 7 */
                        expect_counts(&line, 3, 7, 1);
                        assert_int_equal(n_messages, variant & 2 ? 3 : 0);
                        assert_int_equal(n_segments, variant & 2 ? 7 : 0);
                }
                line_done(&line);
        }
}

static void long_trains_are_cut(void **state)
{
        struct line line;
        bool trains = line_init(&line, true, true);

        (void)state;
        for (uint16_t i = 0; i < 150; i++)
                send_of(line.batch, &line.target, i, 100);
        send_batch_flush(line.batch);
        assert_int_equal(read_all_of(&line.reader, 100), 150);
        if (trains)
                expect_counts(&line, 3, 150, 0); /* 64 + 64 + 22 */
        for (uint16_t i = 150; i < 210; i++)
                send_of(line.batch, &line.target, i, 1400);
        send_batch_flush(line.batch);
        assert_int_equal(read_all_of(&line.reader, 1400), 60);
        if (trains)
                expect_counts(&line, 5, 210, 0); /* 46 are 64,400 bytes, and 14 */
        line_done(&line);
}

static void refused_train_is_sent_apart(void **state)
{
        static const int errors[] = { EIO, EINVAL, EOPNOTSUPP, EMSGSIZE };

        (void)state;
        for (size_t k = 0; k < ARRAY_LEN(errors); k++) {
                bool lasting = errors[k] == EIO || errors[k] == EOPNOTSUPP;
                struct line line;

                if (!line_init(&line, true, true)) {
                        line_done(&line);
                        skip();
                }
                train_error = errors[k];
                for (unsigned round = 0; round < 2; round++) {
                        for (unsigned i = 0; i < 9; i++)
                                send_of(line.batch, &line.target, (uint16_t)(round * 9 + i),
                                        i == 4 ? 99 : 101); /* pieces that do not touch */
                        send_batch_flush(line.batch);
                }
                assert_int_equal(read_all_of(&line.reader, 0), 18);
                expect_counts(&line, 0, 0, 18);
                /* Two trains a round; after a lasting error the second round has none. */
                assert_int_equal(n_refused, lasting ? 2 : 4);
                line_done(&line);
        }
        train_error = 0;
}

static void unreachable_train_costs_one_call(void **state)
{
        struct line line;
        bool trains = line_init(&line, true, true);

        (void)state;
        train_error = ENETUNREACH;
        for (uint16_t i = 0; i < 10; i++)
                send_of(line.batch, &line.target, i, 100);
        send_batch_flush(line.batch);
        train_error = 0;
        if (trains) {
                assert_int_equal(n_refused, 1);
                assert_int_equal(send_batch_counts(line.batch)->dropped, 10);
                assert_int_equal(read_all_of(&line.reader, 0), 0);
        }
        line_done(&line);
}

static void overlong_datagram_is_told(void **state)
{
        struct line line;
        struct udp_datagram *got = &line.reader.datagram;

        (void)state;
        (void)line_init(&line, true, true);
        send_of(line.batch, &line.target, 0, PKT_CAP + 1);
        send_batch_flush(line.batch);
        assert_int_equal(udp_receive(line.reader.socket.fd, line.reader.receiver), 1);
        assert_true(udp_next(line.reader.receiver, got));
        assert_true(got->truncated);
        assert_false(udp_next(line.reader.receiver, got));
        line_done(&line);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(order_is_kept_for_each_destination),
                cmocka_unit_test(unreachable_destination_costs_only_itself),
                cmocka_unit_test(equal_neighbours_leave_as_a_train),
                cmocka_unit_test(long_trains_are_cut),
                cmocka_unit_test(refused_train_is_sent_apart),
                cmocka_unit_test(unreachable_train_costs_one_call),
                cmocka_unit_test(overlong_datagram_is_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
