/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/client_msg.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "signaling/wire/agenda_json.h"
#include "signaling/wire/words.h"

enum { MAX_FIELDS = 6 };
#define MAX_SAFE_INTEGER 9007199254740991.0 /* of JavaScript: 2^53 - 1 */

enum field_type {
        FIELD_BOOL,
        FIELD_INTEGER,
        FIELD_NUMBER,
        FIELD_STRING,
        FIELD_ID,
        FIELD_SHOWN, /* an id, "*" or null */
        FIELD_DOCUMENT,
        FIELD_ITEM, /* a document's kind of id, or null */
        FIELD_ITEMS,
        FIELD_ROLE,
        FIELD_KIND,
        FIELD_VIDEO_KIND,
        FIELD_RESUME,
        FIELD_SLOTS,
};

/* min, max: of a number, or of a string's length in characters. */
struct field {
        const char *name;
        enum field_type type;
        bool optional;
        double min, max;
        size_t offset; /* in struct client_msg or struct msg_slot_view */
};

#define AT(member) offsetof(struct client_msg, member)
#define SLOT_AT(member) offsetof(struct msg_slot_view, member)
#define PARTICIPANT                                                                                \
        {                                                                                          \
                "participant", FIELD_ID, false, 0, 0, AT(participant)                              \
        }

static const struct {
        const char *word;
        struct field fields[MAX_FIELDS]; /* besides type and id; ends with a NULL name */
} types[N_CLIENT_MSGS] = {
        [MSG_JOIN] = { "join",
                       { { "name", FIELD_STRING, false, 1, 200, AT(name) },
                         { "resume", FIELD_RESUME, true, 0, 0, AT(last_seq) } } },
        [MSG_LEAVE] = { "leave", { { NULL } } },
        [MSG_OFFER] = { "offer",
                        { { "sdp", FIELD_STRING, false, 1, 262144, AT(sdp) },
                          { "restart", FIELD_BOOL, true, 0, 0, AT(restart) } } },
        [MSG_MEDIA] = { "media",
                        { { "mic", FIELD_BOOL, false, 0, 0, AT(sends[KIND_MIC]) },
                          { "camera", FIELD_BOOL, false, 0, 0, AT(sends[KIND_CAMERA]) },
                          { "screen", FIELD_BOOL, false, 0, 0, AT(sends[KIND_SCREEN]) } } },
        [MSG_VIEW] = { "view", { { "slots", FIELD_SLOTS, false, 0, MSG_MAX_SLOTS, AT(slots) } } },
        [MSG_HAND] = { "hand",
                       { { "raised", FIELD_BOOL, false, 0, 0, AT(on) },
                         { "participant", FIELD_ID, true, 0, 0, AT(participant) } } },
        [MSG_CHAT] = { "chat",
                       { { "text", FIELD_STRING, false, 1, MEETING_TEXT_CHARS, AT(text) } } },
        [MSG_MUTE] = { "mute", { PARTICIPANT, { "kind", FIELD_KIND, false, 0, 0, AT(kind) } } },
        [MSG_MUTE_ALL] = { "mute-all", { { NULL } } },
        [MSG_REMOVE] = { "remove", { PARTICIPANT } },
        [MSG_LOCK] = { "lock", { { "locked", FIELD_BOOL, false, 0, 0, AT(on) } } },
        [MSG_SET_ROLE] = { "set-role",
                           { PARTICIPANT, { "role", FIELD_ROLE, false, 0, 0, AT(role) } } },
        [MSG_PRESENT] = { "present",
                          { { "document", FIELD_DOCUMENT, false, 0, 0, AT(document) },
                            { "page", FIELD_INTEGER, false, 1, MEETING_MAX_PAGES, AT(page) } } },
        [MSG_PRESENT_STOP] = { "present-stop", { { NULL } } },
        [MSG_POINTER] = { "pointer",
                          { { "x", FIELD_NUMBER, false, 0, 1, AT(x) },
                            { "y", FIELD_NUMBER, false, 0, 1, AT(y) },
                            { "visible", FIELD_BOOL, false, 0, 0, AT(on) } } },
        [MSG_AGENDA] = { "agenda",
                         { { "version", FIELD_INTEGER, false, 0, MAX_SAFE_INTEGER, AT(version) },
                           { "items", FIELD_ITEMS, false, 0, 0, AT(agenda) } } },
        [MSG_AGENDA_ITEM] = { "agenda-item", { { "item", FIELD_ITEM, false, 0, 0, AT(item) } } },
        [MSG_STATS] = { "stats", { { NULL } } },
        [MSG_PING] = { "ping", { { NULL } } },
};

static const struct field slot_fields[] = {
        { "index", FIELD_INTEGER, false, 0, 24, SLOT_AT(index) },
        { "participant", FIELD_SHOWN, false, 0, 0, SLOT_AT(participant) },
        { "kind", FIELD_VIDEO_KIND, false, 0, 0, SLOT_AT(kind) },
        { "height", FIELD_INTEGER, false, 0, 4320, SLOT_AT(height) },
        { "priority", FIELD_INTEGER, false, 0, 255, SLOT_AT(priority) },
        { NULL },
};

/* Where in the message the decoder is; `path` names it to the client. */
struct place {
        char *path; /* MSG_FIELD_BYTES */
        char prefix[32];
};

static void name_field(const struct place *place, const char *field)
{
        size_t len;

        snprintf(place->path, MSG_FIELD_BYTES, "%s%s", place->prefix, field);
        /* A stranger's field name may have been cut inside a character. */
        len = strlen(place->path);
        while (len > 0 && !text_is_utf8(place->path, len))
                place->path[--len] = '\0';
}

static int parse_object(void *into, const json_t *object, const struct field *fields,
                        const struct place *place, size_t n_more);

bool msg_is_id(const char *text)
{
        size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-");

        return len >= 1 && len < MEETING_ID && text[len] == '\0';
}

/* ---- one value ---- */

static bool read_bool(bool *ret, const json_t *value)
{
        if (!json_is_boolean(value))
                return false;
        *ret = json_is_true(value);
        return true;
}

static bool read_integer(int64_t *ret, const json_t *value, const struct field *field)
{
        json_int_t number = json_integer_value(value);

        if (!json_is_integer(value) || (double)number < field->min || (double)number > field->max)
                return false;
        *ret = number;
        return true;
}

static bool read_number(double *ret, const json_t *value, const struct field *field)
{
        double number = json_number_value(value);

        if (!json_is_number(value) || !(number >= field->min && number <= field->max))
                return false;
        *ret = number;
        return true;
}

static bool read_string(const char **ret, const json_t *value, const struct field *field)
{
        const char *text = json_string_value(value);
        double n;

        if (!text)
                return false;
        n = (double)text_chars(text, json_string_length(value));
        if (n < field->min || n > field->max)
                return false;
        *ret = text;
        return true;
}

static bool read_id(const char **ret, const json_t *value)
{
        const char *text = json_string_value(value);

        if (!text || !msg_is_id(text))
                return false;
        *ret = text;
        return true;
}

static bool read_shown(const char **ret, const json_t *value)
{
        if (json_is_null(value)) {
                *ret = NULL;
                return true;
        }
        if (json_is_string(value) && strcmp(json_string_value(value), "*") == 0) {
                *ret = json_string_value(value);
                return true;
        }
        return read_id(ret, value);
}

static bool read_document(const char **ret, const json_t *value)
{
        const char *text = json_string_value(value);

        if (!text || !word_is_document_id(text))
                return false;
        *ret = text;
        return true;
}

static bool read_kind(enum meeting_kind *ret, const json_t *value, bool video_only)
{
        const char *text = json_string_value(value);
        enum meeting_kind kind;

        if (!text || kind_parse(&kind, text) != 0 || (video_only && kind == KIND_MIC))
                return false;
        *ret = kind;
        return true;
}

static int read_resume(struct client_msg *msg, const json_t *value, const struct place *place)
{
        static const struct field fields[] = {
                { "last_seq", FIELD_INTEGER, false, 0, MAX_SAFE_INTEGER, AT(last_seq) },
                { NULL },
        };
        struct place inside = { .path = place->path, .prefix = "resume." };

        msg->has_resume = true;
        if (!json_is_object(value)) {
                name_field(place, "resume");
                return MSG_E_FIELD;
        }
        return parse_object(msg, value, fields, &inside, 0);
}

static int read_slots(struct client_msg *msg, const json_t *value, const struct field *field,
                      const struct place *place)
{
        size_t n = json_array_size(value);

        if (!json_is_array(value) || (double)n > field->max) {
                name_field(place, field->name);
                return MSG_E_FIELD;
        }
        for (size_t i = 0; i < n; i++) {
                const json_t *slot = json_array_get(value, i);
                struct place inside = { .path = place->path };
                int r;

                snprintf(inside.prefix, sizeof(inside.prefix), "slots[%zu]", i);
                if (!json_is_object(slot)) {
                        name_field(&inside, "");
                        return MSG_E_FIELD;
                }
                snprintf(inside.prefix, sizeof(inside.prefix), "slots[%zu].", i);
                r = parse_object(&msg->slots[i], slot, slot_fields, &inside, 0);
                if (r != 0)
                        return r;
        }
        msg->n_slots = n;
        return 0;
}

/* It names what is wrong itself: an agenda is a field of the message, not of another one. */
static int read_items(struct client_msg *msg, const json_t *value, const struct place *place)
{
        int r = agenda_read(&msg->agenda, value, place->path);

        return r > 0 ? MSG_E_FIELD : r;
}

static bool read_scalar(void *at, const json_t *value, const struct field *field)
{
        switch (field->type) {
        case FIELD_BOOL:
                return read_bool(at, value);
        case FIELD_INTEGER:
                return read_integer(at, value, field);
        case FIELD_NUMBER:
                return read_number(at, value, field);
        case FIELD_STRING:
                return read_string(at, value, field);
        case FIELD_ID:
                return read_id(at, value);
        case FIELD_SHOWN:
                return read_shown(at, value);
        case FIELD_DOCUMENT:
                return read_document(at, value);
        case FIELD_ITEM:
                return json_is_null(value) || read_document(at, value);
        case FIELD_ROLE:
                return json_is_string(value) && role_parse(at, json_string_value(value)) == 0;
        case FIELD_KIND:
                return read_kind(at, value, false);
        case FIELD_VIDEO_KIND:
                return read_kind(at, value, true);
        case FIELD_RESUME:
        case FIELD_SLOTS:
        case FIELD_ITEMS:
                break;
        }
        return false;
}

static int read_field(void *into, const json_t *value, const struct field *field,
                      const struct place *place)
{
        if (field->type == FIELD_RESUME)
                return read_resume(into, value, place);
        if (field->type == FIELD_SLOTS)
                return read_slots(into, value, field, place);
        if (field->type == FIELD_ITEMS)
                return read_items(into, value, place);
        if (read_scalar((char *)into + field->offset, value, field))
                return 0;
        name_field(place, field->name);
        return MSG_E_FIELD;
}

/* ---- objects ---- */

static bool is_known(const char *name, const struct field *fields, bool top)
{
        for (; fields->name; fields++)
                if (strcmp(name, fields->name) == 0)
                        return true;
        return top && (strcmp(name, "type") == 0 || strcmp(name, "id") == 0);
}

/* n_more: members besides `fields` that the caller has read (type and id). */
static int parse_object(void *into, const json_t *object, const struct field *fields,
                        const struct place *place, size_t n_more)
{
        size_t n_read = n_more;
        const char *name;
        json_t *value;

        for (const struct field *field = fields; field->name; field++) {
                int r;

                value = json_object_get(object, field->name);
                if (!value && field->optional)
                        continue;
                r = read_field(into, value, field, place);
                if (r != 0)
                        return r;
                n_read++;
        }
        if (n_read == json_object_size(object))
                return 0;
        json_object_foreach ((json_t *)object, name, value) {
                if (is_known(name, fields, n_more > 0))
                        continue;
                name_field(place, name);
                break;
        }
        return MSG_E_FIELD;
}

/* Brackets outside strings. Counted before parsing: the parser recurses. */
static bool is_too_deep(const char *text, size_t len)
{
        bool in_string = false;
        int depth = 0;

        for (size_t i = 0; i < len; i++) {
                char c = text[i];

                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                } else if (c == '"') {
                        in_string = true;
                } else if (c == '{' || c == '[') {
                        if (++depth > MSG_MAX_DEPTH)
                                return true;
                } else if (c == '}' || c == ']') {
                        depth--;
                }
        }
        return false;
}

static int find_type(enum client_msg_type *ret_type, const json_t *root)
{
        const char *word = json_string_value(json_object_get(root, "type"));

        if (!word)
                return MSG_E_MESSAGE;
        for (unsigned i = 0; i < N_CLIENT_MSGS; i++) {
                if (strcmp(word, types[i].word) == 0) {
                        *ret_type = (enum client_msg_type)i;
                        return 0;
                }
        }
        return MSG_E_UNKNOWN_TYPE;
}

static int parse_root(struct client_msg *msg, struct client_msg_fault *fault)
{
        static const struct field id_field = { "id", FIELD_INTEGER, false, 1, INT32_MAX, AT(id) };
        struct place top = { .path = fault->field };
        int r, r_id;

        r_id = read_field(msg, json_object_get(msg->root, "id"), &id_field, &top);
        fault->id = r_id == 0 ? msg->id : 0;
        r = find_type(&msg->type, msg->root);
        if (r == 0)
                r = r_id;
        else
                fault->field[0] = '\0';
        if (r == 0)
                r = parse_object(msg, msg->root, types[msg->type].fields, &top, 2);
        return r;
}

int client_msg_parse(struct client_msg *ret_msg, const char *text, size_t len,
                     struct client_msg_fault *ret_fault)
{
        struct client_msg msg = { 0 };
        int r;

        memset(ret_fault, 0, sizeof(*ret_fault));
        if (is_too_deep(text, len))
                return MSG_E_JSON;
        msg.root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        if (!msg.root)
                return MSG_E_JSON;
        r = json_is_object(msg.root) ? parse_root(&msg, ret_fault) : MSG_E_MESSAGE;
        if (r != 0) {
                client_msg_done(&msg);
                return r;
        }
        *ret_msg = msg;
        return 0;
}

void client_msg_done(struct client_msg *msg)
{
        msg->agenda = agenda_free(msg->agenda);
        json_decref(msg->root);
        msg->root = NULL;
}

const char *client_msg_type_word(enum client_msg_type type)
{
        return types[type].word;
}
