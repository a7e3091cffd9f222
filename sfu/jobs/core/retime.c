/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/retime.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum {
        MOST_DIGITS = 12,  /* 11 days: multiplied by two |by| it is an int64_t */
        LEAST_US = 3000,   /* nobody notices less; and it is settled then */
        ROUNDED_US = 1000, /* what is read is of whole milliseconds */
        LEAST_STEP_US = 8000,
        STEPS = 16, /* at most, while it settles; and back, when a sender plays with it */
        RUN_POINTS = STEPS + 8, /* what one report may need */
};

static void add(struct retime *retime, int64_t t_us, int64_t by_us)
{
        struct retime_point *last = retime->n ? &retime->points[retime->n - 1] : NULL;

        if (retime->n < RETIME_POINTS && (!last || t_us > last->t_us))
                retime->points[retime->n++] = (struct retime_point){ t_us, by_us };
        else if (last)
                *last = (struct retime_point){ last->t_us, by_us };
}

/* The report: what was written since then is off by so much, and what follows by less and less. */
static bool begin_run(struct retime *retime, const struct retime_frame *frame)
{
        int64_t by_us = frame->off_us;
        int64_t from_us = retime->since_us > ROUNDED_US ? retime->since_us - ROUNDED_US : 0;

        retime->unreported = false;
        if (by_us > RETIME_MOST_US || by_us < -RETIME_MOST_US ||
            (by_us < LEAST_US && by_us > -LEAST_US) || retime->n + RUN_POINTS > RETIME_POINTS)
                return false;
        if (from_us > 0)
                add(retime, from_us - 1, 0);
        add(retime, from_us, by_us);
        add(retime, retime->last_us, by_us);
        add(retime, frame->t_us, frame->left_us);
        retime->step_us = (by_us < 0 ? -by_us : by_us) / STEPS;
        if (retime->step_us < LEAST_STEP_US)
                retime->step_us = LEAST_STEP_US;
        retime->settling = true;
        return true;
}

static bool settle(struct retime *retime, const struct retime_frame *frame)
{
        int64_t left_us = frame->left_us;
        int64_t fell_us = retime->points[retime->n - 1].by_us - left_us;

        if (left_us < LEAST_US && left_us > -LEAST_US)
                left_us = 0;
        else if (fell_us < retime->step_us && fell_us > -retime->step_us)
                return false;
        retime->settling = left_us != 0 && retime->n + 2 < RETIME_POINTS &&
                           left_us < RETIME_MOST_US && left_us > -RETIME_MOST_US;
        add(retime, frame->t_us, retime->settling ? left_us : 0);
        return true;
}

bool retime_on_frame(struct retime *retime, const struct retime_frame *frame)
{
        bool changed = false;

        if (frame->fresh && retime->settling) {
                add(retime, retime->last_us + 1, 0);
                changed = true;
        }
        if (frame->fresh)
                retime->unreported = retime->settling = false;
        if (!frame->reported && !retime->unreported) {
                retime->unreported = true;
                retime->since_us = frame->t_us;
        } else if (frame->reported && retime->unreported) {
                changed |= begin_run(retime, frame);
        } else if (frame->reported && retime->settling) {
                changed |= settle(retime, frame);
        }
        retime->last_us = frame->t_us;
        return changed;
}

int64_t retime_apply(const struct retime *retime, int64_t t_us)
{
        const struct retime_point *points = retime->points;
        size_t i = 0;

        while (i < retime->n && points[i].t_us <= t_us)
                i++;
        if (i == 0)
                return t_us;
        if (i == retime->n)
                return points[i - 1].t_us == t_us ? t_us - points[i - 1].by_us : t_us;
        return t_us - points[i - 1].by_us -
               (points[i].by_us - points[i - 1].by_us) * (t_us - points[i - 1].t_us) /
                       (points[i].t_us - points[i - 1].t_us);
}

size_t retime_write(const struct retime *retime, char *ret_text)
{
        size_t len = 0;

        for (size_t i = 0; i < retime->n; i++)
                len += (size_t)snprintf(ret_text + len, RETIME_TEXT - len,
                                        "%" PRId64 " %" PRId64 "\n", retime->points[i].t_us,
                                        retime->points[i].by_us);
        return len;
}

/* A number and what ends it. */
static bool read_number(const char **at, const char *end, char stop, int64_t *ret_number)
{
        const char *digits;
        bool minus = *at < end && **at == '-';
        int64_t number = 0;

        *at += minus;
        digits = *at;
        while (*at < end && **at >= '0' && **at <= '9' && *at - digits < MOST_DIGITS)
                number = number * 10 + *(*at)++ - '0';
        if (*at == digits || *at == end || **at != stop)
                return false;
        (*at)++;
        *ret_number = minus ? -number : number;
        return true;
}

int retime_read(struct retime *ret_retime, const char *text, size_t len)
{
        struct retime retime = { 0 };
        const char *at = text, *end = text + len;

        while (at < end) {
                struct retime_point *point = &retime.points[retime.n];
                int64_t after_us = retime.n ? point[-1].t_us : -1;

                if (retime.n == RETIME_POINTS || !read_number(&at, end, ' ', &point->t_us) ||
                    !read_number(&at, end, '\n', &point->by_us) || point->t_us <= after_us ||
                    point->by_us > RETIME_MOST_US || point->by_us < -RETIME_MOST_US)
                        return -EBADMSG;
                retime.n++;
        }
        *ret_retime = retime;
        return 0;
}
