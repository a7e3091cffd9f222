/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service — the signalling core as main sees it: make it, feed it, end it.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_SERVICE_H
#define SIGNALING_CORE_SERVICE_H

#include "signaling/core/app.h"

struct service_config {
        struct store *store; /* these are borrowed, and freed after the service */
        struct sfu *sfu;
        struct docs *docs;
        struct jobs *jobs;
        struct media *media;
        struct reader *reader;
        int64_t keep_recordings_ms, recording_free_bytes; /* recordings.h */
        const struct turn_config *turn;                   /* NULL: none */
        int64_t (*wall_ms)(void);
        int64_t (*now_us)(void);
        void (*usage)(struct process_usage *ret_usage);
};

/* Returns 0 or -errno. */
must_use int service_new(struct app **ret_app, const struct service_config *config);
/* After server_free(). Accepts NULL, returns NULL. */
struct app *service_free(struct app *app);

void service_handler(struct app *app, struct server_handler *ret_handler);
void service_set_server(struct app *app, struct server *server);

/* After any of the wake callbacks (store, sfu, docs, reader). */
void service_poll(struct app *app);
/* Every APP_TICK_MS. */
void service_tick(struct app *app);

/* Says goodbye to every socket; their people come back by themselves. */
void service_drain(struct app *app);
/* Nothing waits for the disk or for a goodbye any more. */
bool service_is_drained(const struct app *app);

#endif
