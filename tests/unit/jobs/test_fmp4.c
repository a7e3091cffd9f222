/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include <errno.h>

#include "sfu/jobs/core/fmp4.h"

static const uint8_t avcc[] = { 1, 0x64, 0, 0x1f, 0xff, 0xe0, 0 };
static const uint8_t asc[] = { 0x11, 0x90 };

static const struct fmp4_config both = {
        .width = 1280,
        .height = 720,
        .channels = 2,
        .avcc = { avcc, sizeof(avcc) },
        .asc = { asc, sizeof(asc) },
};

/* Finds a box by its path, "moof/traf/trun"; skip: so many of the last name. NULL: not there, or
 * sizes that do not add up. */
static struct span find(struct span in, const char *path, size_t skip)
{
        struct rd r = rd_init(in.data, in.len);

        while (rd_left(&r) >= 8) {
                uint32_t size = rd_u32(&r);
                struct span name = rd_take(&r, 4);
                struct span body = size >= 8 ? rd_take(&r, size - 8) : (struct span){ 0 };

                assert_false(r.bad || size < 8);
                if (memcmp(name.data, path, 4) != 0)
                        continue;
                if (path[4] == '/')
                        return find(body, path + 5, skip);
                if (skip-- == 0)
                        return body;
        }
        assert_int_equal(rd_left(&r), 0);
        return (struct span){ 0 };
}

static uint32_t u32_at(struct span bytes, size_t at)
{
        struct rd r = rd_init(bytes.data + at, bytes.len - at);

        return rd_u32(&r);
}

static int put(struct fmp4 *mp4, enum fmp4_track track, int64_t time_us, const char *text)
{
        return fmp4_put(mp4, track, time_us, text[0] == 'K',
                        (struct span){ (const uint8_t *)text, strlen(text) });
}

static void the_head_describes_both_tracks(void **state)
{
        struct fmp4 *mp4;
        struct span head;

        (void)state;
        assert_int_equal(fmp4_new(&mp4, &both), 0);
        head = fmp4_head(mp4);
        assert_int_equal(find(head, "ftyp", 0).len, 4 + 4 + 12);
        assert_int_equal(find(head, "moov/mvhd", 0).len, 100);
        assert_int_equal(find(head, "moov/trak/tkhd", 0).len, 84);
        assert_non_null(find(head, "moov/trak", 1).data);
        assert_null(find(head, "moov/trak", 2).data);
        assert_non_null(find(head, "moov/trak/mdia/minf/stbl/stsd", 0).data);
        assert_non_null(find(head, "moov/mvex/trex", 1).data);
        assert_non_null(memmem(head.data, head.len, avcc, sizeof(avcc)));
        fmp4_free(mp4);
}

static void a_track_that_is_off_is_not_there(void **state)
{
        struct fmp4_config sound = both;
        struct fmp4 *mp4;

        (void)state;
        sound.width = 0;
        assert_int_equal(fmp4_new(&mp4, &sound), 0);
        assert_null(find(fmp4_head(mp4), "moov/trak", 1).data);
        assert_int_equal(put(mp4, FMP4_PICTURE, 0, "K"), -EINVAL);
        fmp4_free(mp4);
        sound.channels = 0;
        assert_int_equal(fmp4_new(&mp4, &sound), -EINVAL);
}

static void a_fragment_holds_pictures_and_the_sound_before_its_end(void **state)
{
        struct fmp4 *mp4;
        struct span out, trun;

        (void)state;
        assert_int_equal(fmp4_new(&mp4, &both), 0);
        assert_int_equal(put(mp4, FMP4_PICTURE, 0, "Key"), 0);
        assert_int_equal(put(mp4, FMP4_PICTURE, 40000, "pic"), 0);
        assert_int_equal(put(mp4, FMP4_SOUND, 10000, "so"), 0);
        assert_int_equal(put(mp4, FMP4_SOUND, 100000, "later"), 0);
        assert_int_equal(fmp4_cut(mp4, 100000, &out), 0);
        assert_int_equal(u32_at(find(out, "moof/mfhd", 0), 4), 1);
        trun = find(out, "moof/traf/trun", 0);
        assert_int_equal(u32_at(trun, 4), 2);
        assert_memory_equal(out.data + u32_at(trun, 8), "Keypic", 6);
        assert_int_equal(u32_at(trun, 12), 3600); /* lasts 40 ms */
        assert_int_equal(u32_at(trun, 16), 3);
        assert_int_equal(u32_at(trun, 20), 0x02000000);
        assert_int_equal(u32_at(trun, 24), 5400); /* to the end */
        assert_int_equal(u32_at(trun, 32), 0x01010000);
        assert_int_equal(find(out, "mdat", 0).len, 8);

        /* What was left is in the next one. */
        assert_int_equal(put(mp4, FMP4_PICTURE, 100000, "P"), 0);
        assert_int_equal(fmp4_cut(mp4, 200000, &out), 0);
        assert_int_equal(u32_at(find(out, "moof/mfhd", 0), 4), 2);
        assert_memory_equal(find(out, "mdat", 0).data, "Plater", 6);
        assert_int_equal(fmp4_cut(mp4, 300000, &out), 0);
        assert_int_equal(out.len, 0);
        fmp4_free(mp4);
}

static void sound_alone_says_its_time(void **state)
{
        struct fmp4_config sound = { .channels = 2, .asc = { asc, sizeof(asc) } };
        struct fmp4 *mp4;
        struct span out;

        (void)state;
        assert_int_equal(fmp4_new(&mp4, &sound), 0);
        assert_int_equal(put(mp4, FMP4_SOUND, 3600000000, "a"), 0);
        assert_int_equal(fmp4_cut(mp4, INT64_MAX, &out), 0);
        assert_int_equal(find(out, "moof/traf/tfdt", 0).data[0], 1);
        assert_int_equal(u32_at(find(out, "moof/traf/tfdt", 0), 8), 3600 * 48000);
        fmp4_free(mp4);
}

static void what_waits_is_bounded_and_in_order(void **state)
{
        struct fmp4 *mp4;
        struct span out;

        (void)state;
        assert_int_equal(fmp4_new(&mp4, &both), 0);
        for (int64_t i = 0; i < FMP4_MAX_SAMPLES; i++)
                assert_int_equal(put(mp4, FMP4_SOUND, i * 1000, "x"), 0);
        assert_int_equal(put(mp4, FMP4_SOUND, 1000000, "x"), -ENOSPC);
        assert_int_equal(fmp4_cut(mp4, 600000, &out), 0);
        assert_int_equal(put(mp4, FMP4_SOUND, 1000000, "x"), 0);
        assert_int_equal(put(mp4, FMP4_SOUND, 999999, "x"), -EINVAL);
        assert_int_equal(put(mp4, FMP4_SOUND, -1, "x"), -EINVAL);
        fmp4_free(mp4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_head_describes_both_tracks),
                cmocka_unit_test(a_track_that_is_off_is_not_there),
                cmocka_unit_test(a_fragment_holds_pictures_and_the_sound_before_its_end),
                cmocka_unit_test(sound_alone_says_its_time),
                cmocka_unit_test(what_waits_is_bounded_and_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
