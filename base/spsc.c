/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spsc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64 };

/* Indexes run on for ever; a place is the index modulo cap. */
struct spsc {
        size_t record_size, cap;
        uint8_t *records;
        struct {
                size_t tail;      /* of the taker: what it may take ends here */
                size_t next;      /* where the next record goes */
                size_t head_seen; /* as last read */
        } putter __attribute__((aligned(CACHE_LINE)));
        struct {
                size_t head; /* of the putter: places before are free */
                size_t tail_seen;
        } taker __attribute__((aligned(CACHE_LINE)));
};

int spsc_new(struct spsc **ret_ring, size_t record_size, size_t cap)
{
        cleanup(spsc_freep) struct spsc *ring = aligned_alloc(CACHE_LINE, sizeof(*ring));

        assert(record_size > 0 && cap > 0 && (cap & (cap - 1)) == 0);
        if (!ring)
                return -ENOMEM;
        *ring = (struct spsc){ .record_size = record_size, .cap = cap };
        ring->records = calloc(cap, record_size);
        if (!ring->records)
                return -ENOMEM;
        *ret_ring = take_ptr(ring);
        return 0;
}

struct spsc *spsc_free(struct spsc *ring)
{
        if (!ring)
                return NULL;
        free(ring->records);
        free(ring);
        return NULL;
}

static uint8_t *place(const struct spsc *ring, size_t index)
{
        return ring->records + (index & (ring->cap - 1)) * ring->record_size;
}

static bool has_room(const struct spsc *ring, size_t keep_free)
{
        return ring->putter.next - ring->putter.head_seen + keep_free < ring->cap;
}

bool spsc_put(struct spsc *ring, const void *record, size_t keep_free)
{
        if (!has_room(ring, keep_free)) {
                ring->putter.head_seen = __atomic_load_n(&ring->taker.head, __ATOMIC_ACQUIRE);
                if (!has_room(ring, keep_free))
                        return false;
        }
        memcpy(place(ring, ring->putter.next), record, ring->record_size);
        ring->putter.next++;
        return true;
}

bool spsc_publish(struct spsc *ring)
{
        if (ring->putter.next == ring->putter.tail)
                return false;
        __atomic_store_n(&ring->putter.tail, ring->putter.next, __ATOMIC_RELEASE);
        return true;
}

bool spsc_is_empty(struct spsc *ring)
{
        if (ring->taker.head == ring->taker.tail_seen)
                ring->taker.tail_seen = __atomic_load_n(&ring->putter.tail, __ATOMIC_ACQUIRE);
        return ring->taker.head == ring->taker.tail_seen;
}

bool spsc_take(struct spsc *ring, void *ret_record)
{
        if (spsc_is_empty(ring))
                return false;
        memcpy(ret_record, place(ring, ring->taker.head), ring->record_size);
        __atomic_store_n(&ring->taker.head, ring->taker.head + 1, __ATOMIC_RELEASE);
        return true;
}
