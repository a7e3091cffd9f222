/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/http_range.h"

#include <string.h>
#include <strings.h>

/* Reads digits; a number too large becomes UINT64_MAX, which is past any file. */
static const char *read_number(const char *text, uint64_t *ret, bool *ret_found)
{
        uint64_t value = 0;
        bool found = false;

        for (; *text >= '0' && *text <= '9'; text++) {
                found = true;
                value = value > (UINT64_MAX - 9) / 10 ? UINT64_MAX
                                                      : value * 10 + (uint64_t)(*text - '0');
        }
        *ret = value;
        *ret_found = found;
        return text;
}

enum http_range_kind http_range_parse(const char *text, uint64_t size, uint64_t *ret_first,
                                      uint64_t *ret_last)
{
        uint64_t first, last;
        bool has_first, has_last;

        if (strncasecmp(text, "bytes=", 6) != 0)
                return HTTP_RANGE_WHOLE;
        text = read_number(text + 6, &first, &has_first);
        if (*text != '-')
                return HTTP_RANGE_WHOLE;
        text = read_number(text + 1, &last, &has_last);
        if (*text || (!has_first && !has_last) || (has_first && has_last && last < first))
                return HTTP_RANGE_WHOLE;
        if (!has_first) {
                if (last == 0 || size == 0)
                        return HTTP_RANGE_OUTSIDE;
                first = last >= size ? 0 : size - last;
                last = size - 1;
        } else if (first >= size) {
                return HTTP_RANGE_OUTSIDE;
        }
        *ret_first = first;
        *ret_last = has_last && last < size ? last : size - 1;
        return HTTP_RANGE_PART;
}
