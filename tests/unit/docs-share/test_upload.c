/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads on a real disk and store; nothing is converted here. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "docs-share/api.h"

#define MEETING "0190a000-0000-7000-8000-000000000001"
/* A PDF by its first bytes; the rest is found out by the converter. */
static const uint8_t pdf[] = "%PDF-1.7\nno more";

struct world {
        char dir[64], error[256];
        int wake_fd;
        struct store *store;
        struct docs *docs;
        int result, n_results;
        struct store_doc doc;
};

static void on_wake(void *user)
{
        struct world *w = user;

        (void)!write(w->wake_fd, &(uint64_t){ 1 }, 8);
}

static int open_world(struct world *w)
{
        char dir[80];
        struct docs_config config = { .dir = dir, .wake = on_wake, .wake_user = w };

        snprintf(dir, sizeof(dir), "%s/docs", w->dir);
        if (store_open(&w->store, w->dir, on_wake, w, w->error, sizeof(w->error)) < 0)
                return -1;
        config.store = w->store;
        return docs_new(&w->docs, &config, w->error, sizeof(w->error));
}

static void close_world(struct world *w)
{
        w->docs = docs_free(w->docs);
        w->store = store_close(w->store);
}

static int set_up(void **state)
{
        struct world *w = calloc(1, sizeof(*w));
        struct store_meeting meeting = { .id = MEETING, .title = "t" };

        strcpy(w->dir, "/tmp/dinh-upload-XXXXXX");
        assert_non_null(mkdtemp(w->dir));
        w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_int_equal(open_world(w), 0);
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

static void on_done(void *user, int result, const struct store_doc *doc)
{
        struct world *w = user;

        w->result = result;
        w->n_results++;
        if (doc)
                w->doc = *doc;
}

/* Finishes and waits for the callback. */
static int finish(struct world *w, struct docs_upload *upload)
{
        struct pollfd fd = { .fd = w->wake_fd, .events = POLLIN };
        struct docs_event event;
        int n = w->n_results;
        uint64_t count;

        docs_upload_finish(upload, on_done, w);
        for (;;) {
                store_poll(w->store);
                while (docs_poll(w->docs, &event))
                        ;
                if (w->n_results > n)
                        return w->result;
                assert_int_equal(poll(&fd, 1, 30000), 1);
                (void)!read(w->wake_fd, &count, 8);
        }
}

static int begin(struct world *w, struct docs_upload **upload, const char *name, int64_t size)
{
        return docs_upload_begin(w->docs, upload, MEETING, "p1", name, size);
}

static int n_left_over; /* files below uploads/ */

static int count_part(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)ftw;
        n_left_over += type == FTW_F && strstr(path, "/uploads/") != NULL;
        return 0;
}

static int count_parts(const struct world *w)
{
        n_left_over = 0;
        nftw(w->dir, count_part, 16, FTW_PHYS);
        return n_left_over;
}

static void upload_is_kept_by_its_hash(void **state)
{
        struct world *w = *state;
        struct docs_upload *upload = NULL;
        struct store_doc doc;

        assert_int_equal(begin(w, &upload, "Tờ trình.pdf", sizeof(pdf)), 0);
        for (size_t i = 0; i < sizeof(pdf); i++) /* byte by byte */
                assert_int_equal(docs_upload_write(upload, pdf + i, 1), 0);
        assert_int_equal(finish(w, upload), 0);
        assert_int_equal(w->doc.size_bytes, sizeof(pdf));
        assert_string_equal(w->doc.uploaded_by, "p1");
        assert_int_equal(strlen(w->doc.sha256), 64);
        assert_int_equal(store_doc_get(w->store, w->doc.id, &doc), 0);
        assert_string_equal(doc.name, "Tờ trình.pdf");
        assert_int_equal(count_parts(w), 0);
}

static void unwanted_uploads_are_refused_before_a_byte(void **state)
{
        struct world *w = *state;
        struct docs_upload *upload = NULL;

        assert_int_equal(begin(w, &upload, "a.exe", -1), DOCS_E_TYPE);
        assert_int_equal(begin(w, &upload, "///", -1), DOCS_E_NAME);
        assert_int_equal(begin(w, &upload, "a.pdf", 0), DOCS_E_EMPTY);
        assert_int_equal(begin(w, &upload, "a.pdf", DOCS_MAX_BYTES + 1ll), DOCS_E_TOO_LARGE);
        assert_null(upload);
        assert_int_equal(count_parts(w), 0);
}

static void wrong_content_is_refused_at_its_first_bytes(void **state)
{
        struct world *w = *state;
        struct docs_upload *upload = NULL;

        assert_int_equal(begin(w, &upload, "a.png", -1), 0);
        assert_int_equal(docs_upload_write(upload, pdf, sizeof(pdf)), DOCS_E_TYPE);
        upload = docs_upload_abort(upload);
        close_world(w); /* the disk thread has done its work then */
        assert_int_equal(count_parts(w), 0);
        assert_int_equal(open_world(w), 0);
}

static void empty_and_short_files_fail_at_the_end(void **state)
{
        struct world *w = *state;
        struct docs_upload *upload = NULL;

        assert_int_equal(begin(w, &upload, "a.pdf", -1), 0);
        assert_int_equal(finish(w, upload), DOCS_E_EMPTY);
        assert_int_equal(begin(w, &upload, "a.pdf", -1), 0);
        assert_int_equal(docs_upload_write(upload, pdf, 3), 0);
        assert_int_equal(finish(w, upload), DOCS_E_TYPE);
}

static void endless_upload_is_cut(void **state)
{
        static const uint8_t block[1 << 20] = "%PDF-1.7";
        struct world *w = *state;
        struct docs_upload *upload = NULL;
        int r = 0;

        assert_int_equal(begin(w, &upload, "a.pdf", -1), 0);
        for (int i = 0; i < 200 && r == 0; i++)
                r = docs_upload_write(upload, block, sizeof(block));
        assert_int_equal(r, 0);
        assert_int_equal(docs_upload_write(upload, block, 1), DOCS_E_TOO_LARGE);
        docs_upload_abort(upload);
}

static void uploads_at_once_are_bounded(void **state)
{
        struct world *w = *state;
        struct docs_upload *uploads[100] = { 0 };
        char other[UUID_TEXT] = MEETING;
        size_t n = 0;

        while (begin(w, &uploads[n], "a.pdf", -1) == 0)
                n++;
        assert_int_equal(n, 16); /* other meetings have their turn still */
        assert_int_equal(begin(w, &uploads[n], "a.pdf", -1), DOCS_E_TOO_MANY);
        docs_upload_abort(uploads[0]);
        assert_int_equal(begin(w, &uploads[0], "a.pdf", -1), 0);
        for (char digit = '2'; digit < '6'; digit++) {
                other[UUID_TEXT - 2] = digit;
                while (docs_upload_begin(w->docs, &uploads[n], other, "p1", "a.pdf", -1) == 0)
                        n++;
        }
        assert_int_equal(n, 32); /* and all of them together an end */
        for (size_t i = 0; i < n; i++)
                docs_upload_abort(uploads[i]);
}

static void films_have_bounds_of_their_own(void **state)
{
        static const uint8_t block[1 << 20] = { 0x1a, 0x45, 0xdf, 0xa3 };
        struct world *w = *state;
        struct docs_upload *uploads[4] = { 0 };
        struct store_doc doc = { .meeting = MEETING, .state = STORE_DOC_READY, .film = true };

        assert_int_equal(begin(w, &uploads[0], "a.mkv", DOCS_MAX_FILM_BYTES + 1), DOCS_E_TOO_LARGE);
        assert_int_equal(begin(w, &uploads[0], "a.mkv", -1), 0);
        for (int i = 0; i < 220; i++) /* more than any paper */
                assert_int_equal(docs_upload_write(uploads[0], block, sizeof(block)), 0);
        assert_int_equal(begin(w, &uploads[1], "b.mp3", -1), 0);
        assert_int_equal(begin(w, &uploads[2], "c.mp4", -1), DOCS_E_TOO_MANY);
        assert_int_equal(begin(w, &uploads[3], "d.pdf", -1), 0); /* papers are not held up */
        docs_upload_abort(uploads[3]);
        docs_upload_abort(uploads[1]);
        assert_int_equal(finish(w, uploads[0]), 0);
        assert_true(w->doc.film);
        assert_int_equal(w->doc.size_bytes, 220ll << 20);

        for (int i = 0; i < DOCS_MAX_FILMS_PER_MEETING; i++) {
                snprintf(doc.id, sizeof(doc.id), "d%d", i);
                assert_int_equal(store_doc_put(w->store, &doc, NULL, NULL), 0);
        }
        close_world(w);
        assert_int_equal(open_world(w), 0);
        assert_int_equal(begin(w, &uploads[2], "c.mp4", -1), DOCS_E_TOO_MANY);
        assert_int_equal(begin(w, &uploads[3], "d.pdf", -1), 0);
        docs_upload_abort(uploads[3]);
}

static void documents_per_meeting_are_bounded(void **state)
{
        struct world *w = *state;
        struct docs_upload *upload = NULL;
        struct store_doc doc = { .meeting = MEETING, .state = STORE_DOC_READY };

        for (int i = 0; i < DOCS_MAX_PER_MEETING; i++) {
                snprintf(doc.id, sizeof(doc.id), "d%d", i);
                assert_int_equal(store_doc_put(w->store, &doc, NULL, NULL), 0);
        }
        close_world(w);
        assert_int_equal(open_world(w), 0);
        assert_int_equal(begin(w, &upload, "a.pdf", -1), DOCS_E_TOO_MANY);
}

static void left_over_parts_are_removed_at_start(void **state)
{
        struct world *w = *state;
        char path[128];

        close_world(w);
        snprintf(path, sizeof(path), "%s/docs/uploads/x.part", w->dir);
        close(open(path, O_CREAT | O_WRONLY, 0600));
        assert_int_equal(count_parts(w), 1);
        assert_int_equal(open_world(w), 0);
        assert_int_equal(count_parts(w), 0);
}

static void touch(const char *path)
{
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        close(fd);
}

static void blobs_without_a_document_are_removed_at_start(void **state)
{
        struct world *w = *state;
        struct docs_upload *upload = NULL;
        char blobs[128], lost[256], kept[256];

        snprintf(blobs, sizeof(blobs), "%s/docs/blobs", w->dir);
        snprintf(lost, sizeof(lost), "%s/ff", blobs);
        assert_int_equal(mkdir(lost, 0700), 0);
        snprintf(lost, sizeof(lost), "%s/ff/%062d", blobs, 0);
        touch(lost);
        close_world(w);
        assert_int_equal(open_world(w), 0);
        assert_int_equal(access(lost, F_OK), 0); /* no documents at all: a lost database? */

        assert_int_equal(begin(w, &upload, "a.pdf", sizeof(pdf)), 0);
        assert_int_equal(docs_upload_write(upload, pdf, sizeof(pdf)), 0);
        assert_int_equal(finish(w, upload), 0);
        snprintf(kept, sizeof(kept), "%s/%.2s/%s", blobs, w->doc.sha256, w->doc.sha256 + 2);
        close_world(w);
        assert_int_equal(open_world(w), 0);
        assert_int_equal(access(kept, F_OK), 0);
        assert_int_equal(access(lost, F_OK), -1);
}

static void open_upload_ends_with_the_module(void **state)
{
        struct world *w = *state;
        struct docs_upload *upload = NULL;

        assert_int_equal(begin(w, &upload, "a.pdf", -1), 0);
        assert_int_equal(docs_upload_write(upload, pdf, sizeof(pdf)), 0);
        close_world(w);
        assert_int_equal(count_parts(w), 0);
        assert_int_equal(open_world(w), 0);
}

/* ---- disk full: a small tmpfs of our own, in a child with its own mounts ---- */

enum { CHILD_SKIP = 77 };

static bool write_text(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

        close(fd);
        return good;
}

/* Root makes a mount namespace; others make a user namespace first, in which
 * they are root. False when this machine lets nobody do that. */
static bool mount_small_disk(const char *dir, const char *options)
{
        char uid_map[32], gid_map[32];

        snprintf(uid_map, sizeof(uid_map), "0 %u 1", (unsigned)geteuid());
        snprintf(gid_map, sizeof(gid_map), "0 %u 1", (unsigned)getegid());
        if (unshare(CLONE_NEWNS) < 0 && (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
                                         !write_text("/proc/self/setgroups", "deny") ||
                                         !write_text("/proc/self/uid_map", uid_map) ||
                                         !write_text("/proc/self/gid_map", gid_map)))
                return false;
        return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
               mount("tmpfs", dir, "tmpfs", 0, options) == 0;
}

static int run_full_disk(struct world *w)
{
        static const uint8_t block[65536] = "%PDF-1.7";
        struct store_meeting meeting = { .id = MEETING, .title = "t" };
        struct docs_upload *upload = NULL;
        int r = 0;

        if (open_world(w) < 0 || store_meeting_create(w->store, &meeting) < 0)
                return 1;
        /* announced: known before the first byte */
        if (begin(w, &upload, "a.pdf", 8 << 20) != DOCS_E_DISK_FULL)
                return 2;
        /* not announced: known when it happens; then the space comes back */
        if (begin(w, &upload, "a.pdf", -1) != 0)
                return 3;
        while (r == 0)
                r = docs_upload_write(upload, block, sizeof(block));
        if (r != DOCS_E_DISK_FULL)
                return 4;
        docs_upload_abort(upload);
        close_world(w);
        if (open_world(w) < 0 || begin(w, &upload, "a.pdf", sizeof(pdf)) != 0 ||
            docs_upload_write(upload, pdf, sizeof(pdf)) != 0 || finish(w, upload) != 0)
                return 5;
        close_world(w);
        return 0;
}

static void full_disk_is_told_and_leaves_nothing(void **state)
{
        struct world *w = *state;
        int status = 0;
        pid_t pid;

        close_world(w);
        pid = fork();
        if (pid == 0) {
                if (!mount_small_disk(w->dir, "size=4m"))
                        _exit(CHILD_SKIP);
                _exit(run_full_disk(w));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(open_world(w), 0);
        if (WEXITSTATUS(status) == CHILD_SKIP)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(upload_is_kept_by_its_hash),
                TEST(unwanted_uploads_are_refused_before_a_byte),
                TEST(wrong_content_is_refused_at_its_first_bytes),
                TEST(empty_and_short_files_fail_at_the_end),
                TEST(endless_upload_is_cut),
                TEST(uploads_at_once_are_bounded),
                TEST(films_have_bounds_of_their_own),
                TEST(documents_per_meeting_are_bounded),
                TEST(left_over_parts_are_removed_at_start),
                TEST(blobs_without_a_document_are_removed_at_start),
                TEST(open_upload_ends_with_the_module),
                TEST(full_disk_is_told_and_leaves_nothing),
        };

        return cmocka_run_group_tests_name("upload", tests, NULL, NULL);
}
