/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/core/zipcheck.h"

#include <string.h>

enum {
        END_SIZE = 22,
        ENTRY_SIZE = 46,
        FLAG_ENCRYPTED = 1,
        STORED = 0,
        DEFLATED = 8,
};

/* Bounds on what an archive may unpack to. A deck full of bitmaps comes near
 * 300 MB; XML deflates to a tenth, seldom to a thirtieth. */
static const uint64_t max_total = 1024ull << 20;
static const uint64_t max_entry = 512ull << 20;
static const uint64_t ratio_free = 64ull << 20; /* below it any ratio will do */
static const uint64_t max_ratio = 100;
/* Deflate cannot do better (zlib's technical notes). */
static const uint64_t deflate_ratio = 1032;

/* ZIP is little-endian; the reader of base.h is not. */
static uint16_t le16(const uint8_t *at)
{
        return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t le32(const uint8_t *at)
{
        return le16(at) | (uint32_t)le16(at + 2) << 16;
}

static const uint8_t *find_end_record(const uint8_t *tail, size_t len)
{
        static const uint8_t magic[] = { 'P', 'K', 5, 6 };

        if (len < END_SIZE)
                return NULL;
        for (size_t at = len - END_SIZE + 1; at-- > 0;) {
                if (memcmp(tail + at, magic, sizeof(magic)) == 0 &&
                    at + END_SIZE + le16(tail + at + 20) == len)
                        return tail + at;
        }
        return NULL;
}

int zip_find_end(struct zip_end *ret_end, const uint8_t *tail, size_t tail_len, uint64_t file_size)
{
        const uint8_t *record = find_end_record(tail, tail_len);
        struct zip_end end;
        uint64_t record_offset;

        if (!record)
                return DOCS_E_CORRUPT;
        record_offset = file_size - tail_len + (uint64_t)(record - tail);
        end.entries = le16(record + 10);
        end.directory_size = le32(record + 12);
        end.directory_offset = le32(record + 16);
        if (end.entries > ZIP_MAX_ENTRIES)
                return DOCS_E_BOMB; /* 0xffff too: the ZIP64 mark */
        if (end.directory_size > ZIP_MAX_DIRECTORY ||
            end.directory_offset + end.directory_size > record_offset)
                return DOCS_E_CORRUPT;
        *ret_end = end;
        return 0;
}

struct entry {
        uint16_t flags, method;
        uint64_t packed, unpacked, header_offset;
        const char *name; /* not terminated */
        size_t name_len;
};

static bool next_entry(struct rd *r, struct entry *ret_entry)
{
        static const uint8_t magic[] = { 'P', 'K', 1, 2 };
        struct span fixed = rd_take(r, ENTRY_SIZE);
        struct span name;

        if (!fixed.data || memcmp(fixed.data, magic, sizeof(magic)) != 0)
                return false;
        name = rd_take(r, le16(fixed.data + 28));
        (void)rd_take(r, (size_t)le16(fixed.data + 30) + le16(fixed.data + 32));
        if (r->bad)
                return false;
        *ret_entry = (struct entry){ .flags = le16(fixed.data + 8),
                                     .method = le16(fixed.data + 10),
                                     .packed = le32(fixed.data + 20),
                                     .unpacked = le32(fixed.data + 24),
                                     .header_offset = le32(fixed.data + 42),
                                     .name = (const char *)name.data,
                                     .name_len = name.len };
        return true;
}

static bool name_is(const struct entry *entry, const char *name)
{
        return entry->name_len == strlen(name) && memcmp(entry->name, name, entry->name_len) == 0;
}

static bool name_starts(const struct entry *entry, const char *prefix)
{
        size_t len = strlen(prefix);

        return entry->name_len > len && memcmp(entry->name, prefix, len) == 0;
}

static int check_entry(const struct entry *entry, const struct zip_end *end)
{
        if (entry->flags & FLAG_ENCRYPTED || name_is(entry, "encrypted-package"))
                return DOCS_E_PASSWORD;
        if (entry->unpacked > max_entry)
                return DOCS_E_BOMB;
        if (entry->method != STORED && entry->method != DEFLATED)
                return DOCS_E_CORRUPT;
        if (entry->header_offset + ZIP_LOCAL_HEADER + entry->packed > end->directory_offset)
                return DOCS_E_CORRUPT;
        if (entry->method == STORED ? entry->unpacked != entry->packed
                                    : entry->unpacked > entry->packed * deflate_ratio + 1024)
                return DOCS_E_CORRUPT;
        return 0;
}

/* The folder or file that every document of this kind has. */
static bool is_main_part(const struct entry *entry, enum filetype type)
{
        switch (type) {
        case FILETYPE_PPTX:
                return name_starts(entry, "ppt/");
        case FILETYPE_DOCX:
                return name_starts(entry, "word/");
        case FILETYPE_XLSX:
                return name_starts(entry, "xl/");
        case FILETYPE_ODP:
        case FILETYPE_ODT:
                return name_is(entry, "content.xml");
        case FILETYPE_PDF:
        case FILETYPE_JPEG:
        case FILETYPE_PNG:
        case FILETYPE_MP4:
        case FILETYPE_MOV:
        case FILETYPE_M4A:
        case FILETYPE_MKV:
        case FILETYPE_WEBM:
        case FILETYPE_MP3:
        case FILETYPE_OGG:
        case FILETYPE_N:
                break;
        }
        return false;
}

int zip_check_directory(uint64_t *ret_stored_content, const struct zip_end *end,
                        const uint8_t *directory, enum filetype type)
{
        struct rd r = rd_init(directory, end->directory_size);
        uint64_t packed = 0, unpacked = 0, stored_content = 0;
        bool has_main = false;

        for (uint32_t i = 0; i < end->entries; i++) {
                struct entry entry;
                int r_entry;

                if (!next_entry(&r, &entry))
                        return DOCS_E_CORRUPT;
                r_entry = check_entry(&entry, end);
                if (r_entry != 0)
                        return r_entry;
                packed += entry.packed + ZIP_LOCAL_HEADER;
                unpacked += entry.unpacked;
                if (is_main_part(&entry, type)) {
                        has_main = true;
                        if (entry.method == STORED && name_is(&entry, "content.xml"))
                                stored_content = entry.header_offset;
                }
        }
        /* Entries that share their bytes are the trick of a non-recursive bomb. */
        if (packed > end->directory_offset || unpacked > max_total ||
            (unpacked > ratio_free && unpacked / max_ratio > packed))
                return DOCS_E_BOMB;
        if (!has_main)
                return DOCS_E_TYPE;
        *ret_stored_content = stored_content;
        return 0;
}

size_t zip_local_data(const uint8_t *header)
{
        return ZIP_LOCAL_HEADER + (size_t)le16(header + 26) + le16(header + 28);
}
