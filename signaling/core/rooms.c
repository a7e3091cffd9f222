/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/rooms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/cameras.h"
#include "signaling/core/documents_api.h"
#include "signaling/core/effects.h"
#include "signaling/core/film.h"
#include "signaling/core/live.h"
#include "signaling/core/program.h"
#include "signaling/core/recordings.h"
#include "signaling/core/session.h"
#include "signaling/core/targets.h"
#include "signaling/core/whip.h"
#include "signaling/wire/server_msg.h"
#include "signaling/wire/words.h"

enum { LOAD_STEP = 4096 };

/* An event on its way to the disk, or (text NULL) a reply that waits its turn. */
struct pending {
        uint64_t seq;
        int64_t at_ms;
        const char *type;
        char *text;
        struct effect effect;
        struct reply reply;
};

static void free_pending(struct pending *pending)
{
        free(pending->text);
        free(pending);
}

/* ---- members ---- */

struct member *room_find_member(struct room *room, const char *id)
{
        return g_hash_table_lookup(room->members, id);
}

struct member *room_member(struct room *room, const char *id)
{
        struct member *member = room_find_member(room, id);

        if (member || g_hash_table_size(room->members) >= ROOM_MAX_MEMBERS)
                return member;
        member = calloc(1, sizeof(*member));
        if (!member)
                return NULL;
        g_strlcpy(member->id, id, sizeof(member->id));
        member->number = ++room->next_number;
        g_hash_table_insert(room->members, member->id, member);
        g_hash_table_insert(room->members_by_number, &member->number, member);
        return member;
}

struct member *room_member_by_number(struct room *room, uint32_t number)
{
        return g_hash_table_lookup(room->members_by_number, &number);
}

const struct meeting_seat *room_seat(const struct room *room, const struct member *member)
{
        return meeting_seat(room->state, member->id);
}

void room_member_lost(struct room *room, struct member *member)
{
        const struct meeting_seat *seat = room_seat(room, member);

        if (seat && seat->online && !member->session)
                member->lost_ms = room->app->wall_ms() + SEAT_KEPT_MS;
}

struct room_document *room_find_document(struct room *room, const char *id)
{
        for (guint i = 0; i < room->documents->len; i++) {
                struct room_document *document = &g_array_index(room->documents,
                                                                struct room_document, i);

                if (strcmp(document->shown.doc.id, id) == 0)
                        return document;
        }
        return NULL;
}

/* ---- telling ---- */

static void send_to_all(struct room *room, struct ws_text *text, uint64_t seq,
                        const struct session *except)
{
        for (guint i = 0; i < room->sessions->len; i++) {
                struct session *session = g_ptr_array_index(room->sessions, i);

                if (session == except || (seq && session->last_seq >= seq))
                        continue;
                if (seq)
                        session->last_seq = seq;
                ws_send(session->conn, text);
        }
}

void room_broadcast(struct room *room, char *text, const struct session *except)
{
        struct ws_text *shared = text ? ws_text_new(text, strlen(text)) : NULL;

        free(text);
        if (shared)
                send_to_all(room, shared, 0, except);
        ws_text_unref(shared);
}

static void drop_from_ring(struct room *room, uint64_t seq)
{
        struct ws_text **at = &room->ring[seq % ROOM_RING];

        if (*at)
                room->ring_bytes -= ws_text_len(*at);
        *at = ws_text_unref(*at);
}

static void keep_in_ring(struct room *room, struct ws_text *text, uint64_t seq)
{
        drop_from_ring(room, seq);
        room->ring[seq % ROOM_RING] = text; /* NULL without memory: nobody can resume across it */
        if (text)
                room->ring_bytes += ws_text_len(text);
        if (!text || room->ring_first == 0)
                room->ring_first = text ? seq : seq + 1;
        if (seq >= ROOM_RING && room->ring_first <= seq - ROOM_RING)
                room->ring_first = seq - ROOM_RING + 1;
        while (room->ring_bytes > ROOM_RING_BYTES && room->ring_first < seq)
                drop_from_ring(room, room->ring_first++);
        room->committed_seq = seq;
}

static void tell_event(struct room *room, const struct pending *pending)
{
        struct ws_text *text = ws_text_new(pending->text, strlen(pending->text));

        keep_in_ring(room, text, pending->seq);
        if (text)
                send_to_all(room, text, pending->seq, NULL);
}

static void give_reply(struct room *room, const struct reply *reply, const char *error)
{
        struct session *session = g_hash_table_lookup(room->app->sessions, &reply->session);

        if (!session || reply->kind == REPLY_NONE)
                return;
        if (error)
                session_on_refused(session, reply, error);
        else if (reply->kind == REPLY_WELCOME)
                session_on_joined(session, reply);
        else
                session_send(session, msg_ok(reply->id));
}

/* ---- the log ---- */

static void pump(struct room *room);
static int load_state(struct room *room);

/* Nothing of what was decided since the last commit is true any more. */
static void on_commit_failed(struct room *room, int result)
{
        const char *code = result == -ENOSPC   ? "storage-full"
                           : result == -EAGAIN ? "busy"
                                               : "internal";
        struct pending *pending;

        room->app->n_commit_failures++;
        while ((pending = g_queue_pop_head(&room->pending))) {
                give_reply(room, &pending->reply, code);
                free_pending(pending);
        }
        if (load_state(room) != 0)
                log_line(LOG_ERROR, "rooms", "meeting=%s cannot be read again", room->info.id);
        effects_after_reload(room);
}

static void on_committed(void *user, int result)
{
        struct room *room = user;
        struct pending *pending;

        room->in_flight = false;
        if (result < 0) {
                on_commit_failed(room, result);
                return;
        }
        pending = g_queue_pop_head(&room->pending);
        tell_event(room, pending);
        effects_run(room, &pending->effect);
        give_reply(room, &pending->reply, NULL);
        free_pending(pending);
        pump(room);
}

/* Hands the oldest event to the store; replies in front of it need no commit. */
static void pump(struct room *room)
{
        struct pending *head;
        int r;

        while (!room->in_flight && (head = g_queue_peek_head(&room->pending))) {
                struct store_event event = { .meeting = room->info.id,
                                             .seq = head->seq,
                                             .at_ms = head->at_ms,
                                             .type = head->type,
                                             .body = head->text };

                if (!head->text) {
                        (void)g_queue_pop_head(&room->pending);
                        give_reply(room, &head->reply, NULL);
                        free_pending(head);
                        continue;
                }
                room->in_flight = true;
                r = store_event_append(room->app->store, &event, false, on_committed, room);
                if (r < 0)
                        on_committed(room, r);
        }
}

static int queue_event(struct room *room, const struct meeting_event *event,
                       const struct msg_document *document)
{
        struct pending *pending = calloc(1, sizeof(*pending));
        int r;

        if (!pending)
                return -ENOMEM;
        pending->text = event_write(event, document);
        r = pending->text ? meeting_apply(room->state, event) : -ENOMEM;
        if (r < 0) {
                free_pending(pending);
                return r;
        }
        pending->seq = event->seq;
        pending->at_ms = event->at_ms;
        pending->type = event_word(event->type);
        effect_from_event(&pending->effect, event);
        g_queue_push_tail(&room->pending, pending);
        return 0;
}

static int queue_reply(struct room *room, const struct reply *reply)
{
        struct pending *pending = calloc(1, sizeof(*pending));

        if (!pending)
                return -ENOMEM;
        pending->reply = *reply;
        g_queue_push_tail(&room->pending, pending);
        return 0;
}

int room_submit(struct room *room, const struct meeting_command *command,
                const struct msg_document *document, const struct reply *reply)
{
        struct meeting_event events[MEETING_MAX_DECIDED];
        size_t n = 0;
        int r;

        if (g_queue_get_length(&room->pending) >= ROOM_MAX_PENDING)
                return -EAGAIN;
        r = meeting_decide(room->state, command, room->app->wall_ms(), events, &n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = queue_event(room, &events[i], document);
        if (r == 0 && reply)
                r = queue_reply(room, reply);
        pump(room);
        return r;
}

/* ---- loading ---- */

struct loading {
        struct room *room;
        uint64_t last;
        size_t n;
        int result;
};

static void load_event(void *user, const struct store_event *row)
{
        struct loading *loading = user;
        struct room *room = loading->room;
        struct meeting_event event;

        loading->n++;
        loading->last = row->seq;
        if (event_read(&event, row->body) != 0)
                event.type = N_EVENTS; /* of a newer program: it only counts */
        event.seq = row->seq;
        if (event.type == EVENT_DOCUMENT)
                g_hash_table_insert(room->logged_documents, g_strdup(event.document),
                                    GINT_TO_POINTER(event.document_state));
        if (loading->result == 0)
                loading->result = meeting_apply(room->state, &event);
        event_done(&event);
        if (row->seq > room->committed_seq)
                keep_in_ring(room, ws_text_new(row->body, strlen(row->body)), row->seq);
}

static int load_events(struct room *room)
{
        struct loading loading = { .room = room };
        int r;

        do {
                loading.n = 0;
                r = store_events(room->app->store, room->info.id, loading.last, LOAD_STEP,
                                 load_event, &loading);
        } while (r == 0 && loading.result == 0 && loading.n == LOAD_STEP);
        return r < 0 ? r : loading.result;
}

/* Seats that the log left online wait for their people. */
static void await_the_online(struct room *room)
{
        for (size_t i = 0; i < meeting_n_seats(room->state); i++) {
                const struct meeting_seat *seat = meeting_seat_at(room->state, i);
                struct member *member = seat->online ? room_member(room, seat->id) : NULL;

                if (member && !member->session && !member->peer && !member->lost_ms)
                        room_member_lost(room, member);
        }
}

static int load_state(struct room *room)
{
        struct meeting *fresh;
        int r = meeting_new(&fresh);

        if (r < 0)
                return r;
        meeting_free(room->state);
        room->state = fresh;
        g_hash_table_remove_all(room->logged_documents);
        room->sync_documents = true;
        r = load_events(room);
        await_the_online(room);
        return r;
}

static void load_document(void *user, const struct store_doc *doc)
{
        struct room *room = user;
        struct room_document document = { .shown.doc = *doc };

        if (doc->state == STORE_DOC_READY)
                document.shown.done = doc->pages;
        g_array_append_val(room->documents, document);
}

static void free_member(void *member)
{
        free(member);
}

static void init_room(struct room *room, struct app *app)
{
        room->app = app;
        room->members = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_member);
        room->members_by_number = g_hash_table_new(g_int_hash, g_int_equal);
        room->sessions = g_ptr_array_new();
        room->documents = g_array_new(FALSE, FALSE, sizeof(struct room_document));
        room->logged_documents = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_queue_init(&room->pending);
}

int room_open(struct app *app, const char *meeting, struct room **ret_room)
{
        struct room *room = g_hash_table_lookup(app->rooms, meeting);
        struct store_meeting info;
        int r;

        if (room) {
                *ret_room = room;
                return 0;
        }
        r = store_meeting_get(app->store, meeting, &info);
        if (r < 0)
                return r;
        room = calloc(1, sizeof(*room));
        if (!room)
                return -ENOMEM;
        init_room(room, app);
        room->info = info;
        room->number = ++app->next_room;
        r = load_state(room);
        if (r == 0)
                r = store_docs(app->store, room->info.id, load_document, room);
        if (r < 0) {
                room_free(room);
                return r;
        }
        targets_load(room);
        cameras_load(room);
        g_hash_table_insert(app->rooms, room->info.id, room);
        g_hash_table_insert(app->rooms_by_number, &room->number, room);
        *ret_room = room;
        return 0;
}

struct room *room_by_number(struct app *app, uint64_t number)
{
        return g_hash_table_lookup(app->rooms_by_number, &number);
}

void room_free(struct room *room)
{
        struct pending *pending;
        struct member *member;
        GHashTableIter iter;

        g_hash_table_iter_init(&iter, room->members);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&member))
                whip_forget(room->app, member);
        while ((pending = g_queue_pop_head(&room->pending)))
                free_pending(pending);
        for (size_t i = 0; i < ROOM_RING; i++)
                ws_text_unref(room->ring[i]);
        g_hash_table_destroy(room->members_by_number);
        g_hash_table_destroy(room->members);
        g_ptr_array_free(room->sessions, TRUE);
        g_array_free(room->documents, TRUE);
        g_hash_table_destroy(room->logged_documents);
        recording_free(room);
        json_decref(room->item);
        program_drop(room);
        live_free(room);
        targets_free(room);
        cameras_free(room);
        film_free(room);
        jobs_news_done(&room->jobs);
        meeting_free(room->state);
        free(room);
}

/* ---- time ---- */

static void let_go(struct room *room, struct member *member, int64_t now_ms)
{
        struct meeting_command command = { .type = COMMAND_LEAVE,
                                           .by = member->id,
                                           .reason = LEAVE_LOST };
        int r = room_submit(room, &command, NULL, NULL);

        /* The store may be full: her seat is looked at again later. */
        member->lost_ms = r < 0 ? now_ms + SEAT_KEPT_MS : 0;
}

static void tell_speaker(struct room *room, int64_t now_ms)
{
        const struct member *member = room_member_by_number(room, room->speaker);

        if (!room->speaker_dirty || now_ms < room->speaker_ms + SPEAKER_MIN_MS)
                return;
        room->speaker_dirty = false;
        room->speaker_ms = now_ms;
        room_broadcast(room, msg_speaker(member ? member->id : NULL), NULL);
}

/* Collected before anything is decided: a failing store may add members. */
static GPtrArray *find_overdue(struct room *room, int64_t now_ms, bool *ret_anybody)
{
        GPtrArray *overdue = g_ptr_array_new();
        struct member *member;
        GHashTableIter iter;

        *ret_anybody = false;
        g_hash_table_iter_init(&iter, room->members);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&member)) {
                if (member->lost_ms && member->lost_ms <= now_ms)
                        g_ptr_array_add(overdue, member);
                *ret_anybody |= member->peer || member->session || member->lost_ms;
        }
        return overdue;
}

static gboolean is_forgotten(void *key, void *value, void *user)
{
        struct member *member = value;
        struct room *room = user;

        (void)key;
        if (member->awaited || member->whip || member->session || member->peer ||
            room_seat(room, member))
                return FALSE;
        g_hash_table_remove(room->members_by_number, &member->number);
        return TRUE;
}

bool room_tick(struct room *room, int64_t now_ms)
{
        bool anybody;
        GPtrArray *overdue = find_overdue(room, now_ms, &anybody);

        for (guint i = 0; i < overdue->len; i++)
                let_go(room, g_ptr_array_index(overdue, i), now_ms);
        g_ptr_array_free(overdue, TRUE);
        g_hash_table_foreach_remove(room->members, is_forgotten, room);
        tell_speaker(room, now_ms);
        recording_tick(room, now_ms);
        program_tick(room, now_ms);
        live_tick(room, now_ms);
        targets_tick(room, now_ms);
        cameras_tick(room, now_ms);
        film_tick(room, now_ms);
        jobs_news_tick(room, now_ms);
        if (room->sync_documents && now_ms >= room->synced_ms + ROOM_SYNC_MS) {
                room->synced_ms = now_ms;
                documents_sync(room);
        }
        if (anybody || live_is_busy(room) || room->sessions->len > 0 ||
            !g_queue_is_empty(&room->pending))
                room->idle_ms = 0;
        else if (room->idle_ms == 0)
                room->idle_ms = now_ms;
        return room->idle_ms == 0 || now_ms < room->idle_ms + ROOM_IDLE_MS || room->program ||
               recording_is_busy(room);
}
