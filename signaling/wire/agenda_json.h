/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agenda_json — a meeting's agenda as JSON and back: of messages, requests and the log.
 *
 * Layer: wire. Pure but for memory.
 */
#ifndef SIGNALING_WIRE_AGENDA_JSON_H
#define SIGNALING_WIRE_AGENDA_JSON_H

#include <jansson.h>

#include "meeting/meeting.h"

enum {
        AGENDA_FIELD = 64 + 1,
        AGENDA_E_FIELD = 1,
};

/* Reads a list of {"id", "title", "minutes", "documents"}, of which a title is needed; it is
 * cleaned. Returns 0 and hands the agenda over (an item without an id has ""), AGENDA_E_FIELD
 * with the place ("items[3].title"), or -ENOMEM. */
must_use int agenda_read(struct agenda **ret_agenda, const json_t *items,
                         char ret_field[AGENDA_FIELD]);

/* New references, or NULL without memory. agenda NULL: none. */
json_t *agenda_items_json(const struct agenda *agenda);
/* {"version", "items", "item", "since"} */
json_t *agenda_json(const struct meeting_agenda *agenda);

#endif
