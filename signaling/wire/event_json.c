/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/event_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "signaling/wire/agenda_json.h"
#include "signaling/wire/words.h"

static const char *const kind_fields[N_KINDS] = { "mic", "camera", "screen" };

/* ---- parts ---- */

json_t *seat_json(const struct meeting_seat *seat)
{
        return json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:I, s:b}", "id", seat->id, "name",
                         seat->name, "role", role_word(seat->role), "online", seat->online, "mic",
                         seat->sends[KIND_MIC], "camera", seat->sends[KIND_CAMERA], "screen",
                         seat->sends[KIND_SCREEN], "hand", (json_int_t)seat->hand_ms, "muted",
                         seat->muted);
}

static const char *doc_state_word(enum store_doc_state state)
{
        switch (state) {
        case STORE_DOC_QUEUED:
                return "queued";
        case STORE_DOC_CONVERTING:
                return "converting";
        case STORE_DOC_READY:
                return "ready";
        case STORE_DOC_FAILED:
                return "failed";
        }
        return "failed";
}

/* What only a film has. */
static int add_film(json_t *object, const struct store_doc *doc)
{
        int r = json_object_set_new(object, "film", json_true());

        r |= json_object_set_new(object, "video", json_boolean(doc->has_video));
        r |= json_object_set_new(object, "duration_ms", json_integer(doc->duration_ms));
        return r;
}

json_t *document_json(const struct msg_document *document)
{
        const struct store_doc *doc = &document->doc;
        json_t *object = json_pack("{s:s, s:s, s:I, s:s, s:s, s:i, s:i, s:s?, s:s, s:I}", "id",
                                   doc->id, "name", doc->name, "size", (json_int_t)doc->size_bytes,
                                   "sha256", doc->sha256, "state", doc_state_word(doc->state),
                                   "pages", doc->pages, "done", document->done, "error",
                                   doc->error[0] ? doc->error : NULL, "by", doc->uploaded_by, "at",
                                   (json_int_t)doc->created_ms);

        if (object && doc->film && add_film(object, doc) != 0) {
                json_decref(object);
                return NULL;
        }
        return object;
}

json_t *chat_json(const struct meeting_chat *line)
{
        return json_pack("{s:I, s:I, s:s, s:s, s:s}", "seq", (json_int_t)line->seq, "at",
                         (json_int_t)line->at_ms, "from", line->from, "name", line->name, "text",
                         line->text);
}

json_t *presentation_json(const struct meeting_presentation *presentation)
{
        if (!presentation->presenter[0])
                return json_null();
        return json_pack("{s:s, s:s, s:i}", "presenter", presentation->presenter, "document",
                         presentation->document, "page", presentation->page);
}

json_t *recording_json(const struct meeting_recording *recording)
{
        if (!recording->id[0])
                return json_null();
        return json_pack("{s:s, s:s, s:s, s:I}", "recording", recording->id, "mode",
                         record_mode_word(recording->mode), "by", recording->by, "since",
                         (json_int_t)recording->since_ms);
}

json_t *live_json(const struct meeting_live *live)
{
        if (!live->on)
                return json_null();
        return json_pack("{s:s, s:I}", "by", live->by, "since", (json_int_t)live->since_ms);
}

/* ---- writing ---- */

static int add_changed(json_t *object, const struct meeting_event *event)
{
        const struct meeting_seat *seat = &event->seat;
        int r = json_object_set_new(object, "participant", json_string(seat->id));

        if (event->changed & CHANGED_NAME)
                r |= json_object_set_new(object, "name", json_string(seat->name));
        if (event->changed & CHANGED_ROLE)
                r |= json_object_set_new(object, "role", json_string(role_word(seat->role)));
        if (event->changed & CHANGED_ONLINE)
                r |= json_object_set_new(object, "online", json_boolean(seat->online));
        for (unsigned kind = 0; kind < N_KINDS; kind++)
                if (event->changed & (CHANGED_MIC << kind))
                        r |= json_object_set_new(object, kind_fields[kind],
                                                 json_boolean(seat->sends[kind]));
        if (event->changed & CHANGED_HAND)
                r |= json_object_set_new(object, "hand", json_integer(seat->hand_ms));
        if (event->changed & CHANGED_MUTED)
                r |= json_object_set_new(object, "muted", json_boolean(seat->muted));
        return r;
}

static int add_text(json_t *object, const char *name, const char *text)
{
        return json_object_set_new(object, name, json_string(text));
}

static int add_chat(json_t *object, const struct meeting_event *event)
{
        int r = add_text(object, "from", event->seat.id);

        if (r == 0)
                r = add_text(object, "name", event->seat.name);
        return r == 0 ? add_text(object, "text", event->text) : r;
}

static int add_presenting(json_t *object, const struct meeting_event *event)
{
        int r = add_text(object, "presenter", event->seat.id);

        if (r == 0)
                r = add_text(object, "document", event->document);
        return r == 0 ? json_object_set_new(object, "page", json_integer(event->page)) : r;
}

/* of both: who switched it, and since when it is or was on */
static int add_switched(json_t *object, const struct meeting_event *event)
{
        const char *by = event->seat.id;
        int r = json_object_set_new(object, "on", json_boolean(event->on));

        if (r == 0)
                r = json_object_set_new(object, "by", by[0] ? json_string(by) : json_null());
        return r == 0 ? json_object_set_new(object, "since", json_integer(event->since_ms)) : r;
}

static int add_recording(json_t *object, const struct meeting_event *event)
{
        int r = add_text(object, "mode", record_mode_word(event->mode));

        if (r == 0)
                r = add_text(object, "recording", event->recording);
        return r == 0 ? add_switched(object, event) : r;
}

static int add_agenda(json_t *object, const struct meeting_event *event)
{
        int r = add_text(object, "by", event->seat.id);

        return r == 0 ? json_object_set_new(object, "items", agenda_items_json(event->agenda)) : r;
}

static int add_agenda_item(json_t *object, const struct meeting_event *event)
{
        int r = add_text(object, "by", event->seat.id);

        return r == 0 ? json_object_set_new(object, "item",
                                            event->item[0] ? json_string(event->item) : json_null())
                      : r;
}

static int add_left(json_t *object, const struct meeting_event *event)
{
        int r = add_text(object, "participant", event->seat.id);

        return r == 0 ? add_text(object, "reason", leave_word(event->reason)) : r;
}

static int add_fields(json_t *object, const struct meeting_event *event,
                      const struct msg_document *document)
{
        switch (event->type) {
        case EVENT_JOINED:
                return json_object_set_new(object, "participant", seat_json(&event->seat));
        case EVENT_CHANGED:
                return add_changed(object, event);
        case EVENT_LEFT:
                return add_left(object, event);
        case EVENT_ALL_MUTED:
                return add_text(object, "by", event->seat.id);
        case EVENT_CHAT:
                return add_chat(object, event);
        case EVENT_LOCKED:
                return json_object_set_new(object, "locked", json_boolean(event->locked));
        case EVENT_DOCUMENT:
                return json_object_set_new(object, "document",
                                           document ? document_json(document) : NULL);
        case EVENT_DOCUMENT_REMOVED:
                return add_text(object, "document", event->document);
        case EVENT_PRESENTING:
                return add_presenting(object, event);
        case EVENT_RECORDING:
                return add_recording(object, event);
        case EVENT_LIVE:
                return add_switched(object, event);
        case EVENT_AGENDA:
                return add_agenda(object, event);
        case EVENT_AGENDA_ITEM:
                return add_agenda_item(object, event);
        case EVENT_PRESENTING_STOPPED:
        case N_EVENTS:
                return 0;
        }
        return 0;
}

char *event_write(const struct meeting_event *event, const struct msg_document *document)
{
        json_t *object = json_pack("{s:s, s:I, s:I}", "type", event_word(event->type), "seq",
                                   (json_int_t)event->seq, "at", (json_int_t)event->at_ms);
        char *text = NULL;

        if (object && add_fields(object, event, document) == 0)
                text = json_dumps(object, JSON_COMPACT);
        json_decref(object);
        return text;
}

/* ---- reading ---- */

static bool read_text(char *ret, size_t cap, const json_t *object, const char *name)
{
        const char *text = json_string_value(json_object_get(object, name));

        if (!text || strlen(text) >= cap)
                return false;
        memcpy(ret, text, strlen(text) + 1);
        return true;
}

static bool has(const json_t *object, const char *name)
{
        return json_object_get(object, name) != NULL;
}

static bool is_true(const json_t *object, const char *name)
{
        return json_is_true(json_object_get(object, name));
}

/* The seat's fields that are there; *ret_changed says which those were. */
static bool read_seat(struct meeting_seat *seat, unsigned *ret_changed, const json_t *object)
{
        const char *role = json_string_value(json_object_get(object, "role"));
        unsigned changed = 0;

        if (role && role_parse(&seat->role, role) != 0)
                return false;
        if (has(object, "name") && !read_text(seat->name, sizeof(seat->name), object, "name"))
                return false;
        seat->online = is_true(object, "online");
        seat->muted = is_true(object, "muted");
        seat->hand_ms = json_integer_value(json_object_get(object, "hand"));
        for (unsigned kind = 0; kind < N_KINDS; kind++) {
                seat->sends[kind] = is_true(object, kind_fields[kind]);
                changed |= has(object, kind_fields[kind]) ? CHANGED_MIC << kind : 0;
        }
        changed |= has(object, "name") ? CHANGED_NAME : 0;
        changed |= role ? CHANGED_ROLE : 0;
        changed |= has(object, "online") ? CHANGED_ONLINE : 0;
        changed |= has(object, "hand") ? CHANGED_HAND : 0;
        changed |= has(object, "muted") ? CHANGED_MUTED : 0;
        *ret_changed = changed;
        return true;
}

static bool read_joined(struct meeting_event *event, const json_t *root)
{
        const json_t *seat = json_object_get(root, "participant");

        return read_text(event->seat.id, sizeof(event->seat.id), seat, "id") &&
               read_seat(&event->seat, &event->changed, seat);
}

static bool read_left(struct meeting_event *event, const json_t *root)
{
        const char *reason = json_string_value(json_object_get(root, "reason"));

        return read_text(event->seat.id, sizeof(event->seat.id), root, "participant") && reason &&
               leave_parse(&event->reason, reason) == 0;
}

static bool read_document(struct meeting_event *event, const json_t *document)
{
        const char *word = json_string_value(json_object_get(document, "state"));

        for (int state = STORE_DOC_QUEUED; word && state <= STORE_DOC_FAILED; state++)
                if (strcmp(word, doc_state_word((enum store_doc_state)state)) == 0)
                        event->document_state = state;
        return read_text(event->document, sizeof(event->document), document, "id");
}

/* A server's own act has no `by`. */
static bool read_switched(struct meeting_event *event, const json_t *root)
{
        event->on = is_true(root, "on");
        event->since_ms = json_integer_value(json_object_get(root, "since"));
        return json_is_null(json_object_get(root, "by")) ||
               read_text(event->seat.id, sizeof(event->seat.id), root, "by");
}

static bool read_recording(struct meeting_event *event, const json_t *root)
{
        const char *mode = json_string_value(json_object_get(root, "mode"));

        return mode && record_mode_parse(&event->mode, mode) == 0 && read_switched(event, root) &&
               read_text(event->recording, sizeof(event->recording), root, "recording");
}

static bool read_agenda(struct meeting_event *event, const json_t *root)
{
        char field[AGENDA_FIELD];

        return read_text(event->seat.id, sizeof(event->seat.id), root, "by") &&
               agenda_read(&event->agenda, json_object_get(root, "items"), field) == 0;
}

static bool read_agenda_item(struct meeting_event *event, const json_t *root)
{
        return read_text(event->seat.id, sizeof(event->seat.id), root, "by") &&
               (json_is_null(json_object_get(root, "item")) ||
                read_text(event->item, sizeof(event->item), root, "item"));
}

static bool read_fields(struct meeting_event *event, const json_t *root)
{
        struct meeting_seat *seat = &event->seat;

        switch (event->type) {
        case EVENT_JOINED:
                return read_joined(event, root);
        case EVENT_CHANGED:
                return read_text(seat->id, sizeof(seat->id), root, "participant") &&
                       read_seat(seat, &event->changed, root);
        case EVENT_LEFT:
                return read_left(event, root);
        case EVENT_ALL_MUTED:
                return read_text(seat->id, sizeof(seat->id), root, "by");
        case EVENT_CHAT:
                return read_text(seat->id, sizeof(seat->id), root, "from") &&
                       read_text(seat->name, sizeof(seat->name), root, "name") &&
                       read_text(event->text, sizeof(event->text), root, "text");
        case EVENT_LOCKED:
                event->locked = is_true(root, "locked");
                return true;
        case EVENT_PRESENTING:
                event->page = (int)json_integer_value(json_object_get(root, "page"));
                return read_text(seat->id, sizeof(seat->id), root, "presenter") &&
                       read_text(event->document, sizeof(event->document), root, "document");
        case EVENT_RECORDING:
                return read_recording(event, root);
        case EVENT_LIVE:
                return read_switched(event, root);
        case EVENT_AGENDA:
                return read_agenda(event, root);
        case EVENT_AGENDA_ITEM:
                return read_agenda_item(event, root);
        case EVENT_DOCUMENT:
                return read_document(event, json_object_get(root, "document"));
        case EVENT_DOCUMENT_REMOVED:
                return read_text(event->document, sizeof(event->document), root, "document");
        case EVENT_PRESENTING_STOPPED:
        case N_EVENTS:
                return true;
        }
        return false;
}

int event_read(struct meeting_event *ret_event, const char *text)
{
        json_t *root = json_loads(text, 0, NULL);
        const char *type = json_string_value(json_object_get(root, "type"));
        int r = -EINVAL;

        memset(ret_event, 0, sizeof(*ret_event));
        if (type && event_parse(&ret_event->type, type) == 0 && read_fields(ret_event, root)) {
                ret_event->seq = (uint64_t)json_integer_value(json_object_get(root, "seq"));
                ret_event->at_ms = json_integer_value(json_object_get(root, "at"));
                r = 0;
        }
        if (r < 0)
                event_done(ret_event);
        json_decref(root);
        return r;
}

void event_done(struct meeting_event *event)
{
        event->agenda = agenda_free(event->agenda);
}
