/* SPDX-License-Identifier: Apache-2.0 */
/* recording_timeline — p{n}-timeline.jsonl: what was said to the parts of a recording, and when. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/recordings_priv.h"
#include "signaling/core/stage.h"

static struct log_limit failures;

/* Who speaks is the first to be left out of one that grows too long, and the last quarter is
 * for pages alone: they are what a listener looks for. */
static bool has_room(const struct timeline *timeline, const char *type, size_t len)
{
        bool matters = type && (strcmp(type, "page") == 0 || strcmp(type, "chapter") == 0 ||
                                strcmp(type, "item") == 0 || strcmp(type, "file") == 0);
        size_t max = matters ? TIMELINE_MAX_BYTES : TIMELINE_MAX_BYTES / 4 * 3;

        return timeline->bytes + len <= max;
}

void timeline_put(struct recording *recording, size_t part, const json_t *line, int64_t t_us)
{
        struct timeline *timeline = &recording->timelines[part];
        const char *type = json_string_value(json_object_get(line, "type"));
        json_t *copy = timeline->file ? json_copy((json_t *)(uintptr_t)line) : NULL;
        char *text = NULL;
        size_t len = 0;
        int r;

        if (!copy)
                return;
        if (t_us >= 0)
                json_object_set_new(copy, "t", json_integer(t_us));
        text = json_dumps(copy, JSON_COMPACT);
        json_decref(copy);
        if (text) {
                len = strlen(text);
                text[len++] = '\n'; /* in place of the NUL */
        }
        if (text && has_room(timeline, type, len)) {
                r = media_file_append(timeline->file, text, len);
                timeline->bytes += len;
                if (r < 0)
                        log_limited(&failures, LOG_WARN, "recording", "recording=%s timeline: %s",
                                    recording->kept.row.id, strerror(-r));
        }
        free(text);
}

struct beginning {
        struct recording *recording;
        size_t part;
        int64_t t_us;
};

static void put_now(void *user, const json_t *line)
{
        struct beginning *beginning = user;

        timeline_put(beginning->recording, beginning->part, line, beginning->t_us);
}

int timeline_begin(struct recording *recording, size_t at)
{
        struct app *app = recording->room->app;
        const struct recording_part *part = &recording->kept.parts.list[at];
        struct beginning beginning = { recording, at, app->now_us() - part->start_us };
        struct timeline *timeline = &recording->timelines[at];
        char folder[MEDIA_PATH], path[MEDIA_PATH + 32];
        int r;

        recording_row_folder(&recording->kept, folder);
        snprintf(path, sizeof(path), "%s/p%d-timeline.jsonl", folder, part->number);
        timeline->bytes = 0;
        r = media_file_new(&timeline->file, app->media, path);
        if (r == 0)
                stage_now(recording->room, folder, put_now, &beginning);
        return r;
}

void timeline_end(struct recording *recording, size_t part)
{
        recording->timelines[part].file = media_file_free(recording->timelines[part].file);
}

void recording_tell(struct room *room, const json_t *line, int64_t now_us)
{
        struct recording *recording = room->recording;

        for (size_t i = 0; recording && i < recording->kept.parts.n; i++)
                if (recording->timelines[i].file)
                        timeline_put(recording, i, line,
                                     now_us - recording->kept.parts.list[i].start_us);
}

bool recording_folder(const struct room *room, char ret_folder[MEDIA_PATH])
{
        if (!room->recording)
                return false;
        recording_row_folder(&room->recording->kept, ret_folder);
        return true;
}

int timeline_read(const struct media *media, const struct recording_row *kept, int part,
                  void (*each)(void *user, const char *type, const json_t *line), void *user)
{
        char folder[MEDIA_PATH], path[MEDIA_PATH + 32];
        char *text, *rest, *line;
        size_t len;
        int r;

        recording_row_folder(kept, folder);
        snprintf(path, sizeof(path), "%s/p%d-timeline.jsonl", folder, part);
        r = media_read(media, path, TIMELINE_MAX_BYTES, &text, &len);
        if (r < 0)
                return r;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                json_t *object = line[0] ? json_loads(line, 0, NULL) : NULL;
                const char *type = json_string_value(json_object_get(object, "type"));

                if (type) /* a line cut by a kill -9, or touched by a job, is left out */
                        each(user, type, object);
                json_decref(object);
        }
        free(text);
        return 0;
}
