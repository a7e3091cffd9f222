/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/recording_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/wire/words.h"

enum { MAX_NUMBER = 9999, DOCUMENT_ID = 36 };

static const char *const kind_words[N_PART_KINDS] = { "tracks", "program" };

/* ---- JSON ---- */

static json_t *part_json(const struct recording_part *part)
{
        return json_pack("{s:i, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:s}", "part", part->number,
                         "kind", kind_words[part->kind], "file", part->has_file, "start_us",
                         (json_int_t)part->start_us, "start_ms", (json_int_t)part->start_ms,
                         "first_us", (json_int_t)part->first_us, "duration_us",
                         (json_int_t)part->duration_us, "bytes", (json_int_t)part->bytes, "error",
                         part->error);
}

char *recording_parts_write(const struct recording_parts *parts)
{
        json_t *list = json_array();
        json_t *object;
        char *text;

        for (size_t i = 0; i < parts->n; i++)
                json_array_append_new(list, part_json(&parts->list[i]));
        object = json_pack("{s:o, s:b, s:b}", "parts", list, "composed", parts->composed,
                           "to_compose", parts->to_compose);
        text = object ? json_dumps(object, JSON_COMPACT) : NULL;
        json_decref(object);
        return text;
}

int64_t recording_number(const json_t *object, const char *field)
{
        json_int_t value = json_integer_value(json_object_get(object, field));

        return value > 0 && value <= RECORDING_MAX_NUMBER ? value : 0;
}

json_t *recording_files_by_name(const json_t *files)
{
        json_t *by_name = json_object();
        json_t *file;
        size_t i;

        json_array_foreach (files, i, file) {
                const char *name = json_string_value(json_object_get(file, "name"));

                if (name)
                        json_object_set(by_name, name, file);
        }
        return by_name;
}

static bool read_part(struct recording_part *part, const json_t *object)
{
        const char *kind = json_string_value(json_object_get(object, "kind"));
        const char *error = json_string_value(json_object_get(object, "error"));
        int64_t number = recording_number(object, "part");

        memset(part, 0, sizeof(*part));
        if (!kind || !error || strlen(error) >= sizeof(part->error) || number < 1 ||
            number > MAX_NUMBER)
                return false;
        part->number = (int)number;
        part->kind = strcmp(kind, kind_words[PART_PROGRAM]) == 0 ? PART_PROGRAM : PART_TRACKS;
        part->has_file = json_is_true(json_object_get(object, "file"));
        part->start_us = recording_number(object, "start_us");
        part->start_ms = recording_number(object, "start_ms");
        part->first_us = recording_number(object, "first_us");
        part->duration_us = recording_number(object, "duration_us");
        part->bytes = recording_number(object, "bytes");
        memcpy(part->error, error, strlen(error) + 1);
        return true;
}

int recording_parts_read(struct recording_parts *ret_parts, const char *text)
{
        json_t *root = json_loads(text, 0, NULL);
        const json_t *list = json_object_get(root, "parts");
        size_t n = json_array_size(list);
        int r = json_is_array(list) && n <= RECORDING_MAX_PARTS ? 0 : -EINVAL;

        memset(ret_parts, 0, sizeof(*ret_parts));
        for (size_t i = 0; r == 0 && i < n; i++)
                if (!read_part(&ret_parts->list[i], json_array_get(list, i)))
                        r = -EINVAL;
        if (r == 0) {
                ret_parts->n = n;
                ret_parts->composed = json_is_true(json_object_get(root, "composed"));
                ret_parts->to_compose = json_is_true(json_object_get(root, "to_compose"));
        }
        json_decref(root);
        return r;
}

/* ---- the whole ---- */

struct recording_part *recording_parts_add(struct recording_parts *parts, enum part_kind kind,
                                           int64_t start_us, int64_t start_ms)
{
        int number = parts->n > 0 ? parts->list[parts->n - 1].number + 1 : 1;
        struct recording_part *part;

        if (parts->n == RECORDING_MAX_PARTS || number > MAX_NUMBER)
                return NULL;
        part = &parts->list[parts->n++];
        *part = (struct recording_part){ .number = number,
                                         .kind = kind,
                                         .open = true,
                                         .start_us = start_us,
                                         .start_ms = start_ms };
        return part;
}

int64_t recording_parts_ms(const struct recording_parts *parts)
{
        int64_t us[N_PART_KINDS] = { 0 };

        for (size_t i = 0; i < parts->n; i++)
                us[parts->list[i].kind] += parts->list[i].duration_us;
        return (us[PART_TRACKS] > us[PART_PROGRAM] ? us[PART_TRACKS] : us[PART_PROGRAM]) / 1000;
}

unsigned recording_parts_runs(const struct recording_parts *parts)
{
        unsigned n[N_PART_KINDS] = { 0 };

        for (size_t i = 0; i < parts->n; i++)
                n[parts->list[i].kind]++;
        return n[PART_TRACKS] > n[PART_PROGRAM] ? n[PART_TRACKS] : n[PART_PROGRAM];
}

bool recording_parts_has_video(const struct recording_parts *parts)
{
        for (size_t i = 0; i < parts->n; i++)
                if (parts->list[i].kind == PART_PROGRAM && parts->list[i].has_file)
                        return true;
        return parts->composed;
}

int64_t recording_parts_bytes(const struct recording_parts *parts)
{
        int64_t bytes = 0;

        for (size_t i = 0; i < parts->n; i++)
                bytes += parts->list[i].bytes;
        return bytes;
}

/* ---- names ---- */

int recording_file_part(const char *name)
{
        long number = name[0] == 'p' && name[1] >= '1' && name[1] <= '9'
                              ? strtol(name + 1, NULL, 10)
                              : 0;

        return number <= MAX_NUMBER ? (int)number : 0;
}

bool recording_is_file(const char *name)
{
        static const char *const ends[] = { ".mkv", ".mp4", "-timeline.jsonl" };
        size_t len = strlen(name);

        if (len >= RECORDING_FILE_NAME ||
            name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.")] != '\0')
                return false;
        if (strcmp(name, "program.mp4") == 0)
                return true;
        if (recording_file_part(name) == 0)
                return false;
        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                size_t end = strlen(ends[i]);

                /* one dot, so that what a job writes beside a file is not one */
                if (len > end && strcmp(name + len - end, ends[i]) == 0 &&
                    strchr(name, '.') == strrchr(name, '.'))
                        return true;
        }
        return false;
}

bool recording_is_page(const char *name)
{
        char document[DOCUMENT_ID + 1];
        size_t digits;

        if (strlen(name) < DOCUMENT_ID + 1)
                return false;
        memcpy(document, name, DOCUMENT_ID);
        document[DOCUMENT_ID] = '\0';
        if (!word_is_document_id(document) || name[DOCUMENT_ID] != '-')
                return false;
        name += DOCUMENT_ID + 1;
        digits = strspn(name, "0123456789");
        return digits >= 1 && digits <= 4 && strcmp(name + digits, ".webp") == 0;
}
