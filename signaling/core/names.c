/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/names.h"

#include <string.h>

#include "base/text.h"

void name_clean(char ret[MEETING_NAME], const char *text)
{
        size_t len, chars = 0, at;

        if (text_clean(ret, MEETING_NAME, &len, text, strlen(text), 0) != 0) {
                ret[0] = '\0';
                return;
        }
        for (at = 0; at < len; at++) {
                bool starts = ((uint8_t)ret[at] & 0xc0) != 0x80; /* not a continuation byte */

                if (starts && ++chars > MEETING_NAME_CHARS)
                        break;
        }
        while (at > 0 && ret[at - 1] == ' ')
                at--;
        if (!text_shows(ret, at))
                at = 0;
        ret[at] = '\0';
}
