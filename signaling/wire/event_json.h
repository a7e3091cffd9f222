/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_json — the events of a meeting's log as JSON text and back. One text
 *              serves the log, the broadcast and the replay.
 *
 * Layer:  wire. Pure but for memory.
 */
#ifndef SIGNALING_WIRE_EVENT_JSON_H
#define SIGNALING_WIRE_EVENT_JSON_H

#include <jansson.h>

#include "base/base.h"
#include "meeting/meeting.h"
#include "store/store.h"

/* A paper as clients see it. */
struct msg_document {
        struct store_doc doc;
        int done; /* page images ready so far */
};

/* New references, or NULL without memory. */
json_t *seat_json(const struct meeting_seat *seat);
json_t *document_json(const struct msg_document *document);
json_t *chat_json(const struct meeting_chat *line);
json_t *presentation_json(const struct meeting_presentation *presentation); /* null: none */
json_t *recording_json(const struct meeting_recording *recording);          /* null: not recorded */
json_t *live_json(const struct meeting_live *live);                         /* null: not streamed */

/* document: for EVENT_DOCUMENT, else NULL. Returns a text to free(), or NULL
 * without memory. */
char *event_write(const struct meeting_event *event, const struct msg_document *document);

/* Reads back what event_write() wrote. Returns 0 (then event_done() is due), -EINVAL or
 * -ENOMEM. Papers' own fields are not read: docs-share keeps them. */
must_use int event_read(struct meeting_event *ret_event, const char *text);
void event_done(struct meeting_event *event);

#endif
