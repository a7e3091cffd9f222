/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options — the command line and the configuration file, read strictly.
 *
 * Invariant: a wrong word, a missing or impossible value is an error with one
 * clear line; nothing is guessed.
 */
#ifndef SIGNALING_OPTIONS_H
#define SIGNALING_OPTIONS_H

#include "base/base.h"

enum option_type {
        OPTION_TEXT,   /* const char * */
        OPTION_NUMBER, /* long, min..max */
        OPTION_FLAG,   /* bool, takes no value */
        OPTION_LIST,   /* struct option_list: may be given more than once */
};

enum { OPTION_ERROR = 512, OPTION_LIST_MAX = 8 };

struct option_list {
        const char *items[OPTION_LIST_MAX];
        size_t n;
};

struct option_spec {
        const char *name; /* without "--" */
        enum option_type type;
        void *value;
        long min, max;
        bool command_line_only; /* not in a configuration file */
};

/* Reads argv[0..argc). Values point into argv; a list that is given here loses
 * what it held before. Returns 0 or -EINVAL with a line in ret_error. */
must_use int options_parse(const struct option_spec *specs, size_t n_specs, int argc, char **argv,
                           char ret_error[OPTION_ERROR]);

/* Reads lines of `name = value`; "#" begins a comment at a line's start or after
 * a blank. *ret_text owns the values
 * and is free()d after them. Returns 0 or -errno with a line in ret_error. */
must_use int options_read_file(const struct option_spec *specs, size_t n_specs, const char *path,
                               char **ret_text, char ret_error[OPTION_ERROR]);

#endif
