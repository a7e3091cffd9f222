/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links — where a meeting is pushed to and which cameras are pulled, kept over a restart of
 *         the server: as sealed JSON (wire/seal.h), because keys and passwords are in it.
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_LINKS_H
#define SIGNALING_CORE_LINKS_H

#include <jansson.h>

#include "base/base.h"

struct room;

#define LINK_RTMP "rtmp"
#define LINK_CAMERA "camera"

/* Returns 0 when the row is on its way to the disk, or -errno. */
must_use int links_put(struct room *room, const char *id, const char *kind, const json_t *link);
void links_remove(struct room *room, const char *id);
/* Calls each once for those of this kind; link is borrowed. Ones that cannot be opened are
 * removed. */
void links_load(struct room *room, const char *kind,
                void (*each)(struct room *room, const char *id, const json_t *link));

#endif
