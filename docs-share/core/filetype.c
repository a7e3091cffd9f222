/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/core/filetype.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum container {
        CONTAINER_PDF,
        CONTAINER_ZIP,
        CONTAINER_JPEG,
        CONTAINER_PNG,
        CONTAINER_ISO, /* ISO/IEC 14496-12, and QuickTime before it */
        CONTAINER_MATROSKA,
        CONTAINER_MPEG_AUDIO,
        CONTAINER_OGG,
};

static const struct type {
        const char *extension;
        const char *content_type;
        enum container container;
} types[FILETYPE_N] = {
        [FILETYPE_PDF] = { "pdf", "application/pdf", CONTAINER_PDF },
        [FILETYPE_PPTX] = { "pptx",
                            "application/vnd.openxmlformats-officedocument.presentationml"
                            ".presentation",
                            CONTAINER_ZIP },
        [FILETYPE_ODP] = { "odp", "application/vnd.oasis.opendocument.presentation",
                           CONTAINER_ZIP },
        [FILETYPE_DOCX] = { "docx",
                            "application/vnd.openxmlformats-officedocument.wordprocessingml"
                            ".document",
                            CONTAINER_ZIP },
        [FILETYPE_ODT] = { "odt", "application/vnd.oasis.opendocument.text", CONTAINER_ZIP },
        [FILETYPE_XLSX] = { "xlsx",
                            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                            CONTAINER_ZIP },
        [FILETYPE_JPEG] = { "jpg", "image/jpeg", CONTAINER_JPEG },
        [FILETYPE_PNG] = { "png", "image/png", CONTAINER_PNG },
        [FILETYPE_MP4] = { "mp4", "video/mp4", CONTAINER_ISO },
        [FILETYPE_MOV] = { "mov", "video/quicktime", CONTAINER_ISO },
        [FILETYPE_M4A] = { "m4a", "audio/mp4", CONTAINER_ISO },
        [FILETYPE_MKV] = { "mkv", "video/x-matroska", CONTAINER_MATROSKA },
        [FILETYPE_WEBM] = { "webm", "video/webm", CONTAINER_MATROSKA },
        [FILETYPE_MP3] = { "mp3", "audio/mpeg", CONTAINER_MPEG_AUDIO },
        [FILETYPE_OGG] = { "ogg", "audio/ogg", CONTAINER_OGG },
};

static const uint8_t zip_magic[] = { 'P', 'K', 3, 4 };
static const uint8_t png_magic[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
static const uint8_t jpeg_magic[] = { 0xff, 0xd8, 0xff };
static const uint8_t ebml_magic[] = { 0x1a, 0x45, 0xdf, 0xa3 };
static const uint8_t ogg_magic[] = { 'O', 'g', 'g', 'S' };
static const uint8_t cfb_magic[] = { 0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1 };

int filetype_from_name(enum filetype *ret_type, const char *name)
{
        const char *dot = strrchr(name, '.');

        if (!dot)
                return DOCS_E_TYPE;
        for (size_t i = 0; i < FILETYPE_N; i++) {
                if (strcasecmp(dot + 1, types[i].extension) == 0) {
                        *ret_type = (enum filetype)i;
                        return 0;
                }
        }
        if (strcasecmp(dot + 1, "jpeg") != 0)
                return DOCS_E_TYPE;
        *ret_type = FILETYPE_JPEG;
        return 0;
}

/* 0, DOCS_E_TYPE or -EAGAIN, as filetype_check_head(). */
static int check_prefix(const uint8_t *head, size_t len, bool whole, const uint8_t *magic, size_t n)
{
        if (memcmp(head, magic, len < n ? len : n) != 0)
                return DOCS_E_TYPE;
        if (len >= n)
                return 0;
        return whole ? DOCS_E_TYPE : -EAGAIN;
}

/* The file's first box: its length, then its name. Files of before MP4 begin with any of
 * several; a phone's film with its brand. */
static int check_iso(const uint8_t *head, size_t len, bool whole)
{
        static const char boxes[][5] = { "ftyp", "moov", "mdat", "wide", "free", "skip" };

        if (len < 8)
                return whole ? DOCS_E_TYPE : -EAGAIN;
        for (size_t i = 0; i < ARRAY_LEN(boxes); i++)
                if (memcmp(head + 4, boxes[i], 4) == 0)
                        return 0;
        return DOCS_E_TYPE;
}

/* A tag of ID3, or at once a frame (ISO/IEC 11172-3, 2.4.1.3): eleven bits set, of a
 * version that there is, and of layer III. */
static int check_mpeg_audio(const uint8_t *head, size_t len, bool whole)
{
        if (head[0] == 'I')
                return check_prefix(head, len, whole, (const uint8_t *)"ID3", 3);
        if (head[0] != 0xff)
                return DOCS_E_TYPE;
        if (len < 2)
                return whole ? DOCS_E_TYPE : -EAGAIN;
        return (head[1] & 0xe6) == 0xe2 && (head[1] & 0x18) != 0x08 ? 0 : DOCS_E_TYPE;
}

int filetype_check_head(enum filetype type, const uint8_t *head, size_t len, bool whole)
{
        if (len == 0)
                return whole ? DOCS_E_TYPE : -EAGAIN;
        switch (types[type].container) {
        case CONTAINER_PDF:
                if (memmem(head, len < FILETYPE_HEAD_BYTES ? len : FILETYPE_HEAD_BYTES, "%PDF-", 5))
                        return 0;
                return whole || len >= FILETYPE_HEAD_BYTES ? DOCS_E_TYPE : -EAGAIN;
        case CONTAINER_ZIP:
                if (filetype_is_office(type) && type != FILETYPE_ODP && type != FILETYPE_ODT &&
                    head[0] == cfb_magic[0])
                        return check_prefix(head, len, whole, cfb_magic, sizeof(cfb_magic));
                return check_prefix(head, len, whole, zip_magic, sizeof(zip_magic));
        case CONTAINER_JPEG:
                return check_prefix(head, len, whole, jpeg_magic, sizeof(jpeg_magic));
        case CONTAINER_PNG:
                return check_prefix(head, len, whole, png_magic, sizeof(png_magic));
        case CONTAINER_ISO:
                return check_iso(head, len, whole);
        case CONTAINER_MATROSKA:
                return check_prefix(head, len, whole, ebml_magic, sizeof(ebml_magic));
        case CONTAINER_MPEG_AUDIO:
                return check_mpeg_audio(head, len, whole);
        case CONTAINER_OGG:
                return check_prefix(head, len, whole, ogg_magic, sizeof(ogg_magic));
        }
        return DOCS_E_TYPE;
}

bool filetype_is_office(enum filetype type)
{
        return types[type].container == CONTAINER_ZIP;
}

bool filetype_is_image(enum filetype type)
{
        return type == FILETYPE_JPEG || type == FILETYPE_PNG;
}

bool filetype_is_film(enum filetype type)
{
        return types[type].container >= CONTAINER_ISO;
}

const char *filetype_extension(enum filetype type)
{
        return types[type].extension;
}

const char *filetype_content_type(enum filetype type)
{
        return types[type].content_type;
}

/* Walks the segments up to the frame header SOF0..15 (ITU T.81 B.2.2). */
static uint64_t jpeg_pixels(struct rd *r)
{
        while (!r->bad) {
                uint8_t marker;
                uint16_t len;

                if (rd_u8(r) != 0xff)
                        return 0;
                while ((marker = rd_u8(r)) == 0xff) /* fill bytes */
                        ;
                if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8))
                        continue; /* no length follows */
                len = rd_u16(r);
                if (len < 2)
                        return 0;
                if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
                    marker != 0xcc) {
                        uint64_t height, width;

                        rd_u8(r); /* sample precision */
                        height = rd_u16(r);
                        width = rd_u16(r);
                        return r->bad ? 0 : width * height;
                }
                (void)rd_take(r, len - 2u);
        }
        return 0;
}

uint64_t filetype_image_pixels(enum filetype type, const uint8_t *head, size_t len)
{
        struct rd r = rd_init(head, len);
        uint64_t width, height;

        if (type == FILETYPE_JPEG)
                return jpeg_pixels(&r);
        /* PNG: signature, then IHDR's length and name (ISO/IEC 15948 §11.2.2). */
        (void)rd_take(&r, sizeof(png_magic) + 8);
        width = rd_u32(&r);
        height = rd_u32(&r);
        return r.bad ? 0 : width * height;
}

bool cfb_is(const uint8_t *head, size_t len)
{
        return len >= sizeof(cfb_magic) && memcmp(head, cfb_magic, sizeof(cfb_magic)) == 0;
}

uint64_t cfb_directory_offset(const uint8_t *head)
{
        /* [MS-CFB] 2.2: sector shift at 30 (9 or 12), first directory sector at 48. */
        unsigned shift = head[30] == 12 ? 12 : 9;
        uint64_t sector = (uint64_t)head[48] | (uint64_t)head[49] << 8 | (uint64_t)head[50] << 16 |
                          (uint64_t)head[51] << 24;

        return (sector + 1) << shift;
}

bool cfb_is_encrypted(const uint8_t *directory, size_t len)
{
        static const char name[] = "EncryptedPackage";
        uint8_t utf16[2 * (sizeof(name) - 1)];

        for (size_t i = 0; i < sizeof(name) - 1; i++) {
                utf16[2 * i] = (uint8_t)name[i];
                utf16[2 * i + 1] = 0;
        }
        return memmem(directory, len, utf16, sizeof(utf16)) != NULL;
}
