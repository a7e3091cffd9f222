/* SPDX-License-Identifier: Apache-2.0 */
#include "load/core/hls.h"

#include <errno.h>
#include <stdio.h>
#include <strings.h>

enum { LINE = 1024, MAX_BODY = 1 << 30, US = 1000000 };

/* Takes the next line, cut to LINE, without its end. False at the end. */
static bool next_line(const char **at, const char *end, char ret[LINE])
{
        const char *newline;
        size_t len, kept;

        if (*at >= end)
                return false;
        newline = memchr(*at, '\n', (size_t)(end - *at));
        len = newline ? (size_t)(newline - *at) : (size_t)(end - *at);
        kept = len < LINE ? len : LINE - 1;
        memcpy(ret, *at, kept);
        ret[kept] = '\0';
        if (kept > 0 && ret[kept - 1] == '\r')
                ret[kept - 1] = '\0';
        *at += len + (newline != NULL);
        return true;
}

static bool starts(const char *line, const char *tag, const char **ret_value)
{
        size_t len = strlen(tag);

        if (strncmp(line, tag, len) != 0)
                return false;
        *ret_value = line + len;
        return true;
}

static bool copy_uri(char ret[HLS_URI], const char *from, size_t len)
{
        if (len == 0 || len >= HLS_URI)
                return false;
        memcpy(ret, from, len);
        ret[len] = '\0';
        return true;
}

/* The quoted value of URI in an attribute list. */
static bool attribute_uri(char ret[HLS_URI], const char *attributes)
{
        const char *at = strstr(attributes, "URI=\"");

        return at && copy_uri(ret, at + 5, strcspn(at + 5, "\""));
}

/* "2.000" in microseconds; 0 for what is no such number. */
static int64_t parse_seconds(const char *text)
{
        int64_t us = 0, unit = US;
        int digits = 0;

        for (; *text >= '0' && *text <= '9' && digits < 5; text++, digits++)
                us = us * 10 + (*text - '0') * (int64_t)US;
        if (*text == '.')
                for (text++; *text >= '0' && *text <= '9' && unit > 1; text++)
                        us += (*text - '0') * (unit /= 10);
        return us;
}

/* Days since 1970 of a date of the Gregorian calendar, years counted from March on. */
static int64_t days_of(int year, int month, int day)
{
        int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

        return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

/* "2026-11-22T09:15:31.040Z" or with +07:00. */
static int64_t parse_date(const char *text)
{
        int year, month, day, hour, minute, used = 0, zone_h = 0, zone_m = 0;
        int64_t us;

        if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%n", &year, &month, &day, &hour, &minute, &used) <
                    5 ||
            used == 0 || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 ||
            hour < 0 || minute < 0)
                return -1;
        us = parse_seconds(text + used) +
             ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 * US;
        text += used + strspn(text + used, "0123456789.");
        if ((*text == '+' || *text == '-') && sscanf(text + 1, "%2d:%2d", &zone_h, &zone_m) >= 1)
                us += (*text == '+' ? -1 : 1) * (int64_t)(zone_h * 60 + zone_m) * 60 * US;
        return us;
}

struct reading {
        struct hls_media *media;
        struct hls_segment next; /* what the lines before its address said */
        uint64_t n;              /* segments in all */
};

static void add_segment(struct reading *reading, const char *uri)
{
        struct hls_media *media = reading->media;
        struct hls_segment *next = &reading->next;

        if (next->duration_us <= 0 || !copy_uri(next->uri, uri, strlen(uri)))
                return;
        if (media->n == HLS_MAX_SEGMENTS) {
                memmove(media->segments, media->segments + 1,
                        (HLS_MAX_SEGMENTS - 1) * sizeof(media->segments[0]));
                media->n--;
                media->first++;
        }
        media->segments[media->n++] = *next;
        if (next->start_us >= 0)
                next->start_us += next->duration_us; /* goes on from here until told anew */
        next->duration_us = 0;
}

static void take_line(struct reading *reading, const char *line)
{
        struct hls_media *media = reading->media;
        const char *value;

        if (starts(line, "#EXT-X-TARGETDURATION:", &value))
                media->target_us = parse_seconds(value);
        else if (starts(line, "#EXT-X-MEDIA-SEQUENCE:", &value))
                media->first += strtoull(value, NULL, 10);
        else if (starts(line, "#EXTINF:", &value))
                reading->next.duration_us = parse_seconds(value);
        else if (starts(line, "#EXT-X-PROGRAM-DATE-TIME:", &value))
                reading->next.start_us = parse_date(value);
        else if (starts(line, "#EXT-X-MAP:", &value))
                (void)attribute_uri(reading->next.init, value);
        else if (starts(line, "#EXT-X-ENDLIST", &value))
                media->ended = true;
        else if (line[0] != '#' && line[0] != '\0')
                add_segment(reading, line);
}

int hls_media_parse(struct hls_media *ret_media, const char *text, size_t len)
{
        struct reading reading = { .media = ret_media, .next = { .start_us = -1 } };
        const char *at = text, *end = text + len;
        char line[LINE];

        if (!next_line(&at, end, line) || strcmp(line, "#EXTM3U") != 0)
                return -EBADMSG;
        ret_media->target_us = 0;
        ret_media->first = 0;
        ret_media->n = 0;
        ret_media->ended = false;
        while (next_line(&at, end, line))
                take_line(&reading, line);
        if (ret_media->target_us <= 0 || ret_media->target_us > (int64_t)HLS_MAX_TARGET_S * US)
                return -EBADMSG;
        return 0;
}

static bool has_part(const char *uri, const char *part)
{
        size_t len = strlen(part);

        if (len == 0)
                return true;
        for (const char *at = uri; at; at = strchr(at, '/')) {
                at += *at == '/';
                if (strncmp(at, part, len) == 0 && at[len] == '/')
                        return true;
        }
        return false;
}

int hls_master_choose(char ret_uri[HLS_URI], const char *text, size_t len, const char *rendition)
{
        const char *at = text, *end = text + len, *value;
        bool is_stream = false, any = false;
        char line[LINE], uri[HLS_URI];

        if (!next_line(&at, end, line) || strcmp(line, "#EXTM3U") != 0)
                return -EBADMSG;
        while (next_line(&at, end, line)) {
                bool found = false;

                if (starts(line, "#EXT-X-STREAM-INF:", &value)) {
                        is_stream = any = true;
                        continue;
                }
                if (starts(line, "#EXT-X-MEDIA:", &value))
                        found = rendition[0] && attribute_uri(uri, value);
                else if (line[0] != '#' && is_stream)
                        found = copy_uri(uri, line, strlen(line));
                if (found && has_part(uri, rendition)) {
                        memcpy(ret_uri, uri, HLS_URI);
                        return 0;
                }
        }
        return any ? -ENOENT : -EBADMSG;
}

int hls_resolve(char *ret, size_t cap, const char *path, const char *uri)
{
        const char *slash = strrchr(path, '/');
        int dir = uri[0] == '/' || !slash ? 0 : (int)(slash - path) + 1;
        char whole[2 * HLS_URI + 2];

        if (strstr(uri, "://") || strncmp(uri, "//", 2) == 0 || (uri[0] != '/' && !slash) ||
            (size_t)snprintf(whole, sizeof(whole), "%.*s%s", dir, path, uri) >= sizeof(whole) ||
            strlen(whole) >= cap || strpbrk(whole, " \r\n"))
                return -EINVAL;
        strcpy(ret, whole);
        return 0;
}

int hls_answer_parse(struct hls_answer *ret_answer, const char *data, size_t len)
{
        const char *at = data, *end = memmem(data, len, "\r\n\r\n", 4), *value;
        struct hls_answer answer = { 0 };
        bool has_length = false;
        char line[LINE];

        if (!end)
                return -EAGAIN;
        answer.head_len = (size_t)(end - data) + 4;
        if (!next_line(&at, end, line) || sscanf(line, "HTTP/1.1 %3d", &answer.status) != 1)
                return -EBADMSG;
        while (next_line(&at, end, line)) {
                size_t name = strcspn(line, ":");

                value = line + name + (line[name] == ':');
                value += strspn(value, " ");
                if (name == 14 && strncasecmp(line, "content-length", name) == 0) {
                        answer.body_len = strtoul(value, NULL, 10);
                        has_length = true;
                } else if (name == 10 && strncasecmp(line, "connection", name) == 0) {
                        answer.close = strncasecmp(value, "close", 5) == 0;
                }
        }
        if (answer.body_len > MAX_BODY ||
            (!has_length && answer.status != 204 && answer.status != 304))
                return -EBADMSG;
        *ret_answer = answer;
        return 0;
}
