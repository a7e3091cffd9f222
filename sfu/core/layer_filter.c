/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/layer_filter.h"

enum { NO_TARGET = 0xff, MEMORY = 64 };

void layer_filter_init(struct layer_filter *filter)
{
        *filter = (struct layer_filter){ .want_sid = LAYER_ALL, .want_tid = LAYER_ALL };
        layer_filter_restart(filter);
}

void layer_filter_restart(struct layer_filter *filter)
{
        *filter = (struct layer_filter){
                .want_sid = filter->want_sid,
                .want_tid = filter->want_tid,
                .target = NO_TARGET,
        };
}

/* By what the payload says. */

static void at_picture(struct layer_filter *filter, const struct layer_frame *frame)
{
        if (frame->key || filter->opened || filter->want_tid < filter->tid)
                filter->tid = filter->want_tid;
        if (frame->key || filter->want_sid < filter->sid)
                filter->sid = filter->want_sid;
        filter->opened = false;
}

static bool passes_by_layer(struct layer_filter *filter, const struct layer_frame *frame,
                            uint32_t ts)
{
        if (!filter->begun || (int32_t)(ts - filter->picture) > 0) {
                at_picture(filter, frame);
                filter->picture = ts;
                filter->begun = true;
        }
        if (frame->starts && frame->joins && ts == filter->picture &&
            frame->tid == filter->tid + 1 && filter->tid < filter->want_tid)
                filter->tid++;
        if (frame->tid > filter->tid || frame->sid > filter->sid)
                return false;
        if (frame->opens && ts == filter->picture)
                filter->opened = true;
        return true;
}

/* By decode targets. */

static bool has_passed(const struct layer_filter *filter, uint16_t number)
{
        uint16_t back = (uint16_t)(filter->newest - number);

        return back < MEMORY && filter->passed >> back & 1;
}

static void note_passed(struct layer_filter *filter, uint16_t number)
{
        int16_t ahead = (int16_t)(number - filter->newest);

        if (ahead > 0) {
                filter->passed = ahead < MEMORY ? filter->passed << ahead : 0;
                filter->newest = number;
        }
        if (ahead > -MEMORY)
                filter->passed |= 1ull << (ahead < 0 ? -ahead : 0);
}

static bool decodable(const struct layer_filter *filter, const struct dd_frame *dd)
{
        for (unsigned i = 0; i < dd->n_diffs; i++) {
                if (!has_passed(filter, (uint16_t)(dd->number - dd->diffs[i])))
                        return false;
        }
        return true;
}

/* Whether target t shows more than target u. */
static bool is_more(const struct dd_structure *s, unsigned t, unsigned u)
{
        if (s->target_sid[t] != s->target_sid[u])
                return s->target_sid[t] > s->target_sid[u];
        return s->target_tid[t] > s->target_tid[u];
}

static bool is_wanted(const struct layer_filter *filter, const struct dd_structure *s, unsigned t)
{
        return s->target_sid[t] <= filter->want_sid && s->target_tid[t] <= filter->want_tid;
}

/* Whether the filter may go on with target t from this frame, which can be decoded:
 * a switch point of it; or a part of what passed all the time. */
static bool may_take(const struct layer_filter *filter, const struct dd_frame *dd,
                     const struct dd_structure *s, unsigned t)
{
        enum dd_dti dti = dd_dti_of(dd->dtis, t);
        bool part = filter->target < s->n_targets && !is_more(s, t, filter->target) &&
                    s->target_tid[t] <= s->target_tid[filter->target];

        if (dti == DD_SWITCH)
                return true;
        return dti != DD_ABSENT && (part || dd->has_structure);
}

/* Once a frame of the picture has passed, perhaps with the marker bit, it cannot get
 * more spatial layers. */
static bool comes_too_late(const struct layer_filter *filter, const struct dd_structure *s,
                           unsigned t, bool begun)
{
        return begun && filter->target < s->n_targets &&
               s->target_sid[t] > s->target_sid[filter->target];
}

/* The best target that is wanted and can be gone on with, the present one included.
 * begun: a frame of the picture has passed. */
static void choose_target(struct layer_filter *filter, const struct dd_frame *dd,
                          const struct dd_structure *s, bool begun)
{
        unsigned best = NO_TARGET, n = dd->n_targets < s->n_targets ? dd->n_targets : s->n_targets;

        if (filter->target < n && is_wanted(filter, s, filter->target) &&
            (dd->active >> filter->target & 1))
                best = filter->target;
        for (unsigned t = 0; t < n; t++) {
                if (!is_wanted(filter, s, t) || !(dd->active >> t & 1) ||
                    comes_too_late(filter, s, t, begun) ||
                    (best != NO_TARGET && !is_more(s, t, best)))
                        continue;
                if (may_take(filter, dd, s, t))
                        best = t;
        }
        if (best == NO_TARGET)
                return; /* until there is one, what passed so far goes on */
        filter->target = (uint8_t)best;
        filter->sid = s->target_sid[best];
        filter->tid = s->target_tid[best];
}

/* Fewer temporal layers need no frame to begin with: the target of the same
 * spatial layer is a part of the present one. */
static void drop_temporal(struct layer_filter *filter, const struct dd_structure *s)
{
        unsigned best = NO_TARGET;

        if (filter->target >= s->n_targets || s->target_tid[filter->target] <= filter->want_tid)
                return;
        for (unsigned t = 0; t < s->n_targets; t++) {
                if (s->target_sid[t] == s->target_sid[filter->target] &&
                    s->target_tid[t] <= filter->want_tid &&
                    (best == NO_TARGET || is_more(s, t, best)))
                        best = t;
        }
        if (best == NO_TARGET)
                return;
        filter->target = (uint8_t)best;
        filter->tid = s->target_tid[best];
}

static bool passes_by_target(struct layer_filter *filter, const struct dd_frame *dd, uint32_t ts,
                             const struct dd_structure *s)
{
        bool newer = !filter->by_targets || (int16_t)(dd->number - filter->newest) > 0;
        bool begun = filter->by_targets && filter->picture == ts;

        if (!filter->by_targets) {
                filter->by_targets = true;
                filter->newest = (uint16_t)(dd->number - 1);
                filter->passed = 0;
        }
        if (newer && dd->starts_frame) {
                drop_temporal(filter, s);
                if (decodable(filter, dd))
                        choose_target(filter, dd, s, begun);
        }
        if (filter->target < dd->n_targets && dd_dti_of(dd->dtis, filter->target) == DD_ABSENT)
                return false;
        if (newer)
                filter->picture = ts;
        note_passed(filter, dd->number);
        return true;
}

bool layer_filter_passes(struct layer_filter *filter, const struct layer_frame *frame, uint32_t ts,
                         const struct dd_structure *structure)
{
        if (frame->has_dd && structure)
                return passes_by_target(filter, &frame->dd, ts, structure);
        if (filter->by_targets)
                return true; /* nothing is known of it */
        return passes_by_layer(filter, frame, ts);
}

uint8_t layer_filter_top(const struct layer_filter *filter)
{
        bool known = !filter->by_targets || filter->target != NO_TARGET;

        return known ? filter->sid : LAYER_ALL;
}

bool layer_filter_wants_key(const struct layer_filter *filter, uint8_t n_spatial)
{
        uint8_t top = n_spatial > 0 ? n_spatial - 1 : 0;

        if (filter->by_targets && filter->sid > top)
                return true; /* the target has stopped, and the others may not have passed */
        return (filter->want_sid < top ? filter->want_sid : top) !=
               (filter->sid < top ? filter->sid : top);
}
