/* SPDX-License-Identifier: Apache-2.0 */
#include "docs-share/core/pdfinfo.h"

#include <stdio.h>
#include <string.h>

enum { MAX_ASPECT = 4, MIN_WIDTH_PX = 16 };

uint16_t page_width_px(double width_pt, double height_pt)
{
        double width = PAGE_SCREEN_PX;

        if (!(width_pt > 0) || !(height_pt > 0))
                return PAGE_SCREEN_PX;
        if (height_pt > MAX_ASPECT * width_pt)
                width = MAX_ASPECT * PAGE_SCREEN_PX * width_pt / height_pt;
        return width < MIN_WIDTH_PX ? MIN_WIDTH_PX : (uint16_t)width;
}

struct parse {
        struct pdf_pages pages;
        int number; /* of the page whose size came last */
        double width, height;
};

/* One line, terminated. "Page    3 size:  595.304 x 841.89 pts (A4)", and after
 * it "Page    3 rot:   90". */
static void parse_line(struct parse *parse, const char *line)
{
        double width, height;
        int number, turn;

        if (parse->pages.n == 0 && sscanf(line, "Pages: %9d", &number) == 1) {
                parse->pages.n = number;
                return;
        }
        if (sscanf(line, "Page %9d size: %15lf x %15lf", &number, &width, &height) == 3 &&
            number >= 1 && number <= DOCS_MAX_PAGES) {
                parse->number = number;
                parse->width = width;
                parse->height = height;
                parse->pages.width_px[number - 1] = page_width_px(width, height);
        }
        if (sscanf(line, "Page %9d rot: %9d", &number, &turn) == 2 && number >= 1 &&
            number == parse->number && turn % 180 != 0)
                parse->pages.width_px[number - 1] = page_width_px(parse->height, parse->width);
}

int pdfinfo_parse(struct pdf_pages *ret_pages, const char *text, size_t len)
{
        struct parse parse = { 0 };
        struct pdf_pages *pages = &parse.pages;
        const char *end = text + len;

        for (const char *at = text; at < end;) {
                const char *stop = memchr(at, '\n', (size_t)(end - at));
                char line[128];

                if (!stop)
                        stop = end;
                snprintf(line, sizeof(line), "%.*s", (int)(stop - at > 127 ? 127 : stop - at), at);
                parse_line(&parse, line);
                at = stop + 1;
        }
        if (pages->n <= 0)
                return DOCS_E_CORRUPT;
        if (pages->n > DOCS_MAX_PAGES)
                return DOCS_E_BOMB;
        for (int i = 0; i < pages->n; i++) {
                if (pages->width_px[i] == 0)
                        pages->width_px[i] = PAGE_SCREEN_PX;
        }
        *ret_pages = *pages;
        return 0;
}

bool poppler_wants_password(const char *message)
{
        return strstr(message, "Incorrect password") != NULL;
}
