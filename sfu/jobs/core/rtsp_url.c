/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/rtsp_url.h"

#include <strings.h>

static const char digits[] = "0123456789";
static const char name_chars[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";
static const char address_chars[] = "0123456789abcdefABCDEF:.";

/* After the scheme, or NULL. */
static const char *skip_scheme(const char *url)
{
        static const char *const schemes[] = { "rtsp://", "rtsps://" };

        for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
                if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0)
                        return url + strlen(schemes[i]);
        return NULL;
}

/* After the host, or NULL. A name may not begin with what a program takes for an option. */
static const char *skip_host(const char *at)
{
        size_t len;

        if (*at == '[') {
                len = strspn(at + 1, address_chars);
                return len >= 2 && at[1 + len] == ']' ? at + len + 2 : NULL;
        }
        len = strspn(at, name_chars);
        return len > 0 && len <= 253 && *at != '-' && *at != '.' ? at + len : NULL;
}

static const char *skip_port(const char *at)
{
        size_t len;

        if (*at != ':')
                return at;
        len = strspn(at + 1, digits);
        if (len == 0 || len > 5 || atoi(at + 1) < 1 || atoi(at + 1) > UINT16_MAX)
                return NULL;
        return at + 1 + len;
}

bool rtsp_url_is_good(const char *url)
{
        const char *at;

        if (strnlen(url, RTSP_URL_MAX + 1) > RTSP_URL_MAX)
                return false;
        at = skip_scheme(url);
        if (at)
                at = skip_host(at);
        if (at)
                at = skip_port(at);
        if (!at || (*at != '\0' && *at != '/' && *at != '?'))
                return false;
        for (; *at; at++)
                if (*at <= ' ' || *at > '~' || strchr("#\"<>\\^`{|}", *at))
                        return false;
        return true;
}
