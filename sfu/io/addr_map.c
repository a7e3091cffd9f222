/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/addr_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { N_BUCKETS = 8192 };

struct addr_map {
        uint32_t seed;
        struct addr_entry *buckets[N_BUCKETS];
};

int addr_map_new(struct addr_map **ret_map, uint32_t seed)
{
        struct addr_map *map = calloc(1, sizeof(*map));

        if (!map)
                return -ENOMEM;
        map->seed = seed;
        *ret_map = map;
        return 0;
}

struct addr_map *addr_map_free(struct addr_map *map)
{
        free(map);
        return NULL;
}

static size_t bucket_of(const struct addr_map *map, const struct sockaddr_in6 *remote)
{
        uint64_t words[2], hash = map->seed ^ (uint64_t)remote->sin6_port << 32;

        memcpy(words, &remote->sin6_addr, sizeof(words));
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15u;
                hash ^= hash >> 29;
        }
        return hash % N_BUCKETS;
}

static bool same(const struct udp_path *a, const struct udp_path *b)
{
        return a->remote.sin6_port == b->remote.sin6_port && a->tcp == b->tcp &&
               a->remote.sin6_scope_id == b->remote.sin6_scope_id &&
               memcmp(&a->remote.sin6_addr, &b->remote.sin6_addr, sizeof(a->remote.sin6_addr)) == 0;
}

struct addr_entry *addr_map_find(const struct addr_map *map, const struct udp_path *path)
{
        struct addr_entry *entry = map->buckets[bucket_of(map, &path->remote)];

        while (entry && !same(&entry->path, path))
                entry = entry->next;
        return entry;
}

void addr_map_prefetch(const struct addr_map *map, const struct udp_path *path, unsigned step)
{
        struct addr_entry *const *bucket = &map->buckets[bucket_of(map, &path->remote)];

        if (step == 0)
                prefetch_lines(bucket, 1);
        else
                prefetch_lines(*bucket, sizeof(**bucket) / 64 + 1);
}

void addr_map_add(struct addr_map *map, struct addr_entry *entry, struct peer *peer)
{
        struct addr_entry **bucket = &map->buckets[bucket_of(map, &entry->path.remote)];

        entry->peer = peer;
        entry->next = *bucket;
        *bucket = entry;
}

void addr_map_remove(struct addr_map *map, struct addr_entry *entry)
{
        struct addr_entry **at = &map->buckets[bucket_of(map, &entry->path.remote)];

        while (*at != entry) {
                assert(*at);
                at = &(*at)->next;
        }
        *at = entry->next;
        entry->next = NULL;
        entry->peer = NULL;
}
