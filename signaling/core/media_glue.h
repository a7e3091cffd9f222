/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_glue — between the protocol's words and the media plane's numbers:
 *              offers and answers, what slots show, news of the media plane.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_MEDIA_GLUE_H
#define SIGNALING_CORE_MEDIA_GLUE_H

#include "signaling/core/app.h"

enum sfu_kind media_sfu_kind(enum meeting_kind kind);

/* Handlers of dispatch.c. */
must_use int media_on_offer(struct session *session, const struct client_msg *msg);
must_use int media_on_view(struct session *session, const struct client_msg *msg);
must_use int media_on_stats(struct session *session, const struct client_msg *msg);

/* Opens a peer for the member, in place of the one she has; kinds that her
 * seat does not send are muted. Returns as sfu_peer_open(); *ret_answer is
 * free()d by the caller. */
must_use int media_open_peer(struct room *room, struct member *member, bool may_publish,
                             enum sfu_purpose purpose, const char *sdp, size_t len,
                             char **ret_answer);

/* Silences of her peer what her seat does not send. */
void media_apply_mutes(struct room *room, const struct member *member);

/* Sends all that the media plane has said of her peer: every slot that shows
 * somebody, what of hers is wanted, her line. It says it once, and she may have
 * had no socket then, or a dead one. */
void media_tell_all(struct member *member);

/* Takes the media plane's events. Runs after its wake callback. */
void media_poll(struct app *app);

#endif
