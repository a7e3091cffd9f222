/* SPDX-License-Identifier: Apache-2.0 */
/*
 * effects — what an event of the log does to connections and media once it is
 *           committed: muting, ending peers, showing people out.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_EFFECTS_H
#define SIGNALING_CORE_EFFECTS_H

#include "signaling/core/app.h"

/* The part of an event that matters here. */
struct effect {
        enum meeting_event_type type;
        char seat[MEETING_ID];
        unsigned changed;
        bool sends[N_KINDS];
        enum meeting_role role;
        enum meeting_leave reason;
};

void effect_from_event(struct effect *ret_effect, const struct meeting_event *event);
void effects_run(struct room *room, const struct effect *effect);

/* The room's state was read again after a failed commit: who is no longer in
 * it, or was told of what never happened, has to come again. */
void effects_after_reload(struct room *room);

/* Ends a member's peer, if she has one. */
void member_close_peer(struct room *room, struct member *member);

#endif
