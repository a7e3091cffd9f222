/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/tcp_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/wire/tcp_frame.h"

void tcp_queue_done(struct tcp_queue *queue)
{
        free(queue->bytes);
        *queue = (struct tcp_queue){ 0 };
}

static void put_bytes(struct tcp_queue *queue, const uint8_t *data, size_t len)
{
        size_t at = (queue->head + queue->used) % TCP_QUEUE_CAP;
        size_t first = len < TCP_QUEUE_CAP - at ? len : TCP_QUEUE_CAP - at;

        memcpy(queue->bytes + at, data, first);
        memcpy(queue->bytes, data + first, len - first);
        queue->used += len;
}

bool tcp_queue_put(struct tcp_queue *queue, const uint8_t *data, size_t len, bool media)
{
        size_t most = media ? TCP_QUEUE_CAP - TCP_QUEUE_KEPT : TCP_QUEUE_CAP;
        uint8_t head[TCP_FRAME_HEAD];

        assert(len <= UINT16_MAX);
        if (queue->used + sizeof(head) + len > most)
                return false;
        if (!queue->bytes)
                queue->bytes = malloc(TCP_QUEUE_CAP);
        if (!queue->bytes)
                return false;
        tcp_frame_write_head(head, len);
        put_bytes(queue, head, sizeof(head));
        put_bytes(queue, data, len);
        return true;
}

size_t tcp_queue_pieces(const struct tcp_queue *queue, struct iovec ret_pieces[2])
{
        size_t first = TCP_QUEUE_CAP - queue->head;

        if (queue->used == 0)
                return 0;
        if (queue->used <= first) {
                ret_pieces[0] = (struct iovec){ queue->bytes + queue->head, queue->used };
                return 1;
        }
        ret_pieces[0] = (struct iovec){ queue->bytes + queue->head, first };
        ret_pieces[1] = (struct iovec){ queue->bytes, queue->used - first };
        return 2;
}

void tcp_queue_took(struct tcp_queue *queue, size_t n)
{
        assert(n <= queue->used);
        queue->used -= n;
        queue->head = queue->used == 0 ? 0 : (queue->head + n) % TCP_QUEUE_CAP;
}
