/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/live_path.h"

#include <errno.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

static const char *const folders[LIVE_N_FOLDERS] = { "", "720", "360", "audio", "pages" };

enum { OF_ROOT = 1 << LIVE_ROOT, OF_PAGES = 1 << LIVE_PAGES };
enum { OF_MEDIA = 1 << LIVE_720 | 1 << LIVE_360 | 1 << LIVE_AUDIO };

static const struct {
        const char *ending;
        enum live_type type;
        unsigned folders;
} types[] = {
        { ".m3u8", LIVE_PLAYLIST, OF_ROOT | OF_MEDIA },
        { ".mp4", LIVE_INIT, OF_MEDIA },
        { ".m4s", LIVE_SEGMENT, OF_MEDIA },
        { ".webp", LIVE_PAGE, OF_PAGES },
        { ".json", LIVE_PAGE_LIST, OF_ROOT },
};

static int parse_name(struct live_path *path, const char *name)
{
        size_t stem = strspn(name, NAME_CHARS), len = strlen(name);

        if (stem == 0 || len >= sizeof(path->name))
                return -ENOENT;
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                if (strcmp(name + stem, types[i].ending) != 0 ||
                    !(types[i].folders & 1u << path->folder))
                        continue;
                path->type = types[i].type;
                memcpy(path->name, name, len + 1);
                return 0;
        }
        return -ENOENT;
}

int live_path_parse(struct live_path *ret_path, const char *path)
{
        static const char start[] = "/live/";
        struct live_path found = { .folder = LIVE_ROOT };
        const char *slash;

        if (strncmp(path, start, strlen(start)) != 0)
                return -ENOENT;
        path += strlen(start);
        if (strspn(path, NAME_CHARS) != LIVE_KEY || path[LIVE_KEY] != '/')
                return -ENOENT;
        memcpy(found.key, path, LIVE_KEY);
        path += LIVE_KEY + 1;
        slash = strchr(path, '/');
        for (int i = LIVE_720; slash && i < LIVE_N_FOLDERS; i++) {
                if (strlen(folders[i]) == (size_t)(slash - path) &&
                    strncmp(path, folders[i], (size_t)(slash - path)) == 0)
                        found.folder = (enum live_folder)i;
        }
        if (slash && found.folder == LIVE_ROOT)
                return -ENOENT;
        if (parse_name(&found, slash ? slash + 1 : path) < 0)
                return -ENOENT;
        *ret_path = found;
        return 0;
}

bool live_key_is_good(const char *key)
{
        return strlen(key) == LIVE_KEY && strspn(key, NAME_CHARS) == LIVE_KEY;
}

const char *live_folder_name(enum live_folder folder)
{
        return folders[folder];
}

const char *live_content_type(const struct live_path *path)
{
        switch (path->type) {
        case LIVE_PLAYLIST:
                return "application/vnd.apple.mpegurl";
        case LIVE_PAGE:
                return "image/webp";
        case LIVE_PAGE_LIST:
                return "application/json";
        case LIVE_INIT:
        case LIVE_SEGMENT:
                break;
        }
        return path->folder == LIVE_AUDIO ? "audio/mp4" : "video/mp4";
}
