/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/io/static_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "signaling/wire/http_fields.h"

enum { MAX_DEPTH = 8, MAX_FILES = 4096, MAX_PATH = 1024, ETAG_CAP = 48 };

enum form { FORM_PLAIN, FORM_BR, FORM_GZIP, FORM_COUNT };

static const char *const form_suffix[FORM_COUNT] = { "", ".br", ".gz" };
static const char *const form_coding[FORM_COUNT] = { NULL, "br", "gzip" };

struct entry {
        char *url;              /* "/assets/app-1a2b.js" */
        char *path[FORM_COUNT]; /* NULL: no such form */
        char etag[FORM_COUNT][ETAG_CAP];
        const char *type;
};

struct static_files {
        char *dir;
        struct timespec index_changed;
        struct entry *entries; /* in order of url */
        size_t n, cap;
};

static const char *type_of(const char *name)
{
        static const struct {
                const char *suffix, *type;
        } types[] = {
                { ".html", "text/html; charset=utf-8" },
                { ".js", "text/javascript; charset=utf-8" },
                { ".mjs", "text/javascript; charset=utf-8" },
                { ".css", "text/css; charset=utf-8" },
                { ".json", "application/json" },
                { ".webmanifest", "application/manifest+json" },
                { ".svg", "image/svg+xml" },
                { ".png", "image/png" },
                { ".jpg", "image/jpeg" },
                { ".webp", "image/webp" },
                { ".ico", "image/x-icon" },
                { ".woff2", "font/woff2" },
                { ".wasm", "application/wasm" },
                { ".mp3", "audio/mpeg" },
                { ".txt", "text/plain; charset=utf-8" },
        };
        const char *dot = strrchr(name, '.');

        for (size_t i = 0; dot && i < ARRAY_LEN(types); i++) {
                if (!strcasecmp(dot, types[i].suffix))
                        return types[i].type;
        }
        return "application/octet-stream";
}

static void clear_entries(struct static_files *files)
{
        for (size_t i = 0; i < files->n; i++) {
                free(files->entries[i].url);
                for (int form = 0; form < FORM_COUNT; form++)
                        free(files->entries[i].path[form]);
        }
        free(files->entries);
        files->entries = NULL;
        files->n = files->cap = 0;
}

static int add_form(struct entry *entry, enum form form, const char *path)
{
        char full[MAX_PATH];
        struct stat st;

        if (snprintf(full, sizeof(full), "%s%s", path, form_suffix[form]) >= (int)sizeof(full) ||
            stat(full, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        snprintf(entry->etag[form], ETAG_CAP, "\"%llx-%llx%s\"", (unsigned long long)st.st_size,
                 (unsigned long long)st.st_mtim.tv_sec * 1000000000ull +
                         (unsigned long long)st.st_mtim.tv_nsec,
                 form_suffix[form]);
        entry->path[form] = strdup(full);
        return entry->path[form] ? 0 : -ENOMEM;
}

static int add_file(struct static_files *files, const char *path)
{
        struct entry entry = { .type = type_of(path) };
        int r = 0;

        if (files->n == MAX_FILES)
                return 0;
        if (files->n == files->cap) {
                size_t cap = files->cap ? 2 * files->cap : 32;
                struct entry *more = realloc(files->entries, cap * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                files->entries = more;
                files->cap = cap;
        }
        entry.url = strdup(path + strlen(files->dir));
        for (int form = 0; form < FORM_COUNT && r == 0; form++)
                r = add_form(&entry, (enum form)form, path);
        files->entries[files->n++] = entry;
        return entry.url ? r : -ENOMEM;
}

static bool is_compressed_form(const char *name)
{
        size_t n = strlen(name);

        return n > 3 && (!strcmp(name + n - 3, ".br") || !strcmp(name + n - 3, ".gz"));
}

static int add_dir(struct static_files *files, const char *dir, int depth)
{
        DIR *list = opendir(dir);
        struct dirent *item;
        int r = 0;

        while (list && r == 0 && (item = readdir(list))) {
                char path[MAX_PATH];
                struct stat st;

                if (item->d_name[0] == '.' || is_compressed_form(item->d_name) ||
                    snprintf(path, sizeof(path), "%s/%s", dir, item->d_name) >= (int)sizeof(path) ||
                    stat(path, &st) < 0)
                        continue;
                if (S_ISREG(st.st_mode))
                        r = add_file(files, path);
                else if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
                        r = add_dir(files, path, depth + 1);
        }
        if (list)
                closedir(list);
        return r;
}

static int compare_entries(const void *a, const void *b)
{
        return strcmp(((const struct entry *)a)->url, ((const struct entry *)b)->url);
}

static const struct entry *find_entry(const struct static_files *files, const char *url)
{
        struct entry key = { .url = (char *)(uintptr_t)url };

        return files->n == 0
                       ? NULL
                       : bsearch(&key, files->entries, files->n, sizeof(key), compare_entries);
}

static int index_time(const struct static_files *files, struct timespec *ret)
{
        char path[MAX_PATH];
        struct stat st;

        if (snprintf(path, sizeof(path), "%s/index.html", files->dir) >= (int)sizeof(path) ||
            stat(path, &st) < 0)
                return -ENOENT;
        *ret = st.st_mtim;
        return 0;
}

static int scan(struct static_files *files)
{
        int r;

        clear_entries(files);
        r = index_time(files, &files->index_changed);
        if (r == 0)
                r = add_dir(files, files->dir, 0);
        if (r == 0 && files->n > 0)
                qsort(files->entries, files->n, sizeof(*files->entries), compare_entries);
        if (r < 0)
                clear_entries(files);
        return r;
}

int static_files_new(struct static_files **ret_files, const char *dir)
{
        struct static_files *files = calloc(1, sizeof(*files));
        int r = -ENOMEM;

        if (files)
                files->dir = strdup(dir);
        if (files && files->dir)
                r = scan(files);
        if (r < 0) {
                static_files_free(files);
                return r;
        }
        *ret_files = files;
        return 0;
}

struct static_files *static_files_free(struct static_files *files)
{
        if (files) {
                clear_entries(files);
                free(files->dir);
        }
        free(files);
        return NULL;
}

/* A new build was put in place of the old one. */
static void rescan_if_changed(struct static_files *files)
{
        struct timespec now;

        if (index_time(files, &now) == 0 && (now.tv_sec != files->index_changed.tv_sec ||
                                             now.tv_nsec != files->index_changed.tv_nsec))
                (void)!scan(files);
}

/* The file that is the page of this path; NULL: not a page. */
static const char *page_of(const char *path)
{
        static const struct {
                const char *folder, *file;
        } pages[] = {
                { "/m/", "/index.html" },
                { "/r/", "/replay.html" },
                { "/w/", "/watch.html" },
        };

        if (!strcmp(path, "/") || !strcmp(path, "/index.html"))
                return "/index.html";
        for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
                const char *rest = path + strlen(pages[i].folder);

                if (!strncmp(path, pages[i].folder, strlen(pages[i].folder)) && *rest &&
                    !strchr(rest, '/'))
                        return pages[i].file;
        }
        return NULL;
}

bool static_files_find(struct static_files *files, const char *path, const char *accept_encoding,
                       struct http_file *ret_file)
{
        const struct entry *entry;
        enum form form = FORM_PLAIN;
        const char *page = page_of(path);

        if (page)
                rescan_if_changed(files);
        entry = find_entry(files, page ? page : path);
        if (!entry)
                return false;
        for (int i = FORM_BR; i < FORM_COUNT && form == FORM_PLAIN; i++) {
                if (entry->path[i] && http_accepts_coding(accept_encoding, form_coding[i]))
                        form = (enum form)i;
        }
        if (!entry->path[form])
                return false;
        *ret_file = (struct http_file){
                .path = entry->path[form],
                .content_type = entry->type,
                .etag = entry->etag[form],
                .cache_control = !strncmp(path, "/assets/", 8)
                                         ? "public, max-age=31536000, immutable"
                                         : "no-cache",
                .content_encoding = form_coding[form],
        };
        return true;
}
