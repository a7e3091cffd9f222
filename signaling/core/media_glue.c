/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/media_glue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/core/effects.h"
#include "signaling/core/rooms.h"
#include "signaling/core/session.h"
#include "signaling/core/stage.h"
#include "signaling/core/whip.h"
#include "signaling/wire/server_msg.h"

enum sfu_kind media_sfu_kind(enum meeting_kind kind)
{
        static const enum sfu_kind kinds[N_KINDS] = {
                [KIND_MIC] = SFU_MIC,
                [KIND_CAMERA] = SFU_CAMERA,
                [KIND_SCREEN] = SFU_SCREEN,
        };

        return kinds[kind];
}

static enum meeting_kind meeting_kind_of(enum sfu_kind kind)
{
        return kind == SFU_MIC ? KIND_MIC : kind == SFU_CAMERA ? KIND_CAMERA : KIND_SCREEN;
}

/* ---- offers ---- */

void media_apply_mutes(struct room *room, const struct member *member)
{
        const struct meeting_seat *seat = room_seat(room, member);

        for (unsigned kind = 0; seat && kind < N_KINDS; kind++)
                sfu_peer_mute(room->app->sfu, member->peer, media_sfu_kind((enum meeting_kind)kind),
                              !seat->sends[kind]);
}

static void apply_views(struct room *room, const struct member *member)
{
        struct sfu_slot_view views[SFU_MAX_VIDEO_SLOTS];
        size_t n = 0;

        for (unsigned i = 0; i < SFU_MAX_VIDEO_SLOTS; i++)
                if (member->viewed[i])
                        views[n++] = member->views[i];
        if (n > 0)
                sfu_peer_view(room->app->sfu, member->peer, views, n);
}

/* What was said of another peer. */
static void forget_news(struct member *member)
{
        member->slots_dirty = 0;
        memset(member->slots, 0, sizeof(member->slots));
        memset(member->wanted, 0, sizeof(member->wanted));
        member->quality_known = false;
}

int media_open_peer(struct room *room, struct member *member, bool may_publish,
                    enum sfu_purpose purpose, const char *sdp, size_t len, char **ret_answer)
{
        struct sfu_peer_params params = { .room = room->number,
                                          .participant = member->number,
                                          .may_publish = may_publish,
                                          .purpose = purpose };
        uint64_t peer;
        int r = sfu_peer_open(room->app->sfu, &params, sdp, len, ret_answer, &peer);

        if (r != 0)
                return r;
        member->peer = peer;
        member->may_publish = may_publish;
        forget_news(member);
        media_apply_mutes(room, member);
        apply_views(room, member);
        return 0;
}

/* A new one, or another way to the one she has. */
static int answer_offer(struct session *session, const struct meeting_seat *seat,
                        const struct client_msg *msg, char **ret_answer)
{
        struct member *member = session->member;
        int r;

        if (!msg->restart)
                return media_open_peer(session->room, member,
                                       role_permissions(seat->role) & PERM_PUBLISH, SFU_TO_MEET,
                                       msg->sdp, strlen(msg->sdp), ret_answer);
        r = sfu_peer_restart(session->app->sfu, member->peer, msg->sdp, strlen(msg->sdp),
                             ret_answer);
        if (r == -ENOENT)
                session_error(session, msg->id, "not-found", NULL, "no such connection");
        return r;
}

int media_on_offer(struct session *session, const struct client_msg *msg)
{
        const struct meeting_seat *seat = room_seat(session->room, session->member);
        char *answer = NULL;
        int r;

        if (!seat)
                return MEETING_E_NOT_FOUND;
        r = answer_offer(session, seat, msg, &answer);
        if (r == -ENOENT)
                return 0; /* said */
        if (r > 0) {
                session_error(session, msg->id, sfu_offer_error_code((enum sfu_offer_err)r), "sdp",
                              "the offer cannot be answered");
                return 0;
        }
        if (r == 0)
                session_send(session, msg_answer(msg->id, answer));
        free(answer);
        return r;
}

/* ---- views ---- */

static uint32_t shown_number(struct room *room, const char *participant)
{
        const struct member *member;

        if (!participant)
                return 0;
        if (strcmp(participant, "*") == 0)
                return SFU_ACTIVE_SPEAKER;
        /* An offline seat gets its number too: she may come back. */
        member = meeting_seat(room->state, participant) ? room_member(room, participant) : NULL;
        return member ? member->number : 0;
}

int media_on_view(struct session *session, const struct client_msg *msg)
{
        struct member *member = session->member;
        struct sfu_slot_view views[MSG_MAX_SLOTS];

        for (size_t i = 0; i < msg->n_slots; i++) {
                const struct msg_slot_view *slot = &msg->slots[i];

                views[i] = (struct sfu_slot_view){
                        .slot = (uint8_t)slot->index,
                        .participant = shown_number(session->room, slot->participant),
                        .kind = media_sfu_kind(slot->kind),
                        .max_height = (uint16_t)slot->height,
                        .priority = (uint8_t)slot->priority,
                };
                member->viewed[slot->index] = true;
                member->views[slot->index] = views[i];
        }
        if (member->peer && msg->n_slots > 0)
                sfu_peer_view(session->app->sfu, member->peer, views, msg->n_slots);
        session_send(session, msg_ok(msg->id));
        return 0;
}

/* ---- statistics ---- */

struct stats_request {
        struct app *app;
        uint64_t session;
        int64_t id;
};

static const char *name_of(void *user, uint32_t number)
{
        const struct member *member = room_member_by_number(user, number);

        return member ? member->id : NULL;
}

static void on_stats(void *user, const struct sfu_peer_stats *stats)
{
        struct stats_request *request = user;
        struct session *session = g_hash_table_lookup(request->app->sessions, &request->session);

        if (session && session->state == SESSION_JOINED) {
                if (stats)
                        session_send(session,
                                     msg_stats(request->id, stats, name_of, session->room));
                else
                        session_error(session, request->id, "not-found", NULL, "no media now");
        }
        g_hash_table_remove(request->app->owed, request);
}

int media_on_stats(struct session *session, const struct client_msg *msg)
{
        struct stats_request *request;
        int r;

        if (!session->member->peer)
                return MEETING_E_NOT_FOUND;
        request = calloc(1, sizeof(*request));
        if (!request)
                return -ENOMEM;
        *request = (struct stats_request){ session->app, session->serial, msg->id };
        g_hash_table_add(session->app->owed, request);
        r = sfu_peer_stats(session->app->sfu, session->member->peer, on_stats, request);
        if (r < 0)
                g_hash_table_remove(session->app->owed, request);
        return r;
}

/* ---- news ---- */

static struct msg_slot describe_slot(struct room *room, const struct member *member, unsigned at)
{
        const struct slot_now *now = &member->slots[at];
        const struct member *source = room_member_by_number(room, now->source);

        return (struct msg_slot){ .audio = at < SFU_AUDIO_SLOTS,
                                  .index = at < SFU_AUDIO_SLOTS ? at : at - SFU_AUDIO_SLOTS,
                                  .participant = source ? source->id : NULL,
                                  .kind = now->kind };
}

static void tell_slots(struct room *room, struct member *member, uint32_t which)
{
        struct msg_slot slots[SFU_MAX_SLOTS];
        size_t n = 0;

        for (unsigned at = 0; at < SFU_MAX_SLOTS; at++)
                if (which & 1u << at)
                        slots[n++] = describe_slot(room, member, at);
        if (n > 0 && member->session)
                session_send(member->session, msg_slots(slots, n));
        member->slots_dirty = 0;
}

static void tell_wanted(struct member *member, enum meeting_kind kind)
{
        const struct wanted_now *now = &member->wanted[kind];

        if (member->session && now->known)
                session_send(member->session,
                             msg_wanted(kind, now->wanted, now->n_layers, now->layers));
}

static void tell_quality(struct member *member)
{
        if (member->session && member->quality_known)
                session_send(member->session, msg_quality(&member->quality));
}

void media_tell_all(struct member *member)
{
        uint32_t which = 0;

        if (!member->peer)
                return;
        for (unsigned at = 0; at < SFU_MAX_SLOTS; at++)
                if (member->slots[at].source)
                        which |= 1u << at;
        tell_slots(member->session->room, member, which);
        for (unsigned kind = 0; kind < N_KINDS; kind++)
                tell_wanted(member, (enum meeting_kind)kind);
        tell_quality(member);
}

static void on_wanted(struct member *member, const struct sfu_event *event)
{
        enum meeting_kind kind = meeting_kind_of(event->wanted.kind);

        member->wanted[kind] = (struct wanted_now){ true, event->wanted.wanted,
                                                    event->wanted.n_layers, event->wanted.layers };
        tell_wanted(member, kind);
}

static void on_slot(GPtrArray *dirty, struct member *member, const struct sfu_event *event)
{
        unsigned at = event->slot.index + (event->slot.audio ? 0 : SFU_AUDIO_SLOTS);

        if (at >= SFU_MAX_SLOTS || (event->slot.audio && at >= SFU_AUDIO_SLOTS))
                return;
        member->slots[at].source = event->slot.source;
        member->slots[at].kind = meeting_kind_of(event->slot.kind);
        if (!member->slots_dirty)
                g_ptr_array_add(dirty, member);
        member->slots_dirty |= 1u << at;
}

static void on_gone(struct room *room, struct member *member, enum sfu_gone reason)
{
        member->peer = 0;
        forget_news(member);
        if (member->session)
                session_send(member->session, msg_peer_gone(reason));
        else
                whip_on_peer_gone(room, member);
}

static void on_peer_event(struct room *room, GPtrArray *dirty, const struct sfu_event *event)
{
        struct member *member = room_member_by_number(room, event->participant);

        if (!member || member->peer != event->peer)
                return; /* an older peer's */
        switch (event->type) {
        case SFU_EV_SLOT:
                on_slot(dirty, member, event);
                break;
        case SFU_EV_GONE:
                on_gone(room, member, event->gone_reason);
                break;
        case SFU_EV_WANTED:
                on_wanted(member, event);
                break;
        case SFU_EV_QUALITY:
                member->quality = *event;
                member->quality_known = true;
                tell_quality(member);
                break;
        case SFU_EV_SILENT:
                if (member->session)
                        session_send(member->session, msg_silent());
                break;
        case SFU_EV_CONNECTED:
        case SFU_EV_SPEAKER:
                break;
        }
}

/* Slot changes of one turn go out as one message a person. Members live until
 * the next tick, so the list may be used to its end. */
void media_poll(struct app *app)
{
        GPtrArray *dirty = g_ptr_array_new();
        GPtrArray *rooms = g_ptr_array_new();
        struct sfu_event event;

        while (sfu_poll(app->sfu, &event)) {
                struct room *room = room_by_number(app, event.room);
                guint n = dirty->len;

                if (!room)
                        continue;
                if (event.type == SFU_EV_SPEAKER) {
                        if (room->speaker == event.participant)
                                continue;
                        room->speaker_dirty = true;
                        room->speaker = event.participant;
                        stage_on_speaker(room);
                        continue;
                }
                on_peer_event(room, dirty, &event);
                if (dirty->len > n)
                        g_ptr_array_add(rooms, room);
        }
        for (guint i = 0; i < dirty->len; i++) {
                struct member *member = g_ptr_array_index(dirty, i);

                tell_slots(g_ptr_array_index(rooms, i), member, member->slots_dirty);
        }
        g_ptr_array_free(dirty, TRUE);
        g_ptr_array_free(rooms, TRUE);
}
