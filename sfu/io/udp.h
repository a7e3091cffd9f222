/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp — the one UDP socket of a worker: IPv6 and IPv4 together, datagrams in
 *       batches, and the local address each came to, so that an answer leaves
 *       from where it was asked (RFC 8445 needs that on multi-homed hosts).
 *
 * Layer:  io.
 * Owner:  the worker.
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

enum { UDP_BATCH = 64 };

struct udp_socket {
        int fd; /* -1: closed */
        bool ipv6;
        uint16_t port;
};

struct tcp_conn;

/* From whom to which of our addresses: by UDP, or by this TCP connection. */
struct udp_path {
        struct sockaddr_in6 remote;
        struct in6_addr local;
        struct tcp_conn *tcp; /* NULL: UDP */
};

/* Non-blocking, buffers as large as we may. port 0: any. Returns 0 or -errno. */
must_use int udp_open(struct udp_socket *ret_socket, uint16_t port);
void udp_close(struct udp_socket *socket); /* accepts a closed one */

struct udp_receiver; /* the arrays recvmmsg() wants */

must_use int udp_receiver_new(struct udp_receiver **ret_receiver); /* 0 or -ENOMEM */
struct udp_receiver *udp_receiver_free(struct udp_receiver *receiver);
DEFINE_CLEANUP(struct udp_receiver *, udp_receiver_free)

struct udp_datagram {
        struct pkt *pkt; /* given by the caller; len is filled */
        struct udp_path path;
        bool truncated; /* it was longer than PKT_CAP */
};

/* Receives up to n <= UDP_BATCH datagrams into the packets of datagrams[];
 * returns how many, 0 when nothing waits. */
size_t udp_receive(const struct udp_socket *socket, struct udp_receiver *receiver,
                   struct udp_datagram *datagrams, size_t n);

/* Between which addresses a connected socket is. Returns 0 or -errno. */
must_use int udp_path_of(int fd, struct udp_path *ret_path);

/* What one outgoing message needs beside its bytes. */
struct udp_envelope {
        union {
                struct sockaddr_in in4;
                struct sockaddr_in6 in6;
        } to;
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* Fills the address and the control data of *ret_msg from path; they point
 * into *envelope. The data (msg_iov) is the caller's part. */
void udp_address(const struct udp_socket *socket, struct msghdr *ret_msg,
                 struct udp_envelope *envelope, const struct udp_path *path);

#endif
