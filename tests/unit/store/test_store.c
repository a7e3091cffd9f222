/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
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
#include <sqlite3.h>

#include "store/db.h"
#include "tests/unit/store/store_world.h"

static int append(struct store *store, uint64_t seq, bool durable, struct done *done)
{
        char body[64];
        struct store_event event = {
                .meeting = MEETING, .seq = seq, .at_ms = 1000 + (int64_t)seq, .type = "chat"
        };

        snprintf(body, sizeof(body), "{\"n\":%llu}", (unsigned long long)seq);
        event.body = body;
        return store_event_append(store, &event, durable, done ? on_done : NULL, done);
}

struct seen {
        uint64_t n, last;
        bool in_order;
        char body[64];
};

static void on_event(void *user, const struct store_event *event)
{
        struct seen *seen = user;

        seen->in_order = (seen->n == 0 || seen->in_order) && event->seq > seen->last;
        seen->last = event->seq;
        seen->n++;
        snprintf(seen->body, sizeof(seen->body), "%s", event->body);
}

static struct seen read_all(struct store *store, uint64_t after, size_t limit)
{
        struct seen seen = { 0 };

        assert_int_equal(store_events(store, MEETING, after, limit, on_event, &seen), 0);
        return seen;
}

/* ---- events ---- */

static void events_are_read_back_in_order(void **state)
{
        struct fixture *f = *state;
        struct done done = { 0 };
        struct seen seen;

        for (uint64_t seq = 1; seq <= 500; seq++)
                assert_int_equal(append(f->store, seq, seq % 50 == 0, &done), 0);
        wait_done(f, &done, 500);
        assert_int_equal(done.last, 0);

        seen = read_all(f->store, 0, SIZE_MAX);
        assert_int_equal(seen.n, 500);
        assert_true(seen.in_order);
        assert_string_equal(seen.body, "{\"n\":500}");
        seen = read_all(f->store, 490, 5);
        assert_int_equal(seen.n, 5);
        assert_int_equal(seen.last, 495);
        assert_int_equal(read_all(f->store, UINT64_MAX, 5).n, 0);
}

static void repeated_seq_fails_alone(void **state)
{
        struct fixture *f = *state;
        struct done done = { 0 };

        assert_int_equal(append(f->store, 1, false, &done), 0);
        assert_int_equal(append(f->store, 1, false, &done), 0);
        assert_int_equal(append(f->store, 2, true, &done), 0);
        wait_done(f, &done, 3);
        assert_int_equal(done.results[0], 0);
        assert_int_equal(done.results[1], -EEXIST);
        assert_int_equal(done.results[2], 0);
        assert_int_equal(read_all(f->store, 0, 10).n, 2);
}

static void event_of_unknown_meeting_fails_alone(void **state)
{
        struct fixture *f = *state;
        struct done done = { 0 };
        struct store_event event = { .meeting = "nowhere", .seq = 1, .type = "t", .body = "{}" };

        assert_int_equal(store_event_append(f->store, &event, false, on_done, &done), 0);
        assert_int_equal(append(f->store, 1, false, &done), 0);
        wait_done(f, &done, 2);
        assert_int_equal(done.results[0], -ENOENT);
        assert_int_equal(done.results[1], 0);
}

static void seq_zero_is_refused_at_once(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(append(f->store, 0, false, NULL), -EINVAL);
}

static void close_commits_what_is_queued(void **state)
{
        struct fixture *f = *state;

        for (uint64_t seq = 1; seq <= 3000; seq++)
                assert_int_equal(append(f->store, seq, false, NULL), 0);
        reopen(f);
        assert_int_equal(read_all(f->store, 0, SIZE_MAX).n, 3000);
}

/* Another process's transaction holds the database: writes wait, the queue
 * fills, and afterwards everything that was taken is committed. */
static void full_queue_says_so_and_recovers(void **state)
{
        struct fixture *f = *state;
        struct done done = { 0 };
        char path[128];
        sqlite3 *other = NULL;
        uint64_t seq = 1;
        int r;

        path_in(f, "dinh.sqlite", path, sizeof(path));
        assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        while ((r = append(f->store, seq, false, &done)) == 0)
                seq++;
        assert_int_equal(r, -EAGAIN);
        assert_int_equal(seq - 1, STORE_MAX_QUEUED);

        assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(other);
        wait_done(f, &done, STORE_MAX_QUEUED);
        assert_int_equal(done.last, 0);
        assert_int_equal(append(f->store, seq, false, &done), 0);
        wait_done(f, &done, STORE_MAX_QUEUED + 1);
        assert_int_equal(read_all(f->store, 0, SIZE_MAX).n, STORE_MAX_QUEUED + 1);
}

/* ---- kill -9 ---- */

struct acks {
        int fd;
        uint64_t next;
};

static void on_ack(void *user, int result)
{
        struct acks *acks = user;

        if (result != 0 || write(acks->fd, &acks->next, 8) != 8)
                _exit(1);
        acks->next++;
}

/* The child: appends without end, tells every committed seq to the pipe. */
static void append_for_ever(struct fixture *f, int fd)
{
        struct acks acks = { .fd = fd, .next = 1 };
        struct store_event event = { .meeting = MEETING, .at_ms = 1, .type = "t", .body = "{}" };
        struct pollfd wake = { .fd = f->wake_fd, .events = POLLIN };
        uint64_t count;

        if (store_open(&f->store, f->dir, on_wake, f, f->error, sizeof(f->error)) < 0)
                _exit(1);
        for (uint64_t seq = 1;; seq++) {
                event.seq = seq;
                if (store_event_append(f->store, &event, seq % 100 == 0, on_ack, &acks) < 0)
                        _exit(1);
                while (seq > acks.next + 200) {
                        if (poll(&wake, 1, -1) < 0 || read(f->wake_fd, &count, 8) != 8)
                                _exit(1);
                        store_poll(f->store);
                }
        }
}

static void acknowledged_events_survive_kill_9(void **state)
{
        struct fixture *f = *state;
        uint64_t acked = 0, seq;
        struct seen seen;
        int fds[2];
        pid_t pid;

        f->store = store_close(f->store);
        assert_int_equal(pipe(fds), 0);
        pid = fork();
        if (pid == 0) {
                close(fds[0]);
                append_for_ever(f, fds[1]);
        }
        close(fds[1]);
        while (acked < 2000 && read(fds[0], &seq, 8) == 8)
                acked = seq;
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        while (read(fds[0], &seq, 8) == 8)
                acked = seq;
        close(fds[0]);
        assert_true(acked >= 2000);

        reopen(f);
        seen = read_all(f->store, 0, SIZE_MAX);
        assert_true(seen.in_order);
        assert_true(seen.n >= acked);
        assert_int_equal(seen.last, seen.n); /* no hole */
}

/* ---- two of them ---- */

/* `dinh meeting create` beside a running server. */
static void second_opener_writes_beside_the_first(void **state)
{
        struct fixture *f = *state;
        cleanup(store_closep) struct store *other = NULL;
        struct store_meeting meeting = { .id = "m2", .title = "x", .created_ms = 8 };
        struct done done = { 0 };

        assert_int_equal(store_open(&other, f->dir, NULL, NULL, f->error, sizeof(f->error)), 0);
        for (uint64_t seq = 1; seq <= 200; seq++)
                assert_int_equal(append(f->store, seq, true, &done), 0);
        assert_int_equal(store_meeting_create(other, &meeting), 0);
        wait_done(f, &done, 200);
        assert_int_equal(done.last, 0);
        assert_int_equal(store_meeting_get(f->store, "m2", &meeting), 0);
}

/* ---- barriers ---- */

static void a_barrier_comes_after_all_that_was_queued_before(void **state)
{
        struct fixture *f = *state;
        struct store_event event = { .meeting = MEETING, .at_ms = 1, .type = "chat", .body = "{}" };
        struct done done = { 0 };

        for (event.seq = 1; event.seq <= 3000; event.seq++)
                assert_int_equal(store_event_append(f->store, &event, false, NULL, NULL), 0);
        assert_int_equal(store_barrier(f->store, on_done, &done), 0);
        wait_done(f, &done, 1);
        assert_int_equal(done.last, 0);
        assert_int_equal(read_all(f->store, 0, 5000).n, 3000);
}

/* ---- opening ---- */

static void set_version(const struct fixture *f, const char *sql)
{
        char path[128];
        sqlite3 *db = NULL;

        path_in(f, "dinh.sqlite", path, sizeof(path));
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
}

/* As the release before recordings left it. */
static void an_older_database_gains_recordings_and_keeps_the_rest(void **state)
{
        struct fixture *f = *state;
        struct store_recording recording = { .id = "r1", .meeting = MEETING, .parts = "[]" };
        struct store_meeting meeting;
        struct done done = { 0 };

        f->store = store_close(f->store);
        set_version(f, "DROP TABLE recordings; DROP TABLE links; PRAGMA user_version=2;");
        reopen(f);
        assert_int_equal(store_meeting_get(f->store, MEETING, &meeting), 0);
        assert_int_equal(store_recording_put(f->store, &recording, on_done, &done), 0);
        wait_done(f, &done, 1);
        assert_int_equal(done.last, 0);
}

static void newer_version_is_refused(void **state)
{
        struct fixture *f = *state;

        f->store = store_close(f->store);
        set_version(f, "PRAGMA user_version=9999");
        assert_int_equal(store_open(&f->store, f->dir, NULL, NULL, f->error, sizeof(f->error)),
                         -ENOTSUP);
        assert_non_null(strstr(f->error, "newer version"));
        assert_null(f->store);
}

static void empty_file_is_migrated(void **state)
{
        struct fixture *f = *state;
        struct store_meeting meeting = { .id = "m", .title = "t", .created_ms = 1 };
        char path[128];

        f->store = store_close(f->store);
        path_in(f, "dinh.sqlite", path, sizeof(path));
        assert_int_equal(truncate(path, 0), 0);
        reopen(f);
        assert_int_equal(store_meeting_create(f->store, &meeting), 0);
        reopen(f);
        assert_int_equal(store_meeting_get(f->store, "m", &meeting), 0);
}

static void garbage_file_is_refused_clearly(void **state)
{
        struct fixture *f = *state;
        char path[128];
        FILE *file;

        f->store = store_close(f->store);
        path_in(f, "dinh.sqlite", path, sizeof(path));
        file = fopen(path, "w");
        for (int i = 0; i < 4096; i++)
                fputs("not a database\n", file);
        fclose(file);
        assert_true(store_open(&f->store, f->dir, NULL, NULL, f->error, sizeof(f->error)) < 0);
        assert_non_null(strstr(f->error, "not a database"));
}

static void unwritable_folder_is_a_clear_line(void **state)
{
        struct fixture *f = *state;
        struct store *store = NULL;
        char error[256] = "";

        assert_true(store_open(&store, "/proc/none", NULL, NULL, error, sizeof(error)) < 0);
        assert_non_null(strstr(error, "cannot make the data folder /proc/none"));
        assert_true(store_open(&store, "/proc/self", NULL, NULL, error, sizeof(error)) < 0);
        assert_non_null(strstr(error, "cannot write to the data folder /proc/self"));
        assert_null(store);
        (void)f;
}

static void new_folder_and_file_are_private(void **state)
{
        struct fixture *f = *state;
        struct store *store = NULL;
        struct stat st;
        char dir[80], path[128];

        path_in(f, "new", dir, sizeof(dir));
        assert_int_equal(store_open(&store, dir, NULL, NULL, f->error, sizeof(f->error)), 0);
        assert_int_equal(stat(dir, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        path_in(f, "new/dinh.sqlite", path, sizeof(path));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        store_close(store);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(dir), 0);
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

static void fill_disk(const char *path)
{
        static const char block[4096];
        int fd = open(path, O_WRONLY | O_CREAT, 0600);

        while (write(fd, block, sizeof(block)) > 0)
                ;
        close(fd);
}

static bool run_full_disk(struct fixture *f)
{
        static char body[16384];
        struct store_event event = { .meeting = MEETING, .seq = 1, .type = "t", .body = body };
        struct store_meeting meeting = { .id = MEETING, .title = "t" };
        struct done done = { 0 };
        char ballast[128];

        memset(body, 'x', sizeof(body) - 1);
        if (store_open(&f->store, f->dir, on_wake, f, f->error, sizeof(f->error)) < 0 ||
            store_meeting_create(f->store, &meeting) < 0)
                return false;
        path_in(f, "ballast", ballast, sizeof(ballast));
        fill_disk(ballast);
        for (; event.seq <= 4; event.seq++)
                (void)!store_event_append(f->store, &event, true, on_done, &done);
        wait_done(f, &done, 4);
        if (done.last != -ENOSPC || read_all(f->store, 0, 100).n == 4)
                return false;

        unlink(ballast);
        event.seq = 100;
        (void)!store_event_append(f->store, &event, true, on_done, &done);
        wait_done(f, &done, 5);
        return done.last == 0 && read_all(f->store, 0, 100).last == 100;
}

static void full_disk_fails_the_write_and_not_the_store(void **state)
{
        struct fixture *f = *state;
        int status = 0;
        pid_t pid;

        f->store = store_close(f->store);
        pid = fork();
        if (pid == 0) {
                if (!mount_small_disk(f->dir, "size=512k"))
                        _exit(CHILD_SKIP);
                _exit(run_full_disk(f) ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == CHILD_SKIP)
                skip();
        assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(events_are_read_back_in_order),
                TEST(repeated_seq_fails_alone),
                TEST(event_of_unknown_meeting_fails_alone),
                TEST(seq_zero_is_refused_at_once),
                TEST(close_commits_what_is_queued),
                TEST(full_queue_says_so_and_recovers),
                TEST(acknowledged_events_survive_kill_9),
                TEST(second_opener_writes_beside_the_first),
                TEST(an_older_database_gains_recordings_and_keeps_the_rest),
                TEST(newer_version_is_refused),
                TEST(empty_file_is_migrated),
                TEST(garbage_file_is_refused_clearly),
                TEST(unwritable_folder_is_a_clear_line),
                TEST(new_folder_and_file_are_private),
                TEST(a_barrier_comes_after_all_that_was_queued_before),
                TEST(full_disk_fails_the_write_and_not_the_store),
        };

        return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
