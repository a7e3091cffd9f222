/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/recordings_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "signaling/core/asker.h"
#include "signaling/core/kept_reply.h"
#include "signaling/core/read_reply.h"
#include "signaling/core/recording_show.h"
#include "signaling/core/recordings_priv.h"
#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/words.h"

/* ---- rights ---- */

/* A recording of another meeting does not exist for this asker. One that is on is told of
 * as it is now, not as it was written last. */
static bool find(struct app *app, struct http_conn *conn, const struct http_request *req,
                 const char *id, struct asker *ret_asker, struct recording_row *ret_kept)
{
        const struct recording *now;

        if (!asker_admit(app, conn, req, ret_asker) || !asker_has(conn, ret_asker, PERM_MODERATE))
                return false;
        now = ret_asker->room->recording;
        if (now && strcmp(now->kept.row.id, id) == 0) {
                *ret_kept = now->kept;
                return true;
        }
        if (word_is_document_id(id) && recording_row_get(app, id, ret_kept) == 0 &&
            strcmp(ret_kept->row.meeting, ret_asker->auth.who.meeting) == 0)
                return true;
        reply_error(conn, 404, "not-found", "no such recording");
        return false;
}

static bool find_to_change(struct app *app, struct http_conn *conn, const struct http_request *req,
                           const char *id, struct asker *ret_asker, struct recording_row *ret_kept)
{
        return find(app, conn, req, id, ret_asker, ret_kept) &&
               asker_may_change(conn, req, ret_asker);
}

static bool is_ended(struct http_conn *conn, const struct recording_row *kept)
{
        if (kept->row.state == STORE_RECORDING_READY || kept->row.state == STORE_RECORDING_FAILED)
                return true;
        reply_error(conn, 409,
                    kept->row.state == STORE_RECORDING_ON ? "recording-on" : "recording-not-ready",
                    "it has not ended yet, or is being finished");
        return false;
}

/* ---- list ---- */

struct listing {
        struct app *app;
        const struct recording *now; /* NULL: none runs */
        bool has_now;
        json_t *list;
};

static void add_row(void *user, const struct store_recording *row)
{
        struct listing *listing = user;
        const struct recording *now = listing->now;
        struct recording_row kept = { .row = *row };
        bool is_now = now && strcmp(now->kept.row.id, row->id) == 0;

        kept.row.parts = NULL;
        listing->has_now |= is_now;
        if (is_now)
                kept = now->kept;
        else if (recording_parts_read(&kept.parts, row->parts) < 0)
                kept.parts.n = 0;
        json_array_append_new(listing->list, recording_row_json(&kept, listing->app->wall_ms()));
}

void recordings_list(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *meeting)
{
        struct listing listing = { .app = app };
        struct asker asker;
        int r;

        if (!asker_admit_to(app, conn, req, meeting, &asker) ||
            !asker_has(conn, &asker, PERM_MODERATE))
                return;
        listing.now = asker.room->recording;
        listing.list = json_array();
        r = store_recordings(app->store, meeting, add_row, &listing);
        if (r < 0) {
                json_decref(listing.list);
                reply_failure(conn, r);
                return;
        }
        if (listing.now && !listing.has_now) /* its row is on its way to the disk */
                json_array_insert_new(listing.list, 0,
                                      recording_row_json(&listing.now->kept, app->wall_ms()));
        reply_json(conn, 200, json_pack("{s:o}", "recordings", listing.list), NULL, 0);
}

/* ---- start, stop ---- */

static bool read_mode(struct http_conn *conn, const struct http_request *req,
                      enum meeting_recording_mode *ret_mode)
{
        json_t *body = json_loadb((const char *)req->body.data, req->body.len, 0, NULL);
        const char *word = json_string_value(json_object_get(body, "mode"));
        bool ok = word && record_mode_parse(ret_mode, word) == 0;

        json_decref(body);
        if (!ok)
                reply_error(conn, 400, "bad-field", "mode is tracks, program or both");
        return ok;
}

static void refuse_start(struct http_conn *conn, int r, const char *why)
{
        if (r == MEETING_E_RECORDING_ON)
                reply_error(conn, 409, "recording-on", "the meeting is being recorded");
        else if (r > 0)
                reply_error(conn, 403, meeting_error_word(r),
                            "refused by the rules of the meeting");
        else if (r == -ENOSPC)
                reply_error(conn, 507, "disk-full", "not enough free disk to record");
        else if (r == -ENOTSUP)
                reply_error(conn, 503, "missing-package", why);
        else
                reply_failure(conn, r);
}

void recordings_start(struct app *app, struct http_conn *conn, const struct http_request *req,
                      const char *meeting)
{
        const struct recording_row *kept;
        enum meeting_recording_mode mode;
        struct asker asker;
        const char *why = "";
        int r;

        if (!asker_admit_to(app, conn, req, meeting, &asker) ||
            !asker_has(conn, &asker, PERM_MODERATE) || !asker_may_change(conn, req, &asker) ||
            !read_mode(conn, req, &mode))
                return;
        r = recording_start(asker.room, mode, asker_id(&asker), asker.auth.who.role, &why, &kept);
        if (r == 0)
                kept_reply(asker.room, conn, 201, recording_row_json(kept, app->wall_ms()));
        else
                refuse_start(conn, r, why);
}

void recordings_stop(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *id)
{
        struct meeting_command command = { .type = COMMAND_RECORDING };
        struct recording_row kept;
        struct asker asker;
        int r;

        if (!find_to_change(app, conn, req, id, &asker, &kept))
                return;
        if (strcmp(meeting_recording(asker.room->state)->id, id) != 0) {
                reply_error(conn, 409, "recording-off", "it is not on");
                return;
        }
        command.by = asker_id(&asker);
        command.role = asker.auth.who.role;
        if (!asker.room->recording) /* after a restart, before anybody was back */
                recording_end_row(app, id);
        r = room_submit(asker.room, &command, NULL, NULL);
        if (r == 0)
                kept_reply(asker.room, conn, 200, json_object());
        else
                refuse_start(conn, r, "");
}

/* ---- afterwards ---- */

void recordings_compose(struct app *app, struct http_conn *conn, const struct http_request *req,
                        const char *id)
{
        struct recording_row kept;
        struct asker asker;
        int r;

        if (!find_to_change(app, conn, req, id, &asker, &kept) || !is_ended(conn, &kept))
                return;
        if (strcmp(kept.row.mode, record_mode_word(RECORD_PROGRAM)) == 0 ||
            kept.row.state == STORE_RECORDING_FAILED) {
                reply_error(conn, 409, "unplayable", "it has no tracks to compose");
                return;
        }
        r = app->recordings->disk_is_low ? -ENOSPC
                                         : compose_add(app, &kept, asker.room->info.title);
        if (r == 0 || r == -EALREADY)
                kept_reply(asker.room, conn, 202, json_object());
        else if (r == -EBUSY)
                reply_error(conn, 503, "busy", "too many wait to be composed");
        else
                refuse_start(conn, r, "cannot compose here");
}

void recordings_delete(struct app *app, struct http_conn *conn, const struct http_request *req,
                       const char *id)
{
        struct recording_row kept;
        struct asker asker;
        bool running;

        if (!find_to_change(app, conn, req, id, &asker, &kept))
                return;
        running = asker.room->recording && strcmp(asker.room->recording->kept.row.id, id) == 0;
        if ((running || kept.row.state == STORE_RECORDING_ON) && !is_ended(conn, &kept))
                return;
        recording_row_delete(app, &kept);
        kept_reply(asker.room, conn, 204, NULL);
}

struct question {
        const struct media *media;
        struct recording_row kept;
        int64_t wall_ms;
};

/* The reader's thread. */
static char *show(const void *data)
{
        const struct question *question = data;
        json_t *object = recording_show(question->media, &question->kept, question->wall_ms);
        char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

        json_decref(object);
        return text;
}

static bool is_there(struct app *app, const void *data)
{
        const struct question *question = data;
        const struct room *room = g_hash_table_lookup(app->rooms, question->kept.row.meeting);
        const char *id = question->kept.row.id;
        struct recording_row kept;

        return (room && room->recording && strcmp(room->recording->kept.row.id, id) == 0) ||
               recording_row_get(app, id, &kept) == 0;
}

void recordings_show(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *id)
{
        struct question question = { .media = app->media, .wall_ms = app->wall_ms() };
        struct asker asker;

        if (find(app, conn, req, id, &asker, &question.kept))
                read_reply(
                        app, conn,
                        &(struct read_reply_params){ sizeof(question), &question, show, is_there });
}

/* ---- files ---- */

static const char *type_of(const char *name)
{
        static const struct {
                const char *end, *type;
        } types[] = {
                { ".mp4", "video/mp4" },
                { ".mkv", "video/x-matroska" },
                { ".webp", "image/webp" },
                { ".jsonl", "text/plain; charset=utf-8" },
        };
        const char *dot = strrchr(name, '.');

        for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
                if (strcmp(dot, types[i].end) == 0)
                        return types[i].type;
        return "application/octet-stream";
}

/* The path is held open: a job may put another file in its place. */
static void send_file(struct app *app, struct http_conn *conn, const struct http_request *req,
                      const char *path, const char *download_name, bool is_page)
{
        char etag[48];
        struct media_found found;
        struct http_file file = { .path = found.path,
                                  .content_type = type_of(path),
                                  .etag = etag,
                                  .cache_control = is_page ? "private, max-age=31536000, immutable"
                                                           : "private, no-cache",
                                  .download_name = download_name,
                                  .sandbox = true };
        int r = media_find(app->media, path, &found);

        if (r < 0) {
                reply_error(conn, 404, "not-found", "no such file");
                return;
        }
        snprintf(etag, sizeof(etag), "\"%llx-%llx\"", (unsigned long long)found.changed_us,
                 (unsigned long long)found.size_bytes);
        http_reply_file(conn, req, &file);
        media_found_done(&found);
}

void recordings_file(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *id, const char *name)
{
        char path[MEDIA_PATH + RECORDING_FILE_NAME + 1], saved[RECORDING_SAVED_NAME], wanted[8];
        struct recording_row kept;
        struct asker asker;
        bool download;

        if (!find(app, conn, req, id, &asker, &kept))
                return;
        if (!recording_is_file(name)) {
                reply_error(conn, 404, "not-found", "no such file");
                return;
        }
        recording_row_folder(&kept, path);
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
        recording_saved_name(saved, asker.room->info.title, &kept, name);
        download = http_query_get(req, "download", wanted, sizeof(wanted)) != -ENOENT;
        send_file(app, conn, req, path, download ? saved : NULL, false);
}

void recordings_page(struct app *app, struct http_conn *conn, const struct http_request *req,
                     const char *id, const char *name)
{
        char path[MEDIA_PATH + RECORDING_FILE_NAME + 16];
        struct recording_row kept;
        struct asker asker;

        if (!find(app, conn, req, id, &asker, &kept))
                return;
        if (!recording_is_page(name)) {
                reply_error(conn, 404, "not-found", "no such page");
                return;
        }
        recording_row_folder(&kept, path);
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "/pages/%s", name);
        send_file(app, conn, req, path, NULL, true);
}
