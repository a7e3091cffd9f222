/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/core/allocator.h"

#include <assert.h>

enum { MAX_DEMANDS = 64 };

/* One run: demands in order of service, and what is left. */
struct spending {
        struct alloc_demand *order[MAX_DEMANDS];
        size_t n;
        bool limited;
        int64_t budget_bps, left_bps; /* left: down to a trembling's worth below 0 */
        int64_t now_us;
};

void alloc_add_point(struct alloc_demand *demand, const struct alloc_point *point)
{
        while (demand->n_points > 0 && demand->points[demand->n_points - 1].bps >= point->bps &&
               point->bps > 0)
                demand->n_points--;
        if (demand->n_points == ALLOC_MAX_POINTS)
                demand->n_points--;
        demand->points[demand->n_points++] = *point;
}

bool alloc_serves_before(const struct alloc_demand *a, const struct alloc_demand *b)
{
        if (a->kind != b->kind)
                return a->kind < b->kind;
        if (a->priority != b->priority)
                return a->priority > b->priority;
        return a->height > b->height;
}

static void put_in_order(struct spending *s, struct alloc_demand *demands, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                size_t at = s->n;

                demands[i].granted = ALLOC_NONE;
                if (demands[i].n_points == 0)
                        continue;
                assert(s->n < MAX_DEMANDS);
                while (at > 0 && alloc_serves_before(&demands[i], s->order[at - 1])) {
                        s->order[at] = s->order[at - 1];
                        at--;
                }
                s->order[at] = &demands[i];
                s->n++;
        }
}

static uint32_t rank(uint8_t layer, uint8_t spatial, uint8_t temporal)
{
        return (uint32_t)layer << 16 | (uint32_t)spatial << 8 | temporal;
}

/* What the slot has now, on today's ladder. */
static int have_point(const struct alloc_demand *d)
{
        const struct alloc_memory *m = d->memory;
        int have = ALLOC_NONE;

        if (m->paused)
                return ALLOC_NONE;
        for (int i = 0; i < (int)d->n_points; i++) {
                const struct alloc_point *p = &d->points[i];

                if (rank(p->layer, p->spatial, p->temporal) <=
                    rank(m->layer, m->spatial, m->temporal))
                        have = i;
        }
        return have == ALLOC_NONE ? 0 : have; /* its layer is gone: the lowest there is */
}

static bool in_doubt(const struct alloc_memory *m, int64_t now_us)
{
        return m->fell_us != 0 && now_us - m->fell_us < (int64_t)ALLOC_DOUBT_US << m->failed;
}

static int64_t greater(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

/* Whether the slot may stay at, or go to, a point when so much is left for it. */
static bool fits(const struct spending *s, const struct alloc_demand *d, int point,
                 int64_t left_bps)
{
        const struct alloc_memory *m = d->memory;
        int64_t cost = d->points[point].bps;

        if (!s->limited)
                return true;
        if (!m->known)
                return cost <= left_bps;
        if (point <= have_point(d))
                return cost <= left_bps + s->budget_bps / ALLOC_SLACK;
        /* Another layer begins with a key frame, which is as much as a second of the rest. */
        if (s->now_us - m->fell_us < ALLOC_KEY_DOUBT_US && m->fell_us != 0 &&
            d->points[point].layer != m->layer)
                return 2 * cost <= left_bps;
        if (in_doubt(m, s->now_us))
                return cost + greater(cost * 2 / 5, s->budget_bps / 4) <= left_bps;
        return cost + cost / 10 + s->budget_bps / 10 <= left_bps;
}

static int best_point(const struct spending *s, const struct alloc_demand *d, int64_t left_bps)
{
        for (int i = (int)d->n_points - 1; i >= 0; i--) {
                if (fits(s, d, i, left_bps))
                        return i;
        }
        return ALLOC_NONE;
}

/* Going up waits until the room was there for a while. */
static int damp(const struct spending *s, struct alloc_demand *d, int best)
{
        struct alloc_memory *m = d->memory;
        int have = have_point(d);

        if (!m->known || !s->limited || best <= have) {
                m->room_us = 0;
                return best;
        }
        if (m->room_us == 0)
                m->room_us = s->now_us;
        return s->now_us - m->room_us < (m->fell_us ? ALLOC_HOLD_US : ALLOC_FIRST_HOLD_US) ? have
                                                                                           : best;
}

/* An estimate dips below what the line carries while a queue drains. The last
 * picture is not taken away for that, if it is not far from fitting. */
static bool in_grace(const struct spending *s, struct alloc_demand *d)
{
        struct alloc_memory *m = d->memory;
        bool short_of = !fits(s, d, 0, s->left_bps);

        if (!short_of || !m->known || m->paused || d->points[0].bps / 2 > s->left_bps) {
                m->short_us = 0;
                return false;
        }
        if (m->short_us == 0)
                m->short_us = s->now_us;
        return s->now_us - m->short_us < ALLOC_GRACE_US;
}

/* The lowest point for everybody, as far as it goes. */
static void give_base(struct spending *s, bool keep_first)
{
        bool first_sound = true, first_picture = true;

        for (size_t i = 0; i < s->n; i++) {
                struct alloc_demand *d = s->order[i];
                bool sound = d->kind == ALLOC_SOUND;
                bool kept = sound ? first_sound : first_picture && (keep_first || in_grace(s, d));

                first_sound &= !sound;
                first_picture &= sound;
                if (kept || fits(s, d, 0, s->left_bps))
                        d->granted = 0;
                /* A paused slot comes back in its own time, see damp(); till then
                 * its share stays free, or others would flap with it. */
                if (!kept && d->granted == 0 && d->memory->paused && damp(s, d, 0) == ALLOC_NONE)
                        d->granted = ALLOC_NONE;
                else if (d->granted == ALLOC_NONE)
                        d->memory->room_us = 0;
                if (d->granted == 0)
                        s->left_bps -= d->points[0].bps;
        }
}

static void raise_all(struct spending *s)
{
        for (size_t i = 0; i < s->n; i++) {
                struct alloc_demand *d = s->order[i];
                int point;

                if (d->granted == ALLOC_NONE)
                        continue;
                s->left_bps += d->points[0].bps;
                point = best_point(s, d, s->left_bps);
                if (point > 0 && !d->memory->paused)
                        point = damp(s, d, point);
                if (point > 0)
                        d->granted = point;
                s->left_bps -= d->points[d->granted].bps;
        }
}

/* Which parts a layer has is seen some frames after it started: all stays all. */
static bool has_all_frames(const struct alloc_demand *d)
{
        const struct alloc_point *p = &d->points[d->granted];

        return d->granted + 1 == (int)d->n_points || p[1].layer != p->layer ||
               p[1].spatial != p->spatial;
}

static void remember(struct alloc_memory *m, const struct alloc_demand *d, int64_t now_us)
{
        int have = m->known ? have_point(d) : d->granted;
        bool priced = d->points[0].bps > 0;
        bool fell = d->granted<have, rose = d->granted> have;

        if (fell) {
                bool failed = m->rose && now_us - m->changed_us < ALLOC_DOUBT_US;

                if (!failed)
                        m->failed = 0;
                else if (m->failed < ALLOC_DOUBLINGS)
                        m->failed++;
                m->fell_us = now_us;
        }
        if (fell || rose) {
                m->rose = rose;
                m->changed_us = now_us;
        }
        m->known = priced; /* what costs nobody knows what is judged when it is known */
        m->paused = d->granted == ALLOC_NONE;
        if (m->paused)
                return;
        m->layer = d->points[d->granted].layer;
        m->spatial = d->points[d->granted].spatial;
        m->temporal = has_all_frames(d) ? UINT8_MAX : d->points[d->granted].temporal;
}

static void add_up(struct alloc_sum *sum, const struct alloc_demand *d)
{
        int wanted = (int)d->n_points - 1;

        sum->wanted_bps += d->points[wanted].bps;
        if (d->granted != ALLOC_NONE)
                sum->granted_bps += d->points[d->granted].bps;
        if (d->kind == ALLOC_SOUND) {
                sum->n_silenced += d->granted == ALLOC_NONE;
                return;
        }
        sum->n_pictures++;
        sum->n_paused += d->granted == ALLOC_NONE;
        sum->n_reduced += d->granted < wanted;
}

void allocate(struct alloc_demand *demands, size_t n, uint64_t budget_bps, bool keep_first,
              int64_t now_us, struct alloc_sum *ret_sum)
{
        const uint64_t most = INT64_MAX / 2;
        struct spending s = {
                .limited = budget_bps != UINT64_MAX,
                .left_bps = (int64_t)(budget_bps < most ? budget_bps : most),
                .now_us = now_us,
        };

        s.budget_bps = s.left_bps;
        put_in_order(&s, demands, n);
        give_base(&s, keep_first);
        raise_all(&s);
        *ret_sum = (struct alloc_sum){ 0 };
        for (size_t i = 0; i < s.n; i++) {
                remember(s.order[i]->memory, s.order[i], now_us);
                add_up(ret_sum, s.order[i]);
        }
}
