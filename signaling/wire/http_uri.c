/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/http_uri.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

/* Decodes len bytes of text to ret; both may be the same place. */
static int percent_decode(char *ret, size_t cap, const char *text, size_t len, bool plus_is_space)
{
        size_t n = 0;

        for (size_t i = 0; i < len; i++) {
                char c = text[i];

                if (n + 1 >= cap)
                        return -EINVAL;
                if (c == '%') {
                        uint8_t byte;

                        if (len - i <= 2 || hex_decode(&byte, 1, text + i + 1, 2) < 0)
                                return -EINVAL;
                        c = (char)byte;
                        i += 2;
                } else if (c == '+' && plus_is_space) {
                        c = ' ';
                }
                if (c == '\0')
                        return -EINVAL;
                ret[n++] = c;
        }
        ret[n] = '\0';
        return text_is_utf8(ret, n) ? 0 : -EINVAL;
}

static bool has_dot_segment(const char *path)
{
        for (const char *at = path; at; at = strchr(at + 1, '/')) {
                size_t n = strcspn(at + 1, "/");

                if ((n == 1 && at[1] == '.') || (n == 2 && at[1] == '.' && at[2] == '.'))
                        return true;
        }
        return false;
}

int http_path_decode(char *path)
{
        size_t len = strlen(path);

        if (*path != '/' || percent_decode(path, len + 1, path, len, false) < 0)
                return -EINVAL;
        for (const char *c = path; *c; c++) {
                if ((uint8_t)*c < 0x20 || *c == 0x7f || *c == '\\')
                        return -EINVAL;
        }
        return has_dot_segment(path) ? -EINVAL : 0;
}

int http_query_find(const char *query, const char *key, char *ret, size_t cap)
{
        size_t key_len = strlen(key);

        while (*query) {
                size_t len = strcspn(query, "&");

                if (len >= key_len && !strncmp(query, key, key_len)) {
                        if (len == key_len)
                                return percent_decode(ret, cap, "", 0, true);
                        if (query[key_len] == '=')
                                return percent_decode(ret, cap, query + key_len + 1,
                                                      len - key_len - 1, true);
                }
                query += len + (query[len] == '&');
        }
        return -ENOENT;
}
