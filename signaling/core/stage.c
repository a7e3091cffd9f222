/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/stage.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/program.h"
#include "signaling/core/recordings.h"
#include "signaling/core/rooms.h"

static struct log_limit copy_failures;

/* ---- lines ---- */

static json_t *name_line(struct room *room, const struct member *member)
{
        const struct meeting_seat *seat = room_seat(room, member);

        if (!seat || !seat->online)
                return json_pack("{s:s, s:I}", "type", "gone", "participant",
                                 (json_int_t)member->number);
        return json_pack("{s:s, s:I, s:s, s:s}", "type", "name", "participant",
                         (json_int_t)member->number, "id", member->id, "name", seat->name);
}

static json_t *speaker_line(const struct room *room)
{
        return json_pack("{s:s, s:I}", "type", "speaker", "participant", (json_int_t)room->speaker);
}

static json_t *page_line(const struct meeting_presentation *shown)
{
        char file[80];

        if (!shown->presenter[0])
                return json_pack("{s:s, s:n}", "type", "page", "file");
        snprintf(file, sizeof(file), "pages/%s-%d.webp", shown->document, shown->page);
        return json_pack("{s:s, s:s, s:s, s:i}", "type", "page", "file", file, "document",
                         shown->document, "page", shown->page);
}

static json_t *chapter_line(struct room *room, const char *document)
{
        const struct room_document *paper = room_find_document(room, document);

        return json_pack("{s:s, s:s, s:s}", "type", "chapter", "document", document, "title",
                         paper ? paper->shown.doc.name : "");
}

static json_t *item_line(const struct room *room)
{
        const struct meeting_agenda *now = meeting_agenda(room->state);
        const struct agenda_item *item = agenda_find(now->agenda, now->item);

        if (!item)
                return json_pack("{s:s, s:n}", "type", "item", "item");
        return json_pack("{s:s, s:s, s:i, s:s}", "type", "item", "item", item->id, "number",
                         (int)(item - now->agenda->items) + 1, "title", item->title);
}

/* ---- page images ---- */

static void copy_in(struct room *room, enum docs_variant variant, const char *path)
{
        const struct meeting_presentation *shown = meeting_presentation(room->state);
        struct docs_file file;
        int r = docs_file(room->app->docs, shown->document, variant, shown->page, &file);

        if (r == 0)
                r = media_copy_in(room->app->media, file.path, path);
        if (r < 0)
                log_limited(&copy_failures, LOG_WARN, "stage", "meeting=%s page not kept: %s",
                            room->info.id, strerror(-r));
}

/* The page that is shown, and its paper's text to search in, into folder/pages. */
static void keep_page(struct room *room, const char *folder)
{
        const struct meeting_presentation *shown = meeting_presentation(room->state);
        char path[MEDIA_PATH];

        if (!shown->presenter[0])
                return;
        snprintf(path, sizeof(path), "%s/pages", folder);
        if (media_make_dir(room->app->media, path) < 0)
                return;
        snprintf(path, sizeof(path), "%s/pages/%s-%d.webp", folder, shown->document, shown->page);
        copy_in(room, DOCS_PAGE_SCREEN, path);
        snprintf(path, sizeof(path), "%s/pages/%s.txt", folder, shown->document);
        copy_in(room, DOCS_TEXT, path);
}

static void keep_page_for_all(struct room *room)
{
        char folder[MEDIA_PATH];

        if (room->program)
                keep_page(room, room->info.id);
        if (recording_folder(room, folder))
                keep_page(room, folder);
}

/* ---- telling ---- */

/* Takes the line. */
static void tell(struct room *room, json_t *line)
{
        int64_t now_us = room->app->now_us();

        if (!line)
                return;
        program_tell(room, line, now_us);
        recording_tell(room, line, now_us);
        json_decref(line);
}

static bool is_watched(struct room *room)
{
        return room->program || room->recording;
}

static void on_page(struct room *room)
{
        const struct meeting_presentation *shown = meeting_presentation(room->state);

        if (shown->presenter[0] && strcmp(room->chapter, shown->document) != 0)
                tell(room, chapter_line(room, shown->document));
        memcpy(room->chapter, shown->document, sizeof(room->chapter));
        keep_page_for_all(room);
        tell(room, page_line(shown));
}

/* Takes the line. */
static void told_item(struct room *room, json_t *line)
{
        json_decref(room->item);
        room->item = line;
}

/* An agenda that was changed elsewhere says nothing new of the item. */
static void on_item(struct room *room)
{
        json_t *line = item_line(room);

        if (!json_equal(line, room->item))
                tell(room, json_incref(line));
        told_item(room, line);
}

void stage_on_event(struct room *room, enum meeting_event_type type, const char *seat)
{
        const struct member *member;

        if (!is_watched(room))
                return;
        if (type == EVENT_PRESENTING || type == EVENT_PRESENTING_STOPPED) {
                on_page(room);
                return;
        }
        if (type == EVENT_AGENDA_ITEM ||
            (type == EVENT_AGENDA && meeting_agenda(room->state)->item[0])) {
                on_item(room);
                return;
        }
        if (type != EVENT_JOINED && type != EVENT_CHANGED && type != EVENT_LEFT)
                return;
        member = room_find_member(room, seat);
        if (member)
                tell(room, name_line(room, member));
}

void stage_on_speaker(struct room *room)
{
        if (is_watched(room))
                tell(room, speaker_line(room));
}

/* Takes the line. */
static void give(json_t *line, void (*each)(void *user, const json_t *line), void *user)
{
        if (line)
                each(user, line);
        json_decref(line);
}

void stage_now(struct room *room, const char *folder, void (*each)(void *user, const json_t *line),
               void *user)
{
        const struct meeting_presentation *shown = meeting_presentation(room->state);
        struct member *member;
        GHashTableIter iter;

        g_hash_table_iter_init(&iter, room->members);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&member)) {
                const struct meeting_seat *seat = room_seat(room, member);

                if (seat && seat->online)
                        give(name_line(room, member), each, user);
        }
        give(speaker_line(room), each, user);
        keep_page(room, folder);
        told_item(room, item_line(room));
        if (meeting_agenda(room->state)->item[0])
                give(json_incref(room->item), each, user);
        if (shown->presenter[0])
                give(chapter_line(room, shown->document), each, user);
        memcpy(room->chapter, shown->document, sizeof(room->chapter));
        give(page_line(shown), each, user);
}
