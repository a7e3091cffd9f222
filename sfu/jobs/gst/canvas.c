/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/canvas.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <webp/decode.h>

#include "base/fd.h"
#include "sfu/jobs/gst/paint.h"

enum { MAX_PAGE_FILE = 32 * 1024 * 1024, MAX_PAGE_SIDE = 8192, MAX_PAGE_PIXELS = 32 * 1024 * 1024 };

struct page {
        uint8_t *bytes; /* of libwebp: I420 in one piece */
        size_t len;
        GstVideoInfo info;
};

struct canvas {
        char *title;
        struct page page;
        unsigned page_number; /* of changes of the page */

        /* what is drawn */
        struct scene_view view;
        char *name;
        unsigned drawn_page;
        GstBuffer *picture;
        bool drawn;

        struct overlay *caption;
        GstVideoConverter *convert; /* of pictures of the shape */
        GstVideoInfo shape;
        struct scene_rect convert_at;
        GstVideoInfo out;
        uint8_t frame[CANVAS_BYTES];
};

int canvas_new(struct canvas **ret_canvas, const char *title)
{
        struct canvas *canvas = g_new0(struct canvas, 1);

        canvas->title = g_strdup(title);
        canvas->name = g_strdup("");
        gst_video_info_set_format(&canvas->out, GST_VIDEO_FORMAT_I420, SCENE_WIDTH, SCENE_HEIGHT);
        *ret_canvas = canvas;
        return 0;
}

struct canvas *canvas_free(struct canvas *canvas)
{
        if (!canvas)
                return NULL;
        WebPFree(canvas->page.bytes);
        g_clear_pointer(&canvas->convert, gst_video_converter_free);
        gst_buffer_replace(&canvas->picture, NULL);
        overlay_free(canvas->caption);
        g_free(canvas->name);
        g_free(canvas->title);
        g_free(canvas);
        return NULL;
}

/* ---- the page ---- */

static int read_file(const char *path, uint8_t **ret_bytes, size_t *ret_len)
{
        cleanup(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        cleanup(freep) uint8_t *bytes = NULL;
        struct stat st;
        size_t len = 0;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > MAX_PAGE_FILE)
                return -EBADMSG;
        bytes = malloc((size_t)st.st_size);
        if (!bytes)
                return -ENOMEM;
        while (len < (size_t)st.st_size) {
                ssize_t n = read(fd, bytes + len, (size_t)st.st_size - len);

                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                len += (size_t)n;
        }
        *ret_bytes = take_ptr(bytes);
        *ret_len = len;
        return 0;
}

static int decode_page(struct page *page, const uint8_t *data, size_t len)
{
        int width, height, stride, uv_stride;
        uint8_t *y, *u, *v;

        if (!WebPGetInfo(data, len, &width, &height) || width > MAX_PAGE_SIDE ||
            height > MAX_PAGE_SIDE || width * height > MAX_PAGE_PIXELS)
                return -EBADMSG;
        y = WebPDecodeYUV(data, len, &width, &height, &u, &v, &stride, &uv_stride);
        if (!y)
                return -EBADMSG;
        page->bytes = y;
        gst_video_info_set_format(&page->info, GST_VIDEO_FORMAT_I420, (guint)width, (guint)height);
        page->info.stride[0] = stride;
        page->info.stride[1] = page->info.stride[2] = uv_stride;
        page->info.offset[1] = (gsize)(u - y);
        page->info.offset[2] = (gsize)(v - y);
        page->len = (size_t)(v - y) + (size_t)uv_stride * (size_t)((height + 1) / 2);
        page->info.size = page->len;
        return 0;
}

int canvas_page(struct canvas *canvas, const char *path, int *ret_width, int *ret_height)
{
        cleanup(freep) uint8_t *bytes = NULL;
        struct page page = { 0 };
        size_t len = 0;
        int r;

        if (path) {
                r = read_file(path, &bytes, &len);
                if (r == 0)
                        r = decode_page(&page, bytes, len);
                if (r < 0)
                        return r;
        }
        WebPFree(canvas->page.bytes);
        canvas->page = page;
        canvas->page_number++;
        *ret_width = page.bytes ? GST_VIDEO_INFO_WIDTH(&page.info) : 0;
        *ret_height = page.bytes ? GST_VIDEO_INFO_HEIGHT(&page.info) : 0;
        return 0;
}

/* ---- drawing ---- */

static bool map_memory(GstVideoFrame *ret_frame, GstVideoInfo *info, uint8_t *data, size_t len,
                       GstMapFlags flags)
{
        GstBuffer *buffer = gst_buffer_new_wrapped_full(0, data, len, 0, len, NULL, NULL);
        bool mapped = gst_video_frame_map(ret_frame, info, buffer, flags);

        gst_buffer_unref(buffer); /* the mapped frame holds one */
        return mapped;
}

/* Into a part of the canvas; what lies around is left as it is. The values of colours pass as they
 * are: cameras, pages and our drawings are all BT.601. */
static GstVideoConverter *make_converter(const struct canvas *canvas, GstVideoInfo *from,
                                         const struct scene_rect *at, bool fine)
{
        GstVideoInfo out = canvas->out;

        out.colorimetry = from->colorimetry;
        return gst_video_converter_new(
                from, &out,
                gst_structure_new("options", GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT, at->x,
                                  GST_VIDEO_CONVERTER_OPT_DEST_Y, G_TYPE_INT, at->y,
                                  GST_VIDEO_CONVERTER_OPT_DEST_WIDTH, G_TYPE_INT, at->w,
                                  GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, at->h,
                                  GST_VIDEO_CONVERTER_OPT_FILL_BORDER, G_TYPE_BOOLEAN, FALSE,
                                  GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
                                  GST_TYPE_VIDEO_RESAMPLER_METHOD,
                                  fine ? GST_VIDEO_RESAMPLER_METHOD_LANCZOS
                                       : GST_VIDEO_RESAMPLER_METHOD_LINEAR,
                                  NULL));
}

static void convert(struct canvas *canvas, GstVideoConverter *converter, GstVideoFrame *from)
{
        GstVideoFrame to;

        if (!map_memory(&to, &canvas->out, canvas->frame, CANVAS_BYTES, GST_MAP_READWRITE))
                return;
        gst_video_converter_frame(converter, from, &to);
        gst_video_frame_unmap(&to);
}

static void draw_page(struct canvas *canvas, const struct scene_rect *at)
{
        struct page *page = &canvas->page;
        GstVideoConverter *converter;
        GstVideoFrame from;

        if (!page->bytes || !map_memory(&from, &page->info, page->bytes, page->len, GST_MAP_READ))
                return;
        converter = make_converter(canvas, &page->info, at, true);
        if (converter) {
                convert(canvas, converter, &from);
                gst_video_converter_free(converter);
        }
        gst_video_frame_unmap(&from);
}

static bool same_rect(const struct scene_rect *a, const struct scene_rect *b)
{
        return a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h;
}

static void draw_picture(struct canvas *canvas, const struct scene_rect *at, GstBuffer *picture,
                         const GstVideoInfo *info)
{
        GstVideoInfo shape = *info;
        GstVideoFrame from;

        if (!canvas->convert || !gst_video_info_is_equal(&canvas->shape, info) ||
            !same_rect(&canvas->convert_at, at)) {
                g_clear_pointer(&canvas->convert, gst_video_converter_free);
                canvas->convert = make_converter(canvas, &shape, at, false);
                canvas->shape = *info;
                canvas->convert_at = *at;
        }
        if (!canvas->convert || !gst_video_frame_map(&from, &shape, picture, GST_MAP_READ))
                return;
        convert(canvas, canvas->convert, &from);
        gst_video_frame_unmap(&from);
}

/* A name beside a page stands still; elsewhere it lies over the picture. */
static bool has_caption(const struct scene_view *view)
{
        return view->name && view->layout != SCENE_PAGE;
}

static void draw_back(struct canvas *canvas, const struct scene_view *view, const char *name)
{
        const struct paint_words words = { canvas->title, name };
        cleanup(overlay_freep) struct overlay *back = NULL;

        canvas->caption = overlay_free(canvas->caption);
        if (paint_back(view, &words, &back) == 0)
                overlay_draw(back, canvas->frame, SCENE_WIDTH, SCENE_HEIGHT, 0, 0);
        if (view->layout == SCENE_PAGE)
                draw_page(canvas, &view->page);
        if (has_caption(view) && paint_caption(view, name, &canvas->caption) < 0)
                canvas->caption = NULL;
}

/* Two views with one picture at one place look alike, whatever its index is. */
static bool same_view(const struct scene_view *a, const struct scene_view *b)
{
        return a->layout == b->layout && same_rect(&a->page, &b->page) &&
               same_rect(&a->picture_at, &b->picture_at) && a->card == b->card &&
               same_rect(&a->card_at, &b->card_at) && a->name == b->name &&
               same_rect(&a->name_at, &b->name_at);
}

const uint8_t *canvas_draw(struct canvas *canvas, const struct scene_view *view, const char *name,
                           GstBuffer *picture, const GstVideoInfo *info)
{
        bool again = !canvas->drawn || !same_view(&canvas->view, view) ||
                     canvas->drawn_page != canvas->page_number || strcmp(canvas->name, name) != 0;

        if (again) {
                draw_back(canvas, view, name);
                g_free(canvas->name);
                canvas->name = g_strdup(name);
                canvas->view = *view;
                canvas->drawn_page = canvas->page_number;
                canvas->drawn = true;
        }
        if (picture && (again || picture != canvas->picture)) {
                draw_picture(canvas, &view->picture_at, picture, info);
                if (canvas->caption)
                        overlay_draw(canvas->caption, canvas->frame, SCENE_WIDTH, SCENE_HEIGHT,
                                     view->name_at.x, view->name_at.y);
        }
        gst_buffer_replace(&canvas->picture, picture);
        return canvas->frame;
}
