/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/wire/job_record.h"

#include <errno.h>

enum { STARTS_KEYFRAME = 1, REPORTED = 2 };

/* As it is in memory on both sides; without holes. */
struct head {
        uint8_t type, kind, codec, layer;
        uint32_t participant, generation, ext, count;
        uint8_t flags, zero[3];
        int64_t arrival_us, media_us;
        uint8_t more_zero[8];
};

_Static_assert(sizeof(struct head) == JOB_RECORD_HEAD, "the head has no holes");

void job_record_write(uint8_t *at, const struct job_record *record)
{
        struct head head = {
                .type = record->type,
                .kind = record->kind,
                .codec = record->codec,
                .layer = record->layer,
                .participant = record->participant,
                .generation = record->generation,
                .ext = record->ext,
                .count = record->count,
                .flags = (uint8_t)((record->starts_keyframe ? STARTS_KEYFRAME : 0) |
                                   (record->reported ? REPORTED : 0)),
                .arrival_us = record->arrival_us,
                .media_us = record->media_us,
        };

        memcpy(at, &head, sizeof(head));
}

static bool head_is_valid(const struct head *head)
{
        static const uint8_t zeros[sizeof(head->more_zero)];

        return head->type >= JOB_TRACK && head->type <= JOB_RTCP && head->kind < JOB_N_KINDS &&
               head->codec < JOB_N_CODECS && head->layer < JOB_N_LAYERS &&
               head->flags <= (STARTS_KEYFRAME | REPORTED) &&
               memcmp(head->zero, zeros, sizeof(head->zero)) == 0 &&
               memcmp(head->more_zero, zeros, sizeof(head->more_zero)) == 0;
}

int job_record_parse(struct job_record *ret_record, const uint8_t *data, size_t len)
{
        struct head head;
        bool has_bytes = len > JOB_RECORD_HEAD;

        if (len < JOB_RECORD_HEAD || len > JOB_RECORD_MAX)
                return -EBADMSG;
        memcpy(&head, data, sizeof(head));
        if (!head_is_valid(&head) || has_bytes != (head.type == JOB_RTP || head.type == JOB_RTCP))
                return -EBADMSG;

        *ret_record = (struct job_record){
                .type = head.type,
                .kind = head.kind,
                .codec = head.codec,
                .layer = head.layer,
                .participant = head.participant,
                .generation = head.generation,
                .ext = head.ext,
                .count = head.count,
                .starts_keyframe = head.flags & STARTS_KEYFRAME,
                .reported = head.flags & REPORTED,
                .arrival_us = head.arrival_us,
                .media_us = head.media_us,
                .bytes = { data + JOB_RECORD_HEAD, len - JOB_RECORD_HEAD },
        };
        return 0;
}
