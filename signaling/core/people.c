/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/people.h"

#include <string.h>

#include "signaling/core/rooms.h"

bool seat_is_of_job(const char *id)
{
        return strcmp(id, SEAT_FILM) == 0 ||
               strncmp(id, SEAT_CAMERA_PREFIX, strlen(SEAT_CAMERA_PREFIX)) == 0;
}

bool people_are_here(const struct room *room)
{
        for (size_t i = 0; i < meeting_n_seats(room->state); i++) {
                const struct meeting_seat *seat = meeting_seat_at(room->state, i);

                if (seat->online && !seat_is_of_job(seat->id))
                        return true;
        }
        return false;
}
