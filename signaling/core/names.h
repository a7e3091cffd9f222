/* SPDX-License-Identifier: Apache-2.0 */
/* names — a person's name as it is kept: cleaned, at most MEETING_NAME_CHARS. */
#ifndef SIGNALING_CORE_NAMES_H
#define SIGNALING_CORE_NAMES_H

#include "meeting/meeting.h"

/* Empty when nothing usable is left. */
void name_clean(char ret[MEETING_NAME], const char *text);

#endif
