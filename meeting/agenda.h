/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agenda — the items of a meeting's programme, in their order. Written once, then read: who
 *          changes the programme makes another agenda.
 *
 * Layer:  core, pure but for memory.
 * Owner:  whoever made it; the meeting keeps a copy.
 *
 * Which item is being dealt with, and since when, is the meeting's to know (meeting.h).
 */
#ifndef MEETING_AGENDA_H
#define MEETING_AGENDA_H

#include "base/rand.h"

enum {
        AGENDA_MAX_ITEMS = 100,
        AGENDA_MAX_PAPERS = 20, /* of one item */
        AGENDA_MAX_MINUTES = 600,
        AGENDA_ID = UUID_TEXT, /* of papers too */
        AGENDA_TITLE_CHARS = 200,
        AGENDA_TITLE = AGENDA_TITLE_CHARS * 4 + 1,
};

struct agenda_item {
        char id[AGENDA_ID];
        char title[AGENDA_TITLE];
        int minutes; /* planned; 0: not said */
        size_t n_papers;
        char papers[AGENDA_MAX_PAPERS][AGENDA_ID];
};

struct agenda {
        size_t n_items;
        struct agenda_item items[];
};

/* Of n_items (<= AGENDA_MAX_ITEMS) empty ones. Returns 0 or -ENOMEM. */
must_use int agenda_new(struct agenda **ret_agenda, size_t n_items);
/* Accepts NULL, returns NULL. */
struct agenda *agenda_free(struct agenda *agenda);
DEFINE_CLEANUP(struct agenda *, agenda_free)
must_use int agenda_copy(struct agenda **ret_agenda, const struct agenda *agenda);

enum agenda_err {
        AGENDA_E_TITLE = 1, /* an item without one */
        AGENDA_E_MINUTES,
        AGENDA_E_ID,    /* one that was there before */
        AGENDA_E_PAPER, /* the same */
};

/* Whether it can be a programme: 0, or an enum agenda_err with the item's place. Ids that are
 * still to be given ("") may repeat. */
must_use int agenda_check(const struct agenda *agenda, size_t *ret_item);

/* NULL is an agenda without items. */
bool agenda_equals(const struct agenda *one, const struct agenda *other);
/* NULL when there is none. */
const struct agenda_item *agenda_find(const struct agenda *agenda, const char *id);

/* A paper that is gone belongs to no item any more. Accepts NULL. */
void agenda_forget_paper(struct agenda *agenda, const char *paper);

#endif
