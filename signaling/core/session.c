/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/core/dispatch.h"
#include "signaling/core/film.h"
#include "signaling/core/media_glue.h"
#include "signaling/core/names.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/server_msg.h"

enum {
        CLOSE_NORMAL = 1000, /* RFC 6455 §7.4.1 */
        CLOSE_POLICY = 1008,
        /* Missed events; with more, a whole welcome is the shorter way. */
        RESUME_MAX_EVENTS = SERVER_WS_MAX_QUEUED / 2,
        RESUME_MAX_BYTES = ROOM_RING_BYTES,
};

int session_new(struct app *app, struct ws_conn *conn, const struct identity *who)
{
        struct session *session = calloc(1, sizeof(*session));

        if (!session)
                return -ENOMEM;
        session->app = app;
        session->conn = conn;
        session->serial = ++app->next_serial;
        session->who = *who;
        session->allowance = SESSION_BURST;
        session->refilled_us = session->opened_us = app->now_us();
        g_hash_table_insert(app->sessions, &session->serial, session);
        ws_set_user(conn, session);
        return 0;
}

/* ---- saying ---- */

void session_send(struct session *session, char *text)
{
        struct ws_text *shared = text ? ws_text_new(text, strlen(text)) : NULL;

        free(text);
        if (shared)
                ws_send(session->conn, shared);
        ws_text_unref(shared);
}

void session_error(struct session *session, int64_t request, const char *code, const char *field,
                   const char *message)
{
        session_send(session, msg_error(request, code, field, message));
}

/* ---- going ---- */

/* The seat no longer talks through this socket. */
static void detach(struct session *session)
{
        struct member *member = session->member;

        if (session->room)
                g_ptr_array_remove_fast(session->room->sessions, session);
        if (member && member->session == session) {
                member->session = NULL;
                room_member_lost(session->room, member);
        }
        session->member = NULL;
        session->room = NULL;
        session->state = SESSION_LEFT;
}

void session_end(struct session *session, const char *code, const char *message)
{
        session_error(session, 0, code, NULL, message);
        detach(session);
        ws_close(session->conn, CLOSE_POLICY, code);
}

void session_leave(struct session *session)
{
        detach(session);
        ws_close(session->conn, CLOSE_NORMAL, "left");
}

void session_on_close(struct session *session)
{
        detach(session);
        g_hash_table_remove(session->app->sessions, &session->serial);
        free(session);
}

/* ---- speed ---- */

static void refill(struct session *session)
{
        int64_t now_us = session->app->now_us();

        session->allowance += (double)(now_us - session->refilled_us) / 1e6 * SESSION_POINTS_PER_S;
        session->refilled_us = now_us;
        if (session->allowance >= SESSION_BURST) {
                session->allowance = SESSION_BURST;
                session->strikes = 0;
        }
}

bool session_spend(struct session *session, double points, int64_t request)
{
        refill(session);
        if (session->allowance >= points) {
                session->allowance -= points;
                return true;
        }
        session->app->n_too_fast++;
        if (++session->strikes > SESSION_MAX_STRIKES) {
                session->app->n_flooders++;
                session_end(session, "too-fast", "too many messages");
                return false;
        }
        session_error(session, request, "too-fast", NULL, "too many messages, slow down");
        return false;
}

/* ---- hearing ---- */

static void refuse_message(struct session *session, int r, const struct client_msg_fault *fault)
{
        session->app->n_bad_messages++;
        switch (r) {
        case MSG_E_MESSAGE:
                session_error(session, fault->id, "bad-message", NULL,
                              "a message is an object with a type");
                break;
        case MSG_E_UNKNOWN_TYPE:
                session_error(session, fault->id, "unknown-type", "type", "no such message type");
                break;
        case -ENOMEM:
                session_error(session, fault->id, "internal", NULL, "no memory");
                break;
        case MSG_E_FIELD:
                session_error(session, fault->id, "bad-field", fault->field,
                              "missing, unknown or out of bounds");
                break;
        default:
                session_error(session, 0, "bad-json", NULL, "not JSON, or nested too deeply");
                break;
        }
}

void session_on_text(struct session *session, const char *text, size_t len)
{
        struct client_msg_fault fault;
        struct client_msg msg;
        int r;

        if (session->state == SESSION_LEFT)
                return;
        session->app->n_messages++;
        r = client_msg_parse(&msg, text, len, &fault);
        if (r == 0) {
                dispatch(session, &msg);
                client_msg_done(&msg);
        } else if (session_spend(session, 2, fault.id)) {
                refuse_message(session, r, &fault);
        }
}

/* ---- joining ---- */

int session_join(struct session *session, const struct client_msg *msg)
{
        const char *given = session->who.name[0] ? session->who.name : msg->name;
        struct reply reply = { REPLY_WELCOME, session->serial, msg->id, msg->has_resume,
                               (uint64_t)msg->last_seq };
        struct meeting_command command = { .type = COMMAND_JOIN,
                                           .by = session->who.seat,
                                           .role = session->who.role };
        char name[MEETING_NAME];
        struct room *room;
        int r;

        name_clean(name, given);
        command.name = name;
        r = room_open(session->app, session->who.meeting, &room);
        if (r == 0 && !room_member(room, session->who.seat))
                r = MEETING_E_FULL;
        if (r != 0)
                return r;
        session->state = SESSION_JOINING;
        session->room = room;
        r = room_submit(room, &command, NULL, &reply);
        if (r != 0) {
                session->state = SESSION_NEW;
                session->room = NULL;
        }
        return r;
}

/* What she missed has to fit her queue, or she would be closed as too slow, come
 * back with the same number, and so for ever. */
static bool can_resume(const struct room *room, const struct reply *reply)
{
        uint64_t seq = reply->last_seq;
        size_t bytes = 0;

        if (!reply->has_resume || seq > room->committed_seq)
                return false;
        if (seq == room->committed_seq)
                return true;
        if (seq + 1 < room->ring_first || room->committed_seq - seq > RESUME_MAX_EVENTS)
                return false;
        while (seq++ < room->committed_seq && bytes <= RESUME_MAX_BYTES)
                bytes += ws_text_len(room->ring[seq % ROOM_RING]);
        return bytes <= RESUME_MAX_BYTES;
}

static void send_missed(struct session *session, uint64_t after)
{
        struct room *room = session->room;

        for (uint64_t seq = after + 1; seq <= room->committed_seq; seq++)
                ws_send(session->conn, room->ring[seq % ROOM_RING]);
        session->last_seq = room->committed_seq;
}

/* Credentials outlive any one connection's need of them: she gets the next ones
 * when half the time of these is over. */
static void make_turn_credential(struct session *session, struct turn_credential *ret_credential)
{
        struct app *app = session->app;

        *ret_credential = (struct turn_credential){ "", "" };
        session->turn_us = app->now_us() + TURN_LIFE_MS / 2 * INT64_C(1000);
        if (app->turn.n_uris > 0 &&
            turn_credential_make(ret_credential, &app->turn, session->who.seat, app->wall_ms()) < 0)
                session->turn_us = 0; /* at the next tick */
}

static void renew_turn(struct session *session)
{
        struct turn_credential credential;

        make_turn_credential(session, &credential);
        session_send(session, msg_ice_servers(&session->app->turn, &credential));
}

/* The welcome's state may be ahead of what is committed; those events are not
 * sent to her again, and effects_after_reload() ends her if they never happen. */
static void say_welcome(struct session *session, const struct reply *reply, bool resumed)
{
        struct room *room = session->room;
        const struct member *speaker = room_member_by_number(room, room->speaker);
        GArray *shown = g_array_new(FALSE, FALSE, sizeof(struct msg_document));
        struct turn_credential credential;
        struct msg_welcome welcome = {
                .id = reply->id,
                .self = room_seat(room, session->member),
                .resumed = resumed,
                .seq = resumed ? reply->last_seq : meeting_seq(room->state),
                .meeting_id = room->info.id,
                .title = room->info.title,
                .locked = meeting_locked(room->state),
                .film = film_json(room),
                .meeting = room->state,
                .speaker = speaker ? speaker->id : NULL,
                .turn = &session->app->turn,
                .credential = &credential,
        };

        for (guint i = 0; i < room->documents->len && !resumed; i++)
                g_array_append_val(shown,
                                   g_array_index(room->documents, struct room_document, i).shown);
        make_turn_credential(session, &credential);
        welcome.documents = (const struct msg_document *)(void *)shown->data;
        welcome.n_documents = shown->len;
        session->last_seq = welcome.seq;
        session_send(session, msg_welcome(&welcome));
        g_array_free(shown, TRUE);
}

void session_on_joined(struct session *session, const struct reply *reply)
{
        struct room *room = session->room;
        struct member *member = room ? room_find_member(room, session->who.seat) : NULL;
        const struct meeting_seat *seat = member ? room_seat(room, member) : NULL;
        bool resumed;

        if (session->state != SESSION_JOINING)
                return;               /* closed meanwhile: the seat waits, see effects.c */
        if (!seat || !seat->online) { /* removed, or left, while the join was on its way */
                session_end(session, seat && seat->removed ? "removed" : "internal",
                            "the seat is gone");
                return;
        }
        if (member->session)
                session_end(member->session, "replaced", "a newer connection took this seat");
        resumed = can_resume(room, reply);
        member->session = session;
        member->lost_ms = 0;
        session->member = member;
        session->state = SESSION_JOINED;
        say_welcome(session, reply, resumed);
        if (resumed)
                send_missed(session, reply->last_seq);
        else
                memset(member->viewed, 0, sizeof(member->viewed));
        g_ptr_array_add(room->sessions, session);
        media_tell_all(member);
}

void session_on_refused(struct session *session, const struct reply *reply, const char *code)
{
        if (reply->kind == REPLY_WELCOME && session->state == SESSION_JOINING) {
                session->state = SESSION_NEW;
                session->room = NULL;
        }
        session_error(session, reply->id, code, NULL, "could not be kept");
}

/* ---- time ---- */

void sessions_tick(struct app *app)
{
        int64_t now_us = app->now_us();
        struct session *session;
        GHashTableIter iter;

        g_hash_table_iter_init(&iter, app->sessions);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&session)) {
                if (session->state == SESSION_JOINED && app->turn.n_uris > 0 &&
                    now_us >= session->turn_us)
                        renew_turn(session);
                if (session->state != SESSION_NEW ||
                    now_us - session->opened_us < SESSION_JOIN_MS * INT64_C(1000))
                        continue;
                detach(session);
                ws_close(session->conn, CLOSE_POLICY, "join first");
        }
}
