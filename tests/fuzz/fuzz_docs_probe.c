/* SPDX-License-Identifier: Apache-2.0 */
/* The looks at a paper before any converter sees it: the first byte chooses its
 * kind, the rest is the file. Also what comes back out of the sandbox. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "docs-share/core/filename.h"
#include "docs-share/core/film_report.h"
#include "docs-share/core/frames.h"
#include "docs-share/core/pdfinfo.h"
#include "docs-share/core/zipcheck.h"

static void probe_zip(enum filetype type, const uint8_t *data, size_t len)
{
        size_t tail = len < ZIP_TAIL_BYTES ? len : ZIP_TAIL_BYTES;
        struct zip_end end;
        uint64_t stored = 0;

        if (zip_find_end(&end, data + len - tail, tail, len) != 0)
                return;
        FUZZ_CHECK(end.directory_offset + end.directory_size <= len);
        if (zip_check_directory(&stored, &end, data + end.directory_offset, type) != 0)
                return;
        FUZZ_CHECK(stored + ZIP_LOCAL_HEADER <= len);
        FUZZ_CHECK(zip_local_data(data + stored) >= ZIP_LOCAL_HEADER);
}

static void probe_cfb(const uint8_t *data, size_t len)
{
        uint64_t offset;

        if (!cfb_is(data, len) || len < CFB_HEAD_BYTES)
                return;
        offset = cfb_directory_offset(data);
        if (offset < len)
                (void)cfb_is_encrypted(data + offset, len - offset);
}

static int on_page(void *user, struct span screen, struct span phone)
{
        uint8_t *sum = user;

        for (size_t i = 0; i < screen.len; i++)
                *sum ^= screen.data[i];
        for (size_t i = 0; i < phone.len; i++)
                *sum ^= phone.data[i];
        return 0;
}

static void probe_output(const uint8_t *data, size_t len)
{
        static struct pdf_pages pages;
        struct film_report report = { 0 };
        struct frames frames = { 0 };
        uint8_t sum = 0;

        if (pdfinfo_parse(&pages, (const char *)data, len) == 0) {
                for (int i = 0; i < pages.n; i++)
                        FUZZ_CHECK(pages.width_px[i] >= 1 && pages.width_px[i] <= PAGE_SCREEN_PX);
        }
        if (film_report_parse(&report, (const char *)data, len) == 0)
                FUZZ_CHECK(report.duration_ms >= 0 && report.duration_ms <= DOCS_MAX_FILM_MS);
        (void)!frames_feed(&frames, data, len, on_page, &sum);
        frames_done(&frames);
}

static void probe_name(const uint8_t *data, size_t len)
{
        char raw[600], name[FILENAME_CAP], pdf[FILENAME_CAP + 8];
        size_t n = len < sizeof(raw) - 1 ? len : sizeof(raw) - 1;

        if (n > 0)
                memcpy(raw, data, n);
        raw[n] = '\0';
        if (filename_clean(name, raw) != 0)
                return;
        FUZZ_CHECK(strlen(name) > 0 && strlen(name) < FILENAME_CAP && !strchr(name, '/'));
        filename_with_extension(pdf, sizeof(pdf), name, "pdf");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
        enum filetype type;
        size_t head;

        if (len == 0)
                return 0;
        type = (enum filetype)(data[0] % FILETYPE_N);
        data++;
        len--;
        head = len < FILETYPE_HEAD_BYTES ? len : FILETYPE_HEAD_BYTES;
        (void)!filetype_check_head(type, data, head, true);
        (void)filetype_image_pixels(type, data, len);
        probe_zip(type, data, len);
        probe_cfb(data, len);
        probe_output(data, len);
        probe_name(data, len);
        return 0;
}
