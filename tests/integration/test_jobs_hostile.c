/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that have turned against the server, and moments at which a job may be ended. This
 * program is also the job, as in test_jobs.c.
 *
 * Each job holds one end of a socket pair; that the other end reads its end proves that no process
 * of the job is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sfu/jobs/child.h"
#include "tests/integration/jobs_world.h"

/* ---- the job ---- */

static void flood(int fd, const char *text)
{
        for (;;)
                (void)!write(fd, text, strlen(text));
}

/* As many as it may; each of them holds everything open. */
static int fork_all(void)
{
        int n = 0;

        for (;;) {
                pid_t pid = fork();

                if (pid == 0)
                        for (;;)
                                pause();
                if (pid < 0)
                        return n;
                n++;
        }
}

static void leave_a_daemon(void)
{
        if (fork() == 0) {
                setsid();
                for (;;)
                        pause();
        }
        exit(0);
}

/* Sends its stdout to the server in a message that nobody reads, so that it never comes to its end. */
static void hide_stdout(void)
{
        union {
                struct cmsghdr head;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
                                .cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS } };
        struct iovec iov = { .iov_base = control.bytes, .iov_len = 1 };
        struct msghdr message = { .msg_iov = &iov,
                                  .msg_iovlen = 1,
                                  .msg_control = control.bytes,
                                  .msg_controllen = sizeof(control.bytes) };
        int fd = STDOUT_FILENO;

        memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
        exit(sendmsg(3, &message, 0) == 1 ? 0 : 1);
}

/* Ends when there is no more. */
static void take_memory(void)
{
        for (;;) {
                char *more = malloc(64 << 20);

                if (!more)
                        abort();
                more[0] = 1;
                __asm__ volatile("" : : "r"(more) : "memory"); /* it counts as used */
        }
}

static int be_hostile(struct child *child, const json_t *start, void **ret_job)
{
        const char *what = json_string_value(json_object_get(start, "do"));

        *ret_job = child;
        child_ready(child);
        if (strcmp(what, "flood") == 0)
                flood(STDOUT_FILENO,
                      "{\"type\":\"progress\",\"text\":\"0123456789012345678901234567\"}\n");
        if (strcmp(what, "flood-stderr") == 0)
                flood(STDERR_FILENO, "01234567890123456789012345678901234567890123456789\n");
        if (strcmp(what, "mute") == 0)
                close(STDOUT_FILENO);
        if (strcmp(what, "mute") == 0 || strcmp(what, "hang") == 0)
                for (;;)
                        pause();
        if (strcmp(what, "daemon") == 0)
                leave_a_daemon();
        if (strcmp(what, "forks") == 0)
                child_say(child, json_pack("{s:s, s:i}", "type", "forks", "n", fork_all()));
        if (strcmp(what, "memory") == 0)
                take_memory();
        if (strcmp(what, "hide") == 0)
                hide_stdout();
        if (strcmp(what, "code") == 0)
                child_fail(child, "<b>\xf0\x9f\x92\xa3</b>", "%s", "\xff\xfe");
        return 0;
}

static void echo(void *job, const char *type, const json_t *line)
{
        (void)type;
        child_say(job, json_deep_copy(line));
}

static int child_side(const char *word)
{
        struct job_ops ops = { .start = be_hostile, .on_line = echo };

        if (strcmp(word, "check") == 0)
                return 0;
        while (ops.kind < N_JOB_KINDS && strcmp(word, job_kind_word(ops.kind)) != 0)
                ops.kind++;
        return child_main(&ops);
}

/* ---- the server ---- */

static int start(struct world *world, struct owner *owner, enum job_kind kind, const char *what)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        owner_start(world, owner, (struct job_params){ .kind = kind, .fd = fds[1] },
                    json_pack("{s:s, s:s}", "type", "start", "do", what));
        return fds[0];
}

/* Every process of the job is gone, or this waits for ever. */
static void expect_nothing_left(int fd)
{
        char byte;

        assert_int_equal(recv(fd, &byte, 1, 0), 0);
        close(fd);
}

static void wait_ms(struct world *world, int64_t ms)
{
        int64_t until_us = clock_now_us() + ms * 1000;

        while (clock_now_us() < until_us) {
                uv_run(&world->loop, UV_RUN_NOWAIT);
                usleep(200);
        }
}

/* Two floods at once: what is read of them is bounded, another job's answer comes. */
static void test_floods_are_held_up(void **state)
{
        struct world *world = *state;
        json_t *line = json_pack("{s:s}", "type", "echo");
        struct owner out, err, good;
        int out_fd = start(world, &out, JOB_TRACKS, "flood");
        int err_fd = start(world, &err, JOB_PROGRAM, "flood-stderr");
        int good_fd = start(world, &good, JOB_FILM, "wait");
        int64_t start_us, waited_us;
        size_t n_lines;

        owner_wait_line(world, &out, "progress");
        owner_wait_line(world, &good, "ready");
        n_lines = out.n_lines;
        start_us = clock_now_us();
        job_send(good.job, line);
        owner_wait_line(world, &good, "echo");
        wait_ms(world, 1500);
        waited_us = clock_now_us() - start_us;
        /* 128 kB twice a second and what one read brings more, in lines of 60 bytes */
        assert_true((double)(out.n_lines - n_lines) < (double)waited_us / 5e5 * 2700 + 5400);
        assert_int_equal(good.n_ends, 0);
        job_kill(out.job);
        job_kill(err.job);
        job_stop(good.job);
        owner_wait_end(world, &out, JOB_FAILED);
        owner_wait_end(world, &err, JOB_FAILED);
        owner_wait_end(world, &good, JOB_DONE);
        expect_nothing_left(out_fd);
        expect_nothing_left(err_fd);
        expect_nothing_left(good_fd);
        json_decref(line);
        owner_done(&out);
        owner_done(&err);
        owner_done(&good);
}

static void test_what_a_job_forks_ends_with_it(void **state)
{
        struct world *world = *state;
        struct owner daemon, forks;
        int daemon_fd = start(world, &daemon, JOB_TRACKS, "daemon");
        int forks_fd = start(world, &forks, JOB_PROGRAM, "forks");
        json_int_t n;

        owner_wait_end(world, &daemon, JOB_DONE);
        expect_nothing_left(daemon_fd);
        n = json_integer_value(json_object_get(owner_wait_line(world, &forks, "forks"), "n"));
        assert_in_range(n, 10, 200);
        job_kill(forks.job);
        owner_wait_end(world, &forks, JOB_FAILED);
        expect_nothing_left(forks_fd);
        owner_done(&daemon);
        owner_done(&forks);
}

static void test_a_job_that_closes_its_stdout_is_not_lost(void **state)
{
        struct world *world = *state;
        struct owner owner;
        int fd = start(world, &owner, JOB_TRACKS, "mute");

        owner_wait_end(world, &owner, JOB_STALLED);
        expect_nothing_left(fd);
        owner_done(&owner);
}

static void test_a_stdout_without_an_end_is_given_up(void **state)
{
        struct world *world = *state;
        struct owner owner;
        char byte;
        int fd = start(world, &owner, JOB_TRACKS, "hide");

        owner_wait_end(world, &owner, JOB_DONE);
        assert_int_equal(recv(fd, &byte, 1, 0), 1);
        expect_nothing_left(fd);
        owner_done(&owner);
}

static void test_codes_are_words(void **state)
{
        struct world *world = *state;
        struct owner owner;
        int fd = start(world, &owner, JOB_TRACKS, "code");

        owner_wait_end(world, &owner, JOB_FAILED);
        assert_string_equal(owner.error, "internal");
        expect_nothing_left(fd);
        owner_done(&owner);
}

static void test_memory_is_bounded(void **state)
{
        struct world *world = *state;
        struct owner owner;
        int fd;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        skip(); /* a sanitizer's address space has no bound */
#endif
        fd = start(world, &owner, JOB_TRACKS, "memory");
        owner_wait_end(world, &owner, JOB_CRASHED);
        expect_nothing_left(fd);
        owner_done(&owner);
}

/* From before bubblewrap runs to after the job said it is ready. */
static void test_a_job_can_be_ended_at_any_moment(void **state)
{
        enum { N = 60 };
        struct world *world = *state;
        struct owner owners[N];
        int fds[N];

        for (int i = 0; i < N; i++) {
                fds[i] = start(world, &owners[i], (enum job_kind)(i % N_JOB_KINDS), "wait");
                wait_ms(world, i % 20);
                if (i % 3 == 0)
                        job_stop(owners[i].job);
                else
                        job_kill(owners[i].job);
        }
        for (int i = 0; i < N; i++) {
                owner_wait_end(world, &owners[i], i % 3 == 0 ? JOB_DONE : JOB_FAILED);
                assert_int_equal(owners[i].n_ends, 1);
                expect_nothing_left(fds[i]);
                owner_done(&owners[i]);
        }
}

static void test_freeing_jobs_that_just_start_leaves_nothing(void **state)
{
        struct world *world = *state;
        struct owner owners[10];
        int fds[10];

        for (int i = 0; i < 10; i++) {
                fds[i] = start(world, &owners[i], JOB_FILM, "wait");
                usleep(1500);
        }
        world->jobs = jobs_free(world->jobs);
        for (int i = 0; i < 10; i++) {
                expect_nothing_left(fds[i]);
                assert_int_equal(owners[i].n_ends, 0);
                owner_done(&owners[i]);
        }
}

/* ---- owners that act in callbacks ---- */

struct chain {
        struct jobs *jobs;
        const json_t *start;
        int left;
        size_t n_lines;
        struct job *job;
};

static void begin(struct chain *chain);

static void on_chain_line(void *user, const json_t *line)
{
        struct chain *chain = user;

        (void)line;
        chain->n_lines++;
        job_stop(chain->job);
        job_kill(chain->job);
        job_send(chain->job, line); /* into nothing */
}

static void on_chain_end(void *user, enum job_end reason, const char *error)
{
        struct chain *chain = user;

        (void)error;
        assert_int_equal(reason, JOB_FAILED);
        if (--chain->left > 0)
                begin(chain);
}

static void begin(struct chain *chain)
{
        const struct job_params params = { .kind = JOB_FILM,
                                           .fd = -1,
                                           .start = chain->start,
                                           .on_line = on_chain_line,
                                           .on_end = on_chain_end,
                                           .user = chain };

        assert_int_equal(job_start(chain->jobs, &params, &chain->job), 0);
}

static void test_owners_may_end_and_start_jobs_in_callbacks(void **state)
{
        struct world *world = *state;
        json_t *line = json_pack("{s:s, s:s}", "type", "start", "do", "wait");
        struct chain chain = { .jobs = world->jobs, .start = line, .left = 5 };

        begin(&chain);
        while (chain.left > 0)
                uv_run(&world->loop, UV_RUN_ONCE);
        assert_true(chain.n_lines >= 5);
        json_decref(line);
}

/* ---- what is not there ---- */

static int try_start(struct world *world, struct owner *owner, int fd)
{
        const struct job_params params = { .kind = JOB_TRACKS,
                                           .fd = fd,
                                           .dir = world->work,
                                           .on_end = (void (*)(void *, enum job_end,
                                                               const char *))abort };
        return job_start(world->jobs, &params, &owner->job);
}

static void test_a_start_that_fails_takes_nothing(void **state)
{
        struct world *world = *state;
        struct rlimit normal, few;
        struct owner owner;
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC), r = 0;

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &normal), 0);
        for (rlim_t n = 8; n < 60; n++) { /* each step of the start fails once */
                few = (struct rlimit){ n, normal.rlim_max };
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
                r = try_start(world, &owner, fd);
                assert_int_equal(setrlimit(RLIMIT_NOFILE, &normal), 0);
                if (r == 0)
                        break;
                assert_true(r == -EMFILE || r == -EINVAL || r == -EBADF);
                assert_true(fcntl(fd, F_GETFD) >= 0);
                uv_run(&world->loop, UV_RUN_NOWAIT);
        }
        assert_int_equal(r, 0);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
        world->jobs = jobs_free(world->jobs);
}

static void test_there_are_not_too_many(void **state)
{
        struct world *world = *state;
        struct owner owners[JOBS_MAX + 1];
        size_t n = 0;

        for (; n < JOBS_MAX; n++) {
                int r = try_start(world, &owners[n], -1);

                if (r == -EBUSY)
                        break; /* `dinh job check` is one, too */
                assert_int_equal(r, 0);
        }
        assert_true(n >= JOBS_MAX - 1);
        if (n == JOBS_MAX)
                assert_int_equal(try_start(world, &owners[n], -1), -EBUSY);
        world->jobs = jobs_free(world->jobs);
}

/* ---- what a job leaves ---- */

static void test_only_plain_files_in_the_folder_are_opened(void **state)
{
        static const struct {
                const char *name;
                int r;
        } rows[] = {
                { "plain", 0 },         { "in/plain", 0 },        { "in/../plain", 0 },
                { "link", -ELOOP },     { "out/passwd", -ELOOP }, { "fifo", -ENOENT },
                { "in", -ENOENT },      { "../secret", -EXDEV },  { "/etc/passwd", -EXDEV },
                { "missing", -ENOENT }, { "", -ENOENT },          { "in/../../secret", -EXDEV },
        };
        struct world *world = *state;
        char command[512];

        snprintf(
                command, sizeof(command),
                "cd %s && echo x >plain && mkdir in && echo x >in/plain && ln -s /etc/passwd link &&"
                " ln -s /etc out && mkfifo fifo && echo x >../secret",
                world->work);
        assert_int_equal(system(command), 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                int fd = -1;
                int r = jobs_open_file(world->work, rows[i].name, &fd);

                if (r != rows[i].r)
                        fail_msg("%s: %d", rows[i].name, r);
                if (r == 0)
                        close(fd);
                else
                        assert_int_equal(fd, -1);
        }
        snprintf(command, sizeof(command), "%s/link", world->work);
        assert_int_equal(jobs_give(command), -ELOOP);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(test_floods_are_held_up),
                TEST(test_what_a_job_forks_ends_with_it),
                TEST(test_a_job_that_closes_its_stdout_is_not_lost),
                TEST(test_a_stdout_without_an_end_is_given_up),
                TEST(test_codes_are_words),
                TEST(test_memory_is_bounded),
                TEST(test_a_job_can_be_ended_at_any_moment),
                TEST(test_freeing_jobs_that_just_start_leaves_nothing),
                TEST(test_owners_may_end_and_start_jobs_in_callbacks),
                TEST(test_a_start_that_fails_takes_nothing),
                TEST(test_there_are_not_too_many),
                TEST(test_only_plain_files_in_the_folder_are_opened),
        };

        if (argc == 3 && strcmp(argv[1], "job") == 0)
                return child_side(argv[2]);
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
