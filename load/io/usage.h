/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage — what a process on this machine has used: CPU by /proc (nanoseconds, by
 *         thread), memory, and instructions where the kernel counts them.
 *
 * Layer:  load/io.
 * Owner:  the run.
 */
#ifndef LOAD_IO_USAGE_H
#define LOAD_IO_USAGE_H

#include <sys/types.h>

#include "base/base.h"

struct usage {
        int64_t cpu_ns, media_ns; /* of all threads, of those named media-… */
        int64_t waited_ns;        /* ready to run, and another process had the core */
        int64_t resident_kb;
        bool has_instructions;
        uint64_t instructions;
        bool kernel_too; /* the instructions are the kernel's as well */
};

struct usage_meter;

/* Returns 0 or -errno (-ESRCH: no such process). */
must_use int usage_meter_new(struct usage_meter **ret_meter, pid_t pid);
struct usage_meter *usage_meter_free(struct usage_meter *meter); /* accepts NULL */
DEFINE_CLEANUP(struct usage_meter *, usage_meter_free)

void usage_meter_read(struct usage_meter *meter, struct usage *ret_usage);

/* Of the calling thread; waited_ns is 0 where the kernel does not tell. */
void usage_read_own(int64_t *ret_cpu_ns, int64_t *ret_waited_ns);

#endif
