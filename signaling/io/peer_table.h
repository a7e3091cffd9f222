/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_table — how many connections each client address has. An IPv6 client is
 *              its /64: a single host owns that many addresses. Viewers of a stream
 *              are counted apart: a whole branch may watch from one address.
 *
 * Owner: the server; signalling thread.
 */
#ifndef SIGNALING_IO_PEER_TABLE_H
#define SIGNALING_IO_PEER_TABLE_H

#include "base/base.h"

struct peer_table;
struct peer_entry;

must_use int peer_table_new(struct peer_table **ret_table);
/* Accepts NULL, returns NULL. Entries still taken become invalid. */
struct peer_table *peer_table_free(struct peer_table *table);

/* Counts one more connection of the address. Returns 0 or -ENOMEM. */
must_use int peer_table_take(struct peer_table *table, const uint8_t address[16],
                             struct peer_entry **ret_entry);
/* Gives it back; accepts NULL. viewer: it was made one. */
void peer_table_release(struct peer_table *table, struct peer_entry *entry, bool viewer);
/* Without the viewers. */
uint32_t peer_entry_count(const struct peer_entry *entry);
/* Counts one of them as a viewer from now on; false: there are max already. */
bool peer_entry_to_viewer(struct peer_entry *entry, uint32_t max);

#endif
