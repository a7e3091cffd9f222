/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/hls_playlist.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <glib.h>

struct text {
        char *at;
        size_t len, cap;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text->at + text->len, text->cap - text->len, format, args);
        va_end(args);
        if (n > 0 && (size_t)n < text->cap - text->len)
                text->len += (size_t)n;
        text->at[text->len] = 0;
}

static void add_time(struct text *text, int64_t wall_us)
{
        GDateTime *at = g_date_time_new_from_unix_utc(wall_us / 1000000);

        if (!at)
                return; /* a year beyond 9999 */
        add(text, "#EXT-X-PROGRAM-DATE-TIME:%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\n",
            g_date_time_get_year(at), g_date_time_get_month(at), g_date_time_get_day_of_month(at),
            g_date_time_get_hour(at), g_date_time_get_minute(at), g_date_time_get_second(at),
            (int)(wall_us / 1000 % 1000));
        g_date_time_unref(at);
}

void hls_playlist_init(struct hls_playlist *list, uint32_t target_s, uint64_t first)
{
        *list = (struct hls_playlist){ .target_s = target_s, .first = first, .next = first };
}

void hls_playlist_init_name(const struct hls_playlist *list, char ret[HLS_INIT_NAME])
{
        snprintf(ret, HLS_INIT_NAME, "init-%" PRIu64 ".mp4", list->first);
}

int64_t hls_playlist_add(struct hls_playlist *list, int64_t start_us, int64_t lasts_us)
{
        uint32_t seconds;

        if (lasts_us < 0)
                lasts_us = 0;
        list->segments[list->next % HLS_LISTED] = (struct hls_segment){
                .start_us = start_us, .lasts_us = (uint32_t)lasts_us
        };
        list->next++;
        /* No segment may be longer than the target, rounded (RFC 8216 §4.3.3.1). */
        seconds = (uint32_t)((lasts_us + 500000) / 1000000);
        if (seconds > list->target_s)
                list->target_s = seconds;
        return list->next - list->first > HLS_KEPT ? (int64_t)(list->next - HLS_KEPT - 1) : -1;
}

size_t hls_playlist_write(const struct hls_playlist *list, bool ended, char *ret)
{
        struct text text = { .at = ret, .cap = HLS_TEXT_MAX };
        uint64_t n = list->next - list->first;
        uint64_t first = n > HLS_LISTED ? list->next - HLS_LISTED : list->first;
        char map[HLS_INIT_NAME];

        hls_playlist_init_name(list, map);
        add(&text, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%" PRIu32 "\n",
            list->target_s);
        add(&text, "#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n", first);
        add(&text, "#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n", list->first);
        add(&text, "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"%s\"\n", map);
        for (uint64_t i = first; i < list->next; i++) {
                const struct hls_segment *segment = &list->segments[i % HLS_LISTED];

                add_time(&text, segment->start_us);
                add(&text, "#EXTINF:%" PRIu32 ".%03" PRIu32 ",\n%" PRIu64 ".m4s\n",
                    segment->lasts_us / 1000000, segment->lasts_us / 1000 % 1000, i);
        }
        if (ended)
                add(&text, "#EXT-X-ENDLIST\n");
        return text.len;
}

size_t hls_master_write(const struct hls_rendition *renditions, size_t n, char *ret)
{
        struct text text = { .at = ret, .cap = HLS_TEXT_MAX };

        add(&text, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
        for (size_t i = 0; i < n; i++) {
                const struct hls_rendition *one = &renditions[i];

                add(&text, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu32 ",CODECS=\"%s\"", one->peak_bps,
                    one->codecs);
                if (one->width)
                        add(&text, ",RESOLUTION=%ux%u,FRAME-RATE=25.000", one->width, one->height);
                add(&text, "\n%s/index.m3u8\n", one->folder);
        }
        return text.len;
}
