/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/link.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/spsc.h"

enum {
        CACHE_LINE = 64,
        /* A hundred milliseconds of 40,000 packets a second from each worker; with
         * many workers each gets less, so that memory stays within bounds. */
        CAPACITY = 4096,
        CAPACITY_MIN = 1024,
        RECORDS_PER_WORKER = 4 * CAPACITY,
};

struct doorbell {
        int fd;
        uint32_t asleep __attribute__((aligned(CACHE_LINE)));
} __attribute__((aligned(CACHE_LINE)));

struct link_hub {
        unsigned n;
        size_t capacity;
        struct doorbell *bells; /* by worker */
        struct spsc *rings[];   /* [from * n + to] */
};

static size_t capacity_for(unsigned n_workers)
{
        size_t capacity = CAPACITY;

        while (capacity > CAPACITY_MIN && capacity * (n_workers - 1) > RECORDS_PER_WORKER)
                capacity /= 2;
        return capacity;
}

static int make_bells(struct link_hub *hub)
{
        hub->bells = aligned_alloc(CACHE_LINE, hub->n * sizeof(*hub->bells));
        if (!hub->bells)
                return -ENOMEM;
        for (unsigned i = 0; i < hub->n; i++)
                hub->bells[i] = (struct doorbell){ .fd = -1 };
        for (unsigned i = 0; i < hub->n; i++) {
                hub->bells[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                if (hub->bells[i].fd < 0)
                        return -errno;
        }
        return 0;
}

int link_hub_new(struct link_hub **ret_hub, unsigned n_workers)
{
        size_t n_rings = (size_t)n_workers * n_workers;
        cleanup(link_hub_freep) struct link_hub *hub = calloc(
                1, sizeof(*hub) + n_rings * sizeof(hub->rings[0]));
        int r;

        assert(n_workers > 1 && n_workers <= MEDIA_MAX_WORKERS);
        if (!hub)
                return -ENOMEM;
        hub->n = n_workers;
        hub->capacity = capacity_for(n_workers);
        r = make_bells(hub);
        for (size_t i = 0; r == 0 && i < n_rings; i++) {
                if (i / n_workers != i % n_workers)
                        r = spsc_new(&hub->rings[i], sizeof(struct media_relay), hub->capacity);
        }
        if (r < 0)
                return r;
        *ret_hub = take_ptr(hub);
        return 0;
}

static void empty(struct spsc *ring)
{
        struct media_relay record;

        spsc_publish(ring);
        while (spsc_take(ring, &record))
                media_relay_drop(&record);
        spsc_free(ring);
}

struct link_hub *link_hub_free(struct link_hub *hub)
{
        if (!hub)
                return NULL;
        for (size_t i = 0; i < (size_t)hub->n * hub->n; i++) {
                if (hub->rings[i])
                        empty(hub->rings[i]);
        }
        for (unsigned i = 0; hub->bells && i < hub->n; i++)
                closep(&hub->bells[i].fd);
        free(hub->bells);
        free(hub);
        return NULL;
}

size_t link_capacity(const struct link_hub *hub)
{
        return hub->capacity;
}

static struct spsc *ring(const struct link_hub *hub, unsigned from, unsigned to)
{
        return hub->rings[(size_t)from * hub->n + to];
}

bool link_put(struct link_hub *hub, unsigned self, unsigned to, const struct media_relay *record)
{
        return spsc_put(ring(hub, self, to), record, media_relay_is_media(record) ? LINK_KEPT : 0);
}

/* The records are published before we take the flag, and the worker looks for
 * records after it set it: either we see the flag, or it sees what we published. */
static void ring_bell(struct doorbell *bell)
{
        if (__atomic_exchange_n(&bell->asleep, 0, __ATOMIC_ACQ_REL))
                (void)!write(bell->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void link_publish(struct link_hub *hub, unsigned self)
{
        for (unsigned to = 0; to < hub->n; to++) {
                if (to != self && spsc_publish(ring(hub, self, to)))
                        ring_bell(&hub->bells[to]);
        }
}

bool link_take(struct link_hub *hub, unsigned self, unsigned from, struct media_relay *ret_record)
{
        return spsc_take(ring(hub, from, self), ret_record);
}

int link_fd(const struct link_hub *hub, unsigned self)
{
        return hub->bells[self].fd;
}

bool link_sleep(struct link_hub *hub, unsigned self)
{
        __atomic_exchange_n(&hub->bells[self].asleep, 1, __ATOMIC_ACQ_REL);
        for (unsigned from = 0; from < hub->n; from++) {
                if (from != self && !spsc_is_empty(ring(hub, from, self)))
                        return false;
        }
        return true;
}

void link_awake(struct link_hub *hub, unsigned self)
{
        __atomic_store_n(&hub->bells[self].asleep, 0, __ATOMIC_RELAXED);
}

void link_clear(struct link_hub *hub, unsigned self)
{
        uint64_t n;

        (void)!read(hub->bells[self].fd, &n, sizeof(n));
}
