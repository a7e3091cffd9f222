/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/effects.h"

#include <string.h>

#include "signaling/core/media_glue.h"
#include "signaling/core/rooms.h"
#include "signaling/core/session.h"
#include "signaling/core/stage.h"
#include "signaling/core/whip.h"
#include "signaling/wire/server_msg.h"

void effect_from_event(struct effect *ret_effect, const struct meeting_event *event)
{
        struct effect effect = { .type = event->type,
                                 .changed = event->changed,
                                 .role = event->seat.role,
                                 .reason = event->reason };

        memcpy(effect.seat, event->seat.id, sizeof(effect.seat));
        memcpy(effect.sends, event->seat.sends, sizeof(effect.sends));
        *ret_effect = effect;
}

void member_close_peer(struct room *room, struct member *member)
{
        if (member->peer)
                sfu_peer_close(room->app->sfu, member->peer);
        member->peer = 0;
        whip_forget(room->app, member);
        member->slots_dirty = 0;
        memset(member->slots, 0, sizeof(member->slots));
}

/* A peer opened without the right to publish cannot gain it: she offers again. */
static void on_role(struct room *room, struct member *member, enum meeting_role role)
{
        bool may_publish = role_permissions(role) & PERM_PUBLISH;

        if (!member->peer || member->may_publish || !may_publish)
                return;
        member_close_peer(room, member);
        if (member->session)
                session_send(member->session, msg_peer_gone(SFU_GONE_CLOSED_BY_PEER));
}

static void on_changed(struct room *room, struct member *member, const struct effect *effect)
{
        for (unsigned kind = 0; member->peer && kind < N_KINDS; kind++)
                if (effect->changed & (CHANGED_MIC << kind))
                        sfu_peer_mute(room->app->sfu, member->peer,
                                      media_sfu_kind((enum meeting_kind)kind),
                                      !effect->sends[kind]);
        if (effect->changed & CHANGED_ROLE)
                on_role(room, member, effect->role);
}

static void on_left(struct room *room, struct member *member, enum meeting_leave reason)
{
        member_close_peer(room, member);
        member->lost_ms = 0;
        if (reason == LEAVE_REMOVED && member->session)
                session_end(member->session, "removed", "a host has ended this seat");
}

static void mute_all(struct room *room, const char *by)
{
        struct member *member;
        GHashTableIter iter;

        g_hash_table_iter_init(&iter, room->members);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&member))
                if (member->peer && strcmp(member->id, by) != 0)
                        sfu_peer_mute(room->app->sfu, member->peer, SFU_MIC, true);
}

void effects_run(struct room *room, const struct effect *effect)
{
        struct member *member = effect->seat[0] ? room_find_member(room, effect->seat) : NULL;

        if (effect->type == EVENT_ALL_MUTED)
                mute_all(room, effect->seat);
        else if (member && effect->type == EVENT_CHANGED)
                on_changed(room, member, effect);
        else if (member && effect->type == EVENT_LEFT)
                on_left(room, member, effect->reason);
        else if (member && effect->type == EVENT_JOINED && !member->session && !member->peer)
                room_member_lost(room, member); /* her socket may be gone by now */
        stage_on_event(room, effect->type, effect->seat);
}

void effects_after_reload(struct room *room)
{
        struct member *member;
        GHashTableIter iter;

        for (guint i = room->sessions->len; i-- > 0;) {
                struct session *session = g_ptr_array_index(room->sessions, i);
                const struct meeting_seat *seat = room_seat(room, session->member);

                if (!seat || !seat->online || session->last_seq > room->committed_seq)
                        session_end(session, "internal", "the last change could not be kept");
        }
        g_hash_table_iter_init(&iter, room->members);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&member)) {
                const struct meeting_seat *seat = room_seat(room, member);

                if (!seat || !seat->online)
                        member_close_peer(room, member);
        }
}
