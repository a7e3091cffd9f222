/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hls — `dinh load hls`: how many viewers of a live stream does this server carry?
 *
 * Thread: the caller's.
 */
#ifndef LOAD_HLS_H
#define LOAD_HLS_H

#include "base/base.h"

struct hls_params {
        const char *url;       /* of the master playlist */
        const char *rendition; /* "720", "360", "audio"; "": the first one listed */
        unsigned viewers;
        unsigned join_seconds, settle_seconds, duration_seconds;
        bool insecure; /* take any certificate */
        bool json;
        int server_pid; /* 0: unknown, or elsewhere */
};

/* Prints the result. Returns 0, or -errno with a line in ret_error. */
must_use int hls_run(const struct hls_params *params, char *ret_error, size_t error_cap);

#endif
