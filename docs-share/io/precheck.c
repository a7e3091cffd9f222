/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/io/precheck.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "docs-share/core/zipcheck.h"

enum { IMAGE_HEAD_BYTES = 256 * 1024 };

/* What GraphicsMagick can hold (8 bytes each) in the sandbox's memory: more
 * than any phone's camera takes in one ordinary picture. */
static const uint64_t max_pixels = 110 * 1000 * 1000;

/* Up to cap bytes at offset. Returns 0 with the length, or -errno. */
static int read_at(int fd, uint64_t offset, uint8_t *ret, size_t cap, size_t *ret_len)
{
        size_t len = 0;

        while (len < cap) {
                ssize_t n = pread(fd, ret + len, cap - len, (off_t)(offset + len));

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        break;
                if (n > 0)
                        len += (size_t)n;
        }
        *ret_len = len;
        return 0;
}

static int check_cfb(int fd, const uint8_t *head, uint64_t file_size)
{
        uint8_t directory[CFB_DIRECTORY_BYTES];
        uint64_t offset = cfb_directory_offset(head);
        size_t len = 0;
        int r;

        if (offset >= file_size)
                return DOCS_E_CORRUPT;
        r = read_at(fd, offset, directory, sizeof(directory), &len);
        if (r < 0)
                return r;
        return cfb_is_encrypted(directory, len) ? DOCS_E_PASSWORD : DOCS_E_CORRUPT;
}

/* An OpenDocument's content.xml that is stored and is no XML is ciphertext
 * (ODF 1.3 part 2, 4.4: encrypted files are stored). */
static int check_stored_content(int fd, uint64_t offset)
{
        uint8_t header[ZIP_LOCAL_HEADER], first = 0;
        size_t len = 0;
        int r;

        r = read_at(fd, offset, header, sizeof(header), &len);
        if (r < 0)
                return r;
        if (len < sizeof(header))
                return DOCS_E_CORRUPT;
        r = read_at(fd, offset + zip_local_data(header), &first, 1, &len);
        if (r < 0)
                return r;
        return first == '<' || first == 0xef ? 0 : DOCS_E_PASSWORD;
}

static int check_directory(int fd, const struct zip_end *end, enum filetype type)
{
        cleanup(freep) uint8_t *directory = malloc(end->directory_size + 1);
        uint64_t stored_content = 0;
        size_t len = 0;
        int r;

        if (!directory)
                return -ENOMEM;
        r = read_at(fd, end->directory_offset, directory, end->directory_size, &len);
        if (r < 0)
                return r;
        if (len < end->directory_size)
                return DOCS_E_CORRUPT;
        r = zip_check_directory(&stored_content, end, directory, type);
        if (r != 0 || stored_content == 0)
                return r;
        return check_stored_content(fd, stored_content);
}

static int check_zip(int fd, uint64_t file_size, enum filetype type)
{
        size_t cap = file_size < ZIP_TAIL_BYTES ? (size_t)file_size : ZIP_TAIL_BYTES;
        cleanup(freep) uint8_t *tail = malloc(cap + 1);
        struct zip_end end;
        size_t len = 0;
        int r;

        if (!tail)
                return -ENOMEM;
        r = read_at(fd, file_size - cap, tail, cap, &len);
        if (r < 0)
                return r;
        r = zip_find_end(&end, tail, len, file_size);
        if (r != 0)
                return r;
        return check_directory(fd, &end, type);
}

static int check_image(int fd, enum filetype type)
{
        cleanup(freep) uint8_t *head = malloc(IMAGE_HEAD_BYTES);
        uint64_t pixels;
        size_t len = 0;
        int r;

        if (!head)
                return -ENOMEM;
        r = read_at(fd, 0, head, IMAGE_HEAD_BYTES, &len);
        if (r < 0)
                return r;
        pixels = filetype_image_pixels(type, head, len);
        if (pixels == 0)
                return DOCS_E_CORRUPT;
        return pixels > max_pixels ? DOCS_E_BOMB : 0;
}

int precheck_file(const char *path, enum filetype type)
{
        cleanup(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        uint8_t head[CFB_HEAD_BYTES];
        struct stat st;
        size_t len = 0;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (filetype_is_image(type))
                return check_image(fd, type);
        if (!filetype_is_office(type))
                return 0;
        r = read_at(fd, 0, head, sizeof(head), &len);
        if (r < 0)
                return r;
        if (cfb_is(head, len))
                return len < sizeof(head) ? DOCS_E_CORRUPT
                                          : check_cfb(fd, head, (uint64_t)st.st_size);
        return check_zip(fd, (uint64_t)st.st_size, type);
}
