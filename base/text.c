/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <errno.h>
#include <string.h>

/* Length of the character at text and its code point, or 0 if malformed. */
static size_t decode(const char *text, size_t len, uint32_t *ret_point)
{
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const uint8_t *b = (const uint8_t *)text;
        size_t n = b[0] < 0x80       ? 1
                   : b[0] >> 5 == 6  ? 2
                   : b[0] >> 4 == 14 ? 3
                   : b[0] >> 3 == 30 ? 4
                                     : 0;
        uint32_t point = 0;

        if (n == 0 || n > len)
                return 0;
        point = n == 1 ? b[0] : b[0] & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                if (b[i] >> 6 != 2)
                        return 0;
                point = point << 6 | (b[i] & 0x3f);
        }
        if (point < least[n] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
                return 0;
        *ret_point = point;
        return n;
}

bool text_is_utf8(const char *text, size_t len)
{
        for (size_t at = 0; at < len;) {
                uint32_t point = 0;
                size_t n = decode(text + at, len - at, &point);

                if (n == 0 || point == 0)
                        return false;
                at += n;
        }
        return true;
}

static bool is_forbidden(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || c == 0x180e ||
               c == 0x200b || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
               (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff0 && c <= 0xfffb) ||
               (c >= 0xe0000 && c <= 0xe007f);
}

static bool is_space(uint32_t c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xa0 || c == 0x1680 ||
               (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
               c == 0x205f || c == 0x3000;
}

/* Nothing is seen of it, but letters and emoji are joined, shaped or spaced with it. */
static bool is_blank(uint32_t c)
{
        return c == 0x34f || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 ||
               (c >= 0x180b && c <= 0x180f) || c == 0x200c || c == 0x200d || c == 0x2800 ||
               c == 0x3164 || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xffa0 ||
               (c >= 0xe0100 && c <= 0xe01ef);
}

bool text_shows(const char *text, size_t len)
{
        for (size_t at = 0; at < len;) {
                uint32_t c = 0;

                at += decode(text + at, len - at, &c);
                if (!is_space(c) && !is_forbidden(c) && !is_blank(c))
                        return true;
        }
        return false;
}

int text_clean(char *ret, size_t cap, size_t *ret_len, const char *text, size_t len,
               enum text_flags flags)
{
        char gap = '\0';
        size_t out = 0;

        if (!text_is_utf8(text, len))
                return -EILSEQ;
        for (size_t at = 0; at < len;) {
                uint32_t c = 0;
                size_t n = decode(text + at, len - at, &c);
                const char *from = text + at;

                at += n;
                if (is_space(c)) {
                        if (c == '\n' && (flags & TEXT_KEEP_NEWLINES))
                                gap = '\n';
                        else if (!gap)
                                gap = ' ';
                        continue;
                }
                if (is_forbidden(c))
                        continue;
                if (out + (gap && out > 0) + n >= cap)
                        break;
                if (gap && out > 0)
                        ret[out++] = gap;
                gap = '\0';
                memcpy(ret + out, from, n);
                out += n;
        }
        if (!text_shows(ret, out))
                out = 0;
        ret[out] = '\0';
        *ret_len = out;
        return 0;
}

size_t text_chars(const char *text, size_t len)
{
        size_t n = 0;

        for (size_t i = 0; i < len; i++)
                n += ((uint8_t)text[i] & 0xc0) != 0x80;
        return n;
}
