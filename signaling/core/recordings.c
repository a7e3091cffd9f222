/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recordings — what the server watches over: the disk, what a stopped server left, and what
 *              is past its time.
 */
#include "signaling/core/recordings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/recordings_priv.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/words.h"

enum { DISK_LOOK_MS = 1000, SWEEP_MS = 24 * 3600 * 1000 };

int recordings_new(struct app *app, const struct recordings_config *config)
{
        struct recordings *all = calloc(1, sizeof(*all));

        if (!all)
                return -ENOMEM;
        all->config = *config;
        g_queue_init(&all->to_finish);
        g_queue_init(&all->to_compose);
        all->deleting = recording_deletions_new();
        app->recordings = all;
        return 0;
}

void recordings_free(struct app *app)
{
        if (!app->recordings)
                return;
        finish_free(app);
        g_hash_table_destroy(app->recordings->deleting);
        free(app->recordings);
        app->recordings = NULL;
}

/* ---- after the start ---- */

static bool is_to_be_composed(const struct store_recording *row)
{
        struct recording_parts parts;

        return recording_parts_read(&parts, row->parts) == 0 && parts.to_compose;
}

static void collect(void *user, const struct store_recording *row)
{
        if (row->state == STORE_RECORDING_ON || row->state == STORE_RECORDING_FINISHING ||
            is_to_be_composed(row))
                g_ptr_array_add(user, g_strdup(row->id));
}

static void compose_again(struct app *app, const struct recording_row *kept)
{
        struct room *room;
        int r = room_open(app, kept->row.meeting, &room);

        if (r == 0)
                r = compose_add(app, kept, room->info.title);
        if (r < 0)
                log_line(LOG_WARN, "recording", "recording=%s is not composed: %s", kept->row.id,
                         strerror(-r));
}

/* One that is on waits in its meeting's log, until somebody comes or nobody has come for
 * ROOM_IDLE_MS: so its room is opened. */
static void take_up(struct app *app, const char *id)
{
        struct recording_row kept;
        struct room *room;

        if (recording_row_get(app, id, &kept) < 0)
                return;
        if (kept.row.state == STORE_RECORDING_FINISHING)
                finish_add(app, &kept);
        else if (kept.parts.to_compose)
                compose_again(app, &kept);
        else if (room_open(app, kept.row.meeting, &room) < 0 ||
                 strcmp(meeting_recording(room->state)->id, id) != 0)
                recording_end_row(app, id);
}

static void load(struct app *app)
{
        GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
        int r = store_recordings(app->store, NULL, collect, ids);

        if (r < 0)
                log_line(LOG_ERROR, "recording", "recordings are not known: %s", strerror(-r));
        for (guint i = 0; i < ids->len; i++)
                take_up(app, g_ptr_array_index(ids, i));
        g_ptr_array_free(ids, TRUE);
}

/* ---- the disk ---- */

/* The meeting itself needs little; recordings stop while there is room for it. */
static void watch_disk(struct app *app)
{
        struct recordings *all = app->recordings;
        int64_t bytes = 0;
        GHashTableIter iter;
        struct room *room;

        if (media_free_bytes(app->media, &bytes) < 0)
                return;
        all->disk_is_low = bytes < all->config.free_bytes / 2;
        if (!all->disk_is_low)
                return;
        finish_spare_disk(app);
        g_hash_table_iter_init(&iter, app->rooms);
        while (g_hash_table_iter_next(&iter, NULL, (void **)&room)) {
                if (!room->recording || room->recording->stopping)
                        continue;
                log_line(LOG_ERROR, "recording", "meeting=%s stops recording: %lld bytes free",
                         room->info.id, (long long)bytes);
                recording_end_itself(room, "disk-full");
        }
}

/* ---- what is past its time ---- */

struct expired {
        GPtrArray *ids;
        int64_t now_ms;
};

static void collect_expired(void *user, const struct store_recording *row)
{
        struct expired *expired = user;

        if (row->kept_until_ms <= expired->now_ms &&
            (row->state == STORE_RECORDING_READY || row->state == STORE_RECORDING_FAILED))
                g_ptr_array_add(expired->ids, g_strdup(row->id));
}

static void delete_expired(struct app *app, int64_t now_ms)
{
        struct expired expired = { g_ptr_array_new_with_free_func(g_free), now_ms };
        int r = store_recordings(app->store, NULL, collect_expired, &expired);

        if (r < 0)
                log_line(LOG_WARN, "recording", "sweep: %s", strerror(-r));
        for (guint i = 0; i < expired.ids->len; i++) {
                struct recording_row kept;

                if (recording_row_get(app, g_ptr_array_index(expired.ids, i), &kept) < 0)
                        continue;
                log_line(LOG_INFO, "recording", "recording=%s is past its time", kept.row.id);
                recording_row_delete(app, &kept);
        }
        g_ptr_array_free(expired.ids, TRUE);
}

static void collect_name(void *user, const char *name)
{
        if (word_is_document_id(name))
                g_ptr_array_add(user, g_strdup(name));
}

/* Its row is gone; or never came to the disk, and the meeting's log does not know it either. */
static bool is_orphan(struct app *app, const char *meeting, const char *id)
{
        struct recording_row kept;
        struct room *room;
        int r;

        if (recording_row_get(app, id, &kept) != -ENOENT)
                return false;
        r = room_open(app, meeting, &room);
        if (r < 0)
                return r == -ENOENT;
        return !(room->recording && strcmp(room->recording->kept.row.id, id) == 0) &&
               strcmp(meeting_recording(room->state)->id, id) != 0;
}

static void sweep_meeting(struct app *app, const char *meeting)
{
        GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
        char path[MEDIA_PATH];

        snprintf(path, sizeof(path), "%s/rec", meeting);
        if (media_list(app->media, path, collect_name, ids) < 0) {
                g_ptr_array_free(ids, TRUE);
                return;
        }
        for (guint i = 0; i < ids->len; i++) {
                const char *id = g_ptr_array_index(ids, i);

                if (!is_orphan(app, meeting, id))
                        continue;
                snprintf(path, sizeof(path), "%s/rec/%s", meeting, id);
                if (media_remove(app->media, path) < 0)
                        log_line(LOG_WARN, "recording", "%s stays", path);
        }
        g_ptr_array_free(ids, TRUE);
}

/* It goes with its stream; a server that died has left it, and begins with a fresh one. */
static void sweep_stream(struct app *app, const char *meeting)
{
        const struct room *room = g_hash_table_lookup(app->rooms, meeting);
        char path[MEDIA_PATH];

        if (room && room->live)
                return;
        snprintf(path, sizeof(path), "%s/live", meeting);
        if (media_remove(app->media, path) < 0)
                log_line(LOG_WARN, "recording", "%s stays", path);
}

static void sweep(struct app *app, int64_t now_ms)
{
        GPtrArray *meetings = g_ptr_array_new_with_free_func(g_free);

        delete_expired(app, now_ms);
        if (media_list(app->media, ".", collect_name, meetings) == 0)
                for (guint i = 0; i < meetings->len; i++) {
                        sweep_meeting(app, g_ptr_array_index(meetings, i));
                        sweep_stream(app, g_ptr_array_index(meetings, i));
                }
        g_ptr_array_free(meetings, TRUE);
}

/* ---- time ---- */

void recordings_tick(struct app *app, int64_t now_ms)
{
        struct recordings *all = app->recordings;

        if (!all->loaded) {
                all->loaded = true;
                load(app);
        }
        if (now_ms >= all->disk_ms + DISK_LOOK_MS) {
                all->disk_ms = now_ms;
                watch_disk(app);
        }
        if (now_ms >= all->sweep_ms + SWEEP_MS) {
                all->sweep_ms = now_ms;
                sweep(app, now_ms);
        }
        finish_tick(app);
}
