/* SPDX-License-Identifier: Apache-2.0 */
/*
 * people — which seats are people's, and which are jobs' (a film, a hall's camera).
 *
 * Layer: signaling/core.
 */
#ifndef SIGNALING_CORE_PEOPLE_H
#define SIGNALING_CORE_PEOPLE_H

#include "base/base.h"

/* Ids that nobody may take from outside. */
#define SEAT_FILM "film"
#define SEAT_CAMERA_PREFIX "c-"

struct room;

bool seat_is_of_job(const char *id);
/* Somebody is online, or was a moment ago. */
bool people_are_here(const struct room *room);

#endif
