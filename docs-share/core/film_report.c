/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/core/film_report.h"

#include <jansson.h>
#include <string.h>

static void json_donep(json_t **json)
{
        json_decref(*json);
}

static bool is_text(const json_t *object, const char *key, const char *text)
{
        const char *value = json_string_value(json_object_get(object, key));

        return value && strcmp(value, text) == 0;
}

/* 0 where there is none; a negative one is none. */
static json_int_t number(const json_t *object, const char *key)
{
        json_int_t value = json_integer_value(json_object_get(object, key));

        return value > 0 ? value : 0;
}

static int take_media(struct film_report *report, const json_t *media)
{
        bool has_video = json_is_string(json_object_get(media, "video"));
        bool has_audio = json_is_string(json_object_get(media, "audio"));

        if (!has_video && !has_audio)
                return DOCS_E_UNPLAYABLE;
        if (number(media, "duration_ms") > DOCS_MAX_FILM_MS)
                return DOCS_E_LONG;
        if (has_video && (number(media, "width") > DOCS_MAX_FILM_SIDE ||
                          number(media, "height") > DOCS_MAX_FILM_SIDE))
                return DOCS_E_PICTURE;
        report->duration_ms = number(media, "duration_ms");
        report->has_video = has_video;
        return 0;
}

static int fault_of(const json_t *error)
{
        if (is_text(error, "code", "codec-unsupported"))
                return DOCS_E_CODEC;
        return is_text(error, "code", "internal") ? DOCS_E_INTERNAL : DOCS_E_UNPLAYABLE;
}

int film_report_parse(struct film_report *ret_report, const char *text, size_t len)
{
        struct film_report report = { 0 };
        const char *end = len > 0 ? text + len : text;

        while (text < end) {
                const char *newline = memchr(text, '\n', (size_t)(end - text));
                size_t n = (size_t)((newline ? newline : end) - text);
                cleanup(json_donep) json_t *line = json_loadb(text, n, 0, NULL);

                if (is_text(line, "type", "error"))
                        return fault_of(line);
                if (is_text(line, "type", "media")) {
                        int r = take_media(&report, line);

                        if (r == 0)
                                *ret_report = report;
                        return r;
                }
                text += n + 1;
        }
        return DOCS_E_UNPLAYABLE;
}
