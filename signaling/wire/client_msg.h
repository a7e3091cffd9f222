/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_msg — a client's WebSocket message, from JSON text to a struct
 *              (ClientMessage of protocol.schema.json).
 *
 * Layer:  wire. Pure but for memory.
 *
 * Invariants:
 *  (1) a message that decodes has every required field, each of its type and
 *      within its bounds, and no others.
 *  (2) nesting is bounded before the JSON parser sees the text.
 */
#ifndef SIGNALING_WIRE_CLIENT_MSG_H
#define SIGNALING_WIRE_CLIENT_MSG_H

#include <jansson.h>

#include "base/base.h"
#include "meeting/meeting.h"
#include "signaling/wire/agenda_json.h"

enum {
        MSG_MAX_DEPTH = 8, /* the protocol needs 5 */
        MSG_MAX_SLOTS = 25,
        MSG_FIELD_BYTES = AGENDA_FIELD,
};

enum client_msg_type {
        MSG_JOIN,
        MSG_LEAVE,
        MSG_OFFER,
        MSG_MEDIA,
        MSG_VIEW,
        MSG_HAND,
        MSG_CHAT,
        MSG_MUTE,
        MSG_MUTE_ALL,
        MSG_REMOVE,
        MSG_LOCK,
        MSG_SET_ROLE,
        MSG_PRESENT,
        MSG_PRESENT_STOP,
        MSG_POINTER,
        MSG_AGENDA,
        MSG_AGENDA_ITEM,
        MSG_STATS,
        MSG_PING,
        N_CLIENT_MSGS,
};

struct msg_slot_view {
        int64_t index, height, priority;
        const char *participant; /* NULL: nobody; "*": whoever speaks */
        enum meeting_kind kind;
};

/* Strings are views into `root`; absent ones are NULL. */
struct client_msg {
        enum client_msg_type type;
        int64_t id;
        const char *name, *sdp, *text, *participant, *document;
        const char *item; /* NULL: none */
        bool has_resume, restart;
        int64_t last_seq;
        bool sends[N_KINDS];
        bool on; /* raised, locked, visible */
        enum meeting_kind kind;
        enum meeting_role role;
        int64_t page;
        double x, y;
        struct msg_slot_view slots[MSG_MAX_SLOTS];
        size_t n_slots;
        int64_t version;
        struct agenda *agenda; /* owned */
        json_t *root;          /* owned */
};

enum client_msg_err {
        MSG_E_JSON = 1, /* not JSON, too deep */
        MSG_E_MESSAGE,  /* not an object with a type */
        MSG_E_UNKNOWN_TYPE,
        MSG_E_FIELD, /* *ret_fault says which */
};

struct client_msg_fault {
        int64_t id;                  /* of the message, if that could be read; else 0 */
        char field[MSG_FIELD_BYTES]; /* "slots[3].height" */
};

/* Returns 0 (then client_msg_done() is due), an enum client_msg_err, or -ENOMEM. */
must_use int client_msg_parse(struct client_msg *ret_msg, const char *text, size_t len,
                              struct client_msg_fault *ret_fault);
void client_msg_done(struct client_msg *msg);

/* The word in the `type` field. */
const char *client_msg_type_word(enum client_msg_type type);

/* Is this a participant's id ([A-Za-z0-9._-]{1,64})? */
bool msg_is_id(const char *text);

#endif
