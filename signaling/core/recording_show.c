/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/recording_show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPOSED_FILE "program.mp4"
#define PAGES "pages/"

/* What is collected on the way through the timelines. */
struct showing {
        const struct media *media;
        const struct recording_row *kept;
        const struct recording_part *part;
        bool has_speaker; /* not told yet */
        json_int_t speaker;
        int64_t speaker_ms;
        json_t *files, *timeline, *pages, *found; /* found: files.json, by name */
        GHashTable *names, *ids;                  /* participant's number -> these; owned */
        GHashTable *titles;                       /* document -> its name; owned */
        GHashTable *pages_seen;                   /* file names; owned */
        GHashTable *texts;                        /* document -> GPtrArray of pages' texts; owned */
};

/* ---- parts ---- */

/* A live program has all that is to be seen; without one, tracks are what there is. */
static bool is_shown(const struct recording_row *kept, const struct recording_part *part)
{
        bool has_program = false;

        for (size_t i = 0; i < kept->parts.n; i++)
                has_program |= kept->parts.list[i].has_file;
        return has_program ? part->has_file : part->kind == PART_TRACKS;
}

static json_t *part_json(const struct recording_row *kept, const struct recording_part *part)
{
        char video[32] = "";

        if (part->has_file)
                snprintf(video, sizeof(video), "p%d.mp4", part->number);
        else if (kept->parts.composed)
                g_strlcpy(video, COMPOSED_FILE, sizeof(video));
        return json_pack("{s:i, s:I, s:I, s:s?}", "part", part->number, "start",
                         (json_int_t)(part->start_ms + part->first_us / 1000), "duration_ms",
                         (json_int_t)(part->duration_us / 1000), "video", video[0] ? video : NULL);
}

/* From the part's first picture on; what was so before it is so at its beginning. */
static int64_t line_ms(const struct showing *showing, const json_t *line)
{
        int64_t us = recording_number(line, "t") - showing->part->first_us;

        return us > 0 ? us / 1000 : 0;
}

/* ---- pages ---- */

static GPtrArray *read_text(struct showing *showing, const char *document)
{
        char path[MEDIA_PATH + 64];
        GPtrArray *pages = g_ptr_array_new_with_free_func(g_free);
        char *text, *rest, *page;
        size_t len;

        recording_row_folder(showing->kept, path);
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "/" PAGES "%s.txt", document);
        if (media_read(showing->media, path, SHOW_MAX_TEXT, &text, &len) < 0)
                return pages;
        rest = text;
        while ((page = strsep(&rest, "\f")))
                g_ptr_array_add(pages, g_utf8_make_valid(page, -1));
        free(text);
        return pages;
}

static const char *page_text(struct showing *showing, const char *document, json_int_t page)
{
        GPtrArray *pages = g_hash_table_lookup(showing->texts, document);

        if (!pages) {
                pages = read_text(showing, document);
                g_hash_table_insert(showing->texts, g_strdup(document), pages);
        }
        return page >= 1 && page <= pages->len ? g_ptr_array_index(pages, page - 1) : "";
}

static void add_page(struct showing *showing, const char *file, const json_t *line)
{
        const char *document = json_string_value(json_object_get(line, "document"));
        json_int_t page = recording_number(line, "page");
        const char *title = document ? g_hash_table_lookup(showing->titles, document) : NULL;

        if (!document || g_hash_table_contains(showing->pages_seen, file) ||
            json_array_size(showing->pages) >= SHOW_MAX_PAGES)
                return;
        g_hash_table_add(showing->pages_seen, g_strdup(file));
        json_array_append_new(showing->pages,
                              json_pack("{s:s, s:s, s:I, s:s, s:s}", "document", document, "name",
                                        title ? title : "", "page", page, "file", file, "text",
                                        page_text(showing, document, page)));
}

/* ---- lines ---- */

static void on_page(struct showing *showing, const json_t *line)
{
        const char *path = json_string_value(json_object_get(line, "file"));
        const char *document = json_string_value(json_object_get(line, "document"));
        json_int_t page = recording_number(line, "page");
        const char *file = path && strncmp(path, PAGES, strlen(PAGES)) == 0 ? path + strlen(PAGES)
                                                                            : NULL;

        if (file && (!document || !recording_is_page(file)))
                return;
        if (file)
                add_page(showing, file, line);
        json_array_append_new(
                showing->timeline,
                json_pack("{s:i, s:I, s:s, s:s?, s:I, s:s?}", "part", showing->part->number, "t_ms",
                          (json_int_t)line_ms(showing, line), "type", "page", "document",
                          file ? document : NULL, "page", page, "file", file));
}

static const char *look_up(GHashTable *table, json_int_t participant)
{
        return g_hash_table_lookup(table, GINT_TO_POINTER((int)participant));
}

static void tell_speaker(struct showing *showing)
{
        if (!showing->has_speaker)
                return;
        showing->has_speaker = false;
        json_array_append_new(showing->timeline,
                              json_pack("{s:i, s:I, s:s, s:s?, s:s?}", "part",
                                        showing->part->number, "t_ms",
                                        (json_int_t)showing->speaker_ms, "type", "speaker",
                                        "participant", look_up(showing->ids, showing->speaker),
                                        "name", look_up(showing->names, showing->speaker)));
}

/* Told when the next one speaks: a cough between is nobody's turn. */
static void on_speaker(struct showing *showing, const json_t *line)
{
        int64_t ms = line_ms(showing, line);

        if (ms >= showing->speaker_ms + SHOW_LEAST_SPOKEN_MS)
                tell_speaker(showing);
        showing->has_speaker = true;
        showing->speaker = recording_number(line, "participant");
        showing->speaker_ms = ms;
}

static void on_chapter(struct showing *showing, const json_t *line)
{
        const char *document = json_string_value(json_object_get(line, "document"));
        const char *title = json_string_value(json_object_get(line, "title"));

        if (!document || !title)
                return;
        g_hash_table_insert(showing->titles, g_strdup(document), g_strdup(title));
        json_array_append_new(showing->timeline,
                              json_pack("{s:i, s:I, s:s, s:s, s:s}", "part", showing->part->number,
                                        "t_ms", (json_int_t)line_ms(showing, line), "type",
                                        "chapter", "document", document, "title", title));
}

static void on_item(struct showing *showing, const json_t *line)
{
        const char *item = json_string_value(json_object_get(line, "item"));
        const char *title = json_string_value(json_object_get(line, "title"));

        json_array_append_new(showing->timeline,
                              json_pack("{s:i, s:I, s:s, s:s?, s:I, s:s?}", "part",
                                        showing->part->number, "t_ms",
                                        (json_int_t)line_ms(showing, line), "type", "item", "item",
                                        item, "number", recording_number(line, "number"), "title",
                                        item ? title : NULL));
}

static int64_t size_of(const struct showing *showing, const char *name)
{
        char path[MEDIA_PATH + RECORDING_FILE_NAME + 1];
        struct media_found found;

        recording_row_folder(showing->kept, path);
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
        if (media_find(showing->media, path, &found) < 0)
                return -1;
        media_found_done(&found);
        return found.size_bytes;
}

/* line: what its job said of it; NULL: a composed program. */
static void add_file(struct showing *showing, const char *name, int part, const json_t *line)
{
        const json_t *found = json_object_get(showing->found, name);
        json_int_t us = recording_number(found, "duration_us");
        json_int_t participant = recording_number(line, "participant");
        const char *kind = line ? json_string_value(json_object_get(line, "kind")) : "program";
        const char *codec = line ? json_string_value(json_object_get(line, "codec")) : "h264";
        json_int_t t = recording_number(line, "t");
        int64_t bytes;

        if (json_array_size(showing->files) >= SHOW_MAX_FILES)
                return;
        bytes = size_of(showing, name);
        if (bytes < 0)
                return;
        if (line) /* its times are the part's: it begins at t */
                us = us > t ? us - t : 0;
        json_array_append_new(
                showing->files,
                json_pack("{s:s, s:i, s:s?, s:s?, s:s?, s:s?, s:I, s:I, s:I}", "name", name, "part",
                          part, "participant", look_up(showing->ids, participant), "name_of",
                          look_up(showing->names, participant), "kind", kind ? kind : "", "codec",
                          codec, "bytes", (json_int_t)bytes, "duration_ms", us / 1000, "t_ms",
                          (json_int_t)(line ? line_ms(showing, line) : 0)));
}

static void on_file(struct showing *showing, const json_t *line)
{
        const char *name = json_string_value(json_object_get(line, "name"));

        if (name && recording_is_file(name))
                add_file(showing, name, showing->part->number, line);
}

static void on_name(struct showing *showing, const json_t *line)
{
        json_int_t participant = recording_number(line, "participant");
        const char *name = json_string_value(json_object_get(line, "name"));
        const char *id = json_string_value(json_object_get(line, "id"));
        void *key = GINT_TO_POINTER((int)participant);

        if (!name || !id)
                return;
        g_hash_table_insert(showing->names, key, g_strdup(name));
        g_hash_table_insert(showing->ids, key, g_strdup(id));
}

static void on_line(void *user, const char *type, const json_t *line)
{
        struct showing *showing = user;
        bool shown = is_shown(showing->kept, showing->part) &&
                     json_array_size(showing->timeline) < SHOW_MAX_LINES;

        if (strcmp(type, "name") == 0)
                on_name(showing, line);
        else if (strcmp(type, "file") == 0)
                on_file(showing, line);
        else if (shown && strcmp(type, "page") == 0)
                on_page(showing, line);
        else if (shown && strcmp(type, "speaker") == 0)
                on_speaker(showing, line);
        else if (shown && strcmp(type, "chapter") == 0)
                on_chapter(showing, line);
        else if (shown && strcmp(type, "item") == 0)
                on_item(showing, line);
}

/* ---- the whole ---- */

static json_t *read_found(const struct media *media, const struct recording_row *kept)
{
        char path[MEDIA_PATH + 16];
        json_t *list, *by_name;
        char *text;
        size_t len;

        recording_row_folder(kept, path);
        g_strlcat(path, "/files.json", sizeof(path));
        if (media_read(media, path, TIMELINE_MAX_BYTES, &text, &len) < 0)
                return NULL;
        list = json_loadb(text, len, 0, NULL);
        free(text);
        by_name = recording_files_by_name(list);
        json_decref(list);
        return by_name;
}

static void free_texts(void *pages)
{
        g_ptr_array_free(pages, TRUE);
}

static void add_videos(struct showing *showing)
{
        const struct recording_parts *parts = &showing->kept->parts;
        char name[32];

        for (size_t i = 0; i < parts->n; i++) {
                if (!parts->list[i].has_file)
                        continue;
                snprintf(name, sizeof(name), "p%d.mp4", parts->list[i].number);
                add_file(showing, name, parts->list[i].number, NULL);
        }
        if (parts->composed)
                add_file(showing, COMPOSED_FILE, 0, NULL);
}

json_t *recording_show(const struct media *media, const struct recording_row *kept, int64_t wall_ms)
{
        json_t *object = recording_row_json(kept, wall_ms);
        json_t *parts = json_array();
        struct showing showing = {
                .media = media,
                .kept = kept,
                .files = json_array(),
                .timeline = json_array(),
                .pages = json_array(),
                .found = read_found(media, kept),
                .names = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free),
                .ids = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free),
                .titles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
                .pages_seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                .texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_texts),
        };

        for (size_t i = 0; i < kept->parts.n; i++) {
                showing.part = &kept->parts.list[i];
                if (is_shown(kept, showing.part))
                        json_array_append_new(parts, part_json(kept, showing.part));
                /* A part without a timeline has no more to show. */
                (void)!timeline_read(media, kept, showing.part->number, on_line, &showing);
                tell_speaker(&showing);
        }
        add_videos(&showing);
        json_object_set_new(object, "parts", parts);
        json_object_set_new(object, "files", showing.files);
        json_object_set_new(object, "timeline", showing.timeline);
        json_object_set_new(object, "pages", showing.pages);
        json_decref(showing.found);
        g_hash_table_destroy(showing.names);
        g_hash_table_destroy(showing.ids);
        g_hash_table_destroy(showing.titles);
        g_hash_table_destroy(showing.pages_seen);
        g_hash_table_destroy(showing.texts);
        return object;
}

/* ---- names ---- */

void recording_saved_name(char ret_name[RECORDING_SAVED_NAME], const char *title,
                          const struct recording_row *kept, const char *file)
{
        GDateTime *when = g_date_time_new_from_unix_local(kept->row.started_ms / 1000);
        char *date = when ? g_date_time_format(when, "%Y-%m-%d %H.%M") : NULL;
        const char *dot = strrchr(file, '.');
        const char *rest = strchr(file, '-');
        int part = recording_file_part(file);
        char short_title[200];
        char *valid;

        g_strlcpy(short_title, title[0] ? title : "Cuộc họp", sizeof(short_title));
        valid = g_utf8_make_valid(short_title, -1);
        g_strdelimit(valid, "/\\:*?\"<>|", '-');
        if (part == 0)
                snprintf(ret_name, RECORDING_SAVED_NAME, "%.*s %s%s", 200, valid, date ? date : "",
                         dot ? dot : "");
        else if (!rest)
                snprintf(ret_name, RECORDING_SAVED_NAME, "%.*s %s phần %d%s", 200, valid,
                         date ? date : "", part, dot ? dot : "");
        else
                snprintf(ret_name, RECORDING_SAVED_NAME, "%.*s %s phần %d %s", 200, valid,
                         date ? date : "", part, rest + 1);
        g_free(valid);
        g_free(date);
        if (when)
                g_date_time_unref(when);
}
