/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

enum {
        /* Half a second of 50 Mbit/s, or one key frame to a thousand subscribers. */
        BUFFER_BYTES = 4 * 1024 * 1024,
        TRAIN_CAP = 65536, /* more than the longest train */
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
        uint8_t *buffers; /* calloc: what no train ever filled costs nothing */
        size_t n, at;     /* msgs[at..n) were not taken */
        bool begun;       /* msgs[at]: path, segment and offset are valid */
        struct udp_path path;
        size_t segment, offset;
        uint64_t gro_messages, gro_segments;
};

static void enlarge_buffer(int fd, int force, int plain)
{
        int size = BUFFER_BYTES;

        /* Forcing needs CAP_NET_ADMIN; without it the kernel's limit applies. */
        if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) < 0)
                (void)setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

static int make_socket(int *ret_fd, bool ipv6)
{
        cleanup(closep) int fd = -1;
        const int on = 1, off = 0;

        fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (ipv6) {
                if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
                    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
                        return -errno;
        } else if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0) {
                return -errno;
        }
        enlarge_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
        enlarge_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
        *ret_fd = take_fd(&fd);
        return 0;
}

static socklen_t any_address(union address *ret_name, bool ipv6, uint16_t port)
{
        if (ipv6) {
                ret_name->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                                       .sin6_port = htons(port) };
                return sizeof(ret_name->in6);
        }
        ret_name->in4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
        return sizeof(ret_name->in4);
}

/* Linux 4.18 and 5.0; 0 is no segmentation by default, and asks no more than whether
 * the option exists. */
static bool set_segment(int fd)
{
        return setsockopt(fd, SOL_UDP, UDP_SEGMENT, &(int){ 0 }, sizeof(int)) == 0;
}

static bool set_gro(int fd)
{
        return setsockopt(fd, SOL_UDP, UDP_GRO, &(int){ 1 }, sizeof(int)) == 0;
}

static int bind_family(struct udp_socket *ret_socket, bool ipv6, uint16_t port)
{
        cleanup(closep) int fd = -1;
        union address name;
        socklen_t len = any_address(&name, ipv6, port);
        int r = make_socket(&fd, ipv6);

        if (r < 0)
                return r;
        ret_socket->gso = set_segment(fd);
        ret_socket->gro = set_gro(fd);
        if (bind(fd, (const struct sockaddr *)&name, len) < 0 ||
            getsockname(fd, (struct sockaddr *)&name, &len) < 0)
                return -errno;
        ret_socket->port = ntohs(ipv6 ? name.in6.sin6_port : name.in4.sin_port);
        ret_socket->ipv6 = ipv6;
        ret_socket->fd = take_fd(&fd);
        ret_socket->patient_fd = -1;
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

/* Which of the port's sockets, in the order they were bound in, a datagram goes to.
 * The program sees the datagram without headers; a load from behind its end returns 0. */
static int steer(int fd)
{
        enum { PROMPT, PATIENT };
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 192, 6, 0), /* nothing of ours */
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 128, 1, 0), /* RTP or RTCP */
                BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 3, 4, 3),   /* DTLS, or STUN */
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 1),
                BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 223, 2, 0),
                BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 192, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, PATIENT),
                BPF_STMT(BPF_RET | BPF_K, PROMPT),
        };
        struct sock_fprog program = { ARRAY_LEN(code), code };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0
                       ? -errno
                       : 0;
}

/* Only now, for the first socket was to find out whether the port is free. From here on
 * the kernel shares it with any program of the same user that asks: one that could as well
 * end us. */
static int share(int fd, bool on)
{
        return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ on }, sizeof(int)) < 0 ? -errno : 0;
}

static int join(int *ret_fd, const struct udp_socket *socket)
{
        cleanup(closep) int fd = -1;
        union address name;
        socklen_t len = any_address(&name, socket->ipv6, socket->port);
        int r = make_socket(&fd, socket->ipv6);

        if (r < 0)
                return r;
        (void)set_gro(fd);
        r = share(fd, true);
        if (r == 0 && bind(fd, (const struct sockaddr *)&name, len) < 0)
                r = -errno;
        if (r == 0)
                r = steer(fd);
        if (r == 0)
                *ret_fd = take_fd(&fd);
        return r;
}

int udp_split(struct udp_socket *socket)
{
        int r = share(socket->fd, true);

        if (r < 0)
                return r;
        r = join(&socket->patient_fd, socket);
        if (r < 0)
                (void)share(socket->fd, false);
        return r;
}

void udp_close(struct udp_socket *socket)
{
        closep(&socket->fd);
        closep(&socket->patient_fd);
        socket->fd = socket->patient_fd = -1;
}

static void expect(struct udp_receiver *receiver, size_t i)
{
        receiver->msgs[i].msg_hdr = (struct msghdr){
                .msg_name = &receiver->names[i],
                .msg_namelen = sizeof(receiver->names[i]),
                .msg_iov = &receiver->iovs[i],
                .msg_iovlen = 1,
                .msg_control = &receiver->controls[i],
                .msg_controllen = sizeof(receiver->controls[i]),
        };
}

int udp_receiver_new(struct udp_receiver **ret_receiver)
{
        cleanup(udp_receiver_freep) struct udp_receiver *receiver = calloc(1, sizeof(*receiver));

        if (!receiver)
                return -ENOMEM;
        receiver->buffers = calloc(UDP_BATCH, TRAIN_CAP);
        if (!receiver->buffers)
                return -ENOMEM;
        for (size_t i = 0; i < UDP_BATCH; i++) {
                receiver->iovs[i] = (struct iovec){ receiver->buffers + i * TRAIN_CAP, TRAIN_CAP };
                expect(receiver, i);
        }
        *ret_receiver = take_ptr(receiver);
        return 0;
}

struct udp_receiver *udp_receiver_free(struct udp_receiver *receiver)
{
        if (!receiver)
                return NULL;
        free(receiver->buffers);
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

/* From whom to whom, and how long the datagrams of a train are: msgs[at]. */
static void read_control(struct udp_receiver *receiver)
{
        struct msghdr *msg = &receiver->msgs[receiver->at].msg_hdr;
        const union address *name = &receiver->names[receiver->at];
        struct udp_path *path = &receiver->path;

        memset(path, 0, sizeof(*path));
        map_address(&path->remote, name);
        receiver->segment = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                        struct in6_pktinfo info;

                        memcpy(&info, CMSG_DATA(c), sizeof(info));
                        path->local = info.ipi6_addr;
                } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                        struct in_pktinfo info;

                        memcpy(&info, CMSG_DATA(c), sizeof(info));
                        map_ipv4(&path->local, &info.ipi_addr);
                } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
                        int segment;

                        memcpy(&segment, CMSG_DATA(c), sizeof(segment));
                        receiver->segment = segment > 0 ? (size_t)segment : 0;
                }
        }
}

size_t udp_receive(int fd, struct udp_receiver *receiver)
{
        int got;

        for (size_t i = 0; i < receiver->n; i++)
                expect(receiver, i); /* the kernel has written the lengths of what came */
        got = recvmmsg(fd, receiver->msgs, UDP_BATCH, MSG_DONTWAIT, NULL);
        receiver->n = got > 0 ? (size_t)got : 0;
        receiver->at = 0;
        receiver->begun = false;
        return receiver->n;
}

static void begin_message(struct udp_receiver *receiver, size_t len)
{
        read_control(receiver);
        receiver->begun = true;
        receiver->offset = 0;
        if (receiver->segment == 0 || receiver->segment > len)
                receiver->segment = len;
        if (receiver->segment == len)
                return;
        receiver->gro_messages++;
        receiver->gro_segments += (len + receiver->segment - 1) / receiver->segment;
}

bool udp_next(struct udp_receiver *receiver, struct udp_datagram *datagram)
{
        const uint8_t *from;
        size_t len, left;

        if (receiver->at == receiver->n)
                return false;
        len = receiver->msgs[receiver->at].msg_len;
        if (!receiver->begun)
                begin_message(receiver, len);
        from = receiver->buffers + receiver->at * TRAIN_CAP + receiver->offset;
        left = len - receiver->offset;
        if (left > receiver->segment)
                left = receiver->segment;
        datagram->truncated = left > PKT_CAP;
        datagram->pkt->len = (uint16_t)(datagram->truncated ? PKT_CAP : left);
        memcpy(datagram->pkt->data, from, datagram->pkt->len);
        datagram->path = receiver->path;
        receiver->offset += left;
        if (receiver->offset == len) {
                receiver->begun = false;
                receiver->at++;
        }
        return true;
}

void udp_receiver_count(const struct udp_receiver *receiver, uint64_t *ret_messages,
                        uint64_t *ret_segments)
{
        *ret_messages = receiver->gro_messages;
        *ret_segments = receiver->gro_segments;
}

static void add_control(struct udp_envelope *envelope, int level, int type, const void *info,
                        size_t len)
{
        struct cmsghdr *c = (struct cmsghdr *)(void *)envelope->control;

        c->cmsg_level = level;
        c->cmsg_type = type;
        c->cmsg_len = CMSG_LEN(len);
        memcpy(CMSG_DATA(c), info, len);
        envelope->control_len = CMSG_SPACE(len);
}

static void envelope_ipv4(struct udp_envelope *envelope, const struct udp_path *path)
{
        struct in_pktinfo info = { 0 };

        envelope->to.in4 = (struct sockaddr_in){ .sin_family = AF_INET,
                                                 .sin_port = path->remote.sin6_port };
        memcpy(&envelope->to.in4.sin_addr, path->remote.sin6_addr.s6_addr + 12, 4);
        memcpy(&info.ipi_spec_dst, path->local.s6_addr + 12, 4);
        envelope->to_len = sizeof(envelope->to.in4);
        add_control(envelope, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void envelope_ipv6(struct udp_envelope *envelope, const struct udp_path *path)
{
        struct in6_pktinfo info = { .ipi6_addr = path->local };

        /* A link-local address means nothing without its interface; for others
         * the routing table decides. */
        if (IN6_IS_ADDR_LINKLOCAL(&path->local))
                info.ipi6_ifindex = path->remote.sin6_scope_id;
        envelope->to.in6 = path->remote;
        envelope->to_len = sizeof(envelope->to.in6);
        add_control(envelope, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

void udp_envelope_init(struct udp_envelope *ret_envelope, const struct udp_socket *socket,
                       const struct udp_path *path)
{
        memset(ret_envelope, 0, sizeof(*ret_envelope));
        if (socket->ipv6)
                envelope_ipv6(ret_envelope, path);
        else
                envelope_ipv4(ret_envelope, path);
}

void udp_address(struct msghdr *ret_msg, struct udp_envelope *envelope, struct udp_control *control,
                 uint16_t segment)
{
        memcpy(control->bytes, envelope->control, sizeof(envelope->control));
        *ret_msg = (struct msghdr){
                .msg_name = &envelope->to,
                .msg_namelen = envelope->to_len,
                .msg_control = control->bytes,
                .msg_controllen = envelope->control_len,
        };
        if (segment > 0) {
                struct cmsghdr *c = (struct cmsghdr *)(void *)(control->bytes +
                                                               envelope->control_len);

                c->cmsg_level = SOL_UDP;
                c->cmsg_type = UDP_SEGMENT;
                c->cmsg_len = CMSG_LEN(sizeof(segment));
                memcpy(CMSG_DATA(c), &segment, sizeof(segment));
                ret_msg->msg_controllen += CMSG_SPACE(sizeof(segment));
        }
}
