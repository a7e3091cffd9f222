/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/core/filename.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "docs-share/api.h"

enum {
        MAX_RAW = 4096,    /* longer names are nobody's */
        MAX_EXTENSION = 8, /* with its dot */
};

static const char *after_separators(const char *raw)
{
        const char *name = raw;

        for (const char *at = raw; *at; at++) {
                if (*at == '/' || *at == '\\')
                        name = at + 1;
        }
        return name;
}

static bool is_plain_extension(const char *dot)
{
        size_t len = strlen(dot);

        if (len < 2 || len > MAX_EXTENSION)
                return false;
        for (size_t i = 1; i < len; i++) {
                if (!isalnum((unsigned char)dot[i]))
                        return false;
        }
        return true;
}

int filename_clean(char ret_name[FILENAME_CAP], const char *raw)
{
        char all[MAX_RAW], stem[FILENAME_CAP];
        const char *name = after_separators(raw);
        const char *dot;
        size_t len = strlen(name);

        if (len >= MAX_RAW || text_clean(all, sizeof(all), &len, name, len, 0) < 0)
                return DOCS_E_NAME;
        name = all + strspn(all, ". ");
        dot = strrchr(name, '.');
        if (!dot || !is_plain_extension(dot))
                return DOCS_E_NAME;
        if (text_clean(stem, FILENAME_CAP - strlen(dot), &len, name, (size_t)(dot - name), 0) < 0 ||
            len == 0)
                return DOCS_E_NAME;
        snprintf(ret_name, FILENAME_CAP, "%s%s", stem, dot);
        return 0;
}

void filename_with_extension(char *ret_name, size_t cap, const char *name, const char *extension)
{
        const char *dot = strrchr(name, '.');
        size_t stem = dot ? (size_t)(dot - name) : strlen(name);

        snprintf(ret_name, cap, "%.*s.%s", (int)stem, name, extension);
}
