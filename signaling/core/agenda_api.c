/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/agenda_api.h"

#include <string.h>

#include "signaling/core/asker.h"
#include "signaling/core/kept_reply.h"
#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/agenda_json.h"
#include "signaling/wire/words.h"

enum { BODY_MAX = 256 * 1024 };

/* By requests, of one meeting: a change goes to everybody, and stays in the log. Messages have
 * their own limit. */
#define CHANGE_EVERY_US ((int64_t)500 * 1000)
enum { CHANGES_BURST = 50 };

/* ---- for messages and requests ---- */

static bool has_papers(struct room *room, const struct agenda *agenda)
{
        for (size_t i = 0; i < agenda->n_items; i++)
                for (size_t paper = 0; paper < agenda->items[i].n_papers; paper++)
                        if (!room_find_document(room, agenda->items[i].papers[paper]))
                                return false;
        return true;
}

static void give_ids(const struct room *room, struct agenda *agenda)
{
        for (size_t i = 0; i < agenda->n_items; i++)
                if (!agenda->items[i].id[0])
                        uuid_v7(agenda->items[i].id, room->app->wall_ms() * 1000);
}

int agenda_submit(struct room *room, const struct meeting_command *command,
                  const struct reply *reply)
{
        if (command->type == COMMAND_AGENDA) {
                if (!has_papers(room, command->agenda))
                        return MEETING_E_NOT_FOUND;
                give_ids(room, command->agenda);
        }
        return room_submit(room, command, NULL, reply);
}

/* ---- requests ---- */

static bool is_in_time(struct http_conn *conn, struct room *room)
{
        static const struct http_header later = { "Retry-After", "1" };
        int64_t now_us = room->app->now_us();

        if (room->agenda_rested_us < now_us)
                room->agenda_rested_us = now_us;
        if (room->agenda_rested_us - now_us < CHANGES_BURST * CHANGE_EVERY_US) {
                room->agenda_rested_us += CHANGE_EVERY_US;
                return true;
        }
        room->app->n_too_fast++;
        reply_error_with(conn, 429, "too-fast", "too many changes, slow down", &later, 1);
        return false;
}

/* The request's body, when she may change the agenda now; NULL: answered. */
static json_t *admit_change(struct app *app, struct http_conn *conn, const struct http_request *req,
                            const char *meeting, struct asker *ret_asker)
{
        if (!asker_admit_host(app, conn, req, meeting, ret_asker) ||
            !is_in_time(conn, ret_asker->room))
                return NULL;
        return asker_body(conn, req, BODY_MAX);
}

void agenda_api_show(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *meeting)
{
        struct asker asker;

        if (asker_admit_to(app, conn, req, meeting, &asker))
                reply_json(conn, 200, agenda_json(meeting_agenda(asker.room->state)), NULL, 0);
}

static void submit_and_reply(struct http_conn *conn, const struct asker *asker,
                             struct meeting_command *command)
{
        int r;

        command->by = asker_id(asker);
        command->role = asker->auth.who.role;
        r = agenda_submit(asker->room, command, NULL);
        if (r == 0)
                kept_reply(asker->room, conn, 200, agenda_json(meeting_agenda(asker->room->state)));
        else if (r < 0)
                reply_failure(conn, r);
        else
                reply_error(conn,
                            r == MEETING_E_NOT_FOUND        ? 404
                            : r == MEETING_E_AGENDA_CHANGED ? 409
                                                            : 403,
                            meeting_error_word(r), "refused by the meeting's rules");
}

static void change(struct http_conn *conn, const struct asker *asker, const json_t *body)
{
        cleanup(agenda_freep) struct agenda *agenda = NULL;
        struct meeting_command command = { .type = COMMAND_AGENDA };
        const json_t *version = json_object_get(body, "version");
        char field[AGENDA_FIELD];
        int r;

        if (!json_is_integer(version) || json_integer_value(version) < 0) {
                reply_error(conn, 400, "bad-field", "version: of the agenda that is changed");
                return;
        }
        r = agenda_read(&agenda, json_object_get(body, "items"), field);
        if (r < 0) {
                reply_failure(conn, r);
                return;
        }
        if (r > 0) {
                reply_error(conn, 400, "bad-field", field);
                return;
        }
        command.version = (uint64_t)json_integer_value(version);
        command.agenda = agenda;
        submit_and_reply(conn, asker, &command);
}

void agenda_api_change(struct app *app, struct http_conn *conn, const struct http_request *req,
                       const char *meeting)
{
        struct asker asker;
        json_t *body = admit_change(app, conn, req, meeting, &asker);

        if (body)
                change(conn, &asker, body);
        json_decref(body);
}

void agenda_api_go(struct app *app, struct http_conn *conn, const struct http_request *req,
                   const char *meeting)
{
        struct meeting_command command = { .type = COMMAND_AGENDA_ITEM };
        struct asker asker;
        json_t *body = admit_change(app, conn, req, meeting, &asker), *item;

        if (!body)
                return;
        item = json_object_get(body, "item");
        command.item = json_is_null(item) ? "" : json_string_value(item);
        if (command.item)
                submit_and_reply(conn, &asker, &command);
        else
                reply_error(conn, 400, "bad-field", "item: an id, or null");
        json_decref(body);
}
