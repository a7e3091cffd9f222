/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording_show — all that is known of one recording, for the page that plays it.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_RECORDING_SHOW_H
#define SIGNALING_CORE_RECORDING_SHOW_H

#include <jansson.h>

#include "signaling/core/recordings_priv.h"

enum {
        RECORDING_SAVED_NAME = 320,
        SHOW_MAX_LINES = 20000,
        SHOW_LEAST_SPOKEN_MS = 1000,
        SHOW_MAX_FILES = 4000,
        SHOW_MAX_PAGES = 2000,
        SHOW_MAX_TEXT = 2 * 1024 * 1024, /* of one paper */
};

/* The answer of GET /api/v1/recordings/{r} (API.md); NULL without memory. Reads files for a good
 * while: any thread. */
json_t *recording_show(const struct media *media, const struct recording_row *kept,
                       int64_t wall_ms);

/* What a file is called when it is saved: "Họp tổ dân phố 2026-03-01 09.30 phần 1.mp4". */
void recording_saved_name(char ret_name[RECORDING_SAVED_NAME], const char *title,
                          const struct recording_row *kept, const char *file);

#endif
