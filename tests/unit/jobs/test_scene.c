/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/jobs/core/scene.h"

enum { AN = 17, BINH = 23, FILM = 40 };

static const struct scene_picture camera_an = { .participant = AN, .width = 640, .height = 360 };
static const struct scene_picture camera_binh = { .participant = BINH,
                                                  .width = 480,
                                                  .height = 640 };
static const struct scene_picture film = {
        .participant = FILM, .screen = true, .width = 1920, .height = 800, .since_us = 5000000
};

static struct scene_view at(struct scene *scene, int64_t t_us, const struct scene_picture *pictures,
                            size_t n)
{
        struct scene_view view;

        scene_at(scene, t_us, pictures, n, &view);
        return view;
}

static void assert_inside(struct scene_rect rect)
{
        assert_true(rect.x >= 0 && rect.y >= 0 && rect.w > 0 && rect.h > 0);
        assert_true(rect.x + rect.w <= SCENE_WIDTH && rect.y + rect.h <= SCENE_HEIGHT);
        assert_int_equal((rect.x | rect.y | rect.w | rect.h) & 1, 0);
}

static void nothing_to_show_is_the_title(void **state)
{
        struct scene scene;

        (void)state;
        scene_init(&scene);
        scene_on_speaker(&scene, 0, 0);
        assert_int_equal(at(&scene, 0, NULL, 0).layout, SCENE_TITLE);
        assert_int_equal(at(&scene, 5000000, &camera_an, 1).layout, SCENE_TITLE);
}

static void the_speaker_changes_when_her_picture_is_there(void **state)
{
        struct scene_picture both[] = { camera_an, camera_binh };
        struct scene scene;
        struct scene_view view;

        (void)state;
        scene_init(&scene);
        scene_on_speaker(&scene, 0, AN);
        view = at(&scene, 0, both, 1);
        assert_int_equal(view.layout, SCENE_SPEAKER);
        assert_int_equal(view.name, AN);
        assert_int_equal(view.picture_at.w, SCENE_WIDTH);
        scene_on_speaker(&scene, 1000000, BINH);
        assert_int_equal(at(&scene, 1500000, both, 1).name, AN);
        view = at(&scene, 1600000, both, 2);
        assert_int_equal(view.name, BINH);
        assert_int_equal(view.picture, 1);
        assert_int_equal(view.picture_at.h, SCENE_HEIGHT);
        assert_int_equal(view.picture_at.w, 540);
        scene_on_speaker(&scene, 2000000, 0);
        assert_int_equal(at(&scene, 9000000, both, 2).name, BINH);
}

static void a_speaker_without_camera_gets_a_card_after_a_second(void **state)
{
        struct scene scene;
        struct scene_view view;

        (void)state;
        scene_init(&scene);
        scene_on_speaker(&scene, 0, AN);
        (void)at(&scene, 0, &camera_an, 1);
        scene_on_speaker(&scene, 1000000, BINH);
        assert_int_equal(at(&scene, 1999999, &camera_an, 1).name, AN);
        view = at(&scene, 2000000, &camera_an, 1);
        assert_int_equal(view.picture, -1);
        assert_int_equal(view.card, BINH);
        assert_int_equal(view.name, 0);
        assert_inside(view.card_at);
}

static void a_page_is_large_with_the_speaker_beside_it(void **state)
{
        static const int shapes[][2] = {
                { 1920, 1080 }, { 1240, 1754 }, { 1024, 768 }, { 3000, 10 }, { 10, 3000 }
        };
        struct scene scene;
        struct scene_view view;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
                scene_init(&scene);
                scene_on_page(&scene, shapes[i][0], shapes[i][1]);
                view = at(&scene, 0, &camera_an, 1);
                assert_int_equal(view.layout, SCENE_PAGE);
                assert_int_equal(view.picture, -1);
                assert_inside(view.page);
                scene_on_speaker(&scene, 0, AN);
                view = at(&scene, 0, &camera_an, 1);
                assert_int_equal(view.picture, 0);
                assert_inside(view.page);
                assert_inside(view.picture_at);
                assert_inside(view.name_at);
                assert_true(view.page.x + view.page.w <= view.picture_at.x);
                assert_true(view.picture_at.y + view.picture_at.h <= view.name_at.y);
        }
        scene_on_page(&scene, 0, 0);
        assert_int_equal(at(&scene, 0, &camera_an, 1).layout, SCENE_SPEAKER);
}

static void a_film_covers_all_and_names_leave_it_again(void **state)
{
        struct scene_picture both[] = { camera_an, film };
        struct scene scene;
        struct scene_view view;

        (void)state;
        scene_init(&scene);
        scene_on_page(&scene, 1920, 1080);
        scene_on_speaker(&scene, 0, AN);
        view = at(&scene, 0, both, 2);
        assert_int_equal(view.layout, SCENE_SCREEN);
        assert_int_equal(view.picture, 1);
        assert_int_equal(view.picture_at.w, SCENE_WIDTH);
        assert_inside(view.picture_at);
        assert_int_equal(view.name, AN);
        assert_int_equal(at(&scene, SCENE_CAPTION_US, both, 2).name, 0);
        scene_on_speaker(&scene, SCENE_CAPTION_US, FILM);
        assert_int_equal(at(&scene, SCENE_CAPTION_US + SCENE_WAIT_US, both, 2).name, 0);
        assert_int_equal(at(&scene, SCENE_CAPTION_US, both, 1).layout, SCENE_PAGE);
}

static void the_newest_screen_is_shown(void **state)
{
        struct scene_picture screens[] = { film, film, camera_an };
        struct scene scene;

        (void)state;
        screens[0].since_us = 9000000;
        scene_init(&scene);
        assert_int_equal(at(&scene, 9000000, screens, 3).picture, 0);
        screens[1].since_us = 9500000;
        assert_int_equal(at(&scene, 9500000, screens, 3).picture, 1);
}

static void who_is_gone_is_not_shown_any_more(void **state)
{
        struct scene scene;

        (void)state;
        scene_init(&scene);
        scene_on_speaker(&scene, 0, AN);
        (void)at(&scene, 0, &camera_an, 1);
        scene_on_gone(&scene, AN);
        assert_int_equal(at(&scene, 1000, NULL, 0).layout, SCENE_TITLE);
        scene_on_speaker(&scene, 2000, AN);
        (void)at(&scene, 2000, &camera_an, 1);
        scene_on_speaker(&scene, 3000, BINH);
        scene_on_gone(&scene, BINH);
        assert_int_equal(at(&scene, 5000000, &camera_an, 1).name, AN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_to_show_is_the_title),
                cmocka_unit_test(the_speaker_changes_when_her_picture_is_there),
                cmocka_unit_test(a_speaker_without_camera_gets_a_card_after_a_second),
                cmocka_unit_test(a_page_is_large_with_the_speaker_beside_it),
                cmocka_unit_test(a_film_covers_all_and_names_leave_it_again),
                cmocka_unit_test(the_newest_screen_is_shown),
                cmocka_unit_test(who_is_gone_is_not_shown_any_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
