/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/lines.h"

#include <errno.h>

struct line_reader {
        size_t max, len;
        char line[];
};

int line_reader_new(struct line_reader **ret_reader, size_t max_line)
{
        struct line_reader *reader = malloc(sizeof(*reader) + max_line);

        if (!reader)
                return -ENOMEM;
        reader->max = max_line;
        reader->len = 0;
        *ret_reader = reader;
        return 0;
}

struct line_reader *line_reader_free(struct line_reader *reader)
{
        free(reader);
        return NULL;
}

static int give(const char *text, size_t len, void (*each)(void *user, const json_t *line),
                void *user)
{
        json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
        bool good = json_is_object(line) && json_is_string(json_object_get(line, "type"));

        if (good)
                each(user, line);
        json_decref(line);
        return good ? 0 : -EBADMSG;
}

static int keep(struct line_reader *reader, const char *data, size_t len)
{
        if (len > reader->max - reader->len)
                return -EBADMSG;
        memcpy(reader->line + reader->len, data, len);
        reader->len += len;
        return 0;
}

int line_reader_put(struct line_reader *reader, const char *data, size_t len,
                    void (*each)(void *user, const json_t *line), void *user)
{
        while (len > 0) {
                const char *end = memchr(data, '\n', len);
                size_t n = end ? (size_t)(end - data) : len;
                int r = keep(reader, data, n);

                if (r < 0)
                        return r;
                if (!end)
                        return 0;
                r = give(reader->line, reader->len, each, user);
                if (r < 0)
                        return r;
                reader->len = 0;
                data += n + 1;
                len -= n + 1;
        }
        return 0;
}
