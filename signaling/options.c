/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/options.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 64 * 1024 };

static const struct option_spec *find_spec(const struct option_spec *specs, size_t n_specs,
                                           const char *name, size_t len)
{
        for (size_t i = 0; i < n_specs; i++)
                if (strlen(specs[i].name) == len && memcmp(specs[i].name, name, len) == 0)
                        return &specs[i];
        return NULL;
}

/* One source of settings: words of a command line, or lines of a file. */
struct reader {
        const struct option_spec *specs;
        size_t n_specs;
        uint32_t seen; /* bit i: specs[i] was given in this source */
        char *error;   /* OPTION_ERROR bytes */
};

static int add_item(struct reader *reader, const struct option_spec *spec, const char *value)
{
        struct option_list *list = spec->value;
        uint32_t bit = UINT32_C(1) << (spec - reader->specs);

        if (!(reader->seen & bit))
                list->n = 0;
        reader->seen |= bit;
        if (list->n == OPTION_LIST_MAX) {
                snprintf(reader->error, OPTION_ERROR, "--%s: more than %d", spec->name,
                         OPTION_LIST_MAX);
                return -EINVAL;
        }
        list->items[list->n++] = value;
        return 0;
}

static int set_value(struct reader *reader, const struct option_spec *spec, const char *value)
{
        char *end;
        long number;

        if (spec->type == OPTION_TEXT) {
                *(const char **)spec->value = value;
                return 0;
        }
        if (spec->type == OPTION_LIST)
                return add_item(reader, spec, value);
        errno = 0;
        number = strtol(value, &end, 10);
        if (errno != 0 || end == value || *end != '\0' || number < spec->min ||
            number > spec->max) {
                snprintf(reader->error, OPTION_ERROR,
                         "--%s: \"%s\" is not a number from %ld to %ld", spec->name, value,
                         spec->min, spec->max);
                return -EINVAL;
        }
        *(long *)spec->value = number;
        return 0;
}

/* argv[*at] is an option; moves *at to its last word. */
static int parse_one(struct reader *reader, int argc, char **argv, int *at)
{
        const char *word = argv[*at];
        const char *equals = strchr(word, '=');
        size_t len = equals ? (size_t)(equals - word) : strlen(word);
        const struct option_spec *spec = NULL;

        if (strncmp(word, "--", 2) == 0)
                spec = find_spec(reader->specs, reader->n_specs, word + 2, len - 2);
        if (!spec) {
                snprintf(reader->error, OPTION_ERROR, "%.100s: no such option", word);
                return -EINVAL;
        }
        if (spec->type == OPTION_FLAG) {
                if (equals) {
                        snprintf(reader->error, OPTION_ERROR, "--%s takes no value", spec->name);
                        return -EINVAL;
                }
                *(bool *)spec->value = true;
                return 0;
        }
        if (!equals && *at + 1 >= argc) {
                snprintf(reader->error, OPTION_ERROR, "--%s needs a value", spec->name);
                return -EINVAL;
        }
        return set_value(reader, spec, equals ? equals + 1 : argv[++*at]);
}

int options_parse(const struct option_spec *specs, size_t n_specs, int argc, char **argv,
                  char ret_error[OPTION_ERROR])
{
        struct reader reader = { .specs = specs, .n_specs = n_specs, .error = ret_error };
        int r = 0;

        assert(n_specs <= 32);
        for (int at = 0; r == 0 && at < argc; at++)
                r = parse_one(&reader, argc, argv, &at);
        return r;
}

/* ---- the file ---- */

static char *trim(char *text)
{
        char *end;

        text += strspn(text, " \t\r");
        for (end = text + strlen(text); end > text && strchr(" \t\r", end[-1]); end--)
                ;
        *end = '\0';
        return text;
}

/* A secret may hold "#". */
static void cut_comment(char *line)
{
        for (char *at = line; (at = strchr(at, '#')); at++) {
                if (at == line || at[-1] == ' ' || at[-1] == '\t') {
                        *at = '\0';
                        return;
                }
        }
}

static int read_line(struct reader *reader, char *line)
{
        const struct option_spec *spec;
        char *value, *name;

        cut_comment(line);
        name = trim(line);
        if (!name[0])
                return 0;
        value = strchr(name, '=');
        if (!value) {
                /* Its first word: the second may be a secret. */
                snprintf(reader->error, OPTION_ERROR, "\"%.*s\" is not `name = value`",
                         (int)strcspn(name, " \t"), name);
                return -EINVAL;
        }
        *value++ = '\0';
        name = trim(name);
        spec = find_spec(reader->specs, reader->n_specs, name, strlen(name));
        if (!spec || spec->command_line_only) {
                snprintf(reader->error, OPTION_ERROR, "\"%.100s\": no such setting", name);
                return -EINVAL;
        }
        return set_value(reader, spec, trim(value));
}

static int read_text(char **ret_text, const char *path)
{
        FILE *file = fopen(path, "re");
        char *text = NULL;
        size_t n;
        int r = 0;

        if (!file)
                return -errno;
        text = calloc(1, MAX_FILE_BYTES + 1);
        n = text ? fread(text, 1, MAX_FILE_BYTES + 1, file) : 0;
        if (!text)
                r = -ENOMEM;
        else if (ferror(file))
                r = -EIO;
        else if (n > MAX_FILE_BYTES)
                r = -EFBIG;
        fclose(file);
        if (r < 0)
                free(text);
        else
                *ret_text = text;
        return r;
}

int options_read_file(const struct option_spec *specs, size_t n_specs, const char *path,
                      char **ret_text, char ret_error[OPTION_ERROR])
{
        char *text = NULL, *rest, *line, why[OPTION_ERROR];
        struct reader reader = { .specs = specs, .n_specs = n_specs, .error = why };
        unsigned number = 0;
        int r = read_text(&text, path);

        if (r < 0) {
                snprintf(ret_error, OPTION_ERROR, "%.200s: %s", path, strerror(-r));
                return r;
        }
        rest = text;
        while (r == 0 && (line = strsep(&rest, "\n"))) {
                number++;
                r = read_line(&reader, line);
        }
        if (r < 0) {
                snprintf(ret_error, OPTION_ERROR, "%.100s:%u: %.300s", path, number, why);
                free(text);
                return r;
        }
        *ret_text = text;
        return 0;
}
