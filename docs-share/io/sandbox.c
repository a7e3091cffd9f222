/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"

enum { MAX_ARGS = 128 };

/* Everything below is the same for each program. LANG decides how LibreOffice
 * reads file names; C.UTF-8 needs no locale package. HOME is the private /tmp. */
static const char *const fixed_args[] = {
        "bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid",
        "65534", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
        /* a read-only root made of little */
        "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
        "--symlink", "usr/lib64", "/lib64", "--ro-bind-try", "/etc/fonts", "/etc/fonts",
        "--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--ro-bind-try",
        "/etc/libreoffice", "/etc/libreoffice", "--ro-bind-try", "/etc/ld.so.cache",
        "/etc/ld.so.cache", "--ro-bind-try", "/var/cache/fontconfig", "/var/cache/fontconfig",
        "--proc", "/proc", "--dev", "/dev", "--size", "1073741824", "--tmpfs", "/tmp",
        /* an empty environment */
        "--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/tmp", "--setenv",
        "LANG", "C.UTF-8", "--chdir", "/tmp"
};
/* A server that runs as root gives that up first: the kernel does not count
 * root's processes against a limit, and the converter's user outside of its
 * namespace should be nobody. */
static const char *const root_args[] = { "--reuid", "65534", "--regid", "65534", "--clear-groups" };
/* bwrap refuses to start with capabilities that it was not given by being
 * setuid, such as the one that lets a service bind port 443. */
static const char *const no_caps_args[] = { "setpriv", "--ambient-caps", "-all", "--inh-caps",
                                            "-all" };
static const char *const limit_args[] = { "prlimit",     "--as=2147483648",
                                          "--cpu=180",   "--fsize=536870912",
                                          "--nproc=200", "--nofile=1024",
                                          "--core=0",    "--" };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* Leaks of libraries are not our program's fault. */
static const char *const program_args[] = { "--setenv", "ASAN_OPTIONS", "detect_leaks=0" };
#else
static const char *const program_args[] = { "--setenv", "MALLOC_ARENA_MAX", "4" };
#endif

/* The child's descriptors besides 0, 1 and 2; 3 is also what a job's media would be. */
enum { FD_COPY = 3, FD_PROGRAM = 4, FD_FILE = 5 };

struct args {
        const char *list[MAX_ARGS];
        size_t n;
};

/* Keeps room for the NULL at the end. */
static void add_args(struct args *args, const char *const *more, size_t n)
{
        for (size_t i = 0; i < n && args->n + 1 < MAX_ARGS; i++)
                args->list[args->n++] = more[i];
}

static void build_args(struct args *args, const struct sandbox_run *run)
{
        static const char *const nice_args[] = { "--", "nice", "-n", "10" };
        static const char *const self[] = { "/proc/self/fd/4" };
        const char *copy[] = { "--perms", "0444", "--ro-bind-data", "3", run->input_name };
        /* Not --ro-bind-fd: that looks at the path, which is not for the child's user. */
        const char *file[] = { "--symlink", "/proc/self/fd/5", run->input_name };
        size_t n = 0;

        while (run->argv[n])
                n++;
        add_args(args, no_caps_args, ARRAY_LEN(no_caps_args));
        if (geteuid() == 0)
                add_args(args, root_args, ARRAY_LEN(root_args));
        add_args(args, fixed_args, ARRAY_LEN(fixed_args));
        if (run->program) {
                add_args(args, program_args, ARRAY_LEN(program_args));
                add_args(args, file, run->input ? ARRAY_LEN(file) : 0);
                add_args(args, nice_args, ARRAY_LEN(nice_args));
                add_args(args, self, ARRAY_LEN(self));
                add_args(args, run->argv + 1, n - 1);
        } else {
                add_args(args, copy, run->input ? ARRAY_LEN(copy) : 0);
                add_args(args, nice_args, ARRAY_LEN(nice_args));
                add_args(args, limit_args, ARRAY_LEN(limit_args));
                add_args(args, run->argv, n);
        }
        args->list[args->n] = NULL;
}

struct child {
        pid_t pid;
        int pidfd, in, out, err; /* our ends */
};

static void child_donep(struct child *child)
{
        if (child->pid > 0) { /* not yet waited for */
                /* and what it forked before its namespaces stood: that would wait for it for ever */
                (void)kill(-child->pid, SIGKILL);
                (void)kill(child->pid, SIGKILL);
                (void)waitpid(child->pid, NULL, 0);
        }
        closep(&child->pidfd);
        closep(&child->in);
        closep(&child->out);
        closep(&child->err);
}

/* Takes fd, or the errno that came for it. */
static int put_end(struct process_fds *ends, size_t at, int fd)
{
        cleanup(closep) int taken = fd;

        return taken < 0 ? -errno : process_fds_put(ends, at, taken);
}

static int open_pipe(struct process_fds *ends, int at, int *ret_fd)
{
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        *ret_fd = fds[at == 0];
        return put_end(ends, (size_t)at, fds[at != 0]);
}

/* Its input is opened here: its user need not be allowed to. */
static int open_ends(struct process_fds *ends, struct child *child, const struct sandbox_run *run)
{
        int r = open_pipe(ends, 1, &child->out);

        if (r == 0)
                r = open_pipe(ends, 2, &child->err);
        if (r == 0 && run->input)
                r = put_end(ends, run->program ? FD_FILE : FD_COPY,
                            open(run->input, O_RDONLY | O_CLOEXEC));
        if (r < 0 || !run->program)
                return r;
        r = put_end(ends, FD_PROGRAM, open(run->program, O_RDONLY | O_CLOEXEC));
        if (r == 0)
                r = open_pipe(ends, 0, &child->in);
        /* It fits into the pipe. */
        if (r == 0 && write(child->in, run->line, strlen(run->line)) < 0)
                r = -errno;
        return r;
}

static int start_child(struct child *child, const struct sandbox_run *run)
{
        struct args args = { .n = 0 };
        cleanup(process_fds_donep) struct process_fds ends = PROCESS_NO_FDS;
        int r;

        build_args(&args, run);
        r = open_ends(&ends, child, run);
        if (r < 0)
                return r;
        r = process_start(&child->pid, (char *const *)args.list, &ends);
        if (r < 0) {
                child->pid = 0;
                return r;
        }
        child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
        return child->pidfd < 0 ? -errno : 0;
}

/* One read. False at the end of the pipe. */
static bool read_stdout(int fd, const struct sandbox_run *run, struct sandbox_result *result)
{
        uint8_t buffer[65536];
        ssize_t n = read(fd, buffer, sizeof(buffer));

        if (n <= 0)
                return n < 0 && errno == EINTR;
        if (run->on_output)
                result->output_result = run->on_output(run->user, buffer, (size_t)n);
        return true;
}

static bool read_stderr(int fd, struct sandbox_result *result, size_t *len)
{
        char buffer[4096];
        ssize_t n = read(fd, buffer, sizeof(buffer));
        size_t room = sizeof(result->message) - 1 - *len;

        if (n <= 0)
                return n < 0 && errno == EINTR;
        if ((size_t)n < room)
                room = (size_t)n;
        memcpy(result->message + *len, buffer, room);
        *len += room;
        return true;
}

enum { WATCH_OUT, WATCH_ERR, WATCH_STOP, WATCH_PID, N_WATCH };

/* Until the program is gone and its pipes are empty. Returns how it ended when
 * we ended it, else SANDBOX_OK. */
static enum sandbox_end watch(struct child *child, const struct sandbox_run *run,
                              struct sandbox_result *result)
{
        struct pollfd fds[N_WATCH] = {
                [WATCH_OUT] = { .fd = child->out, .events = POLLIN },
                [WATCH_ERR] = { .fd = child->err, .events = POLLIN },
                [WATCH_STOP] = { .fd = run->stop_fd, .events = POLLIN },
                [WATCH_PID] = { .fd = child->pidfd, .events = POLLIN },
        };
        int64_t deadline_us = clock_now_us() + run->timeout_us;
        size_t message_len = 0;

        while (fds[WATCH_OUT].fd >= 0 || fds[WATCH_ERR].fd >= 0 || fds[WATCH_PID].fd >= 0) {
                int64_t left_us = deadline_us - clock_now_us();

                if (left_us <= 0)
                        return SANDBOX_LIMIT;
                if (poll(fds, N_WATCH, (int)(left_us / 1000) + 1) < 0 && errno != EINTR)
                        return SANDBOX_LIMIT;
                if (fds[WATCH_STOP].revents)
                        return SANDBOX_STOPPED;
                if (fds[WATCH_ERR].revents && !read_stderr(child->err, result, &message_len))
                        fds[WATCH_ERR].fd = -1;
                if (fds[WATCH_OUT].revents && !read_stdout(child->out, run, result))
                        fds[WATCH_OUT].fd = -1;
                if (result->output_result != 0)
                        return SANDBOX_STOPPED;
                if (fds[WATCH_PID].revents)
                        fds[WATCH_PID].fd = -1;
        }
        return SANDBOX_OK;
}

/* bwrap and the shell inside report a program's signal N as status 128 + N. */
static enum sandbox_end end_of_status(int status)
{
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 128)
                return SANDBOX_LIMIT;
        return WEXITSTATUS(status) == 0 ? SANDBOX_OK : SANDBOX_FAILED;
}

int sandbox_run(struct sandbox_result *ret_result, const struct sandbox_run *run)
{
        cleanup(child_donep) struct child child = { .pidfd = -1, .in = -1, .out = -1, .err = -1 };
        int status = 0;
        int r;

        *ret_result = (struct sandbox_result){ 0 };
        r = start_child(&child, run);
        if (r < 0)
                return r;
        ret_result->end = watch(&child, run, ret_result);
        if (ret_result->end != SANDBOX_OK)
                return 0; /* cleanup() kills it; its namespace goes with it */
        if (waitpid(child.pid, &status, 0) < 0)
                return -errno;
        child.pid = 0;
        ret_result->end = end_of_status(status);
        return 0;
}

int sandbox_check(char *ret_error, size_t error_cap)
{
        static const char *const argv[] = { "true", NULL };
        const struct sandbox_run run = { .argv = argv, .timeout_us = 10000000, .stop_fd = -1 };
        struct sandbox_result result;
        int r = sandbox_run(&result, &run);

        if (r < 0) {
                snprintf(ret_error, error_cap, "cannot start bwrap: %s", strerror(-r));
                return r;
        }
        if (result.end == SANDBOX_OK)
                return 0;
        result.message[strcspn(result.message, "\n")] = '\0';
        snprintf(ret_error, error_cap, "the sandbox does not work here: %.200s", result.message);
        return -EPERM;
}
