/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/paint.h"

#include <errno.h>
#include <math.h>
#include <pango/pangocairo.h>

/* Deep blue, and the gold of conference halls. */
#define BACK 0.055, 0.125, 0.22
#define PLATE 0.098, 0.2, 0.337
#define GOLD 0.87, 0.66, 0.2
#define WHITE 1, 1, 1
#define PALE 0.78, 0.84, 0.91
#define FONT "Noto Sans, DejaVu Sans, Sans"

struct letters {
        const char *text;
        double size; /* pixels */
        bool bold, centred;
        int width, lines; /* at most; the rest is cut off with an ellipsis */
};

static PangoLayout *lay_out(cairo_t *cr, const struct letters *letters)
{
        PangoLayout *layout = pango_cairo_create_layout(cr);
        PangoFontDescription *font = pango_font_description_from_string(FONT);

        pango_font_description_set_absolute_size(font, letters->size * PANGO_SCALE);
        pango_font_description_set_weight(font, letters->bold ? PANGO_WEIGHT_SEMIBOLD
                                                              : PANGO_WEIGHT_NORMAL);
        pango_layout_set_font_description(layout, font);
        pango_font_description_free(font);
        pango_layout_set_width(layout, letters->width * PANGO_SCALE);
        pango_layout_set_height(layout, -letters->lines);
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
        pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
        pango_layout_set_alignment(layout,
                                   letters->centred ? PANGO_ALIGN_CENTER : PANGO_ALIGN_LEFT);
        pango_layout_set_text(layout, letters->text, -1);
        return layout;
}

static void show(cairo_t *cr, PangoLayout *layout, double x, double y)
{
        cairo_move_to(cr, x, y);
        pango_cairo_show_layout(cr, layout);
        g_object_unref(layout);
}

static void round_box(cairo_t *cr, double x, double y, double w, double h, double radius)
{
        cairo_new_sub_path(cr);
        cairo_arc(cr, x + w - radius, y + radius, radius, -M_PI / 2, 0);
        cairo_arc(cr, x + w - radius, y + h - radius, radius, 0, M_PI / 2);
        cairo_arc(cr, x + radius, y + h - radius, radius, M_PI / 2, M_PI);
        cairo_arc(cr, x + radius, y + radius, radius, M_PI, 3 * M_PI / 2);
        cairo_close_path(cr);
}

/* The first letters of the first and the last word: "NA" of Nguyễn Văn An. */
static char *initials(const char *name)
{
        GString *letters = g_string_new(NULL);
        char *composed = g_utf8_normalize(name, -1, G_NORMALIZE_DEFAULT_COMPOSE);
        char **words = g_strsplit_set(composed ? composed : "", " \t", -1);
        const char *first = NULL, *last = NULL;

        for (size_t i = 0; words[i]; i++) {
                if (!words[i][0])
                        continue;
                first = first ? first : words[i];
                last = words[i];
        }
        if (first)
                g_string_append_unichar(letters, g_unichar_toupper(g_utf8_get_char(first)));
        if (last && last != first)
                g_string_append_unichar(letters, g_unichar_toupper(g_utf8_get_char(last)));
        g_strfreev(words);
        g_free(composed);
        return g_string_free(letters, FALSE);
}

static void paint_title(cairo_t *cr, const char *title)
{
        const struct letters letters = { title, 54, true, true, 1040, 4 };
        PangoLayout *layout = lay_out(cr, &letters);
        int height;

        pango_layout_get_pixel_size(layout, NULL, &height);
        cairo_set_source_rgb(cr, GOLD);
        cairo_rectangle(cr, SCENE_WIDTH / 2.0 - 60, (SCENE_HEIGHT - height) / 2.0 - 44, 120, 6);
        cairo_fill(cr);
        cairo_set_source_rgb(cr, WHITE);
        show(cr, layout, (SCENE_WIDTH - 1040) / 2.0, (SCENE_HEIGHT - height) / 2.0);
}

/* A circle with initials; large ones with the name below. */
static void paint_card(cairo_t *cr, const struct scene_rect *at, const char *name)
{
        bool large = at->h > 300;
        double radius = large ? 110 : at->h * 0.32;
        double x = at->x + at->w / 2.0, y = at->y + at->h / 2.0 - (large ? 60 : 0);
        char *text = initials(name);
        const struct letters letters = { text, radius * 0.8, true, true, (int)(2 * radius), 1 };
        const struct letters below = { name, 44, true, true, at->w - 120, 2 };
        PangoLayout *layout = lay_out(cr, &letters);
        int height;

        cairo_set_source_rgb(cr, GOLD);
        cairo_arc(cr, x, y, radius, 0, 2 * M_PI);
        cairo_fill(cr);
        pango_layout_get_pixel_size(layout, NULL, &height);
        cairo_set_source_rgb(cr, BACK);
        show(cr, layout, x - (int)radius, y - height / 2.0);
        g_free(text);
        if (!large)
                return;
        cairo_set_source_rgb(cr, WHITE);
        show(cr, lay_out(cr, &below), at->x + 60, y + radius + 40);
}

/* Beside a page all faces have the same place, of whatever shape their pictures are. */
static void paint_plate(cairo_t *cr, const struct scene_rect *at)
{
        cairo_set_source_rgb(cr, PLATE);
        cairo_rectangle(cr, at->x, at->y, at->w, at->h);
        cairo_fill(cr);
}

/* Under the speaker's picture beside a page. */
static void paint_side_name(cairo_t *cr, const struct scene_rect *at, const char *name)
{
        const struct letters letters = { name, 24, true, false, at->w - 8, 3 };

        cairo_set_source_rgb(cr, GOLD);
        cairo_rectangle(cr, at->x, at->y, at->w, 4);
        cairo_fill(cr);
        cairo_set_source_rgb(cr, WHITE);
        show(cr, lay_out(cr, &letters), at->x + 2, at->y + 14);
}

static void paint_header(cairo_t *cr, const struct scene_rect *at, const char *title)
{
        const struct letters letters = { title, 22, false, false, at->w, 1 };
        PangoLayout *layout = lay_out(cr, &letters);
        int height;

        pango_layout_get_pixel_size(layout, NULL, &height);
        cairo_set_source_rgb(cr, PALE);
        show(cr, layout, at->x, at->y + (at->h - height) / 2.0);
}

static int finish(cairo_t *cr, cairo_surface_t *surface, struct overlay **ret_overlay)
{
        int r = -ENOMEM;

        if (cairo_status(cr) == CAIRO_STATUS_SUCCESS) {
                cairo_surface_flush(surface);
                r = overlay_new(ret_overlay, cairo_image_surface_get_data(surface),
                                (size_t)cairo_image_surface_get_stride(surface),
                                cairo_image_surface_get_width(surface),
                                cairo_image_surface_get_height(surface));
        }
        cairo_destroy(cr);
        cairo_surface_destroy(surface);
        return r;
}

int paint_back(const struct scene_view *view, const struct paint_words *words,
               struct overlay **ret_overlay)
{
        cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, SCENE_WIDTH,
                                                              SCENE_HEIGHT);
        cairo_t *cr = cairo_create(surface);

        cairo_set_source_rgb(cr, BACK);
        cairo_paint(cr);
        if (view->layout == SCENE_TITLE)
                paint_title(cr, words->title);
        if (view->title_at.w)
                paint_header(cr, &view->title_at, words->title);
        if (view->layout == SCENE_PAGE && view->card_at.w)
                paint_plate(cr, &view->card_at);
        if (view->card)
                paint_card(cr, &view->card_at, words->name);
        if (view->name && view->layout == SCENE_PAGE)
                paint_side_name(cr, &view->name_at, words->name);
        return finish(cr, surface, ret_overlay);
}

int paint_caption(const struct scene_view *view, const char *name, struct overlay **ret_overlay)
{
        enum { LEFT = 40, PAD = 22, BAR = 8 };
        const struct scene_rect *at = &view->name_at;
        const struct letters letters = { name, 30, true, false, at->w - LEFT - 2 * PAD - BAR, 1 };
        cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, at->w, at->h);
        cairo_t *cr = cairo_create(surface);
        PangoLayout *layout = lay_out(cr, &letters);
        int width, height;

        pango_layout_get_pixel_size(layout, &width, &height);
        round_box(cr, LEFT, 0, BAR + width + 2 * PAD, at->h, 8);
        cairo_clip(cr);
        cairo_set_source_rgba(cr, BACK, 0.8);
        cairo_paint(cr);
        cairo_set_source_rgb(cr, GOLD);
        cairo_rectangle(cr, LEFT, 0, BAR, at->h);
        cairo_fill(cr);
        cairo_set_source_rgb(cr, WHITE);
        show(cr, layout, LEFT + BAR + PAD, (at->h - height) / 2.0);
        return finish(cr, surface, ret_overlay);
}
