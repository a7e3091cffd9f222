/* SPDX-License-Identifier: Apache-2.0 */
/* send_batch and udp over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
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

        while (udp_receive(&reader->socket, reader->receiver)) {
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

static void send_numbered(struct send_batch *batch, struct send_target *target, uint16_t number)
{
        uint8_t *at = send_batch_reserve(batch, 1300);
        struct wr w = wr_init(at, LEN);

        memset(at, 0, LEN);
        wr_u16(&w, number);
        send_batch_commit(batch, target, LEN);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(order_is_kept_for_each_destination),
                cmocka_unit_test(unreachable_destination_costs_only_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
