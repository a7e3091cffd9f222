/* SPDX-License-Identifier: Apache-2.0 */
#include "load/io/usage.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/fd.h"

enum { MAX_THREADS = 64 };

struct usage_meter {
        pid_t pid;
        size_t n;
        struct {
                char tid[16];
                bool media;
                int perf; /* -1: the kernel does not count */
        } threads[MAX_THREADS];
        bool kernel_too;
};

static int open_counter(pid_t tid, bool kernel)
{
        struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
                                        .size = sizeof(attr),
                                        .config = PERF_COUNT_HW_INSTRUCTIONS,
                                        .exclude_kernel = !kernel,
                                        .exclude_hv = 1 };

        return (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static bool read_line(const struct usage_meter *meter, const char *tid, const char *file, char *ret,
                      size_t cap)
{
        char path[100];
        FILE *f;
        bool ok;

        snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", (int)meter->pid, tid, file);
        f = fopen(path, "re");
        if (!f)
                return false;
        ok = fgets(ret, (int)cap, f);
        (void)fclose(f);
        return ok;
}

static void add_thread(struct usage_meter *meter, const char *tid)
{
        char name[64] = "";
        int perf;

        if (meter->n == MAX_THREADS || strlen(tid) >= sizeof(meter->threads[0].tid) ||
            !read_line(meter, tid, "comm", name, sizeof(name)))
                return;
        perf = open_counter((pid_t)atoi(tid), meter->kernel_too);
        if (perf < 0 && errno == EACCES && meter->kernel_too) {
                meter->kernel_too = false;
                perf = open_counter((pid_t)atoi(tid), false);
        }
        strcpy(meter->threads[meter->n].tid, tid);
        meter->threads[meter->n].media = strncmp(name, "media-", 6) == 0;
        meter->threads[meter->n++].perf = perf;
}

int usage_meter_new(struct usage_meter **ret_meter, pid_t pid)
{
        cleanup(usage_meter_freep) struct usage_meter *meter = calloc(1, sizeof(*meter));
        cleanup(closedirp) DIR *dir = NULL;
        const struct dirent *entry;
        char path[64];

        if (!meter)
                return -ENOMEM;
        meter->pid = pid;
        meter->kernel_too = true;
        snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
        dir = opendir(path);
        if (!dir)
                return -ESRCH;
        while ((entry = readdir(dir)))
                if (entry->d_name[0] != '.')
                        add_thread(meter, entry->d_name);
        *ret_meter = take_ptr(meter);
        return 0;
}

struct usage_meter *usage_meter_free(struct usage_meter *meter)
{
        for (size_t i = 0; meter && i < meter->n; i++)
                closep(&meter->threads[i].perf);
        free(meter);
        return NULL;
}

/* "ns on a core, ns waiting for one, time slices" (Documentation/scheduler/sched-stats.rst). */
static void read_schedstat(const struct usage_meter *meter, const char *tid, int64_t *ret_cpu_ns,
                           int64_t *ret_waited_ns)
{
        char line[200];

        *ret_cpu_ns = *ret_waited_ns = 0;
        if (read_line(meter, tid, "schedstat", line, sizeof(line)))
                sscanf(line, "%" SCNd64 " %" SCNd64, ret_cpu_ns, ret_waited_ns);
}

static int64_t resident_kb(const struct usage_meter *meter)
{
        char line[200];
        long pages = 0;

        if (read_line(meter, meter->threads[0].tid, "statm", line, sizeof(line)))
                sscanf(line, "%*d %ld", &pages);
        return (int64_t)pages * sysconf(_SC_PAGESIZE) / 1024;
}

void usage_meter_read(struct usage_meter *meter, struct usage *ret_usage)
{
        struct usage usage = { .has_instructions = meter->n > 0, .kernel_too = meter->kernel_too };

        for (size_t i = 0; i < meter->n; i++) {
                uint64_t count = 0;
                int64_t ns, waited_ns;

                read_schedstat(meter, meter->threads[i].tid, &ns, &waited_ns);
                usage.cpu_ns += ns;
                usage.waited_ns += waited_ns;
                usage.media_ns += meter->threads[i].media ? ns : 0;
                if (meter->threads[i].perf < 0 ||
                    read(meter->threads[i].perf, &count, sizeof(count)) != sizeof(count))
                        usage.has_instructions = false;
                usage.instructions += count;
        }
        usage.resident_kb = meter->n > 0 ? resident_kb(meter) : 0;
        *ret_usage = usage;
}

void usage_read_own(int64_t *ret_cpu_ns, int64_t *ret_waited_ns)
{
        const struct usage_meter meter = { .pid = getpid() };
        struct timespec ts;
        char tid[16];
        int64_t ns;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
        *ret_cpu_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
        snprintf(tid, sizeof(tid), "%d", (int)gettid());
        read_schedstat(&meter, tid, &ns, ret_waited_ns);
}
