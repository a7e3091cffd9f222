/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/documents_api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/core/asker.h"
#include "signaling/core/replies.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/words.h"

/* ---- list ---- */

void documents_list(struct app *app, struct http_conn *conn, const struct http_request *req,
                    const char *meeting)
{
        struct asker asker;
        json_t *list;

        if (!asker_admit_to(app, conn, req, meeting, &asker))
                return;
        list = json_array();
        for (guint i = 0; i < asker.room->documents->len; i++) {
                const struct room_document *document = &g_array_index(asker.room->documents,
                                                                      struct room_document, i);

                json_array_append_new(list, document_json(&document->shown));
        }
        reply_json(conn, 200, json_pack("{s:o}", "documents", list), NULL, 0);
}

/* ---- upload ---- */

struct upload {
        struct app *app;
        struct http_conn *conn; /* NULL: the client went away after the last byte */
        struct docs_upload *handle;
        bool finishing; /* on_uploaded() is due and frees this */
};

static void reply_docs_error(struct http_conn *conn, int r)
{
        static const int status[DOCS_N_ERRS] = {
                [DOCS_E_TYPE] = 415,     [DOCS_E_TOO_LARGE] = 413,  [DOCS_E_EMPTY] = 400,
                [DOCS_E_NAME] = 400,     [DOCS_E_DISK_FULL] = 507,  [DOCS_E_TOO_MANY] = 409,
                [DOCS_E_CORRUPT] = 422,  [DOCS_E_PASSWORD] = 422,   [DOCS_E_BOMB] = 422,
                [DOCS_E_INTERNAL] = 500, [DOCS_E_UNPLAYABLE] = 422, [DOCS_E_CODEC] = 422,
                [DOCS_E_LONG] = 422,     [DOCS_E_PICTURE] = 422,
        };

        if (r < 0)
                reply_failure(conn, r);
        else
                reply_error(conn, status[r], docs_error_code((enum docs_err)r),
                            "the paper was refused");
}

static enum http_body_mode begin_upload(struct app *app, struct http_conn *conn,
                                        const struct http_request *req, const struct asker *asker,
                                        const char *name)
{
        struct upload *upload = calloc(1, sizeof(*upload));
        int r = upload ? docs_upload_begin(app->docs, &upload->handle, asker->room->info.id,
                                           asker_id(asker), name, req->content_length)
                       : -ENOMEM;

        if (r != 0) {
                free(upload);
                reply_docs_error(conn, r);
                return HTTP_BODY_REFUSED;
        }
        upload->app = app;
        upload->conn = conn;
        http_set_user(conn, upload);
        return HTTP_BODY_STREAM;
}

enum http_body_mode documents_upload(struct app *app, struct http_conn *conn,
                                     const struct http_request *req, const char *meeting)
{
        char name[1024];
        struct asker asker;

        if (!asker_admit_to(app, conn, req, meeting, &asker) ||
            !asker_may_change(conn, req, &asker))
                return HTTP_BODY_REFUSED;
        if (!asker_has(conn, &asker, PERM_UPLOAD))
                return HTTP_BODY_REFUSED;
        if (http_query_get(req, "name", name, sizeof(name)) != 0) {
                reply_error(conn, 400, "doc-name", "?name= is missing or too long");
                return HTTP_BODY_REFUSED;
        }
        return begin_upload(app, conn, req, &asker, name);
}

bool documents_upload_data(struct http_conn *conn, const uint8_t *data, size_t len)
{
        struct upload *upload = http_user(conn);
        int r = docs_upload_write(upload->handle, data, len);

        if (r == 0)
                return true;
        upload->handle = docs_upload_abort(upload->handle);
        reply_docs_error(conn, r);
        return false;
}

static void on_uploaded(void *user, int result, const struct store_doc *doc)
{
        struct upload *upload = user;

        if (upload->conn) {
                struct msg_document shown = { 0 };

                http_set_user(upload->conn, NULL);
                if (result == 0) {
                        shown.doc = *doc;
                        reply_json(upload->conn, 201, document_json(&shown), NULL, 0);
                } else {
                        reply_docs_error(upload->conn, result);
                }
        }
        g_hash_table_remove(upload->app->owed, upload);
}

void documents_upload_end(struct http_conn *conn)
{
        struct upload *upload = http_user(conn);

        upload->finishing = true;
        g_hash_table_add(upload->app->owed, upload);
        docs_upload_finish(take_ptr(upload->handle), on_uploaded, upload);
}

void documents_upload_close(struct http_conn *conn)
{
        struct upload *upload = http_user(conn);

        if (!upload)
                return;
        http_set_user(conn, NULL);
        upload->conn = NULL;
        if (upload->finishing)
                return;
        docs_upload_abort(upload->handle);
        free(upload);
}

/* ---- download, delete ---- */

/* A paper of another meeting does not exist for this asker. */
static bool find_document(struct app *app, struct http_conn *conn, const struct asker *asker,
                          const char *id, struct store_doc *ret_doc)
{
        if (word_is_document_id(id) && store_doc_get(app->store, id, ret_doc) == 0 &&
            !ret_doc->deleted && strcmp(ret_doc->meeting, asker->auth.who.meeting) == 0)
                return true;
        reply_error(conn, 404, "not-found", "no such document");
        return false;
}

static int parse_variant(enum docs_variant *ret_variant, const char *part)
{
        static const struct {
                const char *word;
                enum docs_variant variant;
        } parts[] = {
                { "original", DOCS_ORIGINAL },  { "pdf", DOCS_PDF },          { "text", DOCS_TEXT },
                { "screen", DOCS_PAGE_SCREEN }, { "phone", DOCS_PAGE_PHONE },
        };

        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                if (strcmp(part, parts[i].word) == 0) {
                        *ret_variant = parts[i].variant;
                        return 0;
                }
        }
        return -EINVAL;
}

static bool parse_page(int *ret_page, const char *text)
{
        size_t len = strspn(text, "0123456789");

        if (len == 0 || len > 4 || text[len] != '\0')
                return false;
        *ret_page = atoi(text);
        return *ret_page >= 1 && *ret_page <= DOCS_MAX_PAGES;
}

static void send_file(struct http_conn *conn, const struct http_request *req,
                      const struct docs_file *found, bool is_page)
{
        struct http_file file = {
                .path = found->path,
                .content_type = found->content_type,
                .etag = found->etag,
                .cache_control = is_page ? "private, max-age=31536000, immutable"
                                         : "private, no-cache",
                .download_name = found->attachment ? found->name : NULL,
                .sandbox = true,
        };

        http_reply_file(conn, req, &file);
}

void documents_download(struct app *app, struct http_conn *conn, const struct http_request *req,
                        const char *id, const char *part, const char *page)
{
        enum docs_variant variant;
        struct docs_file file;
        struct store_doc doc;
        struct asker asker;
        bool is_page = page[0];
        int number = 0, r;

        if (!asker_admit(app, conn, req, &asker) || !find_document(app, conn, &asker, id, &doc))
                return;
        if (parse_variant(&variant, part) != 0 ||
            is_page != (variant == DOCS_PAGE_SCREEN || variant == DOCS_PAGE_PHONE) ||
            (is_page && !parse_page(&number, page))) {
                reply_error(conn, 404, "not-found", "no such part");
                return;
        }
        r = docs_file(app->docs, id, variant, number, &file);
        if (r == 0)
                send_file(conn, req, &file, is_page);
        else if (r == -ENOENT)
                reply_error(conn, 404, "doc-not-ready", "not made yet, or no such page");
        else
                reply_failure(conn, r);
}

void documents_delete(struct app *app, struct http_conn *conn, const struct http_request *req,
                      const char *id)
{
        struct store_doc doc;
        struct asker asker;
        bool is_hers;
        int r;

        if (!asker_admit(app, conn, req, &asker) || !asker_may_change(conn, req, &asker) ||
            !find_document(app, conn, &asker, id, &doc))
                return;
        is_hers = asker.auth.who.seat[0] && strcmp(doc.uploaded_by, asker.auth.who.seat) == 0;
        if (!is_hers && !asker_has(conn, &asker, PERM_MODERATE))
                return;
        r = docs_delete(app->docs, id);
        if (r == 0)
                reply_empty(conn, 204, NULL, 0);
        else if (r == -ENOENT)
                reply_error(conn, 404, "not-found", "no such document");
        else
                reply_failure(conn, r);
}
