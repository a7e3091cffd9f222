/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/agenda_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "signaling/wire/words.h"

/* ---- reading: each returns the field that is wrong, or NULL ---- */

static bool read_id(char ret[AGENDA_ID], const json_t *value)
{
        const char *id = json_string_value(value);

        if (!id || !word_is_document_id(id))
                return false;
        memcpy(ret, id, AGENDA_ID);
        return true;
}

static bool read_title(char ret[AGENDA_TITLE], const json_t *value)
{
        const char *title = json_string_value(value);
        size_t len = json_string_length(value);

        return title && text_chars(title, len) <= AGENDA_TITLE_CHARS &&
               text_clean(ret, AGENDA_TITLE, &len, title, len, 0) == 0;
}

static bool read_minutes(int *ret, const json_t *value)
{
        json_int_t minutes = json_integer_value(value);

        if (!json_is_integer(value) || minutes < 0 || minutes > AGENDA_MAX_MINUTES)
                return false;
        *ret = (int)minutes;
        return true;
}

static bool read_papers(struct agenda_item *item, const json_t *list)
{
        size_t n = json_array_size(list);

        if (!json_is_array(list) || n > AGENDA_MAX_PAPERS)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!read_id(item->papers[i], json_array_get(list, i)))
                        return false;
        item->n_papers = n;
        return true;
}

static const char *read_item(struct agenda_item *item, const json_t *object)
{
        const json_t *id = json_object_get(object, "id");
        const json_t *minutes = json_object_get(object, "minutes");
        const json_t *papers = json_object_get(object, "documents");

        if (!json_is_object(object))
                return "";
        if (!read_title(item->title, json_object_get(object, "title")))
                return ".title";
        if (id && !read_id(item->id, id))
                return ".id";
        if (minutes && !read_minutes(&item->minutes, minutes))
                return ".minutes";
        if (papers && !read_papers(item, papers))
                return ".documents";
        return json_object_size(object) == 1u + !!id + !!minutes + !!papers ? NULL : "";
}

static const char *check(const struct agenda *agenda, size_t *ret_item)
{
        static const char *const fields[] = {
                [AGENDA_E_TITLE] = ".title",
                [AGENDA_E_MINUTES] = ".minutes",
                [AGENDA_E_ID] = ".id",
                [AGENDA_E_PAPER] = ".documents",
        };

        return fields[agenda_check(agenda, ret_item)];
}

int agenda_read(struct agenda **ret_agenda, const json_t *items, char ret_field[AGENDA_FIELD])
{
        cleanup(agenda_freep) struct agenda *agenda = NULL;
        const char *wrong = NULL;
        size_t n = json_array_size(items), at;
        int r;

        if (!json_is_array(items) || n > AGENDA_MAX_ITEMS) {
                snprintf(ret_field, AGENDA_FIELD, "items");
                return AGENDA_E_FIELD;
        }
        r = agenda_new(&agenda, n);
        if (r < 0)
                return r;
        for (at = 0; at < n && !wrong; at++)
                wrong = read_item(&agenda->items[at], json_array_get(items, at));
        if (wrong)
                at--;
        else
                wrong = check(agenda, &at);
        if (wrong) {
                snprintf(ret_field, AGENDA_FIELD, "items[%zu]%s", at, wrong);
                return AGENDA_E_FIELD;
        }
        *ret_agenda = take_ptr(agenda);
        return 0;
}

/* ---- writing ---- */

static json_t *item_json(const struct agenda_item *item)
{
        json_t *papers = json_array();

        for (size_t i = 0; i < item->n_papers; i++)
                if (json_array_append_new(papers, json_string(item->papers[i])) != 0) {
                        json_decref(papers);
                        return NULL;
                }
        return json_pack("{s:s, s:s, s:i, s:o}", "id", item->id, "title", item->title, "minutes",
                         item->minutes, "documents", papers);
}

json_t *agenda_items_json(const struct agenda *agenda)
{
        json_t *list = json_array();

        for (size_t i = 0; agenda && i < agenda->n_items; i++)
                if (json_array_append_new(list, item_json(&agenda->items[i])) != 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

json_t *agenda_json(const struct meeting_agenda *agenda)
{
        return json_pack("{s:I, s:o, s:s?, s:I}", "version", (json_int_t)agenda->version, "items",
                         agenda_items_json(agenda->agenda), "item",
                         agenda->item[0] ? agenda->item : NULL, "since",
                         (json_int_t)agenda->since_ms);
}
