/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/job_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fd.h"
#include "base/process.h"
#include "sfu/jobs/jobs.h"

enum {
        MAX_ARGS = 160,
        NOBODY = 65534,
        /* the child's descriptors, while bubblewrap prepares */
        FD_MEDIA = 3,
        FD_PROGRAM,
        FD_WORK,
        FD_INPUT,
        FD_CACHE,
};

/* A server that runs as root gives that up first: see docs-share/io/sandbox.c, also for the
 * capabilities. Nobody may not walk to the job's folder (all above it is the server's alone),
 * so root puts what the job gets on /mnt, in a mount namespace of the job's own. */
static const char *const root_mount_args[] = {
        "unshare", "--mount", "sh", "-c",
        "set -e\n"
        "mount -t tmpfs -o mode=0755,size=64k none /mnt\n"
        "for spec in $0; do\n"
        "  fd=${spec%:*} to=/mnt/${spec#*:}\n"
        "  if [ -d /proc/self/fd/$fd ]; then mkdir $to; else : >$to; fi\n"
        "  mount --bind /proc/self/fd/$fd $to\n"
        "done\n"
        "exec \"$@\"\n"
};
static const char *const root_args[] = { "--reuid", "65534", "--regid", "65534", "--clear-groups" };
static const char *const no_caps_args[] = { "setpriv", "--ambient-caps", "-all", "--inh-caps",
                                            "-all" };
static const char *const fixed_args[] = {
        "bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "65534", "--gid",
        "65534", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--ro-bind", "/usr",
        "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink",
        "usr/lib64", "/lib64", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
        /* captions: fontconfig */
        "--ro-bind-try", "/etc/fonts", "/etc/fonts", "--ro-bind-try", "/var/cache/fontconfig",
        "/var/cache/fontconfig",
        /* libblas and the like behind GStreamer's plug-ins */
        "--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--proc", "/proc", "--dev",
        "/dev", "--size", "67108864", "--tmpfs", "/tmp",
        /* an empty environment */
        "--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/tmp", "--setenv",
        "LANG", "C.UTF-8", "--setenv", "GST_REGISTRY", "/cache/registry.bin", "--setenv",
        "GST_REGISTRY_FORK", "no"
};
/* Only `dinh job check` looks for plug-ins; the others believe what it wrote. */
static const char *const read_cache_args[] = { "--setenv", "GST_REGISTRY_UPDATE", "no" };
static const char *const network_args[] = {
        "--share-net",        "--ro-bind-try",      "/etc/resolv.conf", "/etc/resolv.conf",
        "--ro-bind-try",      "/etc/hosts",         "/etc/hosts",       "--ro-bind-try",
        "/etc/nsswitch.conf", "/etc/nsswitch.conf", "--ro-bind-try",    "/etc/gai.conf",
        "/etc/gai.conf",      "--ro-bind-try",      "/etc/ssl/certs",   "/etc/ssl/certs"
};
/* /dev/shm and / itself would be memory without a limit. */
static const char *const end_args[] = { "--remount-ro", "/dev", "--remount-ro", "/", "--chdir",
                                        "/tmp",         "--" };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/* What it finds shall look like a crash; leaks of GLib's and GStreamer's are not ours. */
static const char *const sanitizer_args[] = { "--setenv", "ASAN_OPTIONS",
                                              "detect_leaks=0:exitcode=134" };
#else
static const char *const sanitizer_args[] = { "--setenv", "MALLOC_ARENA_MAX", "4" };
#endif

struct args {
        const char *list[MAX_ARGS];
        size_t n;
};

/* Keeps room for the NULL at the end. */
static void add_args(struct args *args, const char *const *more, size_t n)
{
        for (size_t i = 0; i < n && args->n + 1 < MAX_ARGS; i++)
                args->list[args->n++] = more[i];
        args->list[args->n] = NULL;
}

#define ADD(args, list) add_args(args, list, ARRAY_LEN(list))

/* What is bound into the sandbox from outside: a descriptor, or its copy on /mnt. */
static void add_bind(struct args *args, bool read_only, const char *fd, const char *mounted,
                     const char *to)
{
        const char *by_fd[] = { read_only ? "--ro-bind-fd" : "--bind-fd", fd, to };
        const char *by_path[] = { read_only ? "--ro-bind" : "--bind", mounted, to };

        if (geteuid() == 0)
                ADD(args, by_path);
        else
                ADD(args, by_fd);
}

static void add_root_args(struct args *args, const struct job_sandbox *child)
{
        static const char *const specs[] = { "7:cache", "7:cache 5:work", "7:cache 6:input",
                                             "7:cache 5:work 6:input" };
        const char *spec[] = { specs[(child->dir ? 1 : 0) + (child->input ? 2 : 0)] };

        ADD(args, root_mount_args);
        ADD(args, spec);
}

static void build_args(struct args *args, const struct job_sandbox *child)
{
        const char *program[] = { "/proc/self/fd/4", "job", child->word };

        if (geteuid() == 0)
                add_root_args(args, child);
        ADD(args, no_caps_args);
        if (geteuid() == 0)
                ADD(args, root_args);
        ADD(args, fixed_args);
        ADD(args, sanitizer_args);
        if (!child->cache_writable)
                ADD(args, read_cache_args);
        if (child->network)
                ADD(args, network_args);
        if (child->dir)
                add_bind(args, child->dir_read_only, "5", "/mnt/work", "/work");
        if (child->input)
                add_bind(args, true, "6", "/mnt/input", "/input");
        add_bind(args, !child->cache_writable, "7", "/mnt/cache", "/cache");
        ADD(args, end_args);
        ADD(args, program);
}

static int give_to_jobs(int fd)
{
        if (geteuid() == 0 && fchown(fd, NOBODY, NOBODY) < 0)
                return -errno;
        return 0;
}

static int put_program(struct process_fds *fds)
{
        cleanup(closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

        return fd < 0 ? -errno : process_fds_put(fds, FD_PROGRAM, fd);
}

static int put_folder(struct process_fds *fds, size_t at, const char *path, bool give)
{
        cleanup(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int r;

        if (fd < 0)
                return -errno;
        r = give ? give_to_jobs(fd) : 0;
        return r < 0 ? r : process_fds_put(fds, at, fd);
}

/* Others than the job cannot walk to it. */
static int put_input(struct process_fds *fds, const char *path)
{
        cleanup(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (geteuid() == 0 && fchmod(fd, (st.st_mode & 07777) | 0444) < 0)
                return -errno;
        return process_fds_put(fds, FD_INPUT, fd);
}

static int collect(struct process_fds *fds, const struct job_sandbox *child)
{
        const int given[] = { child->in, child->out, child->err, child->fd };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(given); i++)
                r = given[i] < 0 ? 0 : process_fds_put(fds, i, given[i]);
        if (r == 0)
                r = put_program(fds);
        if (r == 0 && child->dir)
                r = put_folder(fds, FD_WORK, child->dir, !child->dir_read_only);
        if (r == 0 && child->input)
                r = put_input(fds, child->input);
        if (r == 0)
                r = put_folder(fds, FD_CACHE, child->cache_dir, child->cache_writable);
        return r;
}

int job_sandbox_start(pid_t *ret_pid, const struct job_sandbox *child)
{
        struct args args = { .n = 0 };
        cleanup(process_fds_donep) struct process_fds fds = PROCESS_NO_FDS;
        int r;

        r = collect(&fds, child);
        if (r < 0)
                return r;
        build_args(&args, child);
        return process_start(ret_pid, (char *const *)args.list, &fds);
}

int jobs_give(const char *path)
{
        cleanup(closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

        return fd < 0 ? -errno : give_to_jobs(fd);
}

int jobs_open_file(const char *dir, const char *name, int *ret_fd)
{
        const struct open_how how = {
                .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        };
        cleanup(closep) int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        cleanup(closep) int fd = -1;
        struct stat st;

        if (dir_fd < 0)
                return -errno;
        fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENOENT;
        *ret_fd = take_fd(&fd);
        return 0;
}
