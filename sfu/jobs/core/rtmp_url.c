/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/rtmp_url.h"

#include <errno.h>
#include <strings.h>

/* Copies text[0..len) when it fits and every character is visible ASCII. */
static bool copy(char *to, size_t cap, const char *text, size_t len)
{
        if (len == 0 || len >= cap)
                return false;
        for (size_t i = 0; i < len; i++)
                if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>\\^`{|}@#", text[i]))
                        return false;
        memcpy(to, text, len);
        to[len] = '\0';
        return true;
}

static const char *skip_scheme(const char *text, bool *ret_tls)
{
        *ret_tls = strncasecmp(text, "rtmps://", 8) == 0;
        if (*ret_tls)
                return text + 8;
        return strncasecmp(text, "rtmp://", 7) == 0 ? text + 7 : NULL;
}

static bool read_port(const char *text, const char *end, uint16_t *ret_port)
{
        uint32_t port = 0;

        if (text == end || end - text > 5)
                return false;
        for (; text < end; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                port = port * 10 + (uint32_t)(*text - '0');
        }
        *ret_port = (uint16_t)port;
        return port > 0 && port <= UINT16_MAX;
}

/* "host", "host:port", "[::1]" or "[::1]:port". */
static bool read_authority(struct rtmp_url *url, const char *text, const char *end)
{
        const char *host = text, *host_end = end, *port;

        if (text < end && *text == '[') {
                host++;
                host_end = memchr(text, ']', (size_t)(end - text));
                port = host_end ? host_end + 1 : NULL;
        } else {
                port = memchr(text, ':', (size_t)(end - text));
                host_end = port ? port : end;
        }
        if (!host_end || !copy(url->host, sizeof(url->host), host, (size_t)(host_end - host)))
                return false;
        if (!port || port == end)
                return true;
        return *port == ':' && read_port(port + 1, end, &url->port);
}

int rtmp_url_parse(struct rtmp_url *ret_url, const char *text)
{
        struct rtmp_url url = { 0 };
        const char *at = skip_scheme(text, &url.tls), *slash;
        size_t len;

        slash = at ? strchr(at, '/') : NULL;
        if (!slash)
                return -EINVAL;
        url.port = url.tls ? RTMPS_PORT : RTMP_PORT;
        if (!read_authority(&url, at, slash))
                return -EINVAL;
        slash += strspn(slash, "/");
        len = strlen(slash);
        while (len > 0 && slash[len - 1] == '/')
                len--;
        if (!copy(url.app, sizeof(url.app), slash, len))
                return -EINVAL;
        *ret_url = url;
        return 0;
}
