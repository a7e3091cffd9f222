/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/io/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "signaling/wire/http_peer.h"

enum { ACCEPTS_PER_TURN = 64, BACKLOG = 4096 };

struct listener {
        uv_poll_t poll; /* first: the handle outlives listener_free() by one loop turn */
        int fd;
        int spare_fd; /* given up to refuse a connection when descriptors run out */
        int kind;
        uint16_t port;
        listener_on_accept *on_accept;
        void *user;
};

static int parse_port(const char *text, uint16_t *ret_port)
{
        unsigned long value;
        char *end;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        value = strtoul(text, &end, 10);
        if (*end || value > 65535)
                return -EINVAL;
        *ret_port = (uint16_t)value;
        return 0;
}

static int parse_address(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len)
{
        const char *colon = strrchr(text, ':');
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
        struct sockaddr_in *in = (struct sockaddr_in *)ret;
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        uint8_t address[16];
        uint16_t port;

        if (!colon || parse_port(colon + 1, &port) < 0 ||
            peer_parse(address, text, (size_t)(colon - text)) < 0)
                return -EINVAL;
        memset(ret, 0, sizeof(*ret));
        if (*text != '[' && !memcmp(address, mapped, sizeof(mapped))) {
                in->sin_family = AF_INET;
                in->sin_port = htons(port);
                memcpy(&in->sin_addr, address + 12, 4);
                *ret_len = sizeof(*in);
        } else {
                in6->sin6_family = AF_INET6;
                in6->sin6_port = htons(port);
                memcpy(&in6->sin6_addr, address, 16);
                *ret_len = sizeof(*in6);
        }
        return 0;
}

static uint16_t port_of(const struct sockaddr_storage *sa)
{
        return ntohs(sa->ss_family == AF_INET ? ((const struct sockaddr_in *)sa)->sin_port
                                              : ((const struct sockaddr_in6 *)sa)->sin6_port);
}

static void address_of(uint8_t ret[16], const struct sockaddr_storage *sa)
{
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

        if (sa->ss_family == AF_INET) {
                memcpy(ret, mapped, sizeof(mapped));
                memcpy(ret + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
        } else {
                memcpy(ret, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
        }
}

static int open_socket(const struct sockaddr_storage *sa, socklen_t len, int *ret_fd,
                       uint16_t *ret_port)
{
        cleanup(closep) int fd = -1;
        struct sockaddr_storage bound;
        socklen_t bound_len = sizeof(bound);
        int on = 1, off = 0;

        fd = socket(sa->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
                return -errno;
        if (sa->ss_family == AF_INET6 &&
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
                return -errno;
        if (bind(fd, (const struct sockaddr *)sa, len) < 0 || listen(fd, BACKLOG) < 0 ||
            getsockname(fd, (struct sockaddr *)&bound, &bound_len) < 0)
                return -errno;
        *ret_port = port_of(&bound);
        *ret_fd = take_fd(&fd);
        return 0;
}

/* No descriptor is free: closing tells the client more than a full backlog. */
static void refuse_one(struct listener *listener)
{
        int fd;

        closep(&listener->spare_fd);
        fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
        closep(&fd);
        listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
        struct listener *listener = (struct listener *)poll;

        (void)events;
        for (int i = 0; status == 0 && i < ACCEPTS_PER_TURN; i++) {
                struct sockaddr_storage sa;
                socklen_t len = sizeof(sa);
                uint8_t address[16];
                int fd, on = 1;

                fd = accept4(listener->fd, (struct sockaddr *)&sa, &len,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd < 0) {
                        if (errno == EMFILE || errno == ENFILE)
                                refuse_one(listener);
                        return;
                }
                /* Answers are written whole; waiting to fill segments only delays them. */
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
                address_of(address, &sa);
                listener->on_accept(listener->user, listener->kind, fd, address);
        }
}

int listener_new(struct listener **ret_listener, uv_loop_t *loop, const char *address, int kind,
                 listener_on_accept *on_accept, void *user, char *ret_error, size_t error_cap)
{
        struct listener *listener = NULL;
        struct sockaddr_storage sa;
        cleanup(closep) int fd = -1;
        socklen_t len;
        uint16_t port = 0;
        int r;

        if (parse_address(address, &sa, &len) < 0) {
                snprintf(ret_error, error_cap, "%s is not ADDRESS:PORT", address);
                return -EINVAL;
        }
        r = open_socket(&sa, len, &fd, &port);
        if (r < 0) {
                if (r == -EADDRINUSE)
                        snprintf(ret_error, error_cap, "%s is in use", address);
                else
                        snprintf(ret_error, error_cap, "cannot listen on %s: %s", address,
                                 strerror(-r));
                return r;
        }
        listener = calloc(1, sizeof(*listener));
        if (!listener)
                return -ENOMEM;
        r = uv_poll_init_socket(loop, &listener->poll, fd);
        if (r < 0) {
                free(listener);
                return r;
        }
        listener->fd = take_fd(&fd);
        listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        listener->kind = kind;
        listener->port = port;
        listener->on_accept = on_accept;
        listener->user = user;
        uv_poll_start(&listener->poll, UV_READABLE, on_readable);
        *ret_listener = listener;
        return 0;
}

static void on_closed(uv_handle_t *handle)
{
        free(handle);
}

struct listener *listener_free(struct listener *listener)
{
        if (!listener)
                return NULL;
        uv_poll_stop(&listener->poll);
        closep(&listener->fd);
        closep(&listener->spare_fd);
        uv_close((uv_handle_t *)&listener->poll, on_closed);
        return NULL;
}

uint16_t listener_port(const struct listener *listener)
{
        return listener ? listener->port : 0;
}
