/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link — how rooms that span workers hand over packets and state: one ring from
 *        each worker to each other one (base/spsc.h), and one doorbell per worker.
 *
 * Layer:  io.
 * Owner:  struct sfu; it outlives the workers' threads.
 * Thread: functions with `self` are called by worker `self` only.
 *
 * Invariants:
 *  (1) records between two workers keep their order.
 *  (2) media may not use the last LINK_KEPT places of a ring: a worker that
 *      stands still misses packets, while what is told about rooms still finds
 *      a place, or is told later (sfu/core/media_remote.h).
 *  (3) a worker is woken at most once for each time it sleeps.
 */
#ifndef SFU_IO_LINK_H
#define SFU_IO_LINK_H

#include "base/base.h"
#include "sfu/core/media_remote.h"

enum { LINK_KEPT = 256 };

struct link_hub;

/* For n_workers (2..MEDIA_MAX_WORKERS). Returns 0 or -errno. */
must_use int link_hub_new(struct link_hub **ret_hub, unsigned n_workers);

/* Drops what nobody took: before any worker's packet pool goes, and when no
 * worker runs any more. Accepts NULL, returns NULL. */
struct link_hub *link_hub_free(struct link_hub *hub);
DEFINE_CLEANUP(struct link_hub *, link_hub_free)

/* How many records fit into one ring. */
size_t link_capacity(const struct link_hub *hub);

/* True: what the record owns is handed over. It is seen after link_publish(). */
must_use bool link_put(struct link_hub *hub, unsigned self, unsigned to,
                       const struct media_relay *record);

/* Everything put so far is seen by the others, and those that sleep wake up. */
void link_publish(struct link_hub *hub, unsigned self);

must_use bool link_take(struct link_hub *hub, unsigned self, unsigned from,
                        struct media_relay *ret_record);

/* An eventfd, readable when somebody rang for the sleeping worker; clear it, then take. */
int link_fd(const struct link_hub *hub, unsigned self);
void link_clear(struct link_hub *hub, unsigned self);

/* Around the worker's wait: false means that records are there, and it should
 * not sleep. link_awake() in any case afterwards. */
must_use bool link_sleep(struct link_hub *hub, unsigned self);
void link_awake(struct link_hub *hub, unsigned self);

#endif
