/* SPDX-License-Identifier: Apache-2.0 */
/*
 * u64_map — numbers to pointers: open addressing, linear probing, deletion
 *           without tombstones.
 *
 * Layer:  io (the tables of peers and rooms).
 * Owner:  whoever embeds it; values stay with their owners.
 *
 * Invariants:
 *  (1) at most half of the places are taken, so a probe ends soon.
 *  (2) keys are numbers of our own making: nobody can aim them at one place.
 */
#ifndef SFU_IO_U64_MAP_H
#define SFU_IO_U64_MAP_H

#include "base/base.h"

struct u64_map {
        struct u64_map_place *places; /* private */
        size_t n, cap;                /* n entries */
};

void u64_map_done(struct u64_map *map); /* of a zero-initialised one too */

/* Makes sure that the next put of a new key succeeds. Returns 0 or -ENOMEM. */
must_use int u64_map_reserve(struct u64_map *map);

/* Sets or replaces; value is not NULL. A new key needs u64_map_reserve() before. */
void u64_map_put(struct u64_map *map, uint64_t key, void *value);

void *u64_map_get(const struct u64_map *map, uint64_t key); /* NULL: not there */
void *u64_map_remove(struct u64_map *map, uint64_t key);    /* what was there, or NULL */

/* Walks the values: start with *at = 0; NULL at the end. No changes meanwhile. */
void *u64_map_next(const struct u64_map *map, size_t *at);

#endif
