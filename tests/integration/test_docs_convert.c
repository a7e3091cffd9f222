/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Papers through the real converters: argv[1] is tests/data/make_docs, argv[2]
 * the folder where it keeps what it makes.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "docs-share/api.h"
#include "docs-share/io/sandbox.h"

#define MEETING "0190a000-0000-7000-8000-000000000001"
#define SENTENCE "Hội nghị tổng kết công tác năm 2026 và phương hướng nhiệm vụ năm 2027"

enum { PATIENCE_MS = 120000, MAX_DOCS = 16 };

static const char *papers; /* argv[2] */

struct world {
        char dir[64], error[256];
        char program[96]; /* "": this one */
        int wake_fd;
        struct store *store;
        struct docs *docs;
        struct docs_event seen[MAX_DOCS]; /* the last of each document */
        int64_t first_page_us[MAX_DOCS];
        size_t n_seen;
        int upload_result;
        struct store_doc uploaded;
};

/* ---- a world and its loop ---- */

static void on_wake(void *user)
{
        struct world *w = user;

        (void)!write(w->wake_fd, &(uint64_t){ 1 }, 8);
}

static void open_world(struct world *w)
{
        char dir[80];
        struct docs_config config = { .dir = dir, .wake = on_wake, .wake_user = w };

        snprintf(dir, sizeof(dir), "%s/docs", w->dir);
        assert_int_equal(store_open(&w->store, w->dir, on_wake, w, w->error, sizeof(w->error)), 0);
        config.store = w->store;
        config.program = w->program[0] ? w->program : NULL;
        assert_int_equal(docs_new(&w->docs, &config, w->error, sizeof(w->error)), 0);
}

static void close_world(struct world *w)
{
        w->docs = docs_free(w->docs);
        w->store = store_close(w->store);
}

static int set_up(void **state)
{
        struct world *w = calloc(1, sizeof(*w));
        struct store_meeting meeting = { .id = MEETING, .title = "Hội nghị" };

        strcpy(w->dir, "/tmp/dinh-docs-XXXXXX");
        assert_non_null(mkdtemp(w->dir));
        w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        open_world(w);
        assert_int_equal(store_meeting_create(w->store, &meeting), 0);
        *state = w;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static int tear_down(void **state)
{
        struct world *w = *state;

        close_world(w);
        nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        close(w->wake_fd);
        free(w);
        return 0;
}

static void note_event(struct world *w, const struct docs_event *event)
{
        size_t i = 0;

        while (i < w->n_seen && strcmp(w->seen[i].doc.id, event->doc.id) != 0)
                i++;
        assert_true(i < MAX_DOCS);
        if (i == w->n_seen)
                w->n_seen++;
        w->seen[i] = *event;
        if (event->pages_done > 0 && w->first_page_us[i] == 0)
                w->first_page_us[i] = clock_now_us();
}

/* Waits for news, takes one event at most. */
static void step(struct world *w)
{
        struct pollfd fd = { .fd = w->wake_fd, .events = POLLIN };
        struct docs_event event;
        uint64_t count;

        store_poll(w->store);
        if (docs_poll(w->docs, &event)) {
                note_event(w, &event);
                return;
        }
        assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
        (void)!read(w->wake_fd, &count, 8);
}

static const struct docs_event *find(const struct world *w, const char *id)
{
        for (size_t i = 0; i < w->n_seen; i++) {
                if (strcmp(w->seen[i].doc.id, id) == 0)
                        return &w->seen[i];
        }
        return NULL;
}

static const struct docs_event *wait_end(struct world *w, const char *id)
{
        const struct docs_event *event;

        while (!(event = find(w, id)) ||
               (event->doc.state != STORE_DOC_READY && event->doc.state != STORE_DOC_FAILED))
                step(w);
        return event;
}

static void on_uploaded(void *user, int result, const struct store_doc *doc)
{
        struct world *w = user;

        w->upload_result = result;
        if (doc)
                w->uploaded = *doc;
}

/* Uploads a paper as `name`; its id is in w->uploaded. */
static void upload_as(struct world *w, const char *paper, const char *name)
{
        static uint8_t buffer[65536];
        struct docs_upload *upload = NULL;
        char path[512];
        cleanup(closep) int fd = -1;
        ssize_t n;

        snprintf(path, sizeof(path), "%s/%s", papers, paper);
        fd = open(path, O_RDONLY);
        assert_true(fd >= 0);
        assert_int_equal(docs_upload_begin(w->docs, &upload, MEETING, "p1", name, -1), 0);
        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                assert_int_equal(docs_upload_write(upload, buffer, (size_t)n), 0);
        w->upload_result = INT32_MAX;
        docs_upload_finish(upload, on_uploaded, w);
        while (w->upload_result == INT32_MAX)
                step(w);
        assert_int_equal(w->upload_result, 0);
}

static void upload(struct world *w, const char *paper)
{
        upload_as(w, paper, paper);
}

/* ---- looking at what was made ---- */

/* Width in a WebP file's VP8L or VP8 header (RFC 9649 §3.4, RFC 6386 §9.1). */
static int webp_width(const char *path)
{
        uint8_t head[30] = { 0 };
        cleanup(closep) int fd = open(path, O_RDONLY);

        assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
        assert_memory_equal(head, "RIFF", 4);
        if (memcmp(head + 12, "VP8L", 4) == 0)
                return ((head[21] | head[22] << 8) & 0x3fff) + 1;
        assert_memory_equal(head + 12, "VP8 ", 4);
        return (head[26] | head[27] << 8) & 0x3fff;
}

static void check_pages(struct world *w, const char *id, int pages)
{
        struct docs_file file;

        for (int page = 1; page <= pages; page++) {
                assert_int_equal(docs_file(w->docs, id, DOCS_PAGE_SCREEN, page, &file), 0);
                assert_string_equal(file.content_type, "image/webp");
                assert_int_equal(webp_width(file.path), 1600);
                assert_int_equal(docs_file(w->docs, id, DOCS_PAGE_PHONE, page, &file), 0);
                assert_int_equal(webp_width(file.path), 900);
        }
        assert_int_equal(docs_file(w->docs, id, DOCS_PAGE_SCREEN, pages + 1, &file), -ENOENT);
        assert_int_equal(docs_file(w->docs, id, DOCS_PAGE_SCREEN, 0, &file), -ENOENT);
}

static bool text_has(struct world *w, const char *id, const char *wanted)
{
        struct docs_file file;
        char *text;
        bool found;
        cleanup(closep) int fd = -1;

        assert_int_equal(docs_file(w->docs, id, DOCS_TEXT, 0, &file), 0);
        fd = open(file.path, O_RDONLY);
        text = calloc(1, (size_t)file.size_bytes + 1);
        assert_int_equal(read(fd, text, (size_t)file.size_bytes), file.size_bytes);
        for (char *at = text; *at; at++) { /* lines are broken where the page's are */
                if (*at == '\n')
                        *at = ' ';
        }
        found = strstr(text, wanted) != NULL;
        free(text);
        return found;
}

/* ---- tests ---- */

static void every_kind_of_paper_becomes_pages_and_text(void **state)
{
        static const struct {
                const char *name;
                int pages; /* 0: at least one */
                const char *text;
        } cases[] = {
                { "report.docx", 0, SENTENCE }, { "table.xlsx", 0, SENTENCE },
                { "paper.pdf", 0, SENTENCE },   { "photo.jpg", 1, NULL },
                { "photo.png", 1, NULL },
        };
        struct world *w = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct docs_event *event;

                upload(w, cases[i].name);
                event = wait_end(w, w->uploaded.id);
                print_message("%s: %s %d pages\n", cases[i].name, event->doc.error,
                              event->doc.pages);
                assert_int_equal(event->doc.state, STORE_DOC_READY);
                assert_true(event->doc.pages >= 1);
                if (cases[i].pages)
                        assert_int_equal(event->doc.pages, cases[i].pages);
                check_pages(w, event->doc.id, event->doc.pages);
                if (cases[i].text)
                        assert_true(text_has(w, event->doc.id, cases[i].text));
        }
}

static void deck_is_shown_from_its_first_page_on(void **state)
{
        struct world *w = *state;
        const struct docs_event *event;
        struct docs_file file;
        int64_t start_us;
        const char *id = w->uploaded.id;

        upload(w, "slides-20.pptx");
        start_us = clock_now_us();
        assert_int_equal(docs_file(w->docs, id, DOCS_PDF, 0, &file), -ENOENT);
        while (!(event = find(w, id)) || event->pages_done == 0)
                step(w);
        assert_int_equal(event->doc.state, STORE_DOC_CONVERTING);
        assert_int_equal(event->doc.pages, 20);
        assert_int_equal(docs_file(w->docs, id, DOCS_PAGE_SCREEN, 1, &file), 0);

        event = wait_end(w, id);
        print_message("20-page PPTX: first page after %lld ms, all after %lld ms\n",
                      (long long)(w->first_page_us[0] - start_us) / 1000,
                      (long long)(clock_now_us() - start_us) / 1000);
        assert_int_equal(event->doc.state, STORE_DOC_READY);
        assert_int_equal(event->doc.pages, 20);
        check_pages(w, id, 20);
        assert_true(text_has(w, id, SENTENCE));
        assert_true(text_has(w, id, "Ỳ"));
}

static void files_are_served_with_their_names(void **state)
{
        struct world *w = *state;
        struct docs_file file;
        char etag[80];

        upload(w, "Báo cáo tổng kết năm 2026.pdf");
        (void)wait_end(w, w->uploaded.id);
        assert_int_equal(docs_file(w->docs, w->uploaded.id, DOCS_ORIGINAL, 0, &file), 0);
        assert_string_equal(file.name, "Báo cáo tổng kết năm 2026.pdf");
        assert_string_equal(file.content_type, "application/pdf");
        assert_true(file.attachment);
        assert_int_equal(file.size_bytes, w->uploaded.size_bytes);
        snprintf(etag, sizeof(etag), "\"%s\"", w->uploaded.sha256);
        assert_string_equal(file.etag, etag);

        upload_as(w, "slides-20.pptx", "C:\\hồ sơ\\Tờ trình số 5.PPTX");
        (void)wait_end(w, w->uploaded.id);
        assert_int_equal(docs_file(w->docs, w->uploaded.id, DOCS_ORIGINAL, 0, &file), 0);
        assert_string_equal(file.name, "Tờ trình số 5.PPTX");
        assert_string_equal(file.content_type, "application/vnd.openxmlformats-officedocument."
                                               "presentationml.presentation");
        assert_int_equal(docs_file(w->docs, w->uploaded.id, DOCS_PDF, 0, &file), 0);
        assert_string_equal(file.name, "Tờ trình số 5.pdf");
        assert_int_equal(docs_file(w->docs, "nothing", DOCS_PDF, 0, &file), -ENOENT);
}

static void bad_papers_fail_alone_with_their_reason(void **state)
{
        static const struct {
                const char *paper, *error; /* NULL: any end, as long as it ends */
        } cases[] = {
                { "locked.odt", "doc-password" },
                { "garbage.docx", "doc-corrupt" },
                { "liar.pptx", NULL },
                { "locked.pdf", "doc-password" },
                { "locked.docx", "doc-password" },
                { "corrupt.pptx", "doc-corrupt" },
                { "bomb.pptx", "doc-bomb" },
                { "broken.pdf", "doc-corrupt" },
                { "paper.pdf", "" },
        };
        struct world *w = *state;
        char ids[ARRAY_LEN(cases)][UUID_TEXT];
        struct docs_file file;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) { /* all at once */
                upload(w, cases[i].paper);
                strcpy(ids[i], w->uploaded.id);
        }
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct docs_event *event = wait_end(w, ids[i]);

                print_message("%s: %s\n", cases[i].paper, event->doc.error);
                if (cases[i].error)
                        assert_string_equal(event->doc.error, cases[i].error);
                assert_int_equal(docs_file(w->docs, ids[i], DOCS_ORIGINAL, 0, &file), 0);
        }
}

static void same_content_is_converted_once(void **state)
{
        struct world *w = *state;
        struct docs_counters counters;
        char pdf_sha256[65];
        char first[UUID_TEXT];

        upload(w, "slides-20.pptx");
        strcpy(first, w->uploaded.id);
        strcpy(pdf_sha256, wait_end(w, first)->doc.pdf_sha256);
        upload_as(w, "slides-20.pptx", "Bản khác.pptx");
        assert_string_equal(wait_end(w, w->uploaded.id)->doc.pdf_sha256, pdf_sha256);
        docs_counters(w->docs, &counters);
        assert_int_equal(counters.uploads, 2);
        assert_true(counters.last_conversion_ms < 200);
        check_pages(w, w->uploaded.id, 20);

        /* One of the two goes: the content stays for the other. */
        assert_int_equal(docs_delete(w->docs, first), 0);
        while (!find(w, first)->doc.deleted)
                step(w);
        close_world(w);
        open_world(w);
        check_pages(w, w->uploaded.id, 20);
        assert_int_equal(docs_delete(w->docs, first), -ENOENT);
}

static int count_files(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)ftw;
        if (type != FTW_F || !strstr(path, "/docs/"))
                return 0;
        print_message("left over: %s\n", path);
        return 1;
}

static void deleting_in_mid_conversion_leaves_nothing(void **state)
{
        struct world *w = *state;
        const struct docs_event *event;
        char id[UUID_TEXT];

        upload(w, "slides-20.pptx");
        strcpy(id, w->uploaded.id);
        while (!(event = find(w, id)) || event->pages_done == 0)
                step(w);
        assert_int_equal(docs_delete(w->docs, id), 0);
        while (!find(w, id)->doc.deleted)
                step(w);
        upload(w, "photo.jpg"); /* the next one is not held up */
        assert_int_equal(wait_end(w, w->uploaded.id)->doc.state, STORE_DOC_READY);
        assert_int_equal(docs_delete(w->docs, w->uploaded.id), 0);
        while (!find(w, w->uploaded.id)->doc.deleted)
                step(w);
        close_world(w);
        assert_int_equal(nftw(w->dir, count_files, 16, FTW_PHYS), 0);
        open_world(w);
}

/* The child uploads, tells its document's id when three pages are there, and waits. */
static void convert_until_killed(struct world *w, int fd)
{
        const struct docs_event *event;

        open_world(w);
        upload(w, "slides-20.pptx");
        while (!(event = find(w, w->uploaded.id)) || event->pages_done < 3)
                step(w);
        if (write(fd, w->uploaded.id, UUID_TEXT) != UUID_TEXT)
                _exit(1);
        for (;;)
                step(w);
}

static void conversion_resumes_after_kill_9(void **state)
{
        struct world *w = *state;
        const struct docs_event *event;
        struct docs_file file;
        struct stat before, after;
        char id[UUID_TEXT] = "";
        int fds[2];
        pid_t pid;

        close_world(w);
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0)
                convert_until_killed(w, fds[1]);
        close(fds[1]);
        assert_int_equal(read(fds[0], id, UUID_TEXT), UUID_TEXT);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(fds[0]);

        open_world(w);
        assert_int_equal(docs_file(w->docs, id, DOCS_PAGE_SCREEN, 1, &file), 0);
        assert_int_equal(stat(file.path, &before), 0);
        event = wait_end(w, id);
        assert_int_equal(event->doc.state, STORE_DOC_READY);
        check_pages(w, id, 20);
        assert_int_equal(stat(file.path, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino); /* made pages are kept */
        assert_true(text_has(w, id, SENTENCE));
}

/* In place of dinh: answers what the film says, and tells when it is not treated as a job. */
static void write_program(struct world *w)
{
        static const char script[] =
                "#!/bin/sh\n"
                "[ \"$1 $2\" = 'job probe' ] || exit 3\n"
                "read -r line; [ \"$line\" = '{\"type\":\"start\"}' ] || exit 4\n"
                "exec tail -n 1 /input\n";
        cleanup(closep) int fd = -1;

        snprintf(w->program, sizeof(w->program), "%s/program", w->dir);
        fd = open(w->program, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
        assert_int_equal(write(fd, script, sizeof(script) - 1), sizeof(script) - 1);
}

/* A file that begins like a film and ends with what is said of it. */
static void upload_film(struct world *w, const char *name, const char *report)
{
        static uint8_t film[1 << 20] = { 0x1a, 0x45, 0xdf, 0xa3 };
        struct docs_upload *upload = NULL;

        film[sizeof(film) - 1] = '\n';
        assert_int_equal(docs_upload_begin(w->docs, &upload, MEETING, "p1", name, -1), 0);
        for (int i = 0; i < 3; i++)
                assert_int_equal(docs_upload_write(upload, film, sizeof(film)), 0);
        assert_int_equal(docs_upload_write(upload, (const uint8_t *)report, strlen(report)), 0);
        w->upload_result = INT32_MAX;
        docs_upload_finish(upload, on_uploaded, w);
        while (w->upload_result == INT32_MAX)
                step(w);
        assert_int_equal(w->upload_result, 0);
        assert_true(w->uploaded.film);
}

#define MEDIA "{\"type\":\"media\",\"duration_ms\":"

static void films_are_checked_and_kept_as_they_are(void **state)
{
        static const struct {
                const char *report, *error;
        } bad[] = {
                { "{\"type\":\"error\",\"code\":\"unplayable\"}", "doc-unplayable" },
                { "{\"type\":\"error\",\"code\":\"codec-unsupported\"}", "doc-codec" },
                { MEDIA "30000000,\"audio\":\"mp3\"}", "doc-long" },
                { MEDIA "1,\"video\":\"av1\",\"width\":9000}", "doc-picture" },
                { "not a line", "doc-unplayable" },
        };
        struct world *w = *state;
        const struct docs_event *event;
        struct docs_file file;

        close_world(w);
        write_program(w);
        open_world(w);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                upload_film(w, "Phim.mkv", bad[i].report);
                assert_string_equal(wait_end(w, w->uploaded.id)->doc.error, bad[i].error);
        }
        upload_film(w, "Phóng sự.webm",
                    MEDIA "61000,\"video\":\"h264\",\"audio\":\"aac\",\"width\":1280}\n");
        event = wait_end(w, w->uploaded.id);
        assert_int_equal(event->doc.state, STORE_DOC_READY);
        assert_int_equal(event->doc.duration_ms, 61000);
        assert_true(event->doc.film && event->doc.has_video);
        assert_int_equal(event->doc.pages, 0);
        assert_int_equal(docs_file(w->docs, w->uploaded.id, DOCS_ORIGINAL, 0, &file), 0);
        assert_string_equal(file.content_type, "video/webm");
        assert_string_equal(file.name, "Phóng sự.webm");
        assert_true(file.size_bytes > 3 << 20);
        assert_int_equal(docs_file(w->docs, w->uploaded.id, DOCS_PDF, 0, &file), -ENOENT);
        assert_int_equal(docs_file(w->docs, w->uploaded.id, DOCS_TEXT, 0, &file), -ENOENT);
        assert_int_equal(docs_file(w->docs, w->uploaded.id, DOCS_PAGE_SCREEN, 1, &file), -ENOENT);

        upload(w, "paper.pdf"); /* and papers go on as before */
        assert_int_equal(wait_end(w, w->uploaded.id)->doc.state, STORE_DOC_READY);
}

static void without_a_sandbox_nothing_is_converted(void **state)
{
        struct world *w = *state;
        char *path = strdup(getenv("PATH"));

        close_world(w);
        assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
        open_world(w);
        upload(w, "paper.pdf");
        assert_string_equal(wait_end(w, w->uploaded.id)->doc.error, "doc-internal");
        close_world(w);
        assert_int_equal(setenv("PATH", path, 1), 0);
        free(path);
        open_world(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(deck_is_shown_from_its_first_page_on),
                TEST(every_kind_of_paper_becomes_pages_and_text),
                TEST(files_are_served_with_their_names),
                TEST(bad_papers_fail_alone_with_their_reason),
                TEST(same_content_is_converted_once),
                TEST(deleting_in_mid_conversion_leaves_nothing),
                TEST(conversion_resumes_after_kill_9),
                TEST(films_are_checked_and_kept_as_they_are),
                TEST(without_a_sandbox_nothing_is_converted),
        };
        char command[1024], error[300];

        if (argc != 3)
                return 2;
        papers = argv[2];
        if (sandbox_check(error, sizeof(error)) < 0) {
                printf("skipped: %s\n", error);
                return 77; /* meson: skipped */
        }
        snprintf(command, sizeof(command), "'%s' '%s'", argv[1], argv[2]);
        if (system(command) != 0)
                return 1;
        return cmocka_run_group_tests_name("docs_convert", tests, NULL, NULL);
}
