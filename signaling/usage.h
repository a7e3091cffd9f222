/* SPDX-License-Identifier: Apache-2.0 */
/* usage — what this process uses of the machine; from /proc and getrusage(). */
#ifndef SIGNALING_USAGE_H
#define SIGNALING_USAGE_H

#include "signaling/core/app.h"

void usage_read(struct process_usage *ret_usage);

#endif
