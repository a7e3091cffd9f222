/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deaths — when a job that ended by itself is started again, and when it is given up.
 *
 * Layer: signaling/core. Pure.
 *
 * At once after the first death, later after the second and so on: a recording loses little,
 * and a job that cannot live does not take the machine. DEATHS_MAX within DEATHS_MS: given up.
 */
#ifndef SIGNALING_CORE_DEATHS_H
#define SIGNALING_CORE_DEATHS_H

#include "base/base.h"
#include "sfu/jobs/jobs.h"

enum { DEATHS_MAX = 5, DEATHS_MS = 60 * 1000, DEATHS_STEP_MS = 400 };

/* All zero: none yet. */
struct deaths {
        int64_t at_ms[DEATHS_MAX]; /* the last ones, newest first; 0: none */
};

/* Returns whether it is to be started again, and from when on. */
bool deaths_add(struct deaths *deaths, int64_t now_ms, int64_t *ret_again_ms);

/* The protocol's code for how it ended; error: of its last line, or "". */
const char *death_code(enum job_end reason, const char *error);
/* It would only happen again. */
bool death_is_final(const char *code);

#endif
