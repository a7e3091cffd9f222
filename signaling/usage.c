/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t read_resident(void)
{
        FILE *file = fopen("/proc/self/statm", "re");
        long size, resident = 0;

        if (!file)
                return 0;
        if (fscanf(file, "%ld %ld", &size, &resident) != 2)
                resident = 0;
        fclose(file);
        return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

static unsigned count_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        if (!dir)
                return 0;
        while (readdir(dir))
                n++;
        closedir(dir);
        return n > 3 ? n - 3 : 0; /* ".", ".." and dir's own */
}

static double seconds(const struct timeval *time)
{
        return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

void usage_read(struct process_usage *ret_usage)
{
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        ret_usage->resident_bytes = read_resident();
        ret_usage->cpu_s = seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
        ret_usage->open_fds = count_fds();
}
