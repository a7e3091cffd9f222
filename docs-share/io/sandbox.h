/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox — runs a foreign program on a foreign file, in bubblewrap.
 *
 * Layer:  docs-share/io.
 * Thread: the converter's; a call blocks until the program is gone.
 *
 * What the program has: /usr, a few files of /etc (fonts, LibreOffice), a copy
 * of one input file, all read-only; a /tmp in memory of bounded size; stdout and
 * stderr. No network, no other process, no capability, no host folder to write
 * to: its only output is the pipe, which is bounded here. So a hijacked
 * converter can neither fill the disk nor plant a link.
 *
 * A program of ours (`program`) is run from a descriptor, so that it needs no path that its
 * user may read, and gets the file itself instead of a copy: films are large.
 *
 * Limits per process by prlimit: memory (2 GB of address space: LibreOffice
 * converts decks in half of it), CPU time, file size, tasks; nice 10, so that
 * the media plane comes first. The wall clock is watched from outside. A program of
 * ours sets its own limits (sfu/jobs/limits.h).
 */
#ifndef DOCS_SHARE_IO_SANDBOX_H
#define DOCS_SHARE_IO_SANDBOX_H

#include "base/base.h"

enum sandbox_end {
        SANDBOX_OK,      /* exit status 0 */
        SANDBOX_FAILED,  /* another exit status */
        SANDBOX_LIMIT,   /* killed: time, or by a signal (CPU, file size, memory) */
        SANDBOX_STOPPED, /* on_output or stop_fd said so */
};

struct sandbox_run {
        const char *program;    /* path of a program to be run instead of argv[0]; NULL: none */
        const char *line;       /* with program: its stdin, which then stays open; short */
        const char *input;      /* file on the host; NULL: none */
        const char *input_name; /* its name there: "/in/file.pptx" */
        const char *const *argv;
        int64_t timeout_us;
        int stop_fd; /* readable: kill the program; -1: none */
        /* Gets stdout. Non-zero: kill the program. */
        int (*on_output)(void *user, const uint8_t *data, size_t len);
        void *user;
};

struct sandbox_result {
        enum sandbox_end end;
        int output_result;  /* what on_output returned last */
        char message[2048]; /* start of stderr */
};

/* Returns 0 when the program ran, whatever its end, or -errno when it could not
 * be started (-ENOENT: no bwrap). */
must_use int sandbox_run(struct sandbox_result *ret_result, const struct sandbox_run *run);

/* Runs `true` in it. Returns 0 when the sandbox works here; otherwise -errno
 * and one clear line. */
must_use int sandbox_check(char *ret_error, size_t error_cap);

#endif
