/* SPDX-License-Identifier: Apache-2.0 */
/* udp_split(): what comes to which socket; setsockopt() is wrapped for a kernel
 * that does not steer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/fd.h"
#include "sfu/io/udp.h"
#include "sfu/wire/demux.h"

static bool no_steering;

int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
        if (no_steering && level == SOL_SOCKET && name == SO_ATTACH_REUSEPORT_CBPF) {
                errno = ENOPROTOOPT;
                return -1;
        }
        return __real_setsockopt(fd, level, name, value, len);
}

static int client_new(int family, uint16_t port)
{
        struct sockaddr_in in4 = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                    .sin6_port = htons(port),
                                    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        bool is4 = family == AF_INET;

        if (fd < 0 || connect(fd, is4 ? (const struct sockaddr *)&in4 : (void *)&in6,
                              is4 ? sizeof(in4) : sizeof(in6)) < 0) {
                closep(&fd);
                return -1; /* a machine without it */
        }
        return fd;
}

/* The datagram is there: on loopback it comes before send() returns. */
static bool comes_to(int fd)
{
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        uint8_t data[64];

        if (fd < 0 || poll(&poll_fd, 1, 0) == 0)
                return false;
        assert_true(recv(fd, data, sizeof(data), 0) >= 0);
        return true;
}

/* As the demultiplexer sees it, for every pair of first bytes. */
static void feedback_and_checks_come_apart(void **state)
{
        static const int families[] = { AF_INET, AF_INET6 };
        struct udp_socket socket;

        (void)state;
        assert_int_equal(udp_open(&socket, 0), 0);
        assert_int_equal(socket.patient_fd, -1);
        assert_int_equal(udp_split(&socket), 0);
        for (size_t f = 0; f < ARRAY_LEN(families); f++) {
                cleanup(closep) int client = client_new(families[f], socket.port);

                for (unsigned i = 0; client >= 0 && i < 0x10000; i++) {
                        uint8_t data[3] = { (uint8_t)(i >> 8), (uint8_t)i };
                        enum demux_kind kind = demux_classify(data, sizeof(data));
                        bool patient = kind == DEMUX_STUN || kind == DEMUX_RTCP;

                        assert_int_equal(send(client, data, sizeof(data), 0), sizeof(data));
                        assert_int_equal(comes_to(socket.patient_fd), patient);
                        assert_int_equal(comes_to(socket.fd), !patient);
                }
        }
        udp_close(&socket);
}

static void datagram_too_short_to_tell_is_not_lost(void **state)
{
        static const uint8_t data[1] = { 0x80 };
        struct udp_socket socket;
        cleanup(closep) int client = -1;

        (void)state;
        assert_int_equal(udp_open(&socket, 0), 0);
        assert_int_equal(udp_split(&socket), 0);
        client = client_new(AF_INET, socket.port);
        for (size_t len = 0; len <= sizeof(data); len++) {
                assert_int_equal(send(client, data, len, 0), len);
                assert_true(comes_to(socket.fd));
        }
        udp_close(&socket);
}

static void port_of_two_sockets_is_in_use(void **state)
{
        struct udp_socket first, second = { .fd = -1, .patient_fd = -1 };
        cleanup(closep) int rude = -1;
        struct sockaddr_in6 name = { .sin6_family = AF_INET6 };

        (void)state;
        assert_int_equal(udp_open(&first, 0), 0);
        assert_int_equal(udp_open(&second, first.port), -EADDRINUSE);
        assert_int_equal(udp_split(&first), 0);
        assert_int_equal(udp_open(&second, first.port), -EADDRINUSE);
        udp_close(&first);

        /* A program that would share its port with us. */
        rude = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        name.sin6_port = htons(first.port);
        if (rude >= 0) {
                assert_int_equal(
                        setsockopt(rude, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)), 0);
                assert_int_equal(bind(rude, (struct sockaddr *)&name, sizeof(name)), 0);
                assert_int_equal(udp_open(&second, first.port), -EADDRINUSE);
        }
}

static void kernel_that_does_not_steer_leaves_one_socket(void **state)
{
        static const uint8_t rtcp[2] = { 0x80, 200 };
        struct udp_socket socket;
        cleanup(closep) int client = -1;

        (void)state;
        no_steering = true;
        assert_int_equal(udp_open(&socket, 0), 0);
        assert_int_equal(udp_split(&socket), -ENOPROTOOPT);
        assert_int_equal(socket.patient_fd, -1);
        client = client_new(AF_INET, socket.port);
        for (int i = 0; i < 50; i++) {
                assert_int_equal(send(client, rtcp, sizeof(rtcp), 0), sizeof(rtcp));
                assert_true(comes_to(socket.fd));
        }
        udp_close(&socket);
        no_steering = false;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(feedback_and_checks_come_apart),
                cmocka_unit_test(datagram_too_short_to_tell_is_not_lost),
                cmocka_unit_test(port_of_two_sockets_is_in_use),
                cmocka_unit_test(kernel_that_does_not_steer_leaves_one_socket),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
