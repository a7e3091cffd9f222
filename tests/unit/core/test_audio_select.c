/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sfu/core/audio_select.h"

enum { PACKET_US = 20000 };

/* Says `level` for so long, with a swing of +-6 as speech has, and ticks. */
struct room {
        struct audio_select *select;
        struct audio_ranking ranking;
        int64_t now_us;
        uint32_t random;
        int levels[16]; /* 0: sends nothing */
        bool steady[16];
        size_t n, n_changes;
};

static void open_room(struct room *room, size_t n)
{
        *room = (struct room){ .now_us = 1000000, .random = 7, .n = n };
        assert_int_equal(audio_select_new(&room->select), 0);
        for (size_t i = 0; i < n; i++) {
                uint32_t id;

                assert_int_equal(audio_select_add(room->select, &id), 0);
                assert_int_equal(id, i);
        }
}

static void run(struct room *room, int64_t for_us)
{
        for (int64_t end = room->now_us + for_us; room->now_us < end; room->now_us += PACKET_US) {
                for (uint32_t i = 0; i < room->n; i++) {
                        struct audio_claim claim = { .has_level = true, .payload_len = 80 };

                        room->random = room->random * 1664525 + 1013904223;
                        claim.level = (uint8_t)(room->levels[i] +
                                                (room->steady[i]
                                                         ? 0
                                                         : (int)(room->random >> 28) % 12 - 6));
                        if (room->levels[i])
                                audio_select_on_packet(room->select, i, &claim, room->now_us);
                }
                if (room->now_us >= audio_select_deadline_us(room->select))
                        room->n_changes += audio_select_tick(room->select, room->now_us,
                                                             &room->ranking);
        }
}

static bool in_top(const struct room *room, uint32_t id)
{
        for (size_t i = 0; i < room->ranking.n_top; i++) {
                if (room->ranking.top[i] == id)
                        return true;
        }
        return false;
}

static void loudest_are_ranked_and_stay(void **state)
{
        struct room room;
        size_t n;

        (void)state;
        open_room(&room, 8);
        for (int i = 0; i < 8; i++)
                room.levels[i] = 70;
        room.levels[6] = 30;
        run(&room, 1000000);
        assert_true(in_top(&room, 6));
        assert_int_equal(room.ranking.top[0], 6);
        assert_int_equal(room.ranking.speaker, 6);
        assert_int_equal(room.ranking.n_top, AUDIO_SELECT_TOP);
        n = room.n_changes;
        run(&room, 10000000);
        assert_int_equal(room.n_changes, n); /* noise moves nobody */
        audio_select_free(room.select);
}

static void pause_between_sentences_loses_no_place(void **state)
{
        struct room room;

        (void)state;
        open_room(&room, 8);
        for (int i = 0; i < 8; i++)
                room.levels[i] = i < 3 ? 30 : 60;
        run(&room, 2000000);
        room.levels[0] = 110;
        for (int i = 0; i < 15; i++) {
                run(&room, 100000);
                assert_true(in_top(&room, 0));
        }
        run(&room, 4000000);
        assert_false(in_top(&room, 0)); /* she has finished */
        audio_select_free(room.select);
}

static void who_stops_sending_leaves(void **state)
{
        struct room room;

        (void)state;
        open_room(&room, 2);
        room.levels[0] = room.levels[1] = 30;
        run(&room, 1000000);
        assert_int_equal(room.ranking.n_top, 2);
        room.levels[1] = 0;
        run(&room, 1500000);
        assert_int_equal(room.ranking.n_top, 1);
        room.levels[0] = 0;
        run(&room, 10000000);
        assert_int_equal(room.ranking.n_top, 0);
        assert_int_equal(room.ranking.speaker, AUDIO_SELECT_NONE);
        assert_int_equal(audio_select_deadline_us(room.select), INT64_MAX);
        audio_select_free(room.select);
}

/* Her line broke while she was loud: the room does not wait until she has left. */
static void who_talks_on_is_the_speaker_when_the_louder_one_is_gone(void **state)
{
        struct room room;

        (void)state;
        open_room(&room, 2);
        room.levels[0] = 15;
        room.levels[1] = 40;
        run(&room, 2000000);
        assert_int_equal(room.ranking.speaker, 0);
        room.levels[0] = 0;
        run(&room, AUDIO_SELECT_FLOW_US + 2 * AUDIO_SELECT_TAKE_US);
        assert_int_equal(room.ranking.speaker, 1);
        audio_select_free(room.select);
}

/* The speaker goes on, so it is only a new order; but who takes three of the four hears
 * somebody else. */
static void who_speaks_up_beside_the_speaker_is_told(void **state)
{
        struct room room;
        size_t n;

        (void)state;
        open_room(&room, 4);
        for (int i = 0; i < 4; i++)
                room.levels[i] = i == 0 ? 30 : 70;
        run(&room, 5000000);
        n = room.n_changes;
        run(&room, 5000000);
        assert_int_equal(room.n_changes, n);
        assert_int_equal(room.ranking.top[0], 0);
        n = room.ranking.top[3]; /* the last in order */
        room.levels[n] = 32;
        room.n_changes = 0;
        run(&room, 300000);
        assert_int_equal(room.ranking.speaker, 0);
        assert_int_equal(room.ranking.top[1], n);
        assert_true(room.n_changes > 0);
        audio_select_free(room.select);
}

static void steady_claim_tires(void **state)
{
        struct room room;

        (void)state;
        open_room(&room, 6);
        for (int i = 0; i < 5; i++) {
                room.levels[i] = 1;
                room.steady[i] = true;
        }

        room.levels[5] = 40;
        run(&room, 5000000);
        assert_false(in_top(&room, 5));
        run(&room, 20000000);
        assert_true(in_top(&room, 5));
        assert_int_equal(room.ranking.speaker, 5);
        audio_select_free(room.select);
}

static void film_does_not_tire(void **state)
{
        struct room room;

        (void)state;
        open_room(&room, 6);
        for (int i = 0; i < 6; i++)
                room.levels[i] = 40;
        room.levels[0] = 30;
        room.steady[0] = true;
        audio_select_film(room.select, 0);
        audio_select_silence(room.select, 0); /* a pause changes nothing */
        run(&room, 40000000);
        assert_true(in_top(&room, 0));
        assert_int_equal(room.ranking.speaker, 0);
        audio_select_free(room.select);
}

/* Everybody has three slots: whatever the four voices do, it is in one of them. */
static void film_keeps_its_place_beside_louder_voices(void **state)
{
        struct room room;

        (void)state;
        open_room(&room, 8);
        for (int i = 0; i < 8; i++)
                room.levels[i] = 30;
        audio_select_film(room.select, 5);
        room.levels[5] = 75; /* softly: nobody speaks in it */
        room.steady[5] = true;
        run(&room, 100000);
        for (int i = 0; i < 500; i++) {
                room.levels[i / 100] = i % 7 ? 25 : 50;
                run(&room, 100000);
                assert_int_equal(room.ranking.top[0], 5);
                assert_int_equal(room.ranking.n_top, AUDIO_SELECT_TOP);
        }
        assert_int_not_equal(room.ranking.speaker, 5);
        audio_select_free(room.select);
}

static void film_that_is_paused_gives_its_place_back(void **state)
{
        struct room room;

        (void)state;
        open_room(&room, 6);
        for (int i = 0; i < 6; i++)
                room.levels[i] = 30;
        audio_select_film(room.select, 2);
        run(&room, 3000000);
        assert_int_equal(room.ranking.top[0], 2);
        room.levels[2] = 127;
        room.steady[2] = true;
        run(&room, 1900000);
        assert_true(in_top(&room, 2)); /* a scene ends in silence */
        run(&room, 200000);
        assert_false(in_top(&room, 2));
        room.levels[2] = 60;
        run(&room, AUDIO_SELECT_TICK_US + PACKET_US);
        assert_int_equal(room.ranking.top[0], 2);
        audio_select_free(room.select);
}

static void removal_frees_the_number(void **state)
{
        struct room room;
        uint32_t id;

        (void)state;
        open_room(&room, 3);
        room.levels[1] = 30;
        run(&room, 1000000);
        assert_int_equal(room.ranking.speaker, 1);
        audio_select_remove(room.select, 1);
        assert_true(audio_select_deadline_us(room.select) <= room.now_us);
        assert_true(audio_select_tick(room.select, room.now_us, &room.ranking));
        assert_int_equal(room.ranking.n_top, 0);
        assert_int_equal(room.ranking.speaker, AUDIO_SELECT_NONE);
        assert_int_equal(audio_select_add(room.select, &id), 0);
        assert_int_equal(id, 1);
        for (uint32_t i = 3; i < 200; i++) {
                assert_int_equal(audio_select_add(room.select, &id), 0);
                assert_int_equal(id, i);
        }
        audio_select_free(room.select);
        assert_null(audio_select_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(loudest_are_ranked_and_stay),
                cmocka_unit_test(pause_between_sentences_loses_no_place),
                cmocka_unit_test(who_stops_sending_leaves),
                cmocka_unit_test(who_talks_on_is_the_speaker_when_the_louder_one_is_gone),
                cmocka_unit_test(who_speaks_up_beside_the_speaker_is_told),
                cmocka_unit_test(steady_claim_tires),
                cmocka_unit_test(film_does_not_tire),
                cmocka_unit_test(film_keeps_its_place_beside_louder_voices),
                cmocka_unit_test(film_that_is_paused_gives_its_place_back),
                cmocka_unit_test(removal_frees_the_number),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
