/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr_map — whose datagram is it: validated source addresses to peers.
 *
 * Layer:  io.
 * Owner:  the worker owns the map, peers embed the entries.
 *
 * Invariants:
 *  (1) an address belongs to at most one peer. A TCP connection is an address
 *      of its own: the same numbers may be in use by UDP.
 *  (2) nothing is allocated after addr_map_new(); the hash is seeded, because
 *      a client chooses its addresses.
 */
#ifndef SFU_IO_ADDR_MAP_H
#define SFU_IO_ADDR_MAP_H

#include "base/base.h"
#include "sfu/io/udp.h"

struct peer;

struct addr_entry {
        struct udp_path path;
        struct peer *peer; /* NULL: entry is not in the map */
        int64_t checked_us;
        struct addr_entry *next; /* private */
};

struct addr_map;

must_use int addr_map_new(struct addr_map **ret_map, uint32_t seed); /* 0 or -ENOMEM */
struct addr_map *addr_map_free(struct addr_map *map);                /* accepts NULL */
DEFINE_CLEANUP(struct addr_map *, addr_map_free)

/* Whose is what came over path; its local address does not matter. NULL: nobody's. */
struct addr_entry *addr_map_find(const struct addr_map *map, const struct udp_path *path);

/* Has the cache load what addr_map_find() will touch: step 0 where it begins, 1 what it
 * finds there. */
void addr_map_prefetch(const struct addr_map *map, const struct udp_path *path, unsigned step);

/* entry->path must not be in the map; entry->peer becomes peer. */
void addr_map_add(struct addr_map *map, struct addr_entry *entry, struct peer *peer);
void addr_map_remove(struct addr_map *map, struct addr_entry *entry);

#endif
