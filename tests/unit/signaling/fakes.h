/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fakes — the core's neighbours for its tests: sockets that remember what was
 *         sent, a media plane that answers every offer, papers that are not
 *         there, a clock that the test moves. The store is the real one.
 */
#ifndef TESTS_UNIT_SIGNALING_FAKES_H
#define TESTS_UNIT_SIGNALING_FAKES_H

#include <jansson.h>

#include "signaling/core/service.h"

enum { FAKE_MAX_SENT = 1024, FAKE_KEEP_MS = 1000000 };

struct ws_conn {
        void *user;
        json_t *sent[FAKE_MAX_SENT];
        size_t n_sent;
        uint16_t close_code; /* 0: open */
};

/* What the media plane was told last. */
struct fake_sfu {
        uint64_t peers_opened, last_closed, restarts;
        int restart_result;
        struct sfu_peer_params last_params;
        bool muted[SFU_N_KINDS];
        struct sfu_slot_view views[SFU_MAX_SLOTS];
        size_t n_views;
        struct sfu_event events[64];
        size_t n_events;
};
extern struct fake_sfu fake_sfu;

/* The last answer to a request. */
struct fake_reply {
        int status;
        char etag[64], location[160];
        unsigned n_links;
        char body[64 * 1024];           /* "": none, or longer */
        char file[64], saved_name[400]; /* of a file that was sent */
};
extern struct fake_reply fake_reply;
/* What docs_file() finds: this file, of every document and page; NULL: nothing. */
extern const char *fake_docs_path;
/* The folder that the server serves at /live/. */
struct fake_live {
        char key[32]; /* "": none */
        char dir[512];
        unsigned opened, viewers;
};
extern struct fake_live fake_live;
extern int64_t fake_now_ms;

struct world {
        char dir[64];
        struct store *store;
        struct media *media;
        struct reader *reader;
        struct app *app;
        char meeting[UUID_TEXT];
};

int fake_setup(void **state);
int fake_teardown(void **state);
/* As after a restart; the one before was freed by the test. */
void fake_start_app(struct world *world);

/* A socket of a seat; fake_close() is due. */
struct ws_conn *fake_open(struct world *world, const char *seat, enum meeting_role role);
void fake_close(struct ws_conn *conn);

/* Lets everything that waits for the disk happen. */
void fake_settle(struct world *world);

/* Says it and returns the reply to it (borrowed), or NULL. */
json_t *fake_say(struct world *world, struct ws_conn *conn, json_t *message);
/* The n-th last message of this type, 0 the last; NULL: none. */
json_t *fake_last(const struct ws_conn *conn, const char *type);
size_t fake_count(const struct ws_conn *conn, const char *type);
const char *fake_text(const json_t *message, const char *field);

json_t *fake_join(struct world *world, struct ws_conn *conn, const char *name, int64_t last_seq);

#endif
