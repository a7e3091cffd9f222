/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/dispatch.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "signaling/core/agenda_api.h"
#include "signaling/core/media_glue.h"
#include "signaling/core/rooms.h"
#include "signaling/core/session.h"
#include "signaling/wire/server_msg.h"
#include "signaling/wire/words.h"

/* A line goes to everybody: of the longest ones each person may send one a second. */
enum { CHAT_BYTES_PER_POINT = 250, AGENDA_ITEMS_PER_POINT = 4 };

/* Handlers return 0 (answered, or to be answered after the commit), an enum
 * meeting_err, or -errno; dispatch() then tells the client. */

static int submit(struct session *session, const struct client_msg *msg,
                  struct meeting_command *command)
{
        struct reply reply = { .kind = REPLY_OK, .session = session->serial, .id = msg->id };

        command->by = session->member->id;
        command->target = msg->participant;
        return room_submit(session->room, command, NULL, &reply);
}

static int on_leave(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_LEAVE,
                                           .by = session->member->id,
                                           .reason = LEAVE_LEFT };
        int r = room_submit(session->room, &command, NULL, NULL);

        if (r == 0) {
                session_send(session, msg_ok(msg->id));
                session_leave(session);
        }
        return r;
}

static int on_media(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_MEDIA };

        memcpy(command.sends, msg->sends, sizeof(command.sends));
        return submit(session, msg, &command);
}

static int on_hand(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_HAND, .on = msg->on };

        return submit(session, msg, &command);
}

static int on_chat(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_CHAT };
        char text[MEETING_TEXT];
        size_t len;

        if (text_clean(text, sizeof(text), &len, msg->text, strlen(msg->text),
                       TEXT_KEEP_NEWLINES) != 0)
                len = 0;
        if (len == 0) {
                session_error(session, msg->id, "bad-field", "text", "nothing to read in it");
                return 0;
        }
        if (!session_spend(session, (double)len / CHAT_BYTES_PER_POINT, msg->id))
                return 0;
        command.text = text;
        return submit(session, msg, &command);
}

static int on_mute(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_MUTE, .kind = msg->kind };

        return submit(session, msg, &command);
}

static int on_mute_all(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_MUTE_ALL };

        return submit(session, msg, &command);
}

static int on_remove(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_REMOVE };

        return submit(session, msg, &command);
}

static int on_lock(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_LOCK, .on = msg->on };

        return submit(session, msg, &command);
}

static int on_set_role(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_SET_ROLE, .role = msg->role };

        return submit(session, msg, &command);
}

static int on_present(struct session *session, const struct client_msg *msg)
{
        const struct room_document *document = room_find_document(session->room, msg->document);
        struct meeting_command command = { .type = COMMAND_PRESENT,
                                           .document = msg->document,
                                           .page = (int)msg->page,
                                           .n_pages = -1 };

        if (document)
                command.n_pages = document->shown.doc.state == STORE_DOC_READY
                                          ? document->shown.doc.pages
                                          : 0;
        return submit(session, msg, &command);
}

static int on_present_stop(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_PRESENT_STOP };

        return submit(session, msg, &command);
}

static int on_pointer(struct session *session, const struct client_msg *msg)
{
        const struct meeting_presentation *shown = meeting_presentation(session->room->state);

        if (strcmp(shown->presenter, session->member->id) != 0)
                return MEETING_E_FORBIDDEN;
        room_broadcast(session->room, msg_pointer(msg->x, msg->y, msg->on), session);
        session_send(session, msg_ok(msg->id));
        return 0;
}

static int submit_agenda(struct session *session, const struct client_msg *msg,
                         struct meeting_command *command)
{
        struct reply reply = { .kind = REPLY_OK, .session = session->serial, .id = msg->id };

        command->by = session->member->id;
        return agenda_submit(session->room, command, &reply);
}

static int on_agenda(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_AGENDA,
                                           .agenda = msg->agenda,
                                           .version = (uint64_t)msg->version };

        if (!session_spend(session, (double)msg->agenda->n_items / AGENDA_ITEMS_PER_POINT, msg->id))
                return 0;
        return submit_agenda(session, msg, &command);
}

static int on_agenda_item(struct session *session, const struct client_msg *msg)
{
        struct meeting_command command = { .type = COMMAND_AGENDA_ITEM,
                                           .item = msg->item ? msg->item : "" };

        return submit_agenda(session, msg, &command);
}

static int on_ping(struct session *session, const struct client_msg *msg)
{
        session_send(session, msg_ok(msg->id));
        return 0;
}

/* perms: all of these are needed; what depends on whose seat it is about is
 * decided in meeting/. points: of SESSION_BURST, SESSION_POINTS_PER_S come back. */
static const struct {
        enum session_state state;
        unsigned perms;
        double points;
        int (*handle)(struct session *session, const struct client_msg *msg);
} methods[N_CLIENT_MSGS] = {
        [MSG_JOIN] = { SESSION_NEW, 0, 5, session_join },
        [MSG_LEAVE] = { SESSION_JOINED, 0, 1, on_leave },
        [MSG_OFFER] = { SESSION_JOINED, 0, 15, media_on_offer },
        [MSG_MEDIA] = { SESSION_JOINED, 0, 3, on_media },
        [MSG_VIEW] = { SESSION_JOINED, 0, 2, media_on_view },
        [MSG_HAND] = { SESSION_JOINED, 0, 3, on_hand },
        [MSG_CHAT] = { SESSION_JOINED, PERM_CHAT, 5, on_chat },
        [MSG_MUTE] = { SESSION_JOINED, PERM_MODERATE, 1, on_mute },
        [MSG_MUTE_ALL] = { SESSION_JOINED, PERM_MODERATE, 5, on_mute_all },
        [MSG_REMOVE] = { SESSION_JOINED, PERM_MODERATE, 1, on_remove },
        [MSG_LOCK] = { SESSION_JOINED, PERM_MODERATE, 3, on_lock },
        [MSG_SET_ROLE] = { SESSION_JOINED, PERM_MODERATE, 1, on_set_role },
        [MSG_PRESENT] = { SESSION_JOINED, PERM_PRESENT, 2, on_present },
        [MSG_PRESENT_STOP] = { SESSION_JOINED, 0, 2, on_present_stop },
        [MSG_POINTER] = { SESSION_JOINED, PERM_PRESENT, 1, on_pointer },
        [MSG_AGENDA] = { SESSION_JOINED, PERM_MODERATE, 5, on_agenda },
        [MSG_AGENDA_ITEM] = { SESSION_JOINED, PERM_MODERATE, 3, on_agenda_item },
        [MSG_STATS] = { SESSION_JOINED, 0, 3, media_on_stats },
        [MSG_PING] = { SESSION_JOINED, 0, 1, on_ping },
};

static void tell_fault(struct session *session, const struct client_msg *msg, int r)
{
        if (r > 0)
                session_error(session, msg->id, meeting_error_word(r),
                              r == MEETING_E_NAME_EMPTY ? "name" : NULL,
                              "refused by the rules of the meeting");
        else if (r == -EAGAIN)
                session_error(session, msg->id, "busy", NULL, "try again");
        else if (r == -ENOENT)
                session_error(session, msg->id, "meeting-not-found", NULL, "no such meeting");
        else if (r < 0)
                session_error(session, msg->id, "internal", NULL, "the server could not do it");
}

void dispatch(struct session *session, const struct client_msg *msg)
{
        const struct meeting_seat *seat;

        if (!session_spend(session, methods[msg->type].points, msg->id))
                return;
        if (session->state != methods[msg->type].state) {
                bool again = methods[msg->type].state == SESSION_NEW;

                session_error(session, msg->id, again ? "already-joined" : "not-joined", NULL,
                              again ? "this socket has joined" : "join first");
                return;
        }
        seat = session->member ? room_seat(session->room, session->member) : NULL;
        if (methods[msg->type].perms &&
            (!seat || methods[msg->type].perms & ~role_permissions(seat->role))) {
                session_error(session, msg->id, "forbidden", NULL, "the role does not allow it");
                return;
        }
        tell_fault(session, msg, methods[msg->type].handle(session, msg));
}

size_t dispatch_n_types(void)
{
        return ARRAY_LEN(methods);
}

const char *dispatch_type(size_t i)
{
        return methods[i].handle ? client_msg_type_word((enum client_msg_type)i) : NULL;
}
