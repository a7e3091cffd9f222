/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/live_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/live.h"
#include "signaling/core/rooms.h"

enum { FILE_NAME = 80 };

static struct log_limit failures;

static void note_failure(const struct room *room, int r)
{
        if (r < 0)
                log_limited(&failures, LOG_WARN, "live", "meeting=%s pages: %s", room->info.id,
                            strerror(-r));
}

static bool is_listed(const json_t *list, const char *file)
{
        size_t i;
        const json_t *entry;

        json_array_foreach (list, i, entry) {
                const char *listed = json_string_value(json_object_get(entry, "file"));

                if (listed && strcmp(listed, file) == 0)
                        return true;
        }
        return false;
}

static void drop_oldest(struct live_pages *pages, struct room *room, const char *folder)
{
        json_t *oldest = json_incref(json_array_get(pages->list, 0));
        const char *file = json_string_value(json_object_get(oldest, "file"));
        char path[MEDIA_PATH];

        (void)json_array_remove(pages->list, 0);
        if (file && !is_listed(pages->list, file)) {
                snprintf(path, sizeof(path), "%s/%s", folder, file);
                note_failure(room, media_remove(room->app->media, path));
        }
        json_decref(oldest);
}

static int copy_image(struct room *room, const char *folder,
                      const struct meeting_presentation *shown, const char *file)
{
        char path[MEDIA_PATH];
        struct docs_file found;
        int r;

        snprintf(path, sizeof(path), "%s/pages", folder);
        r = media_make_dir(room->app->media, path);
        if (r == 0)
                r = docs_file(room->app->docs, shown->document, DOCS_PAGE_SCREEN, shown->page,
                              &found);
        snprintf(path, sizeof(path), "%s/%s", folder, file);
        return r == 0 ? media_copy_in(room->app->media, found.path, path) : r;
}

static json_t *make_entry(struct room *room, const char *folder,
                          const struct meeting_presentation *shown, int64_t now_ms)
{
        const struct room_document *paper = room_find_document(room, shown->document);
        char file[FILE_NAME];
        int r;

        if (!shown->presenter[0])
                return json_pack("{s:I, s:n}", "t", (json_int_t)now_ms, "file");
        snprintf(file, sizeof(file), "pages/%s-%d.webp", shown->document, shown->page);
        r = copy_image(room, folder, shown, file);
        note_failure(room, r);
        return json_pack("{s:I, s:s?, s:s, s:s, s:i}", "t", (json_int_t)now_ms, "file",
                         r == 0 ? file : NULL, "document", shown->document, "name",
                         paper ? paper->shown.doc.name : "", "page", shown->page);
}

static void write_list(const struct live_pages *pages, struct room *room, const char *folder)
{
        char *text = json_dumps(pages->list, JSON_COMPACT);
        char path[MEDIA_PATH];

        snprintf(path, sizeof(path), "%s/pages.json", folder);
        if (text)
                note_failure(room, media_write(room->app->media, path, text, strlen(text)));
        free(text);
}

void live_pages_follow(struct live_pages *pages, struct room *room, const char *folder,
                       int64_t now_ms)
{
        const struct meeting_presentation *shown = meeting_presentation(room->state);

        if (pages->list && shown->page == pages->page &&
            strcmp(shown->document, pages->document) == 0)
                return;
        if (!pages->list)
                pages->list = json_array();
        memcpy(pages->document, shown->document, sizeof(pages->document));
        pages->page = shown->page;
        (void)json_array_append_new(pages->list, make_entry(room, folder, shown, now_ms));
        while (json_array_size(pages->list) > LIVE_MAX_PAGES)
                drop_oldest(pages, room, folder);
        write_list(pages, room, folder);
}

void live_pages_done(struct live_pages *pages)
{
        json_decref(pages->list);
        *pages = (struct live_pages){ 0 };
}
