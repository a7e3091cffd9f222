/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

enum {
        /* Half a second of 50 Mbit/s, or one key frame to a thousand subscribers. */
        BUFFER_BYTES = 4 * 1024 * 1024,
};

union address {
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
};

struct udp_receiver {
        struct mmsghdr msgs[UDP_BATCH];
        struct iovec iovs[UDP_BATCH];
        union address names[UDP_BATCH];
        struct {
                _Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 64];
        } controls[UDP_BATCH];
};

static void enlarge_buffer(int fd, int force, int plain)
{
        int size = BUFFER_BYTES;

        /* Forcing needs CAP_NET_ADMIN; without it the kernel's limit applies. */
        if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

static int bind_family(struct udp_socket *ret_socket, bool ipv6, uint16_t port)
{
        cleanup(closep) int fd = -1;
        union address name = { 0 };
        socklen_t len = ipv6 ? sizeof(name.in6) : sizeof(name.in4);
        const int on = 1, off = 0;

        fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (ipv6) {
                name.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                                  .sin6_port = htons(port) };
                if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
                    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
                        return -errno;
        } else {
                name.in4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
                if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
                        return -errno;
        }
        enlarge_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
        enlarge_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
        if (bind(fd, (const struct sockaddr *)&name, len) < 0 ||
            getsockname(fd, (struct sockaddr *)&name, &len) < 0)
                return -errno;
        ret_socket->port = ntohs(ipv6 ? name.in6.sin6_port : name.in4.sin_port);
        ret_socket->ipv6 = ipv6;
        ret_socket->fd = take_fd(&fd);
        return 0;
}

int udp_open(struct udp_socket *ret_socket, uint16_t port)
{
        int r = bind_family(ret_socket, true, port);

        /* No IPv6 in this kernel, or switched off by the administrator. */
        if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
                return bind_family(ret_socket, false, port);
        return r;
}

void udp_close(struct udp_socket *socket)
{
        closep(&socket->fd);
        socket->fd = -1;
}

int udp_receiver_new(struct udp_receiver **ret_receiver)
{
        struct udp_receiver *receiver = calloc(1, sizeof(*receiver));

        if (!receiver)
                return -ENOMEM;
        *ret_receiver = receiver;
        return 0;
}

struct udp_receiver *udp_receiver_free(struct udp_receiver *receiver)
{
        free(receiver);
        return NULL;
}

static void map_ipv4(struct in6_addr *ret, const struct in_addr *in4)
{
        memset(ret, 0, sizeof(*ret));
        ret->s6_addr[10] = ret->s6_addr[11] = 0xff; /* RFC 4291 §2.5.5.2 */
        memcpy(ret->s6_addr + 12, in4, 4);
}

/* An address of either family as above this file it is written. */
static void map_address(struct sockaddr_in6 *ret, const union address *name)
{
        if (name->in6.sin6_family == AF_INET6) {
                *ret = name->in6;
                ret->sin6_flowinfo = 0;
                return;
        }
        *ret = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = name->in4.sin_port };
        map_ipv4(&ret->sin6_addr, &name->in4.sin_addr);
}

int udp_path_of(int fd, struct udp_path *ret_path)
{
        union address remote, local;
        socklen_t remote_len = sizeof(remote), local_len = sizeof(local);
        struct sockaddr_in6 mapped;

        if (getpeername(fd, (struct sockaddr *)&remote, &remote_len) < 0 ||
            getsockname(fd, (struct sockaddr *)&local, &local_len) < 0)
                return -errno;
        memset(ret_path, 0, sizeof(*ret_path));
        map_address(&ret_path->remote, &remote);
        map_address(&mapped, &local);
        ret_path->local = mapped.sin6_addr;
        return 0;
}

static void read_path(struct udp_path *ret_path, struct msghdr *msg, const union address *name)
{
        memset(ret_path, 0, sizeof(*ret_path));
        map_address(&ret_path->remote, name);
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                        struct in6_pktinfo info;

                        memcpy(&info, CMSG_DATA(c), sizeof(info));
                        ret_path->local = info.ipi6_addr;
                } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                        struct in_pktinfo info;

                        memcpy(&info, CMSG_DATA(c), sizeof(info));
                        map_ipv4(&ret_path->local, &info.ipi_addr);
                }
        }
}

size_t udp_receive(const struct udp_socket *socket, struct udp_receiver *receiver,
                   struct udp_datagram *datagrams, size_t n)
{
        int got;

        for (size_t i = 0; i < n; i++) {
                receiver->iovs[i] = (struct iovec){ datagrams[i].pkt->data, PKT_CAP };
                receiver->msgs[i].msg_hdr = (struct msghdr){
                        .msg_name = &receiver->names[i],
                        .msg_namelen = sizeof(receiver->names[i]),
                        .msg_iov = &receiver->iovs[i],
                        .msg_iovlen = 1,
                        .msg_control = &receiver->controls[i],
                        .msg_controllen = sizeof(receiver->controls[i]),
                };
        }
        got = recvmmsg(socket->fd, receiver->msgs, (unsigned)n, MSG_DONTWAIT, NULL);
        for (int i = 0; i < got; i++) {
                struct msghdr *msg = &receiver->msgs[i].msg_hdr;

                datagrams[i].pkt->len = (uint16_t)receiver->msgs[i].msg_len;
                datagrams[i].truncated = msg->msg_flags & MSG_TRUNC;
                read_path(&datagrams[i].path, msg, &receiver->names[i]);
        }
        return got > 0 ? (size_t)got : 0;
}

static void address_ipv4(struct msghdr *msg, struct udp_envelope *envelope,
                         const struct udp_path *path, struct cmsghdr *c)
{
        struct in_pktinfo info = { 0 };

        envelope->to.in4 = (struct sockaddr_in){ .sin_family = AF_INET,
                                                 .sin_port = path->remote.sin6_port };
        memcpy(&envelope->to.in4.sin_addr, path->remote.sin6_addr.s6_addr + 12, 4);
        memcpy(&info.ipi_spec_dst, path->local.s6_addr + 12, 4);
        msg->msg_namelen = sizeof(envelope->to.in4);
        msg->msg_controllen = CMSG_SPACE(sizeof(info));
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
}

static void address_ipv6(struct msghdr *msg, struct udp_envelope *envelope,
                         const struct udp_path *path, struct cmsghdr *c)
{
        struct in6_pktinfo info = { .ipi6_addr = path->local };

        /* A link-local address means nothing without its interface; for others
         * the routing table decides. */
        if (IN6_IS_ADDR_LINKLOCAL(&path->local))
                info.ipi6_ifindex = path->remote.sin6_scope_id;
        envelope->to.in6 = path->remote;
        msg->msg_namelen = sizeof(envelope->to.in6);
        msg->msg_controllen = CMSG_SPACE(sizeof(info));
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
}

void udp_address(const struct udp_socket *socket, struct msghdr *ret_msg,
                 struct udp_envelope *envelope, const struct udp_path *path)
{
        struct cmsghdr *c;

        memset(envelope->control, 0, sizeof(envelope->control));
        ret_msg->msg_name = &envelope->to;
        ret_msg->msg_control = envelope->control;
        ret_msg->msg_controllen = sizeof(envelope->control);
        ret_msg->msg_flags = 0;
        c = CMSG_FIRSTHDR(ret_msg);
        if (socket->ipv6)
                address_ipv6(ret_msg, envelope, path, c);
        else
                address_ipv4(ret_msg, envelope, path, c);
}
