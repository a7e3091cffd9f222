/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp — the UDP port of a worker: IPv6 and IPv4 together, datagrams in batches,
 *       and the local address each came to, so that an answer leaves from where it
 *       was asked (RFC 8445 needs that on multi-homed hosts).
 *
 * Layer:  io.
 * Owner:  the worker.
 *
 * A *train* is what the kernel carries as one: datagrams of one length (the last
 * may be shorter) between the same two addresses. In by UDP_GRO, out by
 * UDP_SEGMENT (udp(7)); where the kernel has neither, every train has length 1.
 *
 * Invariants:
 *  (1) above this file every address is IPv6; IPv4 is ::ffff:a.b.c.d, also
 *      where the machine has no IPv6 and the socket is plain IPv4.
 */
#ifndef SFU_IO_UDP_H
#define SFU_IO_UDP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/base.h"
#include "sfu/core/pkt.h"

enum {
        UDP_BATCH = 64,
        UDP_TRAIN_MAX = 64,          /* segments: what every kernel with UDP_SEGMENT takes */
        UDP_TRAIN_MAX_BYTES = 65507, /* the length field of IPv4, less both headers */
};

struct udp_socket {
        int fd;         /* -1: closed */
        int patient_fd; /* see udp_split(); -1: everything comes to fd */
        bool ipv6;
        bool gso, gro; /* the kernel takes trains, and gives them */
        uint16_t port;
};

struct tcp_conn;

/* From whom to which of our addresses: by UDP, or by this TCP connection. */
struct udp_path {
        struct sockaddr_in6 remote;
        struct in6_addr local;
        struct tcp_conn *tcp; /* NULL: UDP */
};

/* Non-blocking, buffers as large as we may. port 0: any. Returns 0 or -errno;
 * -EADDRINUSE also when the port's owner would share it. */
must_use int udp_open(struct udp_socket *ret_socket, uint16_t port);
void udp_close(struct udp_socket *socket); /* accepts a closed one */

/* What can wait gets a socket of its own on the same port, patient_fd: STUN and RTCP,
 * by their first bytes (RFC 7983 §7, RFC 5761 §4). Media and handshakes go on coming to
 * fd. One that stands in a train of the other kind comes with it, so each is to be
 * ready for both. Returns 0, or -errno: the kernel does not do that (Linux 4.5), and all comes
 * to fd as before; what came between the second socket's joining and that is lost. */
must_use int udp_split(struct udp_socket *socket);

struct udp_receiver; /* the arrays recvmmsg() wants, and what came last */

must_use int udp_receiver_new(struct udp_receiver **ret_receiver); /* 0 or -ENOMEM */
struct udp_receiver *udp_receiver_free(struct udp_receiver *receiver);
DEFINE_CLEANUP(struct udp_receiver *, udp_receiver_free)

/* Receives up to UDP_BATCH messages, each a datagram or a train, from one of a
 * udp_socket's descriptors; returns how many, 0 when nothing waits. What was not taken of
 * the last call is lost. */
size_t udp_receive(int fd, struct udp_receiver *receiver);

struct udp_datagram {
        struct pkt *pkt; /* given by the caller */
        struct udp_path path;
        bool truncated; /* it was longer than PKT_CAP */
};

/* Copies the next datagram of what was received into datagram->pkt. False: none left. */
must_use bool udp_next(struct udp_receiver *receiver, struct udp_datagram *datagram);

/* Between which addresses a connected socket is. Returns 0 or -errno. */
must_use int udp_path_of(int fd, struct udp_path *ret_path);

/* Trains of more than one datagram that came, and datagrams in them. */
void udp_receiver_count(const struct udp_receiver *receiver, uint64_t *ret_messages,
                        uint64_t *ret_segments);

/* What an outgoing message needs beside its bytes, made once per destination. */
struct udp_envelope {
        union {
                struct sockaddr_in in4;
                struct sockaddr_in6 in6;
        } to;
        socklen_t to_len;
        size_t control_len;
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

void udp_envelope_init(struct udp_envelope *ret_envelope, const struct udp_socket *socket,
                       const struct udp_path *path);

/* Control data of one message: its destination's, and for a train the segments' length. */
struct udp_control {
        _Alignas(struct cmsghdr) uint8_t
                bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

/* Fills all of *ret_msg but msg_iov. segment: 0 for a single datagram. *envelope
 * and *control must live as long as *ret_msg. */
void udp_address(struct msghdr *ret_msg, struct udp_envelope *envelope, struct udp_control *control,
                 uint16_t segment);

#endif
