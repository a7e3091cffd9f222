/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/send_batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
        MAX_PACKETS = 1024, /* UIO_MAXIOV: what one sendmmsg() takes */
        ARENA_BYTES = MAX_PACKETS * 1280,
        ALIGN = 16, /* for the cipher */
};

static const uint32_t none = UINT32_MAX;

struct entry {
        uint32_t offset;
        uint16_t len;
        uint32_t next; /* of the same destination */
};

struct dest {
        struct udp_path path;
        uint32_t first, last;
};

struct send_batch {
        const struct udp_socket *socket;
        uint64_t number, dropped;
        uint8_t *arena; /* calloc: an idle worker never touches it */
        size_t used;
        uint32_t n_entries, n_dests;
        struct entry entries[MAX_PACKETS];
        struct dest dests[MAX_PACKETS];
        struct mmsghdr msgs[MAX_PACKETS];
        struct iovec iovs[MAX_PACKETS];
        struct udp_envelope envelopes[MAX_PACKETS];
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
        *dest = (struct dest){ .path = target->path, .first = none, .last = none };
        return dest;
}

void send_batch_commit(struct send_batch *batch, struct send_target *target, size_t len)
{
        uint32_t at = batch->n_entries++;
        struct dest *dest = dest_of(batch, target);

        assert(at < MAX_PACKETS && batch->used + len <= ARENA_BYTES);
        batch->entries[at] = (struct entry){ (uint32_t)batch->used, (uint16_t)len, none };
        batch->used += (len + ALIGN - 1) / ALIGN * ALIGN;
        if (dest->first == none)
                dest->first = at;
        else
                batch->entries[dest->last].next = at;
        dest->last = at;
}

/* One message per datagram, destination by destination: here consecutive
 * entries of equal length would become one message with UDP_SEGMENT. */
static unsigned write_messages(struct send_batch *batch)
{
        unsigned n = 0;

        for (uint32_t d = 0; d < batch->n_dests; d++) {
                const struct dest *dest = &batch->dests[d];

                for (uint32_t e = dest->first; e != none; e = batch->entries[e].next) {
                        struct msghdr *msg = &batch->msgs[n].msg_hdr;

                        batch->iovs[n] = (struct iovec){ batch->arena + batch->entries[e].offset,
                                                         batch->entries[e].len };
                        udp_address(batch->socket, msg, &batch->envelopes[n], &dest->path);
                        msg->msg_iov = &batch->iovs[n];
                        msg->msg_iovlen = 1;
                        n++;
                }
        }
        return n;
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
                        sent += (unsigned)r;
                } else if (errno == EAGAIN || errno == ENOBUFS) {
                        /* Late media is useless media: retransmission is by request. */
                        batch->dropped += n - sent;
                        break;
                } else if (errno != EINTR) {
                        batch->dropped++; /* this destination cannot be reached; the next may */
                        sent++;
                }
        }
        batch->number++;
        batch->n_entries = batch->n_dests = 0;
        batch->used = 0;
}

uint64_t send_batch_dropped(const struct send_batch *batch)
{
        return batch->dropped;
}
