/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/io/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/rand.h"
#include "base/thread.h"
#include "docs-share/core/frames.h"
#include "docs-share/core/pdfinfo.h"
#include "docs-share/io/files.h"
#include "docs-share/io/film_check.h"
#include "docs-share/io/precheck.h"
#include "docs-share/io/sandbox.h"

enum {
        MAX_PDF_BYTES = 512 * 1024 * 1024,
        MAX_TEXT_BYTES = 32 * 1024 * 1024,
        MAX_INFO_BYTES = 512 * 1024, /* two lines a page */
        /* One job's news always fits: see convert_start(). */
        MAX_NEWS = DOCS_MAX_PAGES + 8,
};

static const int64_t pdf_timeout_us = 120 * 1000000ll;
static const int64_t tool_timeout_us = 60 * 1000000ll;
static const int64_t page_timeout_us = 5 * 1000000ll; /* more per page */

struct convert {
        const char *dir;
        const char *program;
        void (*wake)(void *user);
        void *wake_user;
        struct mailbox *jobs;
        struct mailbox *news;
        int interrupt_fd; /* readable: end the running job */
        atomic_bool stop;
        pthread_t thread;
        bool running;

        struct convert_thread {
                bool sandbox_works;
                struct log_limit faults;
        } own;
};

/* The work on one document. */
struct work {
        struct convert *convert;
        const struct convert_job *job;
        char original[FILES_PATH];
        char pdf_sha256[SHA256_HEX];
        struct pdf_pages pages;
        int pages_done;
        struct film_report film;
};

static void tell(struct convert *convert, const struct convert_news *news)
{
        (void)!mailbox_put(convert->news, news);
        if (convert->wake)
                convert->wake(convert->wake_user);
}

/* ---- running tools ---- */

/* What a tool's end means for the document. */
static int fault_of_end(const struct sandbox_result *result)
{
        switch (result->end) {
        case SANDBOX_OK:
                return 0;
        case SANDBOX_FAILED:
                return poppler_wants_password(result->message) ? DOCS_E_PASSWORD : DOCS_E_CORRUPT;
        case SANDBOX_LIMIT:
                return DOCS_E_BOMB;
        case SANDBOX_STOPPED:
                return result->output_result ? result->output_result : -ECANCELED;
        }
        return DOCS_E_INTERNAL;
}

struct tool {
        const char *input, *input_name;
        const char *const *argv;
        int64_t timeout_us;
        int (*on_output)(void *user, const uint8_t *data, size_t len);
        void *user;
};

static int run_tool(struct work *work, const struct tool *tool)
{
        const struct sandbox_run run = { .input = tool->input,
                                         .input_name = tool->input_name,
                                         .argv = tool->argv,
                                         .timeout_us = tool->timeout_us,
                                         .stop_fd = work->convert->interrupt_fd,
                                         .on_output = tool->on_output,
                                         .user = tool->user };
        struct sandbox_result result;
        int r = sandbox_run(&result, &run);

        return r < 0 ? r : fault_of_end(&result);
}

/* Output of a tool that fits into memory. */
struct buffer {
        uint8_t *data;
        size_t len, cap, max;
};

static int buffer_add(void *user, const uint8_t *data, size_t len)
{
        struct buffer *buffer = user;

        if (len > buffer->max - buffer->len)
                return DOCS_E_BOMB;
        if (buffer->len + len > buffer->cap) {
                size_t cap = (buffer->len + len) * 2;
                uint8_t *more = realloc(buffer->data, cap);

                if (!more)
                        return -ENOMEM;
                buffer->data = more;
                buffer->cap = cap;
        }
        memcpy(buffer->data + buffer->len, data, len);
        buffer->len += len;
        return 0;
}

/* ---- the PDF ---- */

struct pdf_sink {
        struct sha256 *sha;
        int fd;
        size_t bytes;
};

static void pdf_sink_donep(struct pdf_sink *sink)
{
        sha256_free(sink->sha);
        closep(&sink->fd);
}

static int pdf_sink_add(void *user, const uint8_t *data, size_t len)
{
        struct pdf_sink *sink = user;

        sink->bytes += len;
        if (sink->bytes > MAX_PDF_BYTES)
                return DOCS_E_BOMB;
        if (write(sink->fd, data, len) != (ssize_t)len)
                return -ENOSPC; /* a short write to a file is a full disk */
        return sha256_add(sink->sha, data, len);
}

/* LibreOffice ends with status 0 also when it made nothing: cat tells. */
static const char office_script[] =
        "soffice --headless --norestore --nolockcheck -env:UserInstallation=file:///tmp/profile"
        " --convert-to pdf --outdir /tmp/out \"$0\" >/dev/null || exit; exec cat /tmp/out/file.pdf";

/* Turned upright as the camera says, at most 4000 pixels wide or high. A
 * picture that came without loss (PNG: charts, screens) stays without. */
static const char image_script[] =
        "exec gm convert -auto-orient \"$0\" -resize '4000x4000>' -units PixelsPerInch"
        " -density 150 -compress \"$1\" -quality 90 pdf:-";

static int make_pdf(struct work *work)
{
        enum filetype type = work->job->type;
        char input[32], id[UUID_TEXT], part[FILES_PATH];
        const char *argv[] = { "sh",
                               "-c",
                               filetype_is_image(type) ? image_script : office_script,
                               input,
                               type == FILETYPE_PNG ? "Zip" : "JPEG",
                               NULL };
        cleanup(pdf_sink_donep) struct pdf_sink sink = { .fd = -1 };
        const struct tool tool = {
                work->original, input, argv, pdf_timeout_us, pdf_sink_add, &sink
        };
        int r;

        snprintf(input, sizeof(input), "/in/file.%s", filetype_extension(type));
        uuid_v7(id, clock_wall_us());
        files_upload_path(part, work->convert->dir, id);
        r = sha256_new(&sink.sha);
        if (r < 0)
                return r;
        sink.fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (sink.fd < 0)
                return -errno;
        r = run_tool(work, &tool);
        if (r == 0)
                r = sha256_finish(sink.sha, work->pdf_sha256);
        if (r != 0) {
                (void)unlink(part);
                return r;
        }
        r = files_keep_blob(work->convert->dir, part, sink.fd, work->pdf_sha256);
        if (r < 0)
                return r;
        return files_write_done(work->convert->dir, work->job->sha256, 0, work->pdf_sha256);
}

static int read_pages(struct work *work, const char *pdf)
{
        char last[16];
        const char *const argv[] = { "pdfinfo", "-f", "1", "-l", last, "/in/file.pdf", NULL };
        cleanup(freep) uint8_t *text = NULL;
        struct buffer buffer = { .max = MAX_INFO_BYTES };
        const struct tool tool = {
                pdf, "/in/file.pdf", argv, tool_timeout_us, buffer_add, &buffer
        };
        int r;

        snprintf(last, sizeof(last), "%d", DOCS_MAX_PAGES);
        r = run_tool(work, &tool);
        text = buffer.data;
        if (r != 0)
                return r;
        if (!text)
                return DOCS_E_CORRUPT;
        return pdfinfo_parse(&work->pages, (const char *)text, buffer.len);
}

/* ---- the pages ---- */

/* $0: the PDF; $1: "PAGE:WIDTH PAGE:WIDTH …". Output: see core/frames.h. */
static const char pages_script[] =
        "set -e\n"
        "encode() { out=$1; shift\n"
        "  cwebp -quiet -near_lossless 60 -z 2 \"$@\" /tmp/p.ppm -o $out\n"
        "  [ $(stat -c %s $out) -gt 300000 ] || return 0\n"
        "  cwebp -quiet -q 82 -sharp_yuv \"$@\" /tmp/p.ppm -o /tmp/lossy\n"
        "  if [ $(($(stat -c %s /tmp/lossy) * 3)) -lt $(($(stat -c %s $out) * 2)) ]; then\n"
        "    mv /tmp/lossy $out\n"
        "  fi\n"
        "}\n"
        "for spec in $1; do page=${spec%:*} width=${spec#*:}\n"
        "  pdftoppm -f $page -l $page -singlefile -scale-to-x $width -scale-to-y -1 \"$0\" /tmp/p\n"
        "  encode /tmp/screen\n"
        "  encode /tmp/phone -resize $((width * 9 / 16)) 0\n"
        "  echo $(stat -c %s /tmp/screen /tmp/phone)\n"
        "  cat /tmp/screen /tmp/phone\n"
        "  rm /tmp/p.ppm /tmp/screen /tmp/phone\n"
        "done\n";

static int keep_page(void *user, struct span screen, struct span phone)
{
        struct work *work = user;
        char path[FILES_PATH];
        int page = work->pages_done + 1;
        int r;

        if (page > work->pages.n)
                return DOCS_E_CORRUPT;
        files_page_path(path, work->convert->dir, work->job->sha256, page, PAGE_SCREEN);
        r = files_write(path, screen.data, screen.len);
        if (r < 0)
                return r;
        files_page_path(path, work->convert->dir, work->job->sha256, page, PAGE_PHONE);
        r = files_write(path, phone.data, phone.len);
        if (r < 0)
                return r;
        work->pages_done = page;
        tell(work->convert, &(struct convert_news){ .kind = CONVERT_PAGE,
                                                    .pages = work->pages.n,
                                                    .pages_done = page });
        return 0;
}

struct pages_sink {
        struct work *work;
        struct frames frames;
};

static int pages_sink_add(void *user, const uint8_t *data, size_t len)
{
        struct pages_sink *sink = user;

        return frames_feed(&sink->frames, data, len, keep_page, sink->work);
}

/* The phone's image is written second: where it is, the page is complete. */
static void count_pages_done(struct work *work)
{
        char path[FILES_PATH];

        while (work->pages_done < work->pages.n) {
                files_page_path(path, work->convert->dir, work->job->sha256, work->pages_done + 1,
                                PAGE_PHONE);
                if (access(path, R_OK) < 0)
                        return;
                work->pages_done++;
        }
}

/* "3:1600 4:1600 …", from the first page that is missing. NULL: no memory. */
static char *page_specs(const struct work *work)
{
        size_t cap = (size_t)(work->pages.n - work->pages_done) * 12 + 1, len = 0;
        char *specs = calloc(1, cap);

        for (int i = work->pages_done; specs && i < work->pages.n; i++)
                len += (size_t)snprintf(specs + len, cap - len, "%d:%u ", i + 1,
                                        (unsigned)work->pages.width_px[i]);
        return specs;
}

static int make_pages(struct work *work, const char *pdf)
{
        cleanup(freep) char *specs = page_specs(work);
        const char *const argv[] = { "sh", "-c", pages_script, "/in/file.pdf", specs, NULL };
        struct pages_sink sink = { .work = work };
        const struct tool tool = { .input = pdf,
                                   .input_name = "/in/file.pdf",
                                   .argv = argv,
                                   .timeout_us = tool_timeout_us +
                                                 (work->pages.n - work->pages_done) *
                                                         page_timeout_us,
                                   .on_output = pages_sink_add,
                                   .user = &sink };
        int r;

        if (!specs)
                return -ENOMEM;
        r = run_tool(work, &tool);
        frames_done(&sink.frames);
        if (r == 0 && work->pages_done < work->pages.n)
                return DOCS_E_CORRUPT;
        return r;
}

/* A paper without readable text is still a paper: an empty file then. */
static int make_text(struct work *work, const char *pdf)
{
        const char *const argv[] = { "pdftotext", "-enc", "UTF-8", "/in/file.pdf", "-", NULL };
        cleanup(freep) uint8_t *text = NULL;
        struct buffer buffer = { .max = MAX_TEXT_BYTES };
        const struct tool tool = {
                pdf, "/in/file.pdf", argv, tool_timeout_us, buffer_add, &buffer
        };
        char path[FILES_PATH];
        int r = run_tool(work, &tool);

        text = buffer.data;
        if (r == -ECANCELED)
                return r;
        files_text_path(path, work->convert->dir, work->job->sha256);
        return files_write(path, text ? (const char *)text : "", r == 0 ? buffer.len : 0);
}

/* ---- one job ---- */

static bool sandbox_works(struct convert *convert)
{
        char error[300];

        if (convert->own.sandbox_works)
                return true;
        if (sandbox_check(error, sizeof(error)) == 0) {
                convert->own.sandbox_works = true;
                return true;
        }
        log_limited(&convert->own.faults, LOG_ERROR, "docs",
                    "papers are not converted (never outside of the sandbox): %s", error);
        return false;
}

static int make_all(struct work *work)
{
        char pdf[FILES_PATH];
        int r;

        if (work->pdf_sha256[0] == '\0' && work->job->type == FILETYPE_PDF)
                snprintf(work->pdf_sha256, SHA256_HEX, "%s", work->job->sha256);
        if (work->pdf_sha256[0] == '\0') {
                r = make_pdf(work);
                if (r != 0)
                        return r;
        }
        files_blob_path(pdf, work->convert->dir, work->pdf_sha256);
        r = read_pages(work, pdf);
        if (r != 0)
                return r;
        count_pages_done(work);
        tell(work->convert, &(struct convert_news){ .kind = CONVERT_PAGES,
                                                    .pages = work->pages.n,
                                                    .pages_done = work->pages_done });
        if (work->pages_done < work->pages.n) {
                r = make_pages(work, pdf);
                if (r != 0)
                        return r;
        }
        r = make_text(work, pdf);
        if (r != 0)
                return r;
        return files_write_done(work->convert->dir, work->job->sha256, work->pages.n,
                                work->pdf_sha256);
}

static int check_film(struct work *work)
{
        const struct film_check check = { .program = work->convert->program,
                                          .film = work->original,
                                          .stop_fd = work->convert->interrupt_fd };

        return sandbox_works(work->convert) ? film_check(&work->film, &check) : DOCS_E_INTERNAL;
}

static int do_work(struct work *work)
{
        struct convert *convert = work->convert;
        int pages = 0;
        int r;

        files_blob_path(work->original, convert->dir, work->job->sha256);
        if (filetype_is_film(work->job->type))
                return check_film(work);
        if (files_read_done(convert->dir, work->job->sha256, &pages, work->pdf_sha256) < 0)
                work->pdf_sha256[0] = '\0';
        if (pages > 0) {
                tell(convert, &(struct convert_news){
                                      .kind = CONVERT_PAGES, .pages = pages, .pages_done = pages });
                return 0;
        }
        r = precheck_file(work->original, work->job->type);
        if (r != 0)
                return r;
        return sandbox_works(convert) ? make_all(work) : DOCS_E_INTERNAL;
}

static void wait_before(struct convert *convert, int delay_ms)
{
        struct pollfd fd = { .fd = convert->interrupt_fd, .events = POLLIN };

        if (delay_ms > 0)
                (void)poll(&fd, 1, delay_ms);
}

static void run_job(struct convert *convert, const struct convert_job *job)
{
        cleanup(freep) struct work *work = calloc(1, sizeof(*work));
        int64_t start_us = clock_now_us();
        struct convert_news news = { .kind = CONVERT_END, .result = -ENOMEM };

        wait_before(convert, job->delay_ms);
        if (work) {
                work->convert = convert;
                work->job = job;
                news.result = do_work(work);
                snprintf(news.pdf_sha256, SHA256_HEX, "%s", work->pdf_sha256);
                news.film = work->film;
        }
        if (news.result == -ENOSPC || news.result == -EDQUOT) {
                news.result = DOCS_E_DISK_FULL;
        } else if (news.result < 0 && news.result != -ECANCELED) {
                log_limited(&convert->own.faults, LOG_ERROR, "docs", "conversion failed: %s",
                            strerror(-news.result));
                news.result = DOCS_E_INTERNAL;
        }
        news.elapsed_ms = (clock_now_us() - start_us) / 1000;
        tell(convert, &news);
}

static void *convert_main(void *user)
{
        struct convert *convert = user;
        struct pollfd fd = { .fd = mailbox_fd(convert->jobs), .events = POLLIN };
        struct convert_job job;

        while (!atomic_load(&convert->stop)) {
                (void)poll(&fd, 1, -1);
                mailbox_clear(convert->jobs);
                while (!atomic_load(&convert->stop) && mailbox_take(convert->jobs, &job))
                        run_job(convert, &job);
        }
        return NULL;
}

/* ---- the signalling thread's side ---- */

int convert_new(struct convert **ret_convert, const char *dir, const char *program,
                void (*wake)(void *user), void *wake_user)
{
        struct convert *convert = calloc(1, sizeof(*convert));
        int r;

        if (!convert)
                return -ENOMEM;
        convert->dir = dir;
        convert->program = program;
        convert->wake = wake;
        convert->wake_user = wake_user;
        convert->interrupt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = convert->interrupt_fd < 0 ? -errno : 0;
        if (r == 0)
                r = mailbox_new(&convert->jobs, sizeof(struct convert_job), 2);
        if (r == 0)
                r = mailbox_new(&convert->news, sizeof(struct convert_news), MAX_NEWS);
        if (r == 0) {
                r = thread_start(&convert->thread, convert_main, convert);
                convert->running = r == 0;
        }
        if (r < 0)
                convert_free(convert);
        else
                *ret_convert = convert;
        return r;
}

struct convert *convert_free(struct convert *convert)
{
        if (!convert)
                return NULL;
        if (convert->running) {
                atomic_store(&convert->stop, true);
                convert_cancel(convert);
                (void)!mailbox_put(convert->jobs, &(struct convert_job){ 0 });
                pthread_join(convert->thread, NULL);
        }
        mailbox_free(convert->jobs);
        mailbox_free(convert->news);
        closep(&convert->interrupt_fd);
        free(convert);
        return NULL;
}

void convert_start(struct convert *convert, const struct convert_job *job)
{
        uint64_t count;

        (void)!read(convert->interrupt_fd, &count, sizeof(count)); /* one that came too late */
        (void)!mailbox_put(convert->jobs, job);
}

void convert_cancel(struct convert *convert)
{
        (void)!write(convert->interrupt_fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

bool convert_poll(struct convert *convert, struct convert_news *ret_news)
{
        return mailbox_take(convert->news, ret_news);
}
