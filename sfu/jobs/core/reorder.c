/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/reorder.h"

#include <assert.h>
#include <errno.h>

struct waiting {
        struct waiting *before, *after;
        struct job_record record; /* its bytes follow this struct */
        uint8_t bytes[];
};

struct reorder {
        struct reorder_config config;
        struct waiting *first, *last; /* by (generation, ext) */
        struct waiting *taken;        /* whose bytes the caller looks at */
        uint32_t n_waiting;
        bool is_flushed;
        bool started;                  /* something came out */
        uint32_t generation, next_ext; /* of what comes next */
};

int reorder_new(struct reorder **ret_reorder, const struct reorder_config *config)
{
        struct reorder *reorder = calloc(1, sizeof(*reorder));

        assert(config->max_packets > 0);
        if (!reorder)
                return -ENOMEM;
        reorder->config = *config;
        *ret_reorder = reorder;
        return 0;
}

struct reorder *reorder_free(struct reorder *reorder)
{
        if (!reorder)
                return NULL;
        while (reorder->first) {
                struct waiting *after = reorder->first->after;

                free(reorder->first);
                reorder->first = after;
        }
        free(reorder->taken);
        free(reorder);
        return NULL;
}

/* Both numbers wrap; what matters lies close together. */
static int32_t compare(const struct job_record *a, const struct job_record *b)
{
        if (a->generation != b->generation)
                return (int32_t)(a->generation - b->generation);
        return (int32_t)(a->ext - b->ext);
}

static bool is_late(const struct reorder *reorder, const struct job_record *record)
{
        if (!reorder->started)
                return false;
        if (record->generation != reorder->generation)
                return (int32_t)(record->generation - reorder->generation) < 0;
        return (int32_t)(record->ext - reorder->next_ext) < 0;
}

static struct waiting *waiting_new(const struct job_record *record)
{
        struct waiting *waiting = malloc(sizeof(*waiting) + record->bytes.len);

        if (!waiting)
                return NULL;
        waiting->record = *record;
        if (record->bytes.len > 0)
                memcpy(waiting->bytes, record->bytes.data, record->bytes.len);
        waiting->record.bytes = (struct span){ waiting->bytes, record->bytes.len };
        return waiting;
}

/* before: NULL puts it at the front. */
static void insert_behind(struct reorder *reorder, struct waiting *before, struct waiting *waiting)
{
        waiting->before = before;
        waiting->after = before ? before->after : reorder->first;
        *(before ? &before->after : &reorder->first) = waiting;
        *(waiting->after ? &waiting->after->before : &reorder->last) = waiting;
        reorder->n_waiting++;
}

int reorder_put(struct reorder *reorder, const struct job_record *record)
{
        struct waiting *before = reorder->last;
        struct waiting *waiting;

        if (is_late(reorder, record))
                return REORDER_E_LATE;
        if (reorder->n_waiting >= reorder->config.max_packets)
                return REORDER_E_FULL;
        while (before && compare(record, &before->record) < 0)
                before = before->before;
        if (before && compare(record, &before->record) == 0)
                return REORDER_E_TWICE;
        waiting = waiting_new(record);
        if (!waiting)
                return -ENOMEM;
        insert_behind(reorder, before, waiting);
        reorder->is_flushed = false;
        return 0;
}

static struct waiting *unlink_first(struct reorder *reorder)
{
        struct waiting *first = reorder->first;

        reorder->first = first->after;
        *(first->after ? &first->after->before : &reorder->last) = NULL;
        reorder->n_waiting--;
        return first;
}

static bool is_begun(const struct reorder *reorder, const struct job_record *record)
{
        return reorder->started && record->generation == reorder->generation;
}

/* Whether the first of those that wait belongs to a generation that does not go on. */
static bool is_superseded(const struct reorder *reorder)
{
        return reorder->first->record.generation != reorder->last->record.generation;
}

static bool waited_enough(const struct reorder *reorder, int64_t now_us)
{
        return reorder->is_flushed || is_superseded(reorder) ||
               reorder->n_waiting >= reorder->config.max_packets ||
               now_us - reorder->first->record.arrival_us >= reorder->config.hold_us;
}

/* With what the first generation that waits can begin; NULL: nothing that is here. */
static const struct waiting *first_to_begin(const struct reorder *reorder)
{
        const struct waiting *key = reorder->first;

        while (reorder->config.pictures && key && !key->record.starts_keyframe)
                key = key->after;
        return key && key->record.generation == reorder->first->record.generation ? key : NULL;
}

/* Of a generation that has not begun: pictures before its first key frame are of no use to
 * anybody, but that frame's beginning may still come. */
static bool may_begin(struct reorder *reorder, int64_t now_us)
{
        while (reorder->first && !is_begun(reorder, &reorder->first->record)) {
                const struct waiting *key = first_to_begin(reorder);

                if (!waited_enough(reorder, now_us) &&
                    (!key || now_us - key->record.arrival_us < reorder->config.start_us))
                        return false;
                if (key == reorder->first)
                        return true;
                free(unlink_first(reorder));
        }
        return reorder->first;
}

bool reorder_take(struct reorder *reorder, int64_t now_us, struct reorder_packet *ret_packet)
{
        const struct job_record *record;
        bool goes_on;

        free(take_ptr(reorder->taken));
        if (!may_begin(reorder, now_us))
                return false;
        record = &reorder->first->record;
        goes_on = is_begun(reorder, record);
        if (goes_on && record->ext != reorder->next_ext && !waited_enough(reorder, now_us))
                return false;
        *ret_packet = (struct reorder_packet){
                .record = *record,
                .new_generation = !goes_on,
                .lost = goes_on ? record->ext - reorder->next_ext : 0,
        };
        reorder->started = true;
        reorder->generation = record->generation;
        reorder->next_ext = record->ext + 1;
        reorder->taken = unlink_first(reorder);
        return true;
}

int64_t reorder_deadline_us(const struct reorder *reorder)
{
        const struct waiting *key = NULL;
        int64_t at_us, begin_us;

        if (!reorder->first)
                return INT64_MAX;
        at_us = reorder->first->record.arrival_us + reorder->config.hold_us;
        if (!is_begun(reorder, &reorder->first->record))
                key = first_to_begin(reorder);
        begin_us = key ? key->record.arrival_us + reorder->config.start_us : INT64_MAX;
        return begin_us < at_us ? begin_us : at_us;
}

void reorder_flush(struct reorder *reorder)
{
        reorder->is_flushed = true;
}
