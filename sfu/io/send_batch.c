/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/send_batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "sfu/io/tcp.h"

enum {
        MAX_PACKETS = 1024, /* UIO_MAXIOV: what one sendmmsg() takes, were each alone */
        /* What is written must still be in the second-level cache when the
         * kernel copies it. */
        ARENA_BYTES = 256 * 1024,
        ALIGN = 4, /* libsrtp wants no more */
};

static const uint32_t none = UINT32_MAX;

struct entry {
        uint32_t offset;
        uint32_t next; /* of the same destination */
        uint16_t len;
};

struct dest {
        uint32_t first, last;
        struct udp_envelope envelope; /* a copy: the target may die before the flush */
};

/* What a message holds, beside what the kernel is told. */
struct cargo {
        uint16_t segment; /* 0: a single datagram */
        uint16_t n;       /* datagrams */
};

struct send_batch {
        const struct udp_socket *socket;
        bool gso;
        uint64_t number;
        struct send_counts counts;
        uint8_t *arena; /* calloc: an idle worker never touches it */
        size_t used;
        uint32_t n_entries, n_dests, n_iovs;
        struct entry entries[MAX_PACKETS];
        struct dest dests[MAX_PACKETS];
        struct mmsghdr msgs[MAX_PACKETS];
        struct cargo cargo[MAX_PACKETS]; /* of msgs[] */
        struct udp_control controls[MAX_PACKETS];
        struct iovec iovs[MAX_PACKETS];
};

int send_batch_new(struct send_batch **ret_batch, const struct udp_socket *socket)
{
        cleanup(send_batch_freep) struct send_batch *batch = calloc(1, sizeof(*batch));

        if (!batch)
                return -ENOMEM;
        batch->arena = calloc(1, ARENA_BYTES);
        if (!batch->arena)
                return -ENOMEM;
        batch->socket = socket;
        batch->gso = socket->gso;
        batch->number = 1; /* a zeroed target belongs to no batch */
        *ret_batch = take_ptr(batch);
        return 0;
}

struct send_batch *send_batch_free(struct send_batch *batch)
{
        if (!batch)
                return NULL;
        free(batch->arena);
        free(batch);
        return NULL;
}

void send_target_set(const struct send_batch *batch, struct send_target *target,
                     const struct udp_path *path)
{
        target->batch = 0;
        target->path = *path;
        udp_envelope_init(&target->envelope, batch->socket, path);
}

uint8_t *send_batch_reserve(struct send_batch *batch, size_t len)
{
        assert(len <= SEND_MAX_LEN);
        if (batch->n_entries == MAX_PACKETS || batch->used + len > ARENA_BYTES)
                send_batch_flush(batch);
        return batch->arena + batch->used;
}

static struct dest *dest_of(struct send_batch *batch, struct send_target *target)
{
        struct dest *dest;

        if (target->batch == batch->number)
                return &batch->dests[target->dest];
        target->batch = batch->number;
        target->dest = batch->n_dests;
        dest = &batch->dests[batch->n_dests++];
        dest->first = dest->last = none;
        dest->envelope = target->envelope;
        return dest;
}

void send_batch_commit(struct send_batch *batch, struct send_target *target, size_t len)
{
        struct dest *dest;
        uint32_t at;

        if (target->path.tcp) {
                tcp_conn_send(target->path.tcp, batch->arena + batch->used, len);
                return;
        }
        at = batch->n_entries++;
        dest = dest_of(batch, target);
        assert(at < MAX_PACKETS && len > 0 && batch->used + len <= ARENA_BYTES);
        batch->entries[at] = (struct entry){ (uint32_t)batch->used, none, (uint16_t)len };
        batch->used += (len + ALIGN - 1) / ALIGN * ALIGN;
        if (dest->first == none)
                dest->first = at;
        else
                batch->entries[dest->last].next = at;
        dest->last = at;
}

/* Appends bytes to the message's vector; neighbours become one piece. */
static void add_bytes(struct send_batch *batch, struct msghdr *msg, const struct entry *entry)
{
        uint8_t *at = batch->arena + entry->offset;
        struct iovec *last = msg->msg_iovlen > 0 ? &batch->iovs[batch->n_iovs - 1] : NULL;

        if (last && (uint8_t *)last->iov_base + last->iov_len == at) {
                last->iov_len += entry->len;
                return;
        }
        batch->iovs[batch->n_iovs++] = (struct iovec){ at, entry->len };
        msg->msg_iovlen++;
}

/* One message of the entries from e on: as many as may go in one train. Returns
 * the entry behind them. */
static uint32_t write_message(struct send_batch *batch, struct dest *dest, uint32_t e, unsigned n)
{
        struct msghdr *msg = &batch->msgs[n].msg_hdr;
        struct iovec *iov = &batch->iovs[batch->n_iovs];
        uint16_t segment = batch->entries[e].len, len = segment;
        unsigned n_segments = 0, max = batch->gso ? UDP_TRAIN_MAX : 1;
        size_t total = 0;

        msg->msg_iovlen = 0;
        do {
                add_bytes(batch, msg, &batch->entries[e]);
                total += len;
                n_segments++;
                e = batch->entries[e].next;
                if (e == none || len < segment)
                        break;
                len = batch->entries[e].len;
        } while (n_segments < max && len <= segment && total + len <= UDP_TRAIN_MAX_BYTES);

        size_t n_iovs = msg->msg_iovlen;

        batch->cargo[n] = (struct cargo){ n_segments > 1 ? segment : 0, (uint16_t)n_segments };
        udp_address(msg, &dest->envelope, &batch->controls[n], batch->cargo[n].segment);
        msg->msg_iov = iov;
        msg->msg_iovlen = n_iovs;
        return e;
}

static unsigned write_messages(struct send_batch *batch)
{
        unsigned n = 0;

        batch->n_iovs = 0;
        for (uint32_t d = 0; d < batch->n_dests; d++) {
                struct dest *dest = &batch->dests[d];

                for (uint32_t e = dest->first; e != none; n++)
                        e = write_message(batch, dest, e, n);
        }
        return n;
}

static void count_sent(struct send_batch *batch, unsigned first, unsigned n)
{
        for (unsigned i = first; i < first + n; i++) {
                if (batch->cargo[i].segment == 0) {
                        batch->counts.plain_messages++;
                } else {
                        batch->counts.gso_messages++;
                        batch->counts.gso_segments += batch->cargo[i].n;
                }
        }
}

static void count_dropped(struct send_batch *batch, unsigned first, unsigned end)
{
        for (unsigned i = first; i < end; i++)
                batch->counts.dropped += batch->cargo[i].n;
}

/* A train that the kernel did not take, datagram by datagram. */
static void send_apart(struct send_batch *batch, const struct msghdr *train, size_t segment)
{
        struct msghdr msg = *train;

        msg.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
        for (size_t i = 0; i < train->msg_iovlen; i++) {
                const struct iovec *piece = &train->msg_iov[i];

                for (size_t at = 0; at < piece->iov_len; at += segment) {
                        size_t left = piece->iov_len - at;
                        struct iovec iov = { (uint8_t *)piece->iov_base + at,
                                             left < segment ? left : segment };

                        msg.msg_iov = &iov;
                        msg.msg_iovlen = 1;
                        if (sendmsg(batch->socket->fd, &msg, MSG_DONTWAIT) < 0)
                                batch->counts.dropped++;
                        else
                                batch->counts.plain_messages++;
                }
        }
}

/* msgs[i] failed by itself; the next may do. */
static void on_refused(struct send_batch *batch, unsigned i, int error)
{
        const struct cargo *cargo = &batch->cargo[i];

        if (cargo->segment == 0) {
                batch->counts.dropped++; /* this destination cannot be reached */
                return;
        }
        switch (error) {
        case EIO: /* a device that computes no checksums, a transformation on the way */
        case EOPNOTSUPP:
                batch->gso = false;
                break;
        case EINVAL: /* of this path only: segments longer than its MTU */
        case EMSGSIZE:
                break;
        default: /* no way there; datagram by datagram there is none either */
                batch->counts.dropped += cargo->n;
                return;
        }
        send_apart(batch, &batch->msgs[i].msg_hdr, cargo->segment);
}

void send_batch_flush(struct send_batch *batch)
{
        unsigned n, sent = 0;

        if (batch->n_entries == 0)
                return;
        n = write_messages(batch);
        while (sent < n) {
                int r = sendmmsg(batch->socket->fd, batch->msgs + sent, n - sent, MSG_DONTWAIT);

                if (r > 0) {
                        count_sent(batch, sent, (unsigned)r);
                        sent += (unsigned)r;
                } else if (errno == EAGAIN || errno == ENOBUFS) {
                        /* Late media is useless media: retransmission is by request. */
                        count_dropped(batch, sent, n);
                        break;
                } else if (errno != EINTR) {
                        on_refused(batch, sent, errno);
                        sent++;
                }
        }
        batch->number++;
        batch->n_entries = batch->n_dests = 0;
        batch->used = 0;
}

const struct send_counts *send_batch_counts(const struct send_batch *batch)
{
        return &batch->counts;
}
