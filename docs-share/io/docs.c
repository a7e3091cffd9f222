/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/io/docs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "docs-share/core/filename.h"
#include "docs-share/io/sweep.h"

/* After a row could not be written (a full disk), before its conversion's result
 * is tried again. */
enum { RETRY_MS = 5000 };

/* ---- events ---- */

static void push_event(struct docs *docs, const struct store_doc *doc, int pages_done)
{
        struct docs_event event = { .doc = *doc, .pages_done = pages_done };

        for (size_t i = 0; i < docs->n_events; i++) {
                if (strcmp(docs->events[i].doc.id, doc->id) == 0) {
                        docs->events[i] = event;
                        return;
                }
        }
        if (docs->n_events == docs->cap_events) {
                size_t cap = docs->cap_events ? docs->cap_events * 2 : 16;
                struct docs_event *more = realloc(docs->events, cap * sizeof(*more));

                if (!more)
                        return; /* clients see the document when they ask for the list */
                docs->events = more;
                docs->cap_events = cap;
        }
        docs->events[docs->n_events++] = event;
}

static bool take_event(struct docs *docs, struct docs_event *ret_event)
{
        if (docs->n_events == 0)
                return false;
        *ret_event = docs->events[0];
        docs->n_events--;
        memmove(docs->events, docs->events + 1, docs->n_events * sizeof(*docs->events));
        return true;
}

/* ---- rows on their way into the store ---- */

static void on_put(void *user, int result)
{
        struct put *put = user;

        put->finished = true;
        put->result = result;
        if (put->docs->wake)
                put->docs->wake(put->docs->wake_user);
}

/* Returns 0 when the row is on its way, or -errno. */
static int start_put(struct docs *docs, enum put_kind kind, const struct store_doc *doc,
                     int pages_done, struct docs_upload *upload)
{
        struct put *put = calloc(1, sizeof(*put));
        int r;

        if (!put)
                return -ENOMEM;
        *put = (struct put){
                .docs = docs, .kind = kind, .doc = *doc, .pages_done = pages_done, .upload = upload
        };
        r = store_doc_put(docs->store, doc, on_put, put);
        if (r < 0) {
                free(put);
                return r;
        }
        *docs->puts_end = put;
        docs->puts_end = &put->next;
        return 0;
}

/* ---- removing what nobody refers to ---- */

static bool is_in_use(struct docs *docs, const char *sha256)
{
        const struct store_doc *running = line_running(docs->line);
        bool used = true;

        for (struct docs_upload *upload = docs->uploads; upload; upload = upload->next) {
                if (strcmp(upload->doc.sha256, sha256) == 0)
                        return true;
        }
        if (running && strcmp(running->sha256, sha256) == 0)
                return true;
        return store_blob_used(docs->store, sha256, &used) < 0 || used;
}

static void collect(struct docs *docs, const struct store_doc *doc)
{
        struct disk_job job = { .kind = DISK_REMOVE, .fd = -1 };

        if (is_in_use(docs, doc->sha256))
                return;
        job.remove_pdf = doc->pdf_sha256[0] == '\0' || !is_in_use(docs, doc->pdf_sha256);
        snprintf(job.sha256, sizeof(job.sha256), "%s", doc->sha256);
        disk_do(docs->disk, &job);
}

/* ---- conversions ---- */

static void put_state(struct docs *docs, const struct store_doc *doc, int pages_done)
{
        int r = start_put(docs, PUT_STATE, doc, pages_done, NULL);

        if (r < 0)
                log_line(LOG_ERROR, "docs", "doc=%s state not kept: %s", doc->id, strerror(-r));
}

static void start_next(struct docs *docs)
{
        struct convert_job job = { .delay_ms = docs->retry_needs_rest ? RETRY_MS : 0 };
        struct store_doc doc;

        while (line_next(docs->line, &doc)) {
                if (filetype_from_name(&job.type, doc.name) != 0) {
                        line_finish(docs->line, DOCS_E_TYPE, NULL, &doc);
                        put_state(docs, &doc, 0);
                        continue;
                }
                snprintf(job.sha256, sizeof(job.sha256), "%s", doc.sha256);
                docs->pages_done = 0;
                docs->running_deleted = false;
                docs->retry_needs_rest = false;
                convert_start(docs->convert, &job);
                put_state(docs, &doc, 0);
        }
}

static void end_conversion(struct docs *docs, const struct convert_news *news)
{
        struct store_doc doc;

        docs->counters.last_conversion_ms = news->elapsed_ms;
        if (docs->running_deleted || news->result < 0) {
                line_drop(docs->line, &doc);
                if (docs->running_deleted)
                        collect(docs, &doc);
                return;
        }
        docs->counters.conversions++;
        docs->counters.conversion_failures += news->result != 0;
        if (news->result == 0)
                line_set_film(docs->line, news->film.duration_ms, news->film.has_video);
        line_finish(docs->line, news->result, news->pdf_sha256, &doc);
        log_line(LOG_INFO, "docs", "doc=%s converted: %s, %d pages, %lld ms", doc.id,
                 news->result ? doc.error : "ready", doc.pages, (long long)news->elapsed_ms);
        put_state(docs, &doc, doc.pages);
}

static void take_news(struct docs *docs, const struct convert_news *news)
{
        struct store_doc doc;

        if (news->kind == CONVERT_END) {
                end_conversion(docs, news);
                return;
        }
        if (docs->running_deleted)
                return;
        docs->pages_done = news->pages_done;
        line_set_pages(docs->line, news->pages);
        doc = *line_running(docs->line);
        if (news->kind == CONVERT_PAGES)
                put_state(docs, &doc, news->pages_done);
        else
                push_event(docs, &doc, news->pages_done);
}

/* ---- uploads after their last byte ---- */

static void end_upload(struct docs_upload *upload, int result)
{
        void (*done)(void *user, int result, const struct store_doc *doc) = upload->done;
        void *user = upload->done_user;
        struct store_doc doc = upload->doc;

        if (result == 0)
                upload->docs->counters.uploads++;
        else
                upload->docs->counters.upload_failures++;
        upload_release(upload);
        if (done)
                done(user, result, result == 0 ? &doc : NULL);
}

static int fault_of(int r)
{
        return r == -ENOSPC || r == -EDQUOT || r == -EFBIG ? DOCS_E_DISK_FULL : DOCS_E_INTERNAL;
}

static void fail_kept_upload(struct docs *docs, struct docs_upload *upload, int r)
{
        struct store_doc doc = upload->doc;

        log_line(LOG_ERROR, "docs", "upload not kept: %s", strerror(-r));
        end_upload(upload, fault_of(r));
        collect(docs, &doc);
}

/* One step for one settled upload. False: there is none. */
static bool carry_upload(struct docs *docs)
{
        struct docs_upload *upload = docs->uploads;
        int r;

        while (upload && upload->state != UPLOAD_SETTLED)
                upload = upload->next;
        if (!upload)
                return false;
        if (upload->result != 0) {
                end_upload(upload, upload->result);
                return true;
        }
        upload->state = UPLOAD_STORING;
        upload->doc.state = STORE_DOC_QUEUED;
        r = start_put(docs, PUT_UPLOADED, &upload->doc, 0, upload);
        if (r < 0)
                fail_kept_upload(docs, upload, r);
        return true;
}

static void take_kept(struct docs *docs, const struct disk_job *job)
{
        struct docs_upload *upload = job->user;

        (void)docs;
        upload->state = UPLOAD_SETTLED;
        upload->result = job->result < 0 ? fault_of(job->result) : 0;
}

/* ---- finished rows ---- */

static void finish_uploaded(struct docs *docs, struct put *put)
{
        int r = put->result;

        if (r == 0)
                r = line_add(docs->line, &put->doc);
        if (r < 0) {
                fail_kept_upload(docs, put->upload, r);
                return;
        }
        push_event(docs, &put->doc, 0);
        end_upload(put->upload, 0);
}

static void finish_state(struct docs *docs, struct put *put)
{
        const struct store_doc *running = line_running(docs->line);

        if (put->result == 0) {
                /* Pages may have come while the row was on its way. */
                if (running && strcmp(running->id, put->doc.id) == 0)
                        put->pages_done = docs->pages_done;
                push_event(docs, &put->doc, put->pages_done);
                return;
        }
        log_line(LOG_ERROR, "docs", "doc=%s state not kept: %s", put->doc.id,
                 strerror(-put->result));
        /* What was made is found again, so this is only another try at the row. */
        if (put->doc.state == STORE_DOC_READY || put->doc.state == STORE_DOC_FAILED) {
                put->doc.error[0] = '\0';
                if (line_add(docs->line, &put->doc) == 0)
                        docs->retry_needs_rest = true;
        }
}

static void finish_put(struct docs *docs, struct put *put)
{
        switch (put->kind) {
        case PUT_UPLOADED:
                finish_uploaded(docs, put);
                break;
        case PUT_STATE:
                finish_state(docs, put);
                break;
        case PUT_DELETED:
                if (put->result < 0) {
                        log_line(LOG_ERROR, "docs", "doc=%s not deleted: %s", put->doc.id,
                                 strerror(-put->result));
                        break;
                }
                push_event(docs, &put->doc, 0);
                collect(docs, &put->doc);
                break;
        }
}

static void take_puts(struct docs *docs)
{
        while (docs->puts && docs->puts->finished) {
                struct put *put = docs->puts;

                docs->puts = put->next;
                if (!docs->puts)
                        docs->puts_end = &docs->puts;
                finish_put(docs, put);
                free(put);
        }
}

bool docs_poll(struct docs *docs, struct docs_event *ret_event)
{
        struct convert_news news;
        struct disk_job job;

        while (disk_poll(docs->disk, &job))
                take_kept(docs, &job);
        while (carry_upload(docs))
                ;
        while (convert_poll(docs->convert, &news))
                take_news(docs, &news);
        take_puts(docs);
        start_next(docs);
        return take_event(docs, ret_event);
}

/* ---- life ---- */

static void resume_doc(void *user, const struct store_doc *doc)
{
        struct docs *docs = user;

        if (doc->state != STORE_DOC_QUEUED && doc->state != STORE_DOC_CONVERTING)
                return;
        if (line_add(docs->line, doc) < 0)
                log_line(LOG_ERROR, "docs", "doc=%s waits for another start", doc->id);
}

/* A failure only leaves files behind for another start. */
static void sweep(const struct docs *docs)
{
        size_t n = 0;
        int r = sweep_blobs(docs->dir, docs->store, &n);

        if (r < 0)
                log_line(LOG_WARN, "docs", "left-over files not looked for: %s", strerror(-r));
        else if (n > 0)
                log_line(LOG_INFO, "docs", "%zu left-over files removed", n);
}

static int prepare_all(struct docs *docs, char *ret_error, size_t error_cap)
{
        int r = files_prepare(docs->dir, ret_error, error_cap);

        if (r < 0)
                return r;
        snprintf(ret_error, error_cap, "cannot start docs-share in %s", docs->dir);
        r = line_new(&docs->line);
        if (r == 0)
                r = disk_new(&docs->disk, docs->dir, docs->wake, docs->wake_user);
        if (r == 0)
                r = convert_new(&docs->convert, docs->dir, docs->program, docs->wake,
                                docs->wake_user);
        if (r == 0)
                r = store_docs(docs->store, NULL, resume_doc, docs);
        if (r < 0)
                return r;
        sweep(docs);
        start_next(docs);
        return 0;
}

int docs_new(struct docs **ret_docs, const struct docs_config *config, char *ret_error,
             size_t error_cap)
{
        cleanup(docs_freep) struct docs *docs = calloc(1, sizeof(*docs));
        int r;

        if (!docs || strlen(config->dir) > FILES_DIR_MAX) {
                snprintf(ret_error, error_cap, "%s",
                         docs ? "the path of the documents folder is too long" : "no memory");
                return docs ? -ENAMETOOLONG : -ENOMEM;
        }
        docs->puts_end = &docs->puts;
        snprintf(docs->dir, sizeof(docs->dir), "%s", config->dir);
        snprintf(docs->program, sizeof(docs->program), "%s",
                 config->program ? config->program : "/proc/self/exe");
        docs->store = config->store;
        docs->wake = config->wake;
        docs->wake_user = config->wake_user;
        r = prepare_all(docs, ret_error, error_cap);
        if (r < 0)
                return r;
        *ret_docs = take_ptr(docs);
        return 0;
}

struct docs *docs_free(struct docs *docs)
{
        if (!docs)
                return NULL;
        convert_free(docs->convert);
        while (docs->uploads) {
                if (docs->uploads->state == UPLOAD_OPEN)
                        (void)docs_upload_abort(docs->uploads);
                else
                        upload_release(docs->uploads);
        }
        disk_free(docs->disk);
        while (docs->puts) {
                struct put *put = docs->puts;

                docs->puts = put->next;
                free(put);
        }
        line_free(docs->line);
        free(docs->events);
        free(docs);
        return NULL;
}

/* ---- reading ---- */

static int fill_blob(struct docs *docs, const struct store_doc *doc, bool pdf,
                     struct docs_file *file)
{
        const char *sha256 = pdf ? doc->pdf_sha256 : doc->sha256;
        enum filetype type = FILETYPE_PDF;

        if (pdf && (doc->state != STORE_DOC_READY || doc->film))
                return -ENOENT;
        if (!pdf && filetype_from_name(&type, doc->name) != 0)
                return -ENOENT;
        files_blob_path(file->path, docs->dir, sha256);
        if (pdf)
                filename_with_extension(file->name, sizeof(file->name), doc->name, "pdf");
        else
                snprintf(file->name, sizeof(file->name), "%s", doc->name);
        file->content_type = filetype_content_type(type);
        snprintf(file->etag, sizeof(file->etag), "\"%s\"", sha256);
        file->attachment = true;
        return 0;
}

static int fill_page(struct docs *docs, const struct store_doc *doc, int page, enum page_size size,
                     struct docs_file *file)
{
        if (doc->state != STORE_DOC_READY && doc->state != STORE_DOC_CONVERTING)
                return -ENOENT;
        if (page < 1 || page > DOCS_MAX_PAGES)
                return -ENOENT;
        files_page_path(file->path, docs->dir, doc->sha256, page, size);
        snprintf(file->name, sizeof(file->name), "%d.webp", page);
        file->content_type = "image/webp";
        snprintf(file->etag, sizeof(file->etag), "\"%.64s-%d%c\"", doc->sha256, page,
                 size == PAGE_SCREEN ? 's' : 'p');
        return 0;
}

static int fill_text(struct docs *docs, const struct store_doc *doc, struct docs_file *file)
{
        if (doc->state != STORE_DOC_READY)
                return -ENOENT;
        files_text_path(file->path, docs->dir, doc->sha256);
        filename_with_extension(file->name, sizeof(file->name), doc->name, "txt");
        file->content_type = "text/plain; charset=utf-8";
        snprintf(file->etag, sizeof(file->etag), "\"%.64s-t\"", doc->sha256);
        return 0;
}

static int fill_file(struct docs *docs, const struct store_doc *doc, enum docs_variant variant,
                     int page, struct docs_file *file)
{
        switch (variant) {
        case DOCS_ORIGINAL:
        case DOCS_PDF:
                return fill_blob(docs, doc, variant == DOCS_PDF, file);
        case DOCS_PAGE_SCREEN:
        case DOCS_PAGE_PHONE:
                return fill_page(docs, doc, page,
                                 variant == DOCS_PAGE_SCREEN ? PAGE_SCREEN : PAGE_PHONE, file);
        case DOCS_TEXT:
                return fill_text(docs, doc, file);
        }
        return -ENOENT;
}

int docs_file(struct docs *docs, const char *doc_id, enum docs_variant variant, int page,
              struct docs_file *ret_file)
{
        struct docs_file file = { 0 };
        struct store_doc doc;
        struct stat st;
        int r;

        r = store_doc_get(docs->store, doc_id, &doc);
        if (r < 0)
                return r;
        if (doc.deleted)
                return -ENOENT;
        r = fill_file(docs, &doc, variant, page, &file);
        if (r < 0)
                return r;
        if (lstat(file.path, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        file.size_bytes = st.st_size;
        *ret_file = file;
        return 0;
}

int docs_delete(struct docs *docs, const char *doc_id)
{
        const struct store_doc *running;
        struct store_doc doc;
        int r;

        r = store_doc_get(docs->store, doc_id, &doc);
        if (r < 0)
                return r;
        if (doc.deleted)
                return -ENOENT;
        doc.deleted = true;
        r = start_put(docs, PUT_DELETED, &doc, 0, NULL);
        if (r < 0)
                return r;
        (void)line_remove(docs->line, doc_id);
        running = line_running(docs->line);
        if (running && strcmp(running->id, doc_id) == 0) {
                docs->running_deleted = true;
                convert_cancel(docs->convert);
        }
        return 0;
}

void docs_counters(const struct docs *docs, struct docs_counters *ret_counters)
{
        *ret_counters = docs->counters;
        ret_counters->queued = (uint32_t)line_waiting(docs->line);
}
