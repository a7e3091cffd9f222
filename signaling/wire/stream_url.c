/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/stream_url.h"

#include <errno.h>
#include <strings.h>

#include "base/text.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_CHARS LETTERS DIGITS ".-_"
/* RFC 3986's unreserved, sub-delims but the quote, and what paths and queries may hold. */
#define REST_CHARS LETTERS DIGITS "-._~!$&()*+,;=:@/?%"

enum { HOST_MAX = 253, PORT_DIGITS = 5, PORT_MAX = 65535 };

static const char *skip_scheme(enum stream_kind kind, const char *url)
{
        static const char *const schemes[2][2] = { { "rtmp://", "rtmps://" },
                                                   { "rtsp://", "rtsps://" } };

        for (int i = 0; i < 2; i++) {
                const char *scheme = schemes[kind == STREAM_RTSP][i];

                if (strncasecmp(url, scheme, strlen(scheme)) == 0)
                        return url + strlen(scheme);
        }
        return NULL;
}

/* Where the host ends, or NULL. */
static const char *skip_host(const char *at)
{
        size_t len;

        if (*at == '[') {
                len = strspn(at + 1, "0123456789abcdefABCDEF:.");
                return len >= 2 && len <= HOST_MAX && at[1 + len] == ']' ? at + len + 2 : NULL;
        }
        len = strspn(at, NAME_CHARS);
        return len > 0 && len <= HOST_MAX && *at != '.' && *at != '-' ? at + len : NULL;
}

static const char *skip_port(const char *at)
{
        unsigned long port = 0;
        size_t len;

        if (*at != ':')
                return at;
        len = strspn(++at, DIGITS);
        if (len == 0 || len > PORT_DIGITS)
                return NULL;
        for (size_t i = 0; i < len; i++)
                port = port * 10 + (unsigned long)(at[i] - '0');
        return port >= 1 && port <= PORT_MAX ? at + len : NULL;
}

int stream_url_check(enum stream_kind kind, const char *url)
{
        const char *at = strlen(url) < STREAM_URL_MAX ? skip_scheme(kind, url) : NULL;

        if (at)
                at = skip_host(at);
        if (at)
                at = skip_port(at);
        if (!at || (*at && *at != '/') || at[strspn(at, REST_CHARS)] != '\0')
                return -EINVAL;
        /* Of RTMP's the path is the application: more than slashes. */
        return kind == STREAM_RTMP && (!at[strspn(at, "/")] || strchr(at, '@')) ? -EINVAL : 0;
}

bool stream_key_is_good(const char *key)
{
        size_t len = strlen(key);

        return len > 0 && len <= STREAM_KEY_MAX && strspn(key, REST_CHARS) == len;
}

bool stream_user_is_good(const char *text)
{
        size_t len = strlen(text);

        for (size_t i = 0; i < len; i++) {
                if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
                        return false;
        }
        return len <= STREAM_USER_MAX && text_is_utf8(text, len);
}
