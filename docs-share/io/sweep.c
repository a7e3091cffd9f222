/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/io/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "docs-share/io/files.h"

enum { FOLDER_CHARS = 2, FILE_CHARS = SHA256_HEX - 1 - FOLDER_CHARS };

/* The blobs that documents refer to. */
struct used {
        const char *dir;
        char (*names)[SHA256_HEX];
        size_t n, cap;
        int result;
};

static void add(struct used *used, const char *sha256)
{
        if (used->n == used->cap) {
                size_t cap = used->cap ? used->cap * 2 : 256;
                void *more = realloc(used->names, cap * sizeof(*used->names));

                if (!more) {
                        used->result = -ENOMEM;
                        return;
                }
                used->names = more;
                used->cap = cap;
        }
        snprintf(used->names[used->n++], SHA256_HEX, "%s", sha256);
}

static void add_doc(void *user, const struct store_doc *doc)
{
        struct used *used = user;
        char pdf_sha256[SHA256_HEX];
        int pages;

        add(used, doc->sha256);
        add(used, doc->pdf_sha256);
        /* The PDF of an unfinished conversion is not in the row yet. */
        if (files_read_done(used->dir, doc->sha256, &pages, pdf_sha256) == 0)
                add(used, pdf_sha256);
}

static int compare(const void *a, const void *b)
{
        return strcmp(a, b);
}

static size_t sweep_folder(const struct used *used, const char *folder)
{
        char path[FILES_PATH], sha256[SHA256_HEX];
        cleanup(closedirp) DIR *dir = NULL;
        struct dirent *entry;
        size_t n = 0;

        snprintf(path, sizeof(path), "%.*s/blobs/%.2s", FILES_DIR_MAX, used->dir, folder);
        dir = opendir(path);
        while (dir && (entry = readdir(dir))) {
                if (strlen(entry->d_name) != FILE_CHARS)
                        continue;
                snprintf(sha256, sizeof(sha256), "%.2s%.62s", folder, entry->d_name);
                if (bsearch(sha256, used->names, used->n, SHA256_HEX, compare))
                        continue;
                files_remove_pages(used->dir, sha256);
                files_remove_blob(used->dir, sha256);
                n++;
        }
        return n;
}

static void used_done(struct used *used)
{
        free(used->names);
}

int sweep_blobs(const char *dir, struct store *store, size_t *ret_n)
{
        cleanup(used_done) struct used used = { .dir = dir };
        cleanup(closedirp) DIR *folders = NULL;
        char path[FILES_PATH];
        struct dirent *entry;
        size_t n = 0;
        int r = store_docs(store, NULL, add_doc, &used);

        if (r < 0 || used.result < 0)
                return r < 0 ? r : used.result;
        if (used.n > 0)
                qsort(used.names, used.n, SHA256_HEX, compare);
        snprintf(path, sizeof(path), "%.*s/blobs", FILES_DIR_MAX, dir);
        folders = used.n > 0 ? opendir(path) : NULL;
        while (folders && (entry = readdir(folders)))
                if (strlen(entry->d_name) == FOLDER_CHARS && entry->d_name[0] != '.')
                        n += sweep_folder(&used, entry->d_name);
        *ret_n = n;
        return 0;
}
