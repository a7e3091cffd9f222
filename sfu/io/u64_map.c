/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/io/u64_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { FIRST_CAP = 16 };

struct u64_map_place {
        uint64_t key;
        void *value; /* NULL: free */
};

void u64_map_done(struct u64_map *map)
{
        free(map->places);
        *map = (struct u64_map){ 0 };
}

/* Fibonacci hashing: consecutive numbers spread well. cap is a power of two. */
static size_t home(const struct u64_map *map, uint64_t key)
{
        return (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (map->cap - 1);
}

static struct u64_map_place *find(const struct u64_map *map, uint64_t key)
{
        size_t at = home(map, key);

        while (map->places[at].value && map->places[at].key != key)
                at = (at + 1) & (map->cap - 1);
        return &map->places[at];
}

int u64_map_reserve(struct u64_map *map)
{
        struct u64_map bigger = { .n = map->n, .cap = map->cap ? map->cap * 2 : FIRST_CAP };

        if ((map->n + 1) * 2 <= map->cap)
                return 0;
        bigger.places = calloc(bigger.cap, sizeof(*bigger.places));
        if (!bigger.places)
                return -ENOMEM;
        for (size_t i = 0; i < map->cap; i++)
                if (map->places[i].value)
                        *find(&bigger, map->places[i].key) = map->places[i];
        free(map->places);
        *map = bigger;
        return 0;
}

void u64_map_put(struct u64_map *map, uint64_t key, void *value)
{
        struct u64_map_place *place;

        assert(value && map->cap > 0);
        place = find(map, key);
        if (!place->value) {
                assert((map->n + 1) * 2 <= map->cap);
                map->n++;
        }
        *place = (struct u64_map_place){ key, value };
}

void *u64_map_get(const struct u64_map *map, uint64_t key)
{
        return map->cap > 0 ? find(map, key)->value : NULL;
}

void *u64_map_remove(struct u64_map *map, uint64_t key)
{
        struct u64_map_place *hole = map->cap > 0 ? find(map, key) : NULL;
        void *value = hole ? hole->value : NULL;
        size_t at;

        if (!value)
                return NULL;
        map->n--;
        hole->value = NULL;
        /* Move back what probed past the hole. */
        at = (size_t)(hole - map->places);
        for (;;) {
                struct u64_map_place moved;

                at = (at + 1) & (map->cap - 1);
                moved = map->places[at];
                if (!moved.value)
                        return value;
                map->places[at].value = NULL;
                *find(map, moved.key) = moved;
        }
}

void *u64_map_next(const struct u64_map *map, size_t *at)
{
        while (*at < map->cap) {
                void *value = map->places[(*at)++].value;

                if (value)
                        return value;
        }
        return NULL;
}
