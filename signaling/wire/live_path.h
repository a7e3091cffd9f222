/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live_path — what may be asked for below /live/: a stream's key and one of the few
 *             kinds of files that a live stream has (sfu/jobs/lines.h, "HLS").
 *
 * Layer: wire, pure.
 *
 *   /live/KEY/index.m3u8, pages.json
 *   /live/KEY/{720,360,audio}/{name}.{m3u8,mp4,m4s}
 *   /live/KEY/pages/{name}.webp
 *
 * A name is letters, digits, "-" and "_": no dots but the one before the ending.
 */
#ifndef SIGNALING_WIRE_LIVE_PATH_H
#define SIGNALING_WIRE_LIVE_PATH_H

#include "base/base.h"

enum { LIVE_KEY = 22, LIVE_NAME = 80 };

enum live_folder { LIVE_ROOT, LIVE_720, LIVE_360, LIVE_AUDIO, LIVE_PAGES, LIVE_N_FOLDERS };

enum live_type { LIVE_PLAYLIST, LIVE_INIT, LIVE_SEGMENT, LIVE_PAGE, LIVE_PAGE_LIST };

struct live_path {
        char key[LIVE_KEY + 1];
        enum live_folder folder;
        enum live_type type;
        char name[LIVE_NAME]; /* in its folder */
};

/* path: decoded, without the query. Returns 0 or -ENOENT. */
must_use int live_path_parse(struct live_path *ret_path, const char *path);

/* LIVE_KEY letters, digits, "-" and "_"; so a key is a folder's name too. */
bool live_key_is_good(const char *key);

/* "" for the root. */
const char *live_folder_name(enum live_folder folder);

const char *live_content_type(const struct live_path *path);

#endif
