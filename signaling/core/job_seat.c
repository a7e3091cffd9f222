/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/job_seat.h"

#include <errno.h>

#include "sfu/jobs/media_job.h"
#include "signaling/core/media_glue.h"
#include "signaling/core/rooms.h"

bool job_seat_is_in(const struct room *room, const char *id)
{
        const struct meeting_seat *seat = meeting_seat(room->state, id);

        return seat && seat->online;
}

static int take_seat(struct room *room, const struct job_seat *seat)
{
        /* With a right to publish, and none over others. */
        const struct meeting_command join = { .type = COMMAND_JOIN,
                                              .by = seat->id,
                                              .name = seat->name,
                                              .role = ROLE_PRESENTER,
                                              .on = true };
        struct meeting_command media = { .type = COMMAND_MEDIA, .by = seat->id };
        bool was_in = job_seat_is_in(room, seat->id);
        int r = room_submit(room, &join, NULL, NULL);

        if (r != 0 || was_in)
                return r;
        media.sends[KIND_MIC] = true;
        media.sends[seat->screen ? KIND_SCREEN : KIND_CAMERA] = seat->n_layers > 0;
        return room_submit(room, &media, NULL, NULL);
}

static void close_peer(struct room *room, struct member *member)
{
        if (member->peer)
                sfu_peer_close(room->app->sfu, member->peer);
        member->peer = 0;
}

int job_seat_start(struct room *room, const struct job_seat *seat, const struct job_params *params,
                   struct job **ret_job)
{
        struct member *member = room_member(room, seat->id);
        struct sfu_feed_params feed = { .room = room->number,
                                        .n_layers = seat->n_layers,
                                        .screen = seat->screen };
        const char *why;
        int r;

        if (!jobs_can(room->app->jobs, params->kind, &why))
                return -ENOTSUP;
        if (!member)
                return MEETING_E_FULL;
        r = take_seat(room, seat);
        if (r != 0)
                return r;
        close_peer(room, member);
        feed.participant = member->number;
        r = media_job_feed(room->app->jobs, params, room->app->sfu, &feed, ret_job, &member->peer);
        if (r != 0) {
                job_seat_leave(room, seat->id);
                return r > 0 ? MEETING_E_FULL : r;
        }
        member->may_publish = true;
        member->lost_ms = 0;
        media_apply_mutes(room, member);
        return 0;
}

void job_seat_leave(struct room *room, const char *id)
{
        const struct meeting_command leave = { .type = COMMAND_LEAVE,
                                               .by = id,
                                               .reason = LEAVE_LEFT };
        struct member *member = room_find_member(room, id);

        if (member)
                close_peer(room, member);
        if (job_seat_is_in(room, id) && room_submit(room, &leave, NULL, NULL) < 0 && member)
                room_member_lost(room, member); /* tried again by the clock */
}
