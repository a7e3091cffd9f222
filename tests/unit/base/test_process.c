/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/fd.h"

/* What `sh -c script` printed; its exit status is returned. */
static int run(const char *script, struct process_fds *fds, char *ret_text, size_t size)
{
        char *argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
        int pipe_fds[2], status;
        size_t len = 0;
        ssize_t n;
        pid_t pid;

        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        assert_int_equal(process_fds_put(fds, 1, pipe_fds[1]), 0);
        assert_int_equal(process_start(&pid, argv, fds), 0);
        process_fds_donep(fds);
        close(pipe_fds[1]);
        while ((n = read(pipe_fds[0], ret_text + len, size - 1 - len)) > 0)
                len += (size_t)n;
        ret_text[len] = '\0';
        close(pipe_fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static int open_with(const char *text)
{
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        assert_int_equal(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
        close(fds[1]);
        return fds[0];
}

static void child_gets_each_descriptor_at_its_number(void **state)
{
        struct process_fds fds = PROCESS_NO_FDS;
        int three = open_with("three"), five = open_with("five");
        char text[64];

        (void)state;
        /* Crossed: what becomes 3 may well be our 5. */
        assert_int_equal(process_fds_put(&fds, 5, five), 0);
        assert_int_equal(process_fds_put(&fds, 3, three), 0);
        close(three);
        close(five);
        assert_int_equal(run("cat <&3; echo; cat <&5; cat <&4", &fds, text, sizeof(text)), 0);
        assert_string_equal(text, "three\nfive");
}

static void child_keeps_nothing_else_of_ours(void **state)
{
        struct process_fds fds = PROCESS_NO_FDS;
        int leaky = fcntl(STDERR_FILENO, F_DUPFD, 100); /* not close-on-exec */
        char text[256];

        (void)state;
        assert_true(leaky >= 100);
        assert_int_equal(
                run("for f in /proc/$$/fd/*; do echo ${f##*/}; done | sort -n | tr '\\n' ' '", &fds,
                    text, sizeof(text)),
                0);
        close(leaky);
        assert_null(strstr(text, "100"));
        assert_non_null(strstr(text, "7 "));
}

static void child_leads_its_group_with_no_signal_blocked_or_ignored(void **state)
{
        struct process_fds fds = PROCESS_NO_FDS;
        sigset_t blocked, before;
        char text[16];
        int status;

        (void)state;
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigprocmask(SIG_BLOCK, &blocked, &before);
        signal(SIGTERM, SIG_IGN);
        status = run("kill -TERM 0; echo not reached", &fds, text, sizeof(text));
        signal(SIGTERM, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

static void missing_program_is_an_error(void **state)
{
        struct process_fds fds = PROCESS_NO_FDS;
        char *argv[] = { (char *)"/nowhere/none", NULL };
        pid_t pid;

        (void)state;
        assert_int_equal(process_start(&pid, argv, &fds), -ENOENT);
        assert_int_equal(process_fds_put(&fds, 0, -1), -EBADF);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(child_gets_each_descriptor_at_its_number),
                cmocka_unit_test(child_keeps_nothing_else_of_ours),
                cmocka_unit_test(child_leads_its_group_with_no_signal_blocked_or_ignored),
                cmocka_unit_test(missing_program_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
