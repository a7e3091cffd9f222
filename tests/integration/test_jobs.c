/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervision and sandbox of jobs. This program is also the job: started as `… job WORD` it
 * does what `do` of its first line says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sfu/jobs/child.h"
#include "tests/integration/jobs_world.h"

/* ---- the job ---- */

struct fake {
        struct child *child;
        const char *what;
};

static void say_text(struct child *child, const char *name, const char *text)
{
        child_say(child, json_pack("{s:s, s:s}", "type", name, "text", text));
}

static const char *error_of(int r)
{
        return r < 0 ? strerrorname_np(errno) : "";
}

static int connect_to(const char *address, uint16_t port)
{
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
        int fd = socket(AF_INET, SOCK_STREAM, 0), r;

        inet_pton(AF_INET, address, &to.sin_addr);
        r = connect(fd, (struct sockaddr *)&to, sizeof(to));
        return r;
}

/* Each attempt is told with its errno, "" when it went through. */
static void look_around(struct child *child, const json_t *start)
{
        const char *secret = json_string_value(json_object_get(start, "secret"));
        uint16_t port = (uint16_t)json_integer_value(json_object_get(start, "port"));

        say_text(child, "shadow", error_of(open("/etc/shadow", O_RDONLY)));
        say_text(child, "secret", error_of(open(secret, O_RDONLY)));
        say_text(child, "root", error_of(open("/planted", O_WRONLY | O_CREAT, 0600)));
        say_text(child, "shm", error_of(open("/dev/shm/planted", O_WRONLY | O_CREAT, 0600)));
        say_text(child, "usr", error_of(open("/usr/planted", O_WRONLY | O_CREAT, 0600)));
        say_text(child, "work", error_of(open("/work/made", O_WRONLY | O_CREAT, 0600)));
        say_text(child, "given", error_of(open("/work/given", O_RDONLY)));
        say_text(child, "input", error_of(open("/input", O_RDONLY)));
        say_text(child, "input-write", error_of(open("/input", O_WRONLY)));
        say_text(child, "cache-write", error_of(open("/cache/x", O_WRONLY | O_CREAT, 0600)));
        say_text(child, "network", error_of(connect_to("127.0.0.1", port)));
        say_text(child, "outside", error_of(connect_to("192.0.2.1", port)));
        child_done(child);
}

static void flood(const char *text)
{
        for (;;)
                (void)!write(STDOUT_FILENO, text, strlen(text));
}

static int fake_start(struct child *child, const json_t *start, void **ret_job)
{
        static struct fake fake;

        fake.child = child;
        fake.what = strdup(json_string_value(json_object_get(start, "do")));
        *ret_job = &fake;
        child_ready(child);
        if (strcmp(fake.what, "crash") == 0)
                raise(SIGSEGV);
        if (strcmp(fake.what, "hang") == 0)
                pause();
        if (strcmp(fake.what, "fail") == 0)
                child_fail(child, "disk-full", "no room");
        if (strcmp(fake.what, "done") == 0)
                child_done(child);
        if (strcmp(fake.what, "no-json") == 0)
                flood("hello\n");
        if (strcmp(fake.what, "no-end") == 0)
                flood("0123456789");
        if (strcmp(fake.what, "stderr") == 0)
                fprintf(stderr, "one\ntwo %s\n", "\033[31m");
        if (strcmp(fake.what, "look") == 0)
                look_around(child, start);
        return 0;
}

static void fake_line(void *job, const char *type, const json_t *line)
{
        struct fake *fake = job;

        if (strcmp(type, "echo") == 0)
                child_say(fake->child, json_deep_copy(line));
        if (strcmp(type, "deaf") == 0)
                pause();
}

static void fake_record(void *job, const uint8_t *data, size_t len)
{
        struct fake *fake = job;

        (void)data;
        child_say(fake->child, json_pack("{s:s, s:i}", "type", "record", "len", (int)len));
}

static bool fake_progress(void *job, json_t *line)
{
        const struct fake *fake = job;

        (void)line;
        return strcmp(fake->what, "stuck") != 0;
}

static void fake_stop(void *job)
{
        struct fake *fake = job;

        if (strcmp(fake->what, "stubborn") != 0)
                child_done(fake->child);
}

static int child_side(const char *word)
{
        struct job_ops ops = { .start = fake_start,
                               .on_line = fake_line,
                               .progress = fake_progress,
                               .stop = fake_stop };

        if (strcmp(word, "check") == 0) {
                puts("{\"type\":\"kinds\",\"camera\":\"GStreamer is without rtspsrc\"}");
                return 0;
        }
        while (ops.kind < N_JOB_KINDS && strcmp(word, job_kind_word(ops.kind)) != 0)
                ops.kind++;
        if (ops.kind == JOB_TRACKS)
                ops.on_record = fake_record;
        return child_main(&ops);
}

/* ---- the server ---- */

static void make_file(const char *dir, const char *name, int mode, char *ret_path)
{
        int fd;

        sprintf(ret_path, "%s/%s", dir, name);
        fd = open(ret_path, O_WRONLY | O_CREAT, mode);
        assert_true(fd >= 0);
        close(fd);
}

static void start(struct world *world, struct owner *owner, enum job_kind kind, const char *what)
{
        owner_start(world, owner, (struct job_params){ .kind = kind, .fd = -1 },
                    json_pack("{s:s, s:s}", "type", "start", "do", what));
}

static const char *text_of(const struct owner *owner, const char *type)
{
        return json_string_value(json_object_get(json_object_get(owner->lines, type), "text"));
}

static void test_a_job_is_started_told_things_and_stopped(void **state)
{
        struct world *world = *state;
        json_t *echo = json_pack("{s:s, s:s}", "type", "echo", "text", "Phim");
        int64_t start_us = clock_now_us();
        struct jobs_counters counters;
        struct owner owner;

        start(world, &owner, JOB_FILM, "wait");
        jobs_counters(world->jobs, &counters);
        assert_int_equal(counters.running[JOB_FILM], 1);
        owner_wait_line(world, &owner, "ready");
        printf("figure: start_to_ready_ms %d\n", (int)((clock_now_us() - start_us) / 1000));
        job_send(owner.job, echo);
        owner_wait_line(world, &owner, "echo");
        assert_string_equal(text_of(&owner, "echo"), "Phim");
        owner_wait_line(world, &owner, "progress");
        job_stop(owner.job);
        job_stop(owner.job);
        owner_wait_end(world, &owner, JOB_DONE);
        assert_string_equal(owner.error, "");
        jobs_counters(world->jobs, &counters);
        assert_int_equal(counters.started[JOB_FILM], 1);
        assert_int_equal(counters.running[JOB_FILM], 0);
        assert_int_equal(counters.failed[JOB_FILM], 0);
        assert_true(counters.cpu_s[JOB_FILM] > 0);
        json_decref(echo);
        owner_done(&owner);
}

static void test_a_crash_is_told_and_others_go_on(void **state)
{
        struct world *world = *state;
        struct jobs_counters counters;
        struct owner other, owner;

        start(world, &other, JOB_FILM, "wait");
        owner_wait_line(world, &other, "ready");
        start(world, &owner, JOB_TRACKS, "crash");
        owner_wait_end(world, &owner, JOB_CRASHED);
        assert_string_equal(owner.error, "");
        json_object_clear(other.lines);
        owner_wait_line(world, &other, "progress");
        jobs_counters(world->jobs, &counters);
        assert_int_equal(counters.failed[JOB_TRACKS], 1);
        assert_int_equal(counters.running[JOB_FILM], 1);
        job_kill(other.job);
        owner_wait_end(world, &other, JOB_FAILED);
        owner_done(&other);
        owner_done(&owner);
}

static void test_a_job_tells_why_it_failed(void **state)
{
        struct owner owner;

        start(*state, &owner, JOB_TRACKS, "fail");
        owner_wait_end(*state, &owner, JOB_FAILED);
        assert_string_equal(owner.error, "disk-full");
        owner_done(&owner);
}

static void test_silent_and_stubborn_jobs_are_killed(void **state)
{
        struct world *world = *state;
        struct owner hang, stuck, stubborn;

        start(world, &hang, JOB_TRACKS, "hang");
        start(world, &stuck, JOB_PROGRAM, "stuck");
        start(world, &stubborn, JOB_FILM, "stubborn");
        owner_wait_line(world, &stubborn, "ready");
        job_stop(stubborn.job);
        owner_wait_end(world, &hang, JOB_STALLED);
        owner_wait_end(world, &stuck, JOB_STALLED);
        owner_wait_end(world, &stubborn, JOB_STALLED);
        owner_done(&hang);
        owner_done(&stuck);
        owner_done(&stubborn);
}

static void test_a_job_that_does_not_read_is_killed(void **state)
{
        struct world *world = *state;
        json_t *deaf = json_pack("{s:s}", "type", "deaf");
        json_t *much = json_pack("{s:s, s:o}", "type", "much", "text",
                                 json_sprintf("%*s", 50000, "x"));
        struct owner owner;

        start(world, &owner, JOB_PROGRAM, "wait");
        owner_wait_line(world, &owner, "ready");
        job_send(owner.job, deaf);
        for (int i = 0; i < 30; i++)
                job_send(owner.job, much);
        owner_wait_end(world, &owner, JOB_STALLED);
        json_decref(deaf);
        json_decref(much);
        owner_done(&owner);
}

static void test_what_is_no_line_ends_the_job(void **state)
{
        static const char *const what[] = { "no-json", "no-end" };

        for (size_t i = 0; i < ARRAY_LEN(what); i++) {
                struct owner owner;

                start(*state, &owner, JOB_TRACKS, what[i]);
                owner_wait_end(*state, &owner, JOB_FAILED);
                assert_string_equal(owner.error, "internal");
                owner_done(&owner);
        }
}

static void test_records_come_one_by_one_and_the_end_is_seen(void **state)
{
        struct world *world = *state;
        struct owner owner;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        owner_start(world, &owner, (struct job_params){ .kind = JOB_TRACKS, .fd = fds[1] },
                    json_pack("{s:s, s:s}", "type", "start", "do", "wait"));
        assert_int_equal(fcntl(fds[1], F_GETFD), -1); /* it was taken over */
        assert_int_equal(send(fds[0], "123", 3, 0), 3);
        owner_wait_line(world, &owner, "record");
        assert_int_equal(
                json_integer_value(json_object_get(json_object_get(owner.lines, "record"), "len")),
                3);
        json_object_clear(owner.lines);
        close(fds[0]);
        owner_wait_line(world, &owner, "record");
        assert_int_equal(
                json_integer_value(json_object_get(json_object_get(owner.lines, "record"), "len")),
                0);
        job_stop(owner.job);
        owner_wait_end(world, &owner, JOB_DONE);
        owner_done(&owner);
}

/* A listener on loopback that a job with a network reaches. */
static int listen_anywhere(uint16_t *ret_port)
{
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof(at);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
        assert_int_equal(listen(fd, 8), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
        *ret_port = ntohs(at.sin_port);
        return fd;
}

static void look(struct world *world, enum job_kind kind, struct owner *owner)
{
        char given[128], input[128], secret[128];
        uint16_t port;
        int fd = listen_anywhere(&port);

        make_file(world->work, "given", 0600, given);
        make_file(world->dir, "input", 0600, input);
        make_file(world->dir, "secret", 0644, secret);
        assert_int_equal(jobs_give(given), 0);
        owner_start(world, owner, (struct job_params){ .kind = kind, .fd = -1, .input = input },
                    json_pack("{s:s, s:s, s:s, s:i}", "type", "start", "do", "look", "secret",
                              secret, "port", port));
        owner_wait_end(world, owner, JOB_DONE);
        close(fd);
}

static void test_the_sandbox_holds(void **state)
{
        struct world *world = *state;
        struct owner owner;
        struct stat st;
        char made[128];

        look(world, JOB_TRACKS, &owner);
        assert_string_equal(text_of(&owner, "shadow"), "ENOENT");
        assert_string_equal(text_of(&owner, "secret"), "ENOENT");
        assert_string_equal(text_of(&owner, "root"), "EROFS");
        assert_string_equal(text_of(&owner, "shm"), "EROFS");
        assert_string_equal(text_of(&owner, "usr"), "EROFS");
        assert_string_equal(text_of(&owner, "cache-write"), "EROFS");
        assert_string_equal(text_of(&owner, "network"), "ECONNREFUSED"); /* its own loopback */
        assert_string_equal(text_of(&owner, "outside"), "ENETUNREACH");
        assert_string_equal(text_of(&owner, "work"), "");
        assert_string_equal(text_of(&owner, "given"), "");
        snprintf(made, sizeof(made), "%s/made", world->work);
        assert_int_equal(stat(made, &st), 0);
        assert_true(st.st_uid == (geteuid() == 0 ? 65534 : geteuid()));
        owner_done(&owner);
}

static void test_only_kinds_that_need_it_have_a_network(void **state)
{
        struct owner camera, rtmp;

        look(*state, JOB_CAMERA, &camera);
        assert_string_equal(text_of(&camera, "network"), "");
        assert_string_equal(text_of(&camera, "shadow"), "ENOENT");
        look(*state, JOB_RTMP, &rtmp);
        assert_string_equal(text_of(&rtmp, "network"), "");
        assert_string_equal(text_of(&rtmp, "work"), "EROFS");
        owner_done(&camera);
        owner_done(&rtmp);
}

static void test_kinds_that_cannot_run_say_why(void **state)
{
        struct world *world = *state;
        const char *why = "";

        while (jobs_can(world->jobs, JOB_CAMERA, &why))
                uv_run(&world->loop, UV_RUN_ONCE);
        assert_string_equal(why, "GStreamer is without rtspsrc");
        assert_true(jobs_can(world->jobs, JOB_TRACKS, &why));
}

/* A server of its own process, which says its job's process is ready and is then killed. */
static void be_a_server(int tell)
{
        struct world *world;
        struct owner owner;
        void *state;

        world_setup(&state);
        world = state;
        owner_start(world, &owner, (struct job_params){ .kind = JOB_FILM, .fd = tell },
                    json_pack("{s:s, s:s}", "type", "start", "do", "wait"));
        owner_wait_line(world, &owner, "ready");
        (void)!write(STDOUT_FILENO, world->dir, sizeof(world->dir));
        for (;;)
                uv_run(&world->loop, UV_RUN_ONCE);
}

/* The job holds one end of a socket pair: the other one reads its end when it is gone. */
static void test_jobs_die_with_a_server_that_is_killed(void **state)
{
        char dir[64], command[128], byte;
        int held[2], told[2];
        pid_t pid;

        (void)state;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, held), 0);
        assert_int_equal(pipe(told), 0);
        pid = fork();
        if (pid == 0) {
                dup2(told[1], STDOUT_FILENO);
                be_a_server(held[1]);
        }
        close(held[1]);
        assert_int_equal(read(told[0], dir, sizeof(dir)), sizeof(dir));
        assert_int_equal(recv(held[0], &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(recv(held[0], &byte, 1, 0), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(held[0]);
        close(told[0]);
        close(told[1]);
        snprintf(command, sizeof(command), "rm -r %s", dir);
        assert_int_equal(system(command), 0);
}

static void test_the_end_of_all_jobs_leaves_nothing(void **state)
{
        struct world *world = *state;
        struct owner owners[3];

        for (size_t i = 0; i < ARRAY_LEN(owners); i++)
                start(world, &owners[i], (enum job_kind)i, "wait");
        owner_wait_line(world, &owners[0], "ready");
        world->jobs = jobs_free(world->jobs);
        while (uv_loop_alive(&world->loop) && waitpid(-1, NULL, WNOHANG) >= 0)
                uv_run(&world->loop, UV_RUN_NOWAIT);
        for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
                assert_int_equal(owners[i].n_ends, 0);
                owner_done(&owners[i]);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_job_is_started_told_things_and_stopped),
                TEST(test_a_crash_is_told_and_others_go_on),
                TEST(test_a_job_tells_why_it_failed),
                TEST(test_silent_and_stubborn_jobs_are_killed),
                TEST(test_a_job_that_does_not_read_is_killed),
                TEST(test_what_is_no_line_ends_the_job),
                TEST(test_records_come_one_by_one_and_the_end_is_seen),
                TEST(test_the_sandbox_holds),
                TEST(test_only_kinds_that_need_it_have_a_network),
                TEST(test_kinds_that_cannot_run_say_why),
                cmocka_unit_test(test_jobs_die_with_a_server_that_is_killed),
                TEST(test_the_end_of_all_jobs_leaves_nothing),
        };

        if (argc == 3 && strcmp(argv[1], "job") == 0)
                return child_side(argv[2]);
        signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
