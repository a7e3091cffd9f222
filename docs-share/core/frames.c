/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/core/frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docs-share/api.h"

/* RIFF container of WebP (RFC 9649 §2.4). */
static bool is_webp(const uint8_t *data, size_t len)
{
        return len >= 16 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0;
}

static int begin_page(struct frames *frames)
{
        unsigned screen = 0, phone = 0;
        int end = 0;

        frames->line[frames->line_len] = '\0';
        if (sscanf(frames->line, "%9u %9u%n", &screen, &phone, &end) != 2 ||
            (size_t)end != frames->line_len || screen == 0 || screen > FRAMES_MAX_IMAGE ||
            phone == 0 || phone > FRAMES_MAX_IMAGE)
                return DOCS_E_CORRUPT;
        frames->data = malloc((size_t)screen + phone);
        if (!frames->data)
                return -ENOMEM;
        frames->screen_bytes = screen;
        frames->phone_bytes = phone;
        frames->line_len = 0;
        frames->len = 0;
        return 0;
}

static int end_page(struct frames *frames, frames_page on_page, void *user)
{
        struct span screen = { frames->data, frames->screen_bytes };
        struct span phone = { frames->data + frames->screen_bytes, frames->phone_bytes };
        int r = DOCS_E_CORRUPT;

        if (is_webp(screen.data, screen.len) && is_webp(phone.data, phone.len))
                r = on_page(user, screen, phone);
        frames_done(frames);
        return r;
}

static int feed_line(struct frames *frames, uint8_t byte)
{
        if (byte == '\n')
                return begin_page(frames);
        if (frames->line_len + 1 >= FRAMES_MAX_LINE)
                return DOCS_E_CORRUPT;
        frames->line[frames->line_len++] = (char)byte;
        return 0;
}

int frames_feed(struct frames *frames, const uint8_t *data, size_t len, frames_page on_page,
                void *user)
{
        int r = 0;

        while (len > 0 && r == 0) {
                size_t missing, n;

                if (frames->screen_bytes == 0) {
                        r = feed_line(frames, *data++);
                        len--;
                        continue;
                }
                missing = frames->screen_bytes + frames->phone_bytes - frames->len;
                n = len < missing ? len : missing;
                memcpy(frames->data + frames->len, data, n);
                frames->len += n;
                data += n;
                len -= n;
                if (n == missing)
                        r = end_page(frames, on_page, user);
        }
        return r;
}

void frames_done(struct frames *frames)
{
        free(frames->data);
        *frames = (struct frames){ 0 };
}
