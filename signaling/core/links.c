/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/core/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "signaling/core/rooms.h"
#include "signaling/wire/seal.h"

enum { MAX_SEALED = 16 * 1024 };

int links_put(struct room *room, const char *id, const char *kind, const json_t *link)
{
        struct store_link row = { .id = "" };
        char *text = json_dumps(link, JSON_COMPACT);
        size_t len = text ? strlen(text) : 0;
        uint8_t *sealed = text ? malloc(len + SEAL_MORE) : NULL;
        uint8_t nonce[SEAL_NONCE];
        int r = -ENOMEM;

        rand_bytes(nonce, sizeof(nonce));
        if (sealed)
                r = seal_write(sealed, (struct span){ (const uint8_t *)text, len }, id, nonce,
                               room->app->secret);
        if (r == 0) {
                g_strlcpy(row.id, id, sizeof(row.id));
                g_strlcpy(row.meeting, room->info.id, sizeof(row.meeting));
                g_strlcpy(row.kind, kind, sizeof(row.kind));
                row.sealed = sealed;
                row.sealed_len = len + SEAL_MORE;
                r = store_link_put(room->app->store, &row, NULL, NULL);
        }
        if (text)
                explicit_bzero(text, len);
        free(text);
        free(sealed);
        return r;
}

void links_remove(struct room *room, const char *id)
{
        struct store_link row = { .id = "" };
        int r;

        g_strlcpy(row.id, id, sizeof(row.id));
        r = store_link_put(room->app->store, &row, NULL, NULL);
        if (r < 0)
                log_line(LOG_ERROR, "links", "meeting=%s link=%s stays on disk: %s", room->info.id,
                         id, strerror(-r));
}

struct loading {
        struct room *room;
        const char *kind;
        void (*each)(struct room *room, const char *id, const json_t *link);
        GPtrArray *bad; /* ids */
};

static json_t *open_link(const struct loading *loading, const struct store_link *row)
{
        uint8_t text[MAX_SEALED];
        struct span sealed = { row->sealed, row->sealed_len };
        json_t *link;

        if (sealed.len > sizeof(text) ||
            seal_read(text, sealed, row->id, loading->room->app->secret) != 0)
                return NULL;
        link = json_loadb((const char *)text, sealed.len - SEAL_MORE, 0, NULL);
        explicit_bzero(text, sizeof(text));
        return link;
}

static void load_row(void *user, const struct store_link *row)
{
        struct loading *loading = user;
        json_t *link;

        if (strcmp(row->kind, loading->kind) != 0)
                return;
        link = open_link(loading, row);
        if (json_is_object(link))
                loading->each(loading->room, row->id, link);
        else
                g_ptr_array_add(loading->bad, g_strdup(row->id));
        json_decref(link);
}

void links_load(struct room *room, const char *kind,
                void (*each)(struct room *room, const char *id, const json_t *link))
{
        struct loading loading = { room, kind, each, g_ptr_array_new_with_free_func(g_free) };
        int r = store_links(room->app->store, room->info.id, load_row, &loading);

        if (r < 0)
                log_line(LOG_ERROR, "links", "meeting=%s cannot be read: %s", room->info.id,
                         strerror(-r));
        for (guint i = 0; i < loading.bad->len; i++) {
                log_line(LOG_WARN, "links", "meeting=%s link=%s cannot be opened: removed",
                         room->info.id, (const char *)g_ptr_array_index(loading.bad, i));
                links_remove(room, g_ptr_array_index(loading.bad, i));
        }
        g_ptr_array_free(loading.bad, TRUE);
}
