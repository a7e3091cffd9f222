/* SPDX-License-Identifier: Apache-2.0 */
/* documents_news — what docs-share tells, into the log and to the sessions. */
#include <string.h>

#include "signaling/core/documents_api.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/server_msg.h"

static bool is_logged(const struct room *room, const struct store_doc *doc)
{
        void *state;

        return g_hash_table_lookup_extended(room->logged_documents, doc->id, NULL, &state) &&
               GPOINTER_TO_INT(state) == (int)doc->state;
}

/* "converting" is fleeting: document-progress tells of it. */
static void log_state(struct room *room, const struct room_document *document)
{
        const struct store_doc *doc = &document->shown.doc;
        struct meeting_command command = { .type = COMMAND_DOCUMENT, .document = doc->id };

        if (doc->state == STORE_DOC_CONVERTING || is_logged(room, doc))
                return;
        if (room_submit(room, &command, &document->shown, NULL) == 0)
                g_hash_table_insert(room->logged_documents, g_strdup(doc->id),
                                    GINT_TO_POINTER((int)doc->state));
        else
                room->sync_documents = true;
}

void documents_sync(struct room *room)
{
        room->sync_documents = false;
        for (guint i = 0; i < room->documents->len; i++)
                log_state(room, &g_array_index(room->documents, struct room_document, i));
}

static void on_deleted(struct room *room, const struct store_doc *doc)
{
        struct meeting_command command = { .type = COMMAND_DOCUMENT_REMOVED, .document = doc->id };
        struct room_document *document = room_find_document(room, doc->id);

        if (document)
                g_array_remove_index(
                        room->documents,
                        (guint)(document - (struct room_document *)(void *)room->documents->data));
        g_hash_table_remove(room->logged_documents, doc->id);
        if (room_submit(room, &command, NULL, NULL) != 0)
                return; /* the list of a full welcome is right all the same */
}

static void tell_progress(struct room *room, struct room_document *document)
{
        int64_t now_ms = room->app->wall_ms();

        if (now_ms < document->progress_ms + PROGRESS_MIN_MS)
                return;
        document->progress_ms = now_ms;
        room_broadcast(room,
                       msg_document_progress(document->shown.doc.id, document->shown.doc.pages,
                                             document->shown.done),
                       NULL);
}

static void on_news(struct room *room, const struct docs_event *event)
{
        struct room_document *document = room_find_document(room, event->doc.id);
        struct room_document fresh = { 0 };

        if (event->doc.deleted) {
                on_deleted(room, &event->doc);
                return;
        }
        if (!document) {
                g_array_append_val(room->documents, fresh);
                document = &g_array_index(room->documents, struct room_document,
                                          room->documents->len - 1);
        }
        document->shown.doc = event->doc;
        document->shown.done = event->doc.state == STORE_DOC_READY ? event->doc.pages
                                                                   : event->pages_done;
        if (event->doc.state == STORE_DOC_CONVERTING)
                tell_progress(room, document);
        else
                log_state(room, document);
}

void documents_poll(struct app *app)
{
        struct docs_event event;
        struct room *room;

        while (docs_poll(app->docs, &event))
                if (room_open(app, event.doc.meeting, &room) == 0)
                        on_news(room, &event);
}
