/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/scene.h"

/* With a page: a line with the title above, a column with the speaker to the right. */
enum {
        EDGE = 16,
        HEADER = 48,
        COLUMN = 264,
        FACE_HEIGHT = 148, /* 16:9 in the column */
        NAME_HEIGHT = 128,
        CAPTION_HEIGHT = 64,
        CAPTION_WIDTH = 800,
};

static const struct scene_rect whole = { 0, 0, SCENE_WIDTH, SCENE_HEIGHT };

void scene_init(struct scene *scene)
{
        *scene = (struct scene){ 0 };
}

void scene_on_speaker(struct scene *scene, int64_t t_us, uint32_t participant)
{
        if (!participant || participant == scene->wanted)
                return;
        scene->wanted = participant;
        scene->wanted_us = t_us;
}

void scene_on_gone(struct scene *scene, uint32_t participant)
{
        if (scene->wanted == participant)
                scene->wanted = scene->shown == participant ? 0 : scene->shown;
        if (scene->shown == participant)
                scene->shown = 0;
}

void scene_on_page(struct scene *scene, int width, int height)
{
        scene->page = width > 0 && height > 0;
        scene->page_width = width;
        scene->page_height = height;
}

bool scene_watches(const struct scene *scene, uint32_t participant, bool screen)
{
        return screen || participant == scene->shown || participant == scene->wanted;
}

struct scene_rect scene_fit(struct scene_rect inside, int width, int height)
{
        int64_t w = inside.w, h = inside.h;

        if (width <= 0 || height <= 0)
                return inside;
        if (w * height > h * width)
                w = h * width / height;
        else
                h = w * height / width;
        w = w < 2 ? 2 : w & ~1;
        h = h < 2 ? 2 : h & ~1;
        return (struct scene_rect){ (inside.x + (inside.w - (int)w) / 2) & ~1,
                                    (inside.y + (inside.h - (int)h) / 2) & ~1, (int)w, (int)h };
}

static int find_camera(const struct scene_picture *pictures, size_t n, uint32_t participant)
{
        for (size_t i = 0; i < n; i++) {
                if (!pictures[i].screen && pictures[i].participant == participant)
                        return (int)i;
        }
        return -1;
}

static int find_screen(const struct scene_picture *pictures, size_t n)
{
        int newest = -1;

        for (size_t i = 0; i < n; i++) {
                if (pictures[i].screen &&
                    (newest < 0 || pictures[i].since_us > pictures[newest].since_us))
                        newest = (int)i;
        }
        return newest;
}

static void choose_speaker(struct scene *scene, int64_t t_us, const struct scene_picture *pictures,
                           size_t n)
{
        if (scene->wanted == scene->shown)
                return;
        if (find_camera(pictures, n, scene->wanted) < 0 && t_us < scene->wanted_us + SCENE_WAIT_US)
                return;
        scene->shown = scene->wanted;
        scene->shown_us = t_us;
}

/* The speaker's picture or her card, at `at`. */
static void show_speaker(const struct scene *scene, const struct scene_picture *pictures, size_t n,
                         struct scene_rect at, struct scene_view *view)
{
        view->picture = find_camera(pictures, n, scene->shown);
        view->card_at = at;
        if (view->picture < 0) {
                view->card = scene->shown;
                return;
        }
        view->picture_at = scene_fit(at, pictures[view->picture].width,
                                     pictures[view->picture].height);
}

static void view_page(const struct scene *scene, const struct scene_picture *pictures, size_t n,
                      struct scene_view *view)
{
        struct scene_rect box = { EDGE, HEADER, SCENE_WIDTH - 2 * EDGE,
                                  SCENE_HEIGHT - HEADER - EDGE };
        struct scene_rect face;

        view->layout = SCENE_PAGE;
        view->title_at = (struct scene_rect){ EDGE, 0, SCENE_WIDTH - 2 * EDGE, HEADER };
        if (scene->shown)
                box.w -= COLUMN + EDGE;
        view->page = scene_fit(box, scene->page_width, scene->page_height);
        if (!scene->shown)
                return;
        /* The upper edges of page and face in one line. */
        face = (struct scene_rect){ SCENE_WIDTH - EDGE - COLUMN, view->page.y, COLUMN,
                                    FACE_HEIGHT };
        show_speaker(scene, pictures, n, face, view);
        view->name = scene->shown;
        view->name_at = (struct scene_rect){ face.x, face.y + FACE_HEIGHT, COLUMN, NAME_HEIGHT };
}

static void view_speaker(const struct scene *scene, const struct scene_picture *pictures, size_t n,
                         struct scene_view *view)
{
        view->layout = SCENE_SPEAKER;
        show_speaker(scene, pictures, n, whole, view);
        /* A card is the name already. */
        if (view->picture >= 0)
                view->name = scene->shown;
}

static void view_screen(const struct scene *scene, int64_t t_us,
                        const struct scene_picture *pictures, int screen, struct scene_view *view)
{
        const struct scene_picture *picture = &pictures[screen];

        view->layout = SCENE_SCREEN;
        view->picture = screen;
        view->picture_at = scene_fit(whole, picture->width, picture->height);
        if (scene->shown && scene->shown != picture->participant &&
            t_us < scene->shown_us + SCENE_CAPTION_US)
                view->name = scene->shown;
}

void scene_at(struct scene *scene, int64_t t_us, const struct scene_picture *pictures, size_t n,
              struct scene_view *ret_view)
{
        struct scene_view view = { .layout = SCENE_TITLE, .picture = -1 };
        int screen = find_screen(pictures, n);

        choose_speaker(scene, t_us, pictures, n);
        if (screen >= 0)
                view_screen(scene, t_us, pictures, screen, &view);
        else if (scene->page)
                view_page(scene, pictures, n, &view);
        else if (scene->shown)
                view_speaker(scene, pictures, n, &view);
        if (view.name && !view.name_at.w)
                view.name_at = (struct scene_rect){ 0, SCENE_HEIGHT - CAPTION_HEIGHT - 32,
                                                    CAPTION_WIDTH, CAPTION_HEIGHT };
        *ret_view = view;
}
