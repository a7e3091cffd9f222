/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_msg — what the server says on a WebSocket besides the log's events
 *              (ServerMessage of protocol.schema.json).
 *
 * Layer:  wire. Pure but for memory. Each function returns a text to free(),
 *         or NULL without memory.
 */
#ifndef SIGNALING_WIRE_SERVER_MSG_H
#define SIGNALING_WIRE_SERVER_MSG_H

#include "base/base.h"
#include "sfu/api.h"
#include "signaling/wire/event_json.h"
#include "signaling/wire/turn.h"

char *msg_ok(int64_t id);

/* id 0: none. field: NULL or the offending one. */
char *msg_error(int64_t id, const char *code, const char *field, const char *message);

struct msg_welcome {
        int64_t id;
        const struct meeting_seat *self;
        bool resumed;
        uint64_t seq;
        const char *meeting_id, *title;
        bool locked;
        json_t *film; /* taken over; NULL: none */
        const struct turn_config *turn;
        const struct turn_credential *credential; /* for turn */
        /* the rest is not sent when resumed */
        const struct meeting *meeting;
        const struct msg_document *documents;
        size_t n_documents;
        const char *speaker; /* NULL: nobody */
};
char *msg_welcome(const struct msg_welcome *welcome);

/* New credentials before the welcome's end. */
char *msg_ice_servers(const struct turn_config *turn, const struct turn_credential *credential);

char *msg_answer(int64_t id, const char *sdp);

struct msg_slot {
        bool audio;
        unsigned index;
        const char *participant; /* NULL: nobody */
        enum meeting_kind kind;
};
char *msg_slots(const struct msg_slot *slots, size_t n);

char *msg_speaker(const char *participant); /* NULL: nobody */
char *msg_wanted(enum meeting_kind kind, bool wanted, unsigned n_layers, unsigned layers);
char *msg_quality(const struct sfu_event *event); /* SFU_EV_QUALITY */
char *msg_silent(void);
char *msg_peer_gone(enum sfu_gone reason);
char *msg_pointer(double x, double y, bool visible);
char *msg_document_progress(const char *document, int pages, int done);

/* name_of: the id of a participant's number, or NULL. */
char *msg_stats(int64_t id, const struct sfu_peer_stats *stats,
                const char *(*name_of)(void *user, uint32_t participant), void *user);

#endif
