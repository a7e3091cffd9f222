/* SPDX-License-Identifier: Apache-2.0 */
#include "meeting/agenda.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(size_t n_items)
{
        return sizeof(struct agenda) + n_items * sizeof(struct agenda_item);
}

int agenda_new(struct agenda **ret_agenda, size_t n_items)
{
        struct agenda *agenda;

        assert(n_items <= AGENDA_MAX_ITEMS);

        agenda = calloc(1, size_of(n_items));
        if (!agenda)
                return -ENOMEM;
        agenda->n_items = n_items;
        *ret_agenda = agenda;
        return 0;
}

struct agenda *agenda_free(struct agenda *agenda)
{
        free(agenda);
        return NULL;
}

int agenda_copy(struct agenda **ret_agenda, const struct agenda *agenda)
{
        int r = agenda_new(ret_agenda, agenda->n_items);

        if (r == 0)
                memcpy((*ret_agenda)->items, agenda->items,
                       agenda->n_items * sizeof(agenda->items[0]));
        return r;
}

static bool repeats_paper(const struct agenda_item *item)
{
        for (size_t i = 1; i < item->n_papers; i++)
                for (size_t before = 0; before < i; before++)
                        if (strcmp(item->papers[before], item->papers[i]) == 0)
                                return true;
        return false;
}

static bool repeats_id(const struct agenda *agenda, size_t at)
{
        const char *id = agenda->items[at].id;

        for (size_t before = 0; id[0] && before < at; before++)
                if (strcmp(agenda->items[before].id, id) == 0)
                        return true;
        return false;
}

int agenda_check(const struct agenda *agenda, size_t *ret_item)
{
        for (size_t i = 0; i < agenda->n_items; i++) {
                const struct agenda_item *item = &agenda->items[i];

                *ret_item = i;
                if (!item->title[0])
                        return AGENDA_E_TITLE;
                if (item->minutes < 0 || item->minutes > AGENDA_MAX_MINUTES)
                        return AGENDA_E_MINUTES;
                if (repeats_id(agenda, i))
                        return AGENDA_E_ID;
                if (repeats_paper(item))
                        return AGENDA_E_PAPER;
        }
        return 0;
}

static bool item_equals(const struct agenda_item *one, const struct agenda_item *other)
{
        if (strcmp(one->id, other->id) != 0 || strcmp(one->title, other->title) != 0 ||
            one->minutes != other->minutes || one->n_papers != other->n_papers)
                return false;
        for (size_t i = 0; i < one->n_papers; i++)
                if (strcmp(one->papers[i], other->papers[i]) != 0)
                        return false;
        return true;
}

bool agenda_equals(const struct agenda *one, const struct agenda *other)
{
        size_t n = one ? one->n_items : 0;

        if (n != (other ? other->n_items : 0))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!item_equals(&one->items[i], &other->items[i]))
                        return false;
        return true;
}

const struct agenda_item *agenda_find(const struct agenda *agenda, const char *id)
{
        for (size_t i = 0; agenda && i < agenda->n_items; i++)
                if (strcmp(agenda->items[i].id, id) == 0)
                        return &agenda->items[i];
        return NULL;
}

static void forget_paper(struct agenda_item *item, const char *paper)
{
        for (size_t i = 0; i < item->n_papers; i++) {
                if (strcmp(item->papers[i], paper) != 0)
                        continue;
                item->n_papers--;
                memmove(item->papers[i], item->papers[i + 1],
                        (item->n_papers - i) * sizeof(item->papers[0]));
                return;
        }
}

void agenda_forget_paper(struct agenda *agenda, const char *paper)
{
        for (size_t i = 0; agenda && i < agenda->n_items; i++)
                forget_paper(&agenda->items[i], paper);
}
