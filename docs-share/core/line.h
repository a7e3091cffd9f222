/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line — the queue of conversions and the states of a document in it.
 *
 * Layer: core, pure.
 *
 *   QUEUED --line_next()--> CONVERTING --line_finish(0)----> READY
 *                               |------line_finish(error)--> FAILED
 *
 * line_remove() takes a document out in either state. After a restart CONVERTING ones are
 * added again as QUEUED: pages that were made are found and kept.
 *
 * Invariants:
 *  (1) one conversion at a time; in a meeting first come, first served; meetings
 *      take turns, so that one with hundreds of papers does not hold up the others.
 *  (2) the end of one conversion, whatever its result, lets the next begin.
 */
#ifndef DOCS_SHARE_CORE_LINE_H
#define DOCS_SHARE_CORE_LINE_H

#include "docs-share/api.h"

enum { LINE_MAX_WAITING = 10000 };

struct line;

must_use int line_new(struct line **ret_line);
struct line *line_free(struct line *line);
DEFINE_CLEANUP(struct line *, line_free)

/* Copies the document, as QUEUED. Returns 0, -ENOMEM, or -EAGAIN when
 * LINE_MAX_WAITING wait. */
must_use int line_add(struct line *line, const struct store_doc *doc);

/* Starts the one whose turn it is: true, with the document as CONVERTING. False: none
 * waits, or one is running. */
bool line_next(struct line *line, struct store_doc *ret_doc);

/* The running one, or NULL. */
const struct store_doc *line_running(const struct line *line);

/* The running one has this many pages. */
void line_set_pages(struct line *line, int pages);

/* The running one is a film of this length. */
void line_set_film(struct line *line, int64_t duration_ms, bool has_video);

/* Ends the running one; error: 0 or an enum docs_err. */
void line_finish(struct line *line, int error, const char *pdf_sha256, struct store_doc *ret_doc);

/* Ends the running one without a result: it was deleted, or will be added again. */
void line_drop(struct line *line, struct store_doc *ret_doc);

/* Removes a waiting one. False when it does not wait. */
bool line_remove(struct line *line, const char *id);

size_t line_waiting(const struct line *line);

#endif
