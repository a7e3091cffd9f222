/* SPDX-License-Identifier: Apache-2.0 */
/* recording_rows — recordings in the store, and as clients see them in a list. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/recordings_priv.h"

static void put(struct app *app, const struct recording_row *kept, store_done done, void *user)
{
        struct store_recording row = kept->row;
        char *parts = recording_parts_write(&kept->parts);
        int r = -ENOMEM;

        row.parts = parts;
        if (parts)
                r = store_recording_put(app->store, &row, done, user);
        if (r < 0)
                log_line(LOG_ERROR, "recording", "recording=%s not kept: %s", row.id, strerror(-r));
        if (r < 0 && done)
                done(user, r);
        free(parts);
}

void recording_row_put(struct app *app, const struct recording_row *kept)
{
        put(app, kept, NULL, NULL);
}

static void read_row(void *user, const struct store_recording *row)
{
        struct recording_row *kept = user;

        kept->row = *row;
        kept->row.parts = NULL;
        if (recording_parts_read(&kept->parts, row->parts) < 0)
                log_line(LOG_WARN, "recording", "recording=%s: its parts are not known", row->id);
}

int recording_row_get(struct app *app, const char *id, struct recording_row *ret_kept)
{
        int r = -ENOENT;

        if (!g_hash_table_contains(app->recordings->deleting, id))
                r = store_recording_get(app->store, id, read_row, ret_kept);
        return r == 0 && ret_kept->row.deleted ? -ENOENT : r;
}

void recording_row_folder(const struct recording_row *kept, char ret_folder[MEDIA_PATH])
{
        snprintf(ret_folder, MEDIA_PATH, "%s/rec/%s", kept->row.meeting, kept->row.id);
}

void recording_end_row(struct app *app, const char *id)
{
        struct recording_row kept;

        if (recording_row_get(app, id, &kept) < 0 || kept.row.state != STORE_RECORDING_ON)
                return;
        kept.row.state = STORE_RECORDING_FINISHING;
        kept.row.ended_ms = app->wall_ms();
        recording_row_put(app, &kept);
        finish_add(app, &kept);
}

struct deletion {
        char id[UUID_TEXT];
        struct app *app;
};

GHashTable *recording_deletions_new(void)
{
        return g_hash_table_new_full(g_str_hash, g_str_equal, free, NULL);
}

static void on_deleted(void *user, int result)
{
        struct deletion *deletion = user;

        (void)result; /* the store logged it; the row is there as before */
        g_hash_table_remove(deletion->app->recordings->deleting, deletion->id);
}

static void put_deleted(struct app *app, const struct recording_row *kept)
{
        struct deletion *deletion = calloc(1, sizeof(*deletion));

        if (!deletion || g_hash_table_contains(app->recordings->deleting, kept->row.id)) {
                free(deletion);
                recording_row_put(app, kept);
                return;
        }
        deletion->app = app;
        memcpy(deletion->id, kept->row.id, sizeof(deletion->id));
        g_hash_table_add(app->recordings->deleting, deletion);
        put(app, kept, on_deleted, deletion);
}

void recording_row_delete(struct app *app, struct recording_row *kept)
{
        char folder[MEDIA_PATH];
        int r;

        finish_forget(app, kept->row.id);
        recording_row_folder(kept, folder);
        kept->row.deleted = true;
        put_deleted(app, kept);
        r = media_remove(app->media, folder);
        if (r < 0) /* the sweep comes by again */
                log_line(LOG_WARN, "recording", "recording=%s not removed: %s", kept->row.id,
                         strerror(-r));
}

static void add_hidden(void *user, const char *name)
{
        if (name[0] == '.')
                g_ptr_array_add(user, g_strdup(name));
}

void recording_tidy_up(struct app *app, const struct recording_row *kept)
{
        GPtrArray *hidden = g_ptr_array_new_with_free_func(g_free);
        char folder[MEDIA_PATH], path[MEDIA_PATH * 2];
        int r;

        recording_row_folder(kept, folder);
        r = media_list(app->media, folder, add_hidden, hidden);
        for (guint i = 0; r == 0 && i < hidden->len; i++) {
                snprintf(path, sizeof(path), "%s/%s", folder,
                         (const char *)g_ptr_array_index(hidden, i));
                r = media_remove(app->media, path);
        }
        if (r < 0)
                log_line(LOG_WARN, "recording", "recording=%s not tidied up: %s", kept->row.id,
                         strerror(-r));
        g_ptr_array_free(hidden, TRUE);
}

json_t *recording_row_json(const struct recording_row *kept, int64_t now_ms)
{
        static const char *const states[STORE_N_RECORDING_STATES] = {
                [STORE_RECORDING_ON] = "on",
                [STORE_RECORDING_FINISHING] = "finishing",
                [STORE_RECORDING_READY] = "ready",
                [STORE_RECORDING_FAILED] = "failed",
        };
        const struct store_recording *row = &kept->row;
        int64_t ms = recording_parts_ms(&kept->parts);
        json_t *ended = row->ended_ms ? json_integer(row->ended_ms) : json_null();

        if (row->state == STORE_RECORDING_ON && ms == 0)
                ms = now_ms - row->started_ms;
        return json_pack(
                "{s:s, s:s, s:I, s:o, s:s, s:I, s:I, s:i, s:b, s:s, s:s?, s:I}", "id", row->id,
                "mode", row->mode, "started", (json_int_t)row->started_ms, "ended", ended, "state",
                states[row->state], "seconds", (json_int_t)(ms / 1000), "bytes",
                (json_int_t)row->bytes, "parts", (int)recording_parts_runs(&kept->parts),
                "has_video", recording_parts_has_video(&kept->parts), "by", row->by, "error",
                row->error[0] ? row->error : NULL, "kept_until", (json_int_t)row->kept_until_ms);
}
