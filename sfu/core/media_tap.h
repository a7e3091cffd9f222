/* SPDX-License-Identifier: Apache-2.0 */
/*
 * media_tap — what a room's people send, for a job: a subscriber that has no line.
 *
 * Layer:  core, sans-IO as media_room.h. Records (wire/job_record.h) go out through
 *         struct media_out's tap(), while a packet is taken in or from a timer.
 * Owner:  the room, until media_room_remove_tap() or its own end.
 * Thread: the worker's.
 *
 * A tapped publication counts as watched: its losses are asked for, its publisher is
 * told that it is wanted, and in which layers. A room on several workers has the same
 * tap on each; there it takes the worker's own peers.
 *
 *   picture:  out ── looked at ──► next=layer, key frame asked for ── it comes ──► current
 *                                    ▲                                                │
 *                                    └── a better layer flows, or this one stopped ───┘
 *
 * Invariants:
 *  (1) each packet is given once, RTX and RED unwrapped; a sound packet that was
 *      lost is taken from the redundancy of the next ones if it is there.
 *  (2) a generation of a picture begins with the first packet of a key frame.
 *  (3) after a refusal nothing of a picture is given until its next key frame, which
 *      is asked for when media_tap_on_room() has said that the job keeps up again.
 */
#ifndef SFU_CORE_MEDIA_TAP_H
#define SFU_CORE_MEDIA_TAP_H

#include "base/base.h"
#include "sfu/core/media_room.h"

enum { MEDIA_MAX_TAPS = SFU_MAX_TAPS_PER_ROOM, MEDIA_PROGRAM_HEIGHT = 720 };

struct media_tap;

/* tag: the shell's, for tap(). Returns 0, -EBUSY (MEDIA_MAX_TAPS) or -ENOMEM. */
must_use int media_room_add_tap(struct media_room *room, struct media_tap **ret_tap,
                                enum sfu_tap_mode mode, void *tag, int64_t now_us);

/* Gives no further record. */
void media_room_remove_tap(struct media_room *room, struct media_tap *tap, int64_t now_us);

/* What the job had no room for, it has room for again. */
void media_tap_on_room(struct media_tap *tap, int64_t now_us);

#endif
