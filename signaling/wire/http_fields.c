/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/http_fields.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static struct span trimmed(const char *text, size_t len)
{
        while (len > 0 && (*text == ' ' || *text == '\t')) {
                text++;
                len--;
        }
        while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
                len--;
        return (struct span){ (const uint8_t *)text, len };
}

static bool span_is(struct span s, const char *text)
{
        return s.len == strlen(text) && !strncasecmp((const char *)s.data, text, s.len);
}

int http_cookie_find(const char *field, const char *name, char *ret, size_t cap)
{
        size_t name_len = strlen(name);

        while (*field) {
                size_t len = strcspn(field, ";");
                struct span pair = trimmed(field, len);
                const char *text = (const char *)pair.data;

                if (pair.len > name_len && text[name_len] == '=' &&
                    !strncmp(text, name, name_len)) {
                        size_t n = pair.len - name_len - 1;

                        if (n >= cap)
                                return -ENOENT;
                        memcpy(ret, text + name_len + 1, n);
                        ret[n] = '\0';
                        return 0;
                }
                field += len + (field[len] == ';');
        }
        return -ENOENT;
}

/* A weight is 0 exactly when its digits are all 0: "q=0", "q=0.000". */
static bool weight_is_zero(struct span item)
{
        const char *text = (const char *)item.data, *end = text + item.len;
        const char *at = memchr(text, ';', item.len);

        if (!at)
                return false;
        for (at++; at < end && (*at == ' ' || *at == '\t'); at++)
                ;
        if (end - at < 3 || (*at != 'q' && *at != 'Q') || at[1] != '=')
                return false;
        for (at += 2; at < end; at++) {
                if (*at >= '1' && *at <= '9')
                        return false;
        }
        return true;
}

bool http_accepts_coding(const char *field, const char *coding)
{
        bool any = false;

        while (*field) {
                size_t len = strcspn(field, ",");
                struct span item = trimmed(field, len);
                const uint8_t *semicolon = memchr(item.data, ';', item.len);
                struct span name = trimmed((const char *)item.data,
                                           semicolon ? (size_t)(semicolon - item.data) : item.len);

                if (span_is(name, coding))
                        return !weight_is_zero(item);
                if (span_is(name, "*"))
                        any = !weight_is_zero(item);
                field += len + (field[len] == ',');
        }
        return any;
}

bool http_etag_matches(const char *field, const char *etag)
{
        if (!strncmp(etag, "W/", 2))
                etag += 2;
        while (*field) {
                size_t len = strcspn(field, ",");
                struct span item = trimmed(field, len);

                if (span_is(item, "*"))
                        return true;
                if (item.len > 2 && item.data[0] == 'W' && item.data[1] == '/') {
                        item.data += 2;
                        item.len -= 2;
                }
                if (item.len == strlen(etag) && !memcmp(item.data, etag, item.len))
                        return true;
                field += len + (field[len] == ',');
        }
        return false;
}

bool http_if_match(const char *field, const char *etag)
{
        while (*field) {
                size_t len = strcspn(field, ",");
                struct span item = trimmed(field, len);

                if (item.len == strlen(etag) && !memcmp(item.data, etag, item.len))
                        return true;
                field += len + (field[len] == ',');
        }
        return false;
}

static void put_text(struct wr *w, const char *text)
{
        for (; *text; text++)
                wr_u8(w, (uint8_t)*text);
}

static bool is_separator(uint8_t c)
{
        return c < 0x20 || c == 0x7f || c == '/' || c == '\\' || c == '"';
}

/* RFC 8187 §3.2.1: attr-char. */
static bool is_attr_char(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("!#$&+-.^_`|~", c));
}

static void put_percent(struct wr *w, uint8_t c)
{
        static const char digits[] = "0123456789ABCDEF";

        wr_u8(w, '%');
        wr_u8(w, (uint8_t)digits[c >> 4]);
        wr_u8(w, (uint8_t)digits[c & 15]);
}

int http_disposition_write(char *ret, size_t cap, const char *name)
{
        struct wr w = wr_init((uint8_t *)ret, cap);

        put_text(&w, "attachment; filename=\"");
        for (const char *c = name; *c; c++) {
                if ((uint8_t)*c >> 6 == 2)
                        continue; /* one "_" for a character, not for each of its bytes */
                wr_u8(&w, is_separator((uint8_t)*c) || (uint8_t)*c >= 0x80 || *c == '%'
                                  ? '_'
                                  : (uint8_t)*c);
        }
        put_text(&w, "\"; filename*=UTF-8''");
        for (const char *c = name; *c; c++) {
                if (is_separator((uint8_t)*c))
                        wr_u8(&w, '_');
                else if (is_attr_char((uint8_t)*c))
                        wr_u8(&w, (uint8_t)*c);
                else
                        put_percent(&w, (uint8_t)*c);
        }
        wr_u8(&w, '\0');
        return w.bad ? -ENOSPC : 0;
}
