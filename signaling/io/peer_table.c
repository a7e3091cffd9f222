/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/io/peer_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"

enum { BUCKETS = 1024 };

struct peer_entry {
        struct peer_entry *next;
        uint8_t key[16];
        uint32_t count, viewers;
};

struct peer_table {
        uint32_t seed; /* so that nobody can choose addresses of one bucket */
        struct peer_entry *bucket[BUCKETS];
};

int peer_table_new(struct peer_table **ret_table)
{
        struct peer_table *table = calloc(1, sizeof(*table));

        if (!table)
                return -ENOMEM;
        table->seed = rand_u32();
        *ret_table = table;
        return 0;
}

struct peer_table *peer_table_free(struct peer_table *table)
{
        for (size_t i = 0; table && i < BUCKETS; i++) {
                struct peer_entry *entry = table->bucket[i];

                while (entry) {
                        struct peer_entry *next = entry->next;

                        free(entry);
                        entry = next;
                }
        }
        free(table);
        return NULL;
}

static void make_key(uint8_t key[16], const uint8_t address[16])
{
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

        memcpy(key, address, 16);
        if (memcmp(address, mapped, sizeof(mapped)) != 0)
                memset(key + 8, 0, 8);
}

/* FNV-1a over the key, from a random start. */
static struct peer_entry **bucket_of(struct peer_table *table, const uint8_t key[16])
{
        uint32_t hash = table->seed ^ 2166136261u;

        for (int i = 0; i < 16; i++)
                hash = (hash ^ key[i]) * 16777619u;
        return &table->bucket[(hash ^ hash >> 16) % BUCKETS];
}

int peer_table_take(struct peer_table *table, const uint8_t address[16],
                    struct peer_entry **ret_entry)
{
        struct peer_entry **bucket, *entry;
        uint8_t key[16];

        make_key(key, address);
        bucket = bucket_of(table, key);
        for (entry = *bucket; entry && memcmp(entry->key, key, 16) != 0; entry = entry->next)
                ;
        if (!entry) {
                entry = calloc(1, sizeof(*entry));
                if (!entry)
                        return -ENOMEM;
                memcpy(entry->key, key, 16);
                entry->next = *bucket;
                *bucket = entry;
        }
        entry->count++;
        *ret_entry = entry;
        return 0;
}

void peer_table_release(struct peer_table *table, struct peer_entry *entry, bool viewer)
{
        struct peer_entry **at;

        if (!entry)
                return;
        if (viewer)
                entry->viewers--;
        else
                entry->count--;
        if (entry->count > 0 || entry->viewers > 0)
                return;
        for (at = bucket_of(table, entry->key); *at != entry; at = &(*at)->next)
                ;
        *at = entry->next;
        free(entry);
}

uint32_t peer_entry_count(const struct peer_entry *entry)
{
        return entry->count;
}

bool peer_entry_to_viewer(struct peer_entry *entry, uint32_t max)
{
        if (entry->viewers >= max)
                return false;
        entry->viewers++;
        entry->count--;
        return true;
}
