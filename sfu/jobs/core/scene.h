/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scene — who and what a program shows, and where: a film or a shared screen over the whole
 *         picture; else the presented page with the speaker beside it; else the speaker; else the
 *         meeting's title.
 *
 * Layer:  sfu/jobs/core. Pure: a caller's struct, no I/O, no clock, no allocation.
 * Owner:  one per program.
 * Units:  *_us: microseconds on the program's timeline; places in pixels of 1280x720, all even.
 *
 * Invariants:
 *  (1) another speaker is shown when there is a frame of her camera, or after SCENE_WAIT_US as a
 *      card with her name; until then the one before stays. A silence changes nothing.
 *  (2) picture and name are of the same person at any time.
 */
#ifndef SFU_JOBS_CORE_SCENE_H
#define SFU_JOBS_CORE_SCENE_H

#include "base/base.h"

enum {
        SCENE_WIDTH = 1280,
        SCENE_HEIGHT = 720,
        SCENE_FPS = 25,
        SCENE_FRAME_US = 1000000 / SCENE_FPS,
        SCENE_WAIT_US = 1000000,
        SCENE_CAPTION_US = 6000000, /* a name over a screen covers something: so long only */
};

struct scene_rect {
        int x, y, w, h; /* w 0: nothing there */
};

/* A picture that can be shown now: a frame of it is at hand. */
struct scene_picture {
        uint32_t participant;
        bool screen;
        int width, height;
        int64_t since_us; /* when it began: of several screens the newest is shown */
};

enum scene_layout {
        SCENE_TITLE,   /* the title, large */
        SCENE_SPEAKER, /* her picture or name card, large */
        SCENE_PAGE,    /* the page, her beside it */
        SCENE_SCREEN,
};

/* What is to be seen at one moment. Two that are equal look alike but for moving pictures. */
struct scene_view {
        enum scene_layout layout;
        struct scene_rect page;
        int picture;                  /* index into the pictures given; -1: none */
        struct scene_rect picture_at; /* all of the picture fits there */
        uint32_t card;                /* whose name card; 0: none */
        struct scene_rect card_at;    /* the speaker's place, with card or picture */
        uint32_t name;                /* whose name is written; 0: nobody's */
        struct scene_rect name_at;    /* the room it has */
        struct scene_rect title_at;   /* the title in small letters */
};

struct scene {
        uint32_t shown, wanted;
        int64_t wanted_us, shown_us;
        bool page;
        int page_width, page_height;
};

void scene_init(struct scene *scene);
void scene_on_speaker(struct scene *scene, int64_t t_us, uint32_t participant); /* 0: silence */
void scene_on_gone(struct scene *scene, uint32_t participant);
void scene_on_page(struct scene *scene, int width, int height); /* 0: nothing is presented */

/* Whether a picture of this participant may be shown soon. */
bool scene_watches(const struct scene *scene, uint32_t participant, bool screen);

void scene_at(struct scene *scene, int64_t t_us, const struct scene_picture *pictures, size_t n,
              struct scene_view *ret_view);

/* The greatest place of the shape width:height inside `inside`, in its middle. */
struct scene_rect scene_fit(struct scene_rect inside, int width, int height);

#endif
