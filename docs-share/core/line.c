/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/core/line.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Meetings take turns: a paper's round is one after that of the meeting's paper
 * before it, and the lowest round is next. */
struct waiting {
        struct store_doc doc;
        uint64_t round;
};

struct line {
        struct waiting *waiting; /* [0..n), oldest first */
        size_t n, cap;
        struct store_doc current;
        uint64_t round; /* of current, or of the one that ran last */
        bool running;
};

int line_new(struct line **ret_line)
{
        *ret_line = calloc(1, sizeof(struct line));
        return *ret_line ? 0 : -ENOMEM;
}

struct line *line_free(struct line *line)
{
        if (line)
                free(line->waiting);
        free(line);
        return NULL;
}

static uint64_t round_for(const struct line *line, const char *meeting)
{
        bool served = strcmp(line->current.meeting, meeting) == 0;
        uint64_t round = line->round + (served ? 1 : 0);

        for (size_t i = 0; i < line->n; i++)
                if (line->waiting[i].round >= round &&
                    strcmp(line->waiting[i].doc.meeting, meeting) == 0)
                        round = line->waiting[i].round + 1;
        return round;
}

int line_add(struct line *line, const struct store_doc *doc)
{
        if (line->n >= LINE_MAX_WAITING)
                return -EAGAIN;
        if (line->n == line->cap) {
                size_t cap = line->cap ? line->cap * 2 : 16;
                struct waiting *more = realloc(line->waiting, cap * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                line->waiting = more;
                line->cap = cap;
        }
        line->waiting[line->n].round = round_for(line, doc->meeting);
        line->waiting[line->n].doc = *doc;
        line->waiting[line->n].doc.state = STORE_DOC_QUEUED;
        line->n++;
        return 0;
}

static void remove_at(struct line *line, size_t at)
{
        memmove(line->waiting + at, line->waiting + at + 1,
                (line->n - at - 1) * sizeof(*line->waiting));
        line->n--;
}

bool line_next(struct line *line, struct store_doc *ret_doc)
{
        size_t next = 0;

        if (line->running || line->n == 0)
                return false;
        for (size_t i = 1; i < line->n; i++)
                if (line->waiting[i].round < line->waiting[next].round)
                        next = i;
        line->current = line->waiting[next].doc;
        line->current.state = STORE_DOC_CONVERTING;
        line->round = line->waiting[next].round;
        line->running = true;
        remove_at(line, next);
        *ret_doc = line->current;
        return true;
}

const struct store_doc *line_running(const struct line *line)
{
        return line->running ? &line->current : NULL;
}

void line_set_pages(struct line *line, int pages)
{
        assert(line->running);
        line->current.pages = pages;
}

void line_set_film(struct line *line, int64_t duration_ms, bool has_video)
{
        assert(line->running);
        line->current.duration_ms = duration_ms;
        line->current.has_video = has_video;
}

void line_finish(struct line *line, int error, const char *pdf_sha256, struct store_doc *ret_doc)
{
        struct store_doc *doc = &line->current;

        assert(line->running);
        if (error == 0) {
                doc->state = STORE_DOC_READY;
                snprintf(doc->pdf_sha256, sizeof(doc->pdf_sha256), "%s", pdf_sha256);
        } else {
                doc->state = STORE_DOC_FAILED;
                doc->pages = 0;
                snprintf(doc->error, sizeof(doc->error), "%s", docs_error_code(error));
        }
        line_drop(line, ret_doc);
}

void line_drop(struct line *line, struct store_doc *ret_doc)
{
        assert(line->running);
        line->running = false;
        *ret_doc = line->current;
}

bool line_remove(struct line *line, const char *id)
{
        for (size_t i = 0; i < line->n; i++) {
                if (strcmp(line->waiting[i].doc.id, id) == 0) {
                        remove_at(line, i);
                        return true;
                }
        }
        return false;
}

size_t line_waiting(const struct line *line)
{
        return line->n;
}
