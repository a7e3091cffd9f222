/* SPDX-License-Identifier: Apache-2.0 */
/* udp on a machine without IPv6: socket() is wrapped and refuses it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "sfu/io/send_batch.h"

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);

int __wrap_socket(int domain, int type, int protocol)
{
        if (domain != AF_INET6)
                return __real_socket(domain, type, protocol);
        errno = EAFNOSUPPORT;
        return -1;
}

static void send_one(struct udp_socket *from, const struct udp_path *path, const char *text)
{
        cleanup(send_batch_freep) struct send_batch *batch = NULL;
        struct send_target target;

        assert_int_equal(send_batch_new(&batch, from), 0);
        send_target_set(batch, &target, path);
        memcpy(send_batch_reserve(batch, 100), text, strlen(text));
        send_batch_commit(batch, &target, strlen(text));
        send_batch_flush(batch);
        assert_int_equal(send_batch_counts(batch)->dropped, 0);
}

static void addresses_are_mapped_both_ways(void **state)
{
        static const uint8_t loopback[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
        struct udp_socket a, b;
        struct udp_path path = { .remote = { .sin6_family = AF_INET6 } };
        struct udp_datagram got = { 0 };
        cleanup(udp_receiver_freep) struct udp_receiver *receiver = NULL;
        cleanup(pkt_pool_freep) struct pkt_pool *pool = NULL;

        (void)state;
        assert_int_equal(udp_open(&a, 0), 0);
        assert_int_equal(udp_open(&b, 0), 0);
        assert_false(a.ipv6);
        assert_int_equal(udp_receiver_new(&receiver), 0);
        assert_int_equal(pkt_pool_new(&pool, 1), 0);
        got.pkt = pkt_get(pool);
        path.remote.sin6_port = htons(b.port);
        memcpy(&path.remote.sin6_addr, loopback, 16);
        memcpy(&path.local, loopback, 16);

        send_one(&a, &path, "question");
        assert_int_equal(udp_receive(b.fd, receiver), 1);
        assert_true(udp_next(receiver, &got));
        assert_int_equal(got.pkt->len, 8);
        assert_int_equal(got.path.remote.sin6_family, AF_INET6);
        assert_int_equal(ntohs(got.path.remote.sin6_port), a.port);
        assert_memory_equal(&got.path.remote.sin6_addr, loopback, 16);
        assert_memory_equal(&got.path.local, loopback, 16);

        send_one(&b, &got.path, "answer");
        assert_int_equal(udp_receive(a.fd, receiver), 1);
        assert_true(udp_next(receiver, &got));
        assert_memory_equal(got.pkt->data, "answer", 6);
        pkt_unref(got.pkt);
        udp_close(&a);
        udp_close(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_mapped_both_ways),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
