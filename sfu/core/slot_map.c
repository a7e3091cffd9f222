/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/slot_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { GAP_EARNED = 8 }; /* numbers per packet */

void slot_map_init(struct slot_map *map, uint16_t first_out)
{
        *map = (struct slot_map){ 0 };
        /* One cycle up, so that looking back 2^15 numbers stays positive. */
        map->out_next = 0x10000u + first_out;
        map->gap_left = SLOT_MAP_MAX_GAP - 1;
}

void slot_map_done(struct slot_map *map)
{
        free(map->older);
        map->older = NULL;
}

int slot_map_remember(struct slot_map *map)
{
        if (!map->older)
                map->older = calloc(1, sizeof(*map->older));
        return map->older ? 0 : -ENOMEM;
}

static size_t count_segments(const struct slot_map *map)
{
        return map->n_segs + (map->older ? map->older->n : 0u);
}

/* Newest first. */
static const struct slot_seg *segment_at(const struct slot_map *map, size_t i)
{
        if (i < map->n_segs)
                return &map->segs[i];
        i -= map->n_segs;
        return &map->older->segs[(map->older->at + SLOT_MAP_OLDER - 1 - i) % SLOT_MAP_OLDER];
}

static void put_away(struct slot_map_older *older, const struct slot_seg *seg)
{
        older->segs[older->at] = *seg;
        older->at = (uint8_t)((older->at + 1) % SLOT_MAP_OLDER);
        if (older->n < SLOT_MAP_OLDER)
                older->n++;
}

static struct slot_seg *push_segment(struct slot_map *map, const struct slot_seg *seg)
{
        if (map->n_segs < SLOT_MAP_SEGMENTS)
                map->n_segs++;
        else if (map->older)
                put_away(map->older, &map->segs[SLOT_MAP_SEGMENTS - 1]);
        memmove(&map->segs[1], &map->segs[0], (map->n_segs - 1u) * sizeof(map->segs[0]));
        map->segs[0] = *seg;
        return &map->segs[0];
}

void slot_map_switch(struct slot_map *map, const struct slot_seg *seg)
{
        struct slot_seg *added = push_segment(map, seg);

        added->out_first = map->out_next;
        added->continues = false;
        map->in_highest = added->in_first - 1;
}

/* The segment of the current source that holds in_ext, or NULL. */
static const struct slot_seg *segment_of(const struct slot_map *map, uint32_t in_ext)
{
        for (size_t i = 0, n = count_segments(map); i < n; i++) {
                const struct slot_seg *seg = segment_at(map, i);
                uint32_t out = seg->out_first + (in_ext - seg->in_first);

                if ((int32_t)(in_ext - seg->in_first) >= 0) {
                        bool taken = i > 0 && out >= segment_at(map, i - 1)->out_first;

                        return taken ? NULL : seg; /* a skipped packet come twice */
                }
                if (!seg->continues)
                        return NULL;
        }
        return NULL;
}

static void close_long_gap(struct slot_map *map, uint32_t in_ext)
{
        struct slot_seg seg = map->segs[0];

        seg.in_first = in_ext;
        seg.mark = false;
        slot_map_switch(map, &seg);
}

/* Whether a gap up to a packet that far ahead may be kept. Gaps have to be earned:
 * numbers are the slot's for ever, and SRTP has 2^48 of them but guesses the upper
 * bits, so a source must not spend them at will. */
static bool affords(struct slot_map *map, int32_t ahead)
{
        int32_t left = map->gap_left - (ahead - 1);

        if (left < 0)
                return false;
        left += GAP_EARNED;
        map->gap_left = (uint16_t)(left < SLOT_MAP_MAX_GAP ? left : SLOT_MAP_MAX_GAP - 1);
        return true;
}

bool slot_map_forward(struct slot_map *map, uint32_t in_ext, uint32_t *ret_out_ext,
                      const struct slot_seg **ret_seg)
{
        const struct slot_seg *seg;
        int32_t ahead = (int32_t)(in_ext - map->in_highest);
        uint32_t out;

        if (map->n_segs == 0)
                return false;
        if (ahead > 0 && !affords(map, ahead))
                close_long_gap(map, in_ext);
        seg = ahead > 0 ? &map->segs[0] : segment_of(map, in_ext);
        if (!seg)
                return false;
        out = seg->out_first + (in_ext - seg->in_first);
        if (ahead > 0) {
                map->in_highest = in_ext;
                map->out_next = out + 1;
        }
        *ret_out_ext = out;
        *ret_seg = seg;
        return true;
}

bool slot_map_skip(struct slot_map *map, uint32_t in_ext)
{
        struct slot_seg seg;
        int32_t ahead = (int32_t)(in_ext - map->in_highest);

        if (map->n_segs == 0 || ahead <= 0 || !affords(map, ahead))
                return false;
        seg = map->segs[0];
        seg.out_first += in_ext - seg.in_first; /* the number it would have had */
        seg.in_first = in_ext + 1;
        seg.mark = false;
        map->in_highest = in_ext;
        map->out_next = seg.out_first;
        /* A segment in which nothing can lie any more needs no place. */
        if (map->segs[0].out_first == seg.out_first)
                map->segs[0] = seg;
        else
                push_segment(map, &seg)->continues = true;
        return true;
}

struct slot_seg *slot_map_split(struct slot_map *map, uint32_t in_ext)
{
        struct slot_seg seg;

        if (map->n_segs == 0 || (int32_t)(in_ext - map->in_highest) <= 0)
                return NULL;
        seg = map->segs[0];
        if (seg.in_first == in_ext)
                return &map->segs[0];
        seg.out_first += in_ext - seg.in_first;
        seg.in_first = in_ext;
        seg.mark = false;
        push_segment(map, &seg)->continues = true;
        return &map->segs[0];
}

bool slot_map_find(const struct slot_map *map, uint16_t out_seq, uint32_t *ret_in_ext,
                   uint32_t *ret_out_ext, const struct slot_seg **ret_seg)
{
        uint32_t newest = map->out_next - 1;
        uint16_t back = (uint16_t)(newest - out_seq);
        uint32_t out = newest - back;

        if (back >= 0x8000)
                return false; /* a number we have not reached yet */
        for (size_t i = 0, n = count_segments(map); i < n; i++) {
                const struct slot_seg *seg = segment_at(map, i);

                if ((int32_t)(out - seg->out_first) < 0)
                        continue;
                *ret_in_ext = seg->in_first + (out - seg->out_first);
                *ret_out_ext = out;
                *ret_seg = seg;
                return true;
        }
        return false;
}

bool slot_map_is_current(const struct slot_map *map, const struct slot_seg *seg)
{
        for (size_t i = 0, n = count_segments(map); i < n; i++) {
                if (segment_at(map, i) == seg)
                        return true;
                if (!segment_at(map, i)->continues)
                        return false;
        }
        return false;
}
