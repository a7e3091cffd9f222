/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs get of a room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/sim/sim.h"

enum { S = 1000000 };

static const struct sim_offer all = {
        .mic = true, .cam = true, .rids = true, .n_layers = 3, .n_audio = 3, .n_video = 4
};
static const struct sim_offer with_screen = { .mic = true,
                                              .cam = true,
                                              .screen = true,
                                              .rids = true,
                                              .n_layers = 3,
                                              .n_audio = 3,
                                              .n_video = 4 };
static const struct sim_offer voice = { .mic = true, .n_audio = 3 };

static void assert_clean(const struct sim_track *track)
{
        assert_non_null(track);
        assert_int_equal(track->n_duplicates, 0);
        assert_int_equal(track->n_broken, 0);
        assert_int_equal(track->n_late, 0);
}

static void every_packet_once_after_loss_and_rtx(void **state)
{
        struct sim sim;
        struct sim_peer *a, *b;
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 1);
        a = sim_join(&sim, 1, &all);
        b = sim_join(&sim, 2, &all);
        a->up.loss_permille = b->up.loss_permille = 80;
        a->up.reorder_permille = 20;
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 20 * S);
        /* What is being asked for at this moment may be missing. */
        a->up.loss_permille = b->up.loss_permille = 0;
        sim_run(&sim, S);
        for (uint32_t who = 1; who <= 2; who++) {
                struct sim_track *mic = sim_tap_track(tap, who, SFU_MIC);
                struct sim_track *camera = sim_tap_track(tap, who, SFU_CAMERA);

                assert_clean(mic);
                assert_clean(camera);
                assert_int_equal(camera->layer, 2);
                assert_true(mic->n > 1000);
                assert_true(camera->n_total > 19 * 25 * 6);
                assert_int_equal(sim_track_lost(mic), 0);
                assert_int_equal(sim_track_lost(camera), 0);
                assert_int_equal(camera->n_gaps + mic->n_gaps, 0);
        }
        sim_tap_free(tap);
        sim_done(&sim);
}

/* Its first packet comes by RTX, behind the rest of the key frame. */
static void key_frame_that_came_late_is_whole(void **state)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 2);
        a = sim_join(&sim, 1, &all);
        sim_run(&sim, S);
        for (int i = 0; i < 40; i++) {
                struct sim_track *camera;

                a->up.loss_permille = 300;
                tap = sim_tap_new(&sim, SFU_TAP_ALL);
                sim_run(&sim, S);
                a->up.loss_permille = 0;
                sim_run(&sim, S);
                camera = sim_tap_track(tap, 1, SFU_CAMERA);
                assert_clean(camera);
                assert_true(sim_track_lost(camera) < 5);
                sim_tap_free(tap);
        }
        sim_done(&sim);
}

static void redundancy_gives_back_what_was_lost(void **state)
{
        static const struct sim_offer red = { .mic = true, .red = true };
        struct sim sim;
        struct sim_peer *a;
        struct sim_track *mic;
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 3);
        a = sim_join(&sim, 1, &red);
        a->reacts = false; /* nothing is sent again */
        a->up.loss_permille = 100;
        a->up.reorder_permille = 50;
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 60 * S);
        mic = sim_tap_track(tap, 1, SFU_MIC);
        assert_clean(mic);
        assert_true(mic->n > 2900);
        assert_true(sim_track_lost(mic) < 60); /* one in a hundred, not one in ten */
        sim_tap_free(tap);
        sim_done(&sim);
}

static void layer_switch_is_a_new_generation_with_key_frame(void **state)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_track *camera;
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 4);
        a = sim_join(&sim, 1, &all);
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 3 * S);
        camera = sim_tap_track(tap, 1, SFU_CAMERA);
        assert_int_equal(camera->layer, 2);
        for (uint32_t round = 0; round < 3; round++) {
                uint32_t before = camera->n_generations;

                a->cam[2].on = false;
                sim_run(&sim, 3 * S);
                assert_int_equal(camera->layer, 1);
                assert_int_equal(camera->n_generations, before + 1);
                assert_true(sim.now_us - camera->last_us < S / 10);
                a->cam[2].on = true;
                sim_run(&sim, 3 * S);
                assert_int_equal(camera->layer, 2);
                assert_int_equal(camera->n_generations, before + 2);
        }
        assert_clean(camera);
        assert_int_equal(camera->n_ends, 0);
        sim_tap_free(tap);
        sim_done(&sim);
}

/* Encoders that made a key frame of a hard picture send nothing for more than a second. */
static void an_encoder_that_rests_behind_a_key_frame_is_recorded_on(void **state)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_track *camera;
        struct sim_tap *tap;
        uint32_t before;

        (void)state;
        sim_init(&sim, 15);
        a = sim_join(&sim, 1, &all);
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 10 * S);
        a->cam[2].key_due = true;
        sim_run(&sim, S / 5);
        camera = sim_tap_track(tap, 1, SFU_CAMERA);
        assert_int_equal(camera->layer, 2);
        before = camera->n_generations;
        a->cam[2].on = false;
        sim_run(&sim, 2 * S);
        a->cam[2].on = true;
        sim_run(&sim, S);
        assert_int_equal(camera->layer, 2);
        assert_int_equal(camera->n_generations, before);
        assert_clean(camera);
        sim_tap_free(tap);
        sim_done(&sim);
}

static void pub_without_viewers_is_wanted_by_the_tap(void **state)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 5);
        a = sim_join(&sim, 1, &all);
        sim_run(&sim, 10 * S);
        assert_false(a->wanted[SFU_CAMERA]);
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 20 * S);
        assert_true(a->wanted[SFU_CAMERA]);
        assert_int_equal(a->layers, 5); /* the lowest stays, for who comes */
        assert_clean(sim_tap_track(tap, 1, SFU_CAMERA));
        assert_true(sim.now_us - sim_tap_track(tap, 1, SFU_CAMERA)->last_us < S / 10);
        sim_tap_free(tap);
        sim_run(&sim, 10 * S);
        assert_false(a->wanted[SFU_CAMERA]);
        sim_done(&sim);
}

static void key_frame_is_asked_for_until_it_comes(void **state)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 6);
        a = sim_join(&sim, 1, &all);
        sim_run(&sim, 2 * S);
        a->deaf = true;
        a->ignores_wanted = true;
        a->wanted[SFU_CAMERA] = true;
        for (int i = 0; i < 3; i++)
                a->cam[i].key_due = false;
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 5 * S);
        assert_null(sim_tap_track(tap, 1, SFU_CAMERA));
        assert_in_range(a->cam[2].n_pli, 8, 12);
        a->deaf = false;
        sim_run(&sim, S);
        assert_clean(sim_tap_track(tap, 1, SFU_CAMERA));
        assert_in_range(a->cam[2].n_pli, 9, 13); /* once more, and it came */
        sim_tap_free(tap);
        sim_done(&sim);
}

static void muted_sends_nothing(void **state)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_track *mic, *camera;
        struct sim_tap *tap;
        uint32_t n_mic, n_camera;

        (void)state;
        sim_init(&sim, 7);
        a = sim_join(&sim, 1, &all);
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 3 * S);
        mic = sim_tap_track(tap, 1, SFU_MIC);
        camera = sim_tap_track(tap, 1, SFU_CAMERA);
        sim_mute(a, SFU_MIC, true);
        sim_mute(a, SFU_CAMERA, true);
        n_mic = mic->n_total;
        n_camera = camera->n_total;
        sim_run(&sim, 3 * S);
        assert_int_equal(mic->n_total, n_mic);
        assert_int_equal(camera->n_total, n_camera);
        sim_mute(a, SFU_MIC, false);
        sim_mute(a, SFU_CAMERA, false);
        sim_run(&sim, 3 * S);
        assert_int_equal(mic->n_generations, 1);
        assert_true(mic->n_total > n_mic + 100);
        assert_true(camera->n_total > n_camera + 200);
        assert_int_equal(mic->n_ends + camera->n_ends, 0);
        assert_clean(mic);
        assert_clean(camera);
        sim_tap_free(tap);
        sim_done(&sim);
}

static void sound_and_picture_agree(void **state)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_track *mic, *camera;
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 8);
        a = sim_join(&sim, 1, &all);
        a->ntp_skew_us = 3 * S;
        a->audio_delay_us = 40000;
        a->video_delay_us = 150000;
        a->up.jitter_us = 30000;
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 30 * S);
        mic = sim_tap_track(tap, 1, SFU_MIC);
        camera = sim_tap_track(tap, 1, SFU_CAMERA);
        assert_true(llabs(mic->skew_us - camera->skew_us) < 5000);
        assert_true(llabs(mic->skew_us) < S / 5);
        sim_tap_free(tap);
        sim_done(&sim);
}

static void check_coming_again(int64_t uptime_us)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_tap *tap;
        struct sim_track *camera;

        sim_init(&sim, 9);
        sim.now_us += uptime_us;
        tap = sim_tap_new(&sim, SFU_TAP_ALL); /* before anybody came */
        for (uint32_t life = 1; life <= 4; life++) {
                a = sim_join(&sim, 1, &all);
                sim_run(&sim, 2 * S);
                camera = sim_tap_track(tap, 1, SFU_CAMERA);
                assert_clean(camera);
                assert_true(camera->live);
                assert_true(camera->n_generations >= life);
                sim_leave(&sim, a);
                assert_false(camera->live);
                assert_int_equal(camera->n_ends, life);
                sim_run(&sim, S / 2);
        }
        assert_int_equal(sim_tap_track(tap, 1, SFU_MIC)->n_generations, 4);
        sim_tap_free(tap);
        sim_done(&sim);
}

static void who_comes_again_is_a_newer_generation(void **state)
{
        (void)state;
        check_coming_again(0);
}

/* Generations are milliseconds in 32 bits, half of which look like the past of 0. */
static void so_it_is_on_a_machine_that_was_up_for_a_month(void **state)
{
        (void)state;
        check_coming_again(INT64_C(30) * 24 * 3600 * S);
}

static void program_tap_follows_the_speaker(void **state)
{
        struct sim sim;
        struct sim_peer *p[4];
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 10);
        for (uint32_t i = 0; i < 4; i++) {
                p[i] = sim_join(&sim, i + 1, i == 3 ? &with_screen : &all);
                p[i]->mic.level = 90;
        }
        sim_mute(p[3], SFU_SCREEN, true);
        tap = sim_tap_new(&sim, SFU_TAP_PROGRAM);
        for (uint32_t speaker = 1; speaker < 4; speaker++) {
                p[speaker]->mic.level = 30;
                sim_run(&sim, 5 * S);
                for (uint32_t i = 0; i < 4; i++) {
                        struct sim_track *camera = sim_tap_track(tap, i + 1, SFU_CAMERA);

                        assert_int_equal(camera && camera->live, i == speaker);
                        if (camera)
                                assert_clean(camera);
                }
                assert_int_equal(sim_tap_track(tap, speaker + 1, SFU_CAMERA)->layer, 2);
                p[speaker]->mic.on = false; /* all are silent: she stays */
                sim_run(&sim, 10 * S);
                assert_true(sim.now_us - sim_tap_track(tap, speaker + 1, SFU_CAMERA)->last_us <
                            S / 10);
        }
        assert_null(sim_tap_track(tap, 4, SFU_SCREEN));
        sim_mute(p[3], SFU_SCREEN, false);
        sim_run(&sim, 2 * S);
        assert_true(sim_tap_track(tap, 4, SFU_SCREEN)->live);
        sim_mute(p[3], SFU_SCREEN, true);
        sim_run(&sim, S);
        assert_false(sim_tap_track(tap, 4, SFU_SCREEN)->live);
        sim_leave(&sim, p[3]); /* the one who is shown: somebody else is */
        sim_run(&sim, 2 * S);
        assert_true(sim_tap_track(tap, 1, SFU_CAMERA)->live);
        sim_tap_free(tap);
        sim_done(&sim);
}

static void program_tap_gets_the_voices_that_are_heard(void **state)
{
        struct sim sim;
        struct sim_peer *p[8];
        struct sim_tap *tap;
        unsigned n_live = 0;

        (void)state;
        sim_init(&sim, 11);
        for (uint32_t i = 0; i < 8; i++) {
                p[i] = sim_join(&sim, i + 1, &voice);
                p[i]->mic.level = i < 3 ? 30 + (int)i : 90;
        }
        tap = sim_tap_new(&sim, SFU_TAP_PROGRAM);
        sim_run(&sim, 5 * S);
        p[0]->mic.level = 90;
        p[7]->mic.level = 30;
        sim_run(&sim, 8 * S);
        for (uint32_t i = 0; i < 8; i++) {
                struct sim_track *mic = sim_tap_track(tap, i + 1, SFU_MIC);

                n_live += mic && mic->live;
                if (mic)
                        assert_clean(mic);
                if (i == 1 || i == 2 || i == 7)
                        assert_true(mic && mic->live && sim.now_us - mic->last_us < S / 10);
        }
        assert_int_equal(n_live, 4); /* one more than anybody hears: nobody hears herself */
        sim_tap_free(tap);
        sim_done(&sim);
}

/* It is loud all the time, on whichever worker it is, and there are more voices than places. */
static void film_is_heard_however_long_it_is_loud(void **state)
{
        static const struct sim_offer film = { .mic = true, .film = true };
        struct sim sim;
        struct sim_peer *p[7];
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 16);
        for (uint32_t i = 0; i < 7; i++) {
                p[i] = sim_join(&sim, i + 1, i == 3 ? &film : &voice);
                p[i]->mic.level = 45;
                p[i]->mic.swing = i == 3 ? 0 : 12;
        }
        p[3]->mic.level = 30;
        tap = sim_tap_new(&sim, SFU_TAP_PROGRAM);
        sim_run(&sim, 60 * S);
        for (uint32_t i = 0; i < 7; i++)
                assert_true(i == 3 || sim_hears(p[i], 4));
        p[3]->mic.level = 110; /* nearly silent: out of the ranking, and still part of it */
        sim_run(&sim, 10 * S);
        assert_true(sim.now_us - sim_tap_track(tap, 4, SFU_MIC)->last_us < S / 10);
        assert_clean(sim_tap_track(tap, 4, SFU_MIC));
        assert_int_equal(sim_tap_track(tap, 4, SFU_MIC)->n_generations, 1);
        sim_tap_free(tap);
        sim_done(&sim);
}

static void take_720_lines(bool h264)
{
        struct sim_offer offer = all;
        struct sim sim;
        struct sim_peer *a;
        struct sim_tap *tap;

        offer.h264 = h264;
        sim_init(&sim, 12);
        a = sim_join(&sim, 1, &offer);
        for (int i = 0; i < 3; i++)
                a->cam[i].height = 270 << i;
        tap = sim_tap_new(&sim, SFU_TAP_PROGRAM);
        sim_run(&sim, 5 * S);
        assert_int_equal(sim_tap_track(tap, 1, SFU_CAMERA)->layer, 1);
        assert_clean(sim_tap_track(tap, 1, SFU_CAMERA));
        sim_tap_free(tap);
        sim_done(&sim);
}

static void program_tap_takes_no_more_than_720_lines(void **state)
{
        (void)state;
        take_720_lines(false);
        take_720_lines(true);
}

static void slow_job_loses_pictures_first_and_no_sound(void **state)
{
        struct sim sim;
        struct sim_peer *a;
        struct sim_track *mic, *camera;
        struct sim_tap *tap;
        uint32_t n_pli, n_generations;

        (void)state;
        sim_init(&sim, 13);
        a = sim_join(&sim, 1, &all);
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 3 * S);
        mic = sim_tap_track(tap, 1, SFU_MIC);
        camera = sim_tap_track(tap, 1, SFU_CAMERA);
        n_pli = a->cam[2].n_pli;
        n_generations = camera->n_generations;
        tap->budget = 100000;
        tap->kept = 90000;
        sim_run(&sim, 5 * S);
        assert_true(tap->refused);
        assert_true(sim.now_us - camera->last_us > 4 * S);
        assert_int_equal(mic->n_gaps, 0);
        assert_int_equal(sim_track_lost(mic), 0);
        assert_true(sim.now_us - mic->last_us < S / 10);
        assert_int_equal(a->cam[2].n_pli,
                         n_pli); /* what the job is too slow for is not asked for */
        sim_tap_refill(tap, 1000 * 1000);
        sim_run(&sim, S);
        assert_true(sim.now_us - camera->last_us < S / 10);
        assert_int_equal(a->cam[2].n_pli, n_pli + 1);
        assert_int_equal(camera->n_gaps, 1);
        assert_int_equal(camera->n_told_missing, sim_track_lost(camera));
        assert_int_equal(camera->n_generations, n_generations);
        assert_int_equal(mic->n_gaps, 0);
        assert_clean(camera);
        assert_clean(mic);
        sim_tap_free(tap);
        sim_done(&sim);
}

static void job_that_stands_still_is_told_of_the_sound_it_missed(void **state)
{
        struct sim sim;
        struct sim_track *mic, *camera;
        struct sfu_counters counters;
        struct sim_tap *tap;

        (void)state;
        sim_init(&sim, 14);
        sim_join(&sim, 1, &all);
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, 3 * S);
        mic = sim_tap_track(tap, 1, SFU_MIC);
        camera = sim_tap_track(tap, 1, SFU_CAMERA);
        tap->budget = 0;
        sim_run(&sim, 5 * S);
        assert_true(sim.now_us - mic->last_us > 4 * S);
        sim_tap_refill(tap, -1);
        sim_run(&sim, S);
        assert_int_equal(mic->n_gaps, 1);
        assert_in_range(mic->n_told_missing, 245, 255);
        assert_int_equal(mic->n_told_missing, sim_track_lost(mic));
        assert_int_equal(camera->n_told_missing, sim_track_lost(camera));
        assert_clean(mic);
        assert_clean(camera);
        sim_counters(&sim, &counters);
        assert_int_equal(counters.tap_dropped, mic->n_told_missing + camera->n_told_missing);
        assert_true(counters.tap_records > 500);
        sim_tap_free(tap);
        sim_done(&sim);
}

static void taps_of_a_room_are_bounded(void **state)
{
        struct sim sim;
        struct sim_tap *taps[SFU_MAX_TAPS_PER_ROOM];
        struct media_tap *more;

        (void)state;
        sim_init(&sim, 15);
        sim_join(&sim, 1, &all);
        for (size_t i = 0; i < ARRAY_LEN(taps); i++)
                taps[i] = sim_tap_new(&sim, i % 2 ? SFU_TAP_PROGRAM : SFU_TAP_ALL);
        assert_true(media_room_add_tap(sim.room, &more, SFU_TAP_ALL, taps[0], sim.now_us) < 0);
        sim_run(&sim, 2 * S);
        for (size_t i = 0; i < ARRAY_LEN(taps); i++) {
                assert_clean(sim_tap_track(taps[i], 1, SFU_CAMERA));
                sim_tap_free(taps[i]);
        }
        taps[0] = sim_tap_new(&sim, SFU_TAP_ALL);
        sim_run(&sim, S);
        assert_clean(sim_tap_track(taps[0], 1, SFU_CAMERA));
        sim_tap_free(taps[0]);
        sim_done(&sim);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_packet_once_after_loss_and_rtx),
                cmocka_unit_test(key_frame_that_came_late_is_whole),
                cmocka_unit_test(redundancy_gives_back_what_was_lost),
                cmocka_unit_test(layer_switch_is_a_new_generation_with_key_frame),
                cmocka_unit_test(an_encoder_that_rests_behind_a_key_frame_is_recorded_on),
                cmocka_unit_test(pub_without_viewers_is_wanted_by_the_tap),
                cmocka_unit_test(key_frame_is_asked_for_until_it_comes),
                cmocka_unit_test(muted_sends_nothing),
                cmocka_unit_test(sound_and_picture_agree),
                cmocka_unit_test(who_comes_again_is_a_newer_generation),
                cmocka_unit_test(so_it_is_on_a_machine_that_was_up_for_a_month),
                cmocka_unit_test(program_tap_follows_the_speaker),
                cmocka_unit_test(program_tap_gets_the_voices_that_are_heard),
                cmocka_unit_test(film_is_heard_however_long_it_is_loud),
                cmocka_unit_test(program_tap_takes_no_more_than_720_lines),
                cmocka_unit_test(slow_job_loses_pictures_first_and_no_sound),
                cmocka_unit_test(job_that_stands_still_is_told_of_the_sound_it_missed),
                cmocka_unit_test(taps_of_a_room_are_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
