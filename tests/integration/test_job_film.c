/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Films looked at and played by their jobs, over a feed without a meeting. argv[1]: the folder in
 * which the films of the tests are made, once.
 */
#include <gst/gst.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sfu/api.h"
#include "tests/integration/feed_seen.h"
#include "tests/integration/jobs_world.h"

enum { SECONDS = 12, FLASH_MS = 80 };

static const char *films;
static const char *const words[JOB_N_CODECS] = { [JOB_VP8] = "VP8", [JOB_H264] = "H.264" };

/* ---- films ---- */

static void make(const char *name, const char *options)
{
        char command[2048], path[512];

        snprintf(path, sizeof(path), "%s/%s", films, name);
        if (access(path, R_OK) == 0)
                return;
        snprintf(
                command, sizeof(command),
                "mkdir -p '%s' && cd '%s' && ffmpeg -v error -nostdin -y %s 'new-%s' && chmod 644 'new-%s' &&"
                " mv 'new-%s' '%s'",
                films, films, options, name, name, name, name);
        if (system(command) != 0)
                fail_msg("%s", command);
}

/* Grey 40, 60, 80 … for two seconds each; at each whole second a flash and a beep. One key frame
 * in all. */
#define GREYS                                                                                          \
        "-f lavfi -i \"color=c=#282828:s=1280x720:r=25:d=2[a];color=c=#3c3c3c:s=1280x720:r=25:d=2[b];" \
        "color=c=#505050:s=1280x720:r=25:d=2[c];color=c=#646464:s=1280x720:r=25:d=2[d];"               \
        "color=c=#787878:s=1280x720:r=25:d=2[e];color=c=#8c8c8c:s=1280x720:r=25:d=2[f];"               \
        "[a][b][c][d][e][f]concat=n=6,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.08)'\" "
#define BEEPS "-f lavfi -i \"aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.08)':s=44100:d=12\" "
#define H264 "-c:v libx264 -preset veryfast -g 1000 -sc_threshold 0 -pix_fmt yuv420p "

static void make_films(void)
{
        char command[1024];

        make("plain.mp4", GREYS BEEPS H264 "-c:a aac");
        make("busy.mp4",
             "-f lavfi -i testsrc2=s=640x360:r=25:d=8 -f lavfi -i sine=d=8 -b:v 3M " H264
             "-c:a aac");
        make("moving.mp4",
             "-f lavfi -i testsrc2=s=1280x720:r=25:d=8,scroll=h=0.004:v=0.003"
             " -f lavfi -i sine=d=8 -t 8 -c:v libx264 -preset ultrafast -b:v 4M -pix_fmt yuv420p -c:a aac");
        make("sound.mp3", BEEPS "-c:a libmp3lame");
        make("mute.webm", "-f lavfi -i testsrc2=s=640x360:r=30:d=2 -c:v libvpx -an");
        make("lying.mp4", "-f lavfi -i testsrc2=s=640x360:r=25:d=2 " H264);
        make("upright.mp4", "-i lying.mp4 -c copy -metadata:s:v rotate=90");
        make("ten-bits.mkv", "-f lavfi -i testsrc2=s=1280x720:r=25:d=2 -pix_fmt yuv420p10le"
                             " -c:v libx265 -x265-params log-level=none");
        make("4k.mp4", "-f lavfi -i testsrc2=s=3840x2160:r=50:d=2 -c:v libx264 -preset ultrafast"
                       " -pix_fmt yuv420p");
        make("uneven.mkv", "-f lavfi -i testsrc2=s=640x480:r=30:d=3 -vf \"select='not(mod(n,7))+"
                           "not(mod(n,11))'\" -vsync vfr -c:v libvpx -an");
        make("laced.mkv", "-f lavfi -i testsrc2=s=720x576:r=25:d=2 -vf setsar=64/45,interlace"
                          " -flags +ilme+ildct -c:v mpeg2video -b:v 2M");
        make("old.mov", "-f lavfi -i testsrc2=s=320x240:r=15:d=2 -c:v mjpeg -pix_fmt yuvj420p");
        make("talk.ogg", "-f lavfi -i sine=f=440:d=2 -c:a libvorbis");
        /* damaged in its middle; cut before its index; nothing of a film */
        snprintf(
                command, sizeof(command),
                "cd '%s' && cp busy.mp4 holed.mp4 && chmod 644 holed.mp4 && dd if=/dev/urandom of=holed.mp4 bs=1k"
                " count=100 seek=1000 conv=notrunc status=none && head -c 40000 plain.mp4 >cut.mp4"
                " && head -c 100000 /dev/urandom >noise.mkv",
                films);
        assert_int_equal(system(command), 0);
}

/* ---- playing ---- */

struct film {
        struct world *world;
        struct owner owner;
        struct feed_seen seen;
};

static struct job_params params_of(char path[512], enum job_kind kind, const char *name, int fd)
{
        snprintf(path, 512, "%s/%s", films, name);
        return (struct job_params){ .kind = kind, .fd = fd, .input = path };
}

static void film_open_in(struct film *film, struct world *world, const char *name, const char *more,
                         enum job_codec codec)
{
        json_t *start = json_pack("{s:s, s:s, s:i}", "type", "start", "name", name, "layers", 3);
        json_t *extra = json_loads(more, 0, NULL);
        char path[512];
        int fd;

        film->world = world;
        feed_seen_open(&film->seen, &world->loop, SFU_SCREEN, codec, &fd);
        json_object_update(start, extra);
        json_decref(extra);
        owner_start(world, &film->owner, params_of(path, JOB_FILM, name, fd), start);
}

static void film_open(struct film *film, struct world *world, const char *name, const char *more)
{
        film_open_in(film, world, name, more, JOB_VP8);
}

static void film_close(struct film *film)
{
        job_stop(film->owner.job);
        owner_wait_end(film->world, &film->owner, JOB_DONE);
        owner_done(&film->owner);
        feed_seen_close(&film->seen);
}

static void on_time(uv_timer_t *timer)
{
        *(bool *)timer->data = true;
}

/* Lets what is played go on for a time. */
static void watch(struct film *film, int ms)
{
        uv_timer_t timer;
        bool over = false;

        uv_timer_init(&film->world->loop, &timer);
        timer.data = &over;
        uv_timer_start(&timer, on_time, (uint64_t)ms, 0);
        while (!over && film->owner.n_ends == 0)
                uv_run(&film->world->loop, UV_RUN_ONCE);
        uv_close((uv_handle_t *)&timer, NULL);
        uv_run(&film->world->loop, UV_RUN_NOWAIT);
}

static void command(struct film *film, json_t *line)
{
        job_send(film->owner.job, line);
        json_decref(line);
}

static void wait_units(struct film *film, unsigned stream, unsigned n)
{
        int64_t until_us = clock_now_us() + 30000000;

        while (feed_seen_units(&film->seen, stream) < n) {
                assert_int_equal(film->owner.n_ends, 0);
                assert_true(clock_now_us() < until_us);
                watch(film, 20);
        }
}

static json_int_t position_ms(struct film *film)
{
        json_object_del(film->owner.lines, "position");
        return json_integer_value(json_object_get(
                owner_wait_line(film->world, &film->owner, "position"), "position_ms"));
}

/* When the value rises over `over`, into ret. */
static size_t rises(const GArray *values, double over, int64_t *ret, size_t cap)
{
        bool was_over = true;
        size_t n = 0;

        for (guint i = 0; i < values->len; i++) {
                const struct seen_value *value = &g_array_index(values, struct seen_value, i);

                if (value->value > over && !was_over && n < cap)
                        ret[n++] = value->wall_us;
                /* A tone is low at times; a beep is not over for some milliseconds of that. */
                if (value->value > over)
                        was_over = true;
                else if (i + 1 >= values->len || n == 0 ||
                         value->wall_us - ret[n - 1] > FLASH_MS * 2000 || value->value < over / 4)
                        was_over = false;
        }
        return n;
}

/* ---- tests ---- */

static void see_and_hear(struct world *world, enum job_codec codec)
{
        static const int heights[] = { 180, 360, 720 };
        struct film film = { 0 };
        int64_t flashes[SECONDS], beeps[SECONDS + 4], worst = 0;
        size_t n_flashes, n_beeps, n_matched = 0;
        GArray *light, *sound;

        film_open_in(&film, world, "plain.mp4", "{}", codec);
        owner_wait_line(world, &film.owner, "ready");
        watch(&film, 6500);
        for (unsigned layer = 0; layer < 3; layer++) {
                const struct seen_unit *first = feed_seen_unit(&film.seen, layer, 0);

                assert_true(first->key);
                assert_int_equal(first->height, heights[layer]);
                assert_int_equal(first->width, heights[layer] * 16 / 9);
                light = feed_seen_decode(&film.seen, layer);
                assert_in_range(light->len, feed_seen_units(&film.seen, layer) - 2,
                                feed_seen_units(&film.seen, layer));
                assert_in_range(light->len, 60, 180); /* a busy machine leaves out pictures */
                if (layer < 2)
                        g_array_unref(light);
        }
        sound = feed_seen_decode(&film.seen, SEEN_SOUND);
        n_flashes = rises(light, 180, flashes, ARRAY_LEN(flashes));
        n_beeps = rises(sound, 0.05, beeps, ARRAY_LEN(beeps));
        assert_true(n_flashes >= 4);
        for (size_t i = 0; i < n_flashes; i++)
                for (size_t k = 0; k < n_beeps; k++) {
                        int64_t apart = llabs(flashes[i] - beeps[k]);

                        if (apart > 300000)
                                continue;
                        n_matched++;
                        worst = apart > worst ? apart : worst;
                }
        printf("figure: film in %s, sound and picture apart: %.1f ms at most over %zu flashes\n",
               words[codec], (double)worst / 1000, n_matched);
        assert_true(n_matched >= 4);
        assert_true(worst < 40000);
        g_array_unref(light);
        g_array_unref(sound);
        film_close(&film);
}

static void picture_and_sound_go_out_in_step_in_three_layers_of_vp8(void **state)
{
        see_and_hear(*state, JOB_VP8);
}

static void picture_and_sound_go_out_in_step_in_three_layers_of_h264(void **state)
{
        see_and_hear(*state, JOB_H264);
}

/* Until that is what is seen, as somebody sees it who comes only now. */
static void wait_brightness(struct film *film, double wanted)
{
        int64_t until_us = clock_now_us() + 30000000;
        double value = 0;

        while (fabs(value - wanted) > 3) {
                GArray *light;

                assert_true(clock_now_us() < until_us);
                feed_seen_clear(&film->seen);
                feed_seen_ask_key(&film->seen, 2);
                wait_units(film, 2, 1);
                while (!film->seen.streams[2].has_report) /* of a codec that is new */
                        watch(film, 20);
                light = feed_seen_decode(&film->seen, 2);
                if (light->len > 0)
                        value = g_array_index(light, struct seen_value, light->len - 1).value;
                g_array_unref(light);
        }
}

static void paused_it_stands_still_and_a_seek_shows_the_place(void **state)
{
        struct film film = { 0 };
        json_int_t at;

        film_open(&film, *state, "plain.mp4", "{\"position_ms\":500}");
        owner_wait_line(*state, &film.owner, "ready");
        wait_units(&film, SEEN_SOUND, 10);
        command(&film, json_pack("{s:s}", "type", "pause"));
        watch(&film, 300);
        feed_seen_clear(&film.seen);
        at = position_ms(&film);
        watch(&film, 2500);
        assert_int_equal(position_ms(&film), at);
        assert_int_equal(feed_seen_units(&film.seen, SEEN_SOUND), 0);
        assert_in_range(feed_seen_units(&film.seen, 2), 1, 4); /* for who comes late */

        /* In the middle of the fourth grey, far behind the only key frame. */
        command(&film, json_pack("{s:s, s:i}", "type", "seek", "position_ms", 7500));
        while (position_ms(&film) != 7500)
                ;
        wait_brightness(&film, 102); /* 0x64, in the range of video */
        assert_int_equal(position_ms(&film), 7500);

        feed_seen_clear(&film.seen);
        command(&film, json_pack("{s:s, s:i}", "type", "seek", "position_ms", 11000));
        command(&film, json_pack("{s:s, s:i}", "type", "seek", "position_ms", 10000));
        command(&film, json_pack("{s:s, s:i}", "type", "seek", "position_ms", 10900));
        command(&film, json_pack("{s:s}", "type", "play"));
        json_object_clear(film.owner.lines);
        owner_wait_line(*state, &film.owner, "eos");
        assert_int_equal(position_ms(&film), 12000);
        command(&film, json_pack("{s:s}", "type", "play")); /* once more */
        while (position_ms(&film) > 3000)
                ;
        wait_units(&film, 2, 10);
        film_close(&film);
}

static void ask_for_key_frames(struct world *world, enum job_codec codec)
{
        struct film film = { 0 };
        unsigned keys[3] = { 0 };
        int64_t asked_us;

        film_open_in(&film, world, "plain.mp4", "{}", codec);
        wait_units(&film, 0, 30);
        feed_seen_clear(&film.seen);
        asked_us = clock_now_us();
        for (int i = 0; i < 20; i++)
                feed_seen_ask_key(&film.seen, 1);
        watch(&film, 1300);
        for (unsigned layer = 0; layer < 3; layer++)
                for (unsigned i = 0; i < feed_seen_units(&film.seen, layer); i++) {
                        const struct seen_unit *unit = feed_seen_unit(&film.seen, layer, i);

                        if (unit->key && keys[layer]++ == 0)
                                printf("figure: key frame of %s %.0f ms after it was asked for\n",
                                       words[codec], (double)(unit->arrived_us - asked_us) / 1000);
                }
        assert_in_range(keys[1], 1, 2);
        assert_int_equal(keys[0] + keys[2], 0);
        film_close(&film);
}

static void key_frame_comes_when_it_is_asked_for_and_only_there(void **state)
{
        ask_for_key_frames(*state, JOB_VP8);
        ask_for_key_frames(*state, JOB_H264);
}

static bool is_in(const struct film *film, enum job_codec codec)
{
        uint8_t pt = codec == JOB_H264 ? JOB_PT_H264 : JOB_PT_VP8;
        bool all = true;

        for (unsigned layer = 0; layer < 3; layer++)
                all &= film->seen.streams[layer].pt == pt;
        return all;
}

static void change_codec(struct film *film, enum job_codec codec)
{
        feed_seen_want_codec(&film->seen, codec);
        while (!is_in(film, codec))
                watch(film, 10);
        for (unsigned layer = 0; layer < 3; layer++) {
                wait_units(film, layer, 1);
                assert_true(feed_seen_unit(&film->seen, layer, 0)->key);
        }
}

/* No packet of sound was late for want of an encoder of pictures. */
static void sound_went_on(const struct film *film)
{
        for (unsigned i = 1; i < feed_seen_units(&film->seen, SEEN_SOUND); i++) {
                uint32_t step = feed_seen_unit(&film->seen, SEEN_SOUND, i)->ts -
                                feed_seen_unit(&film->seen, SEEN_SOUND, i - 1)->ts;

                assert_in_range(step, 900, 1100); /* 20 ms */
        }
}

static void another_codec_is_taken_up_where_the_film_is(void **state)
{
        struct film film = { 0 };
        int64_t asked_us;
        json_int_t at;

        film_open(&film, *state, "plain.mp4", "{}");
        wait_units(&film, 2, 30);
        at = position_ms(&film);
        feed_seen_clear(&film.seen);
        asked_us = clock_now_us();
        change_codec(&film, JOB_H264);
        printf("figure: first picture of H.264 %.0f ms after it was asked for\n",
               (double)(feed_seen_unit(&film.seen, 2, 0)->arrived_us - asked_us) / 1000);
        wait_units(&film, 2, 20);
        assert_true(position_ms(&film) > at); /* and not from the start */
        sound_went_on(&film);

        command(&film, json_pack("{s:s}", "type", "pause"));
        command(&film, json_pack("{s:s, s:i}", "type", "seek", "position_ms", 7500));
        while (position_ms(&film) != 7500)
                ;
        change_codec(&film, JOB_VP8); /* what stands still is there in it, too */
        wait_brightness(&film, 102);
        change_codec(&film, JOB_H264);
        wait_brightness(&film, 102);
        assert_int_equal(position_ms(&film), 7500);
        film_close(&film);
}

static json_int_t cpu_ms(struct film *film)
{
        json_object_del(film->owner.lines, "progress");
        return json_integer_value(
                json_object_get(owner_wait_line(film->world, &film->owner, "progress"), "cpu_ms"));
}

/* 720p25 in which everything moves, H.264 and AAC in, three layers out. */
static void tell_cost(struct world *world, enum job_codec codec)
{
        struct film film = { 0 };
        json_int_t before_ms;
        int64_t before_us;

        film_open_in(&film, world, "moving.mp4", "{}", codec);
        wait_units(&film, 2, 10);
        before_ms = cpu_ms(&film);
        before_us = clock_now_us();
        feed_seen_clear(&film.seen);
        watch(&film, 3500);
        before_ms = cpu_ms(&film) - before_ms;
        printf("figure: a 720p25 film, three layers of %s: %.0f %% of a core, %u pictures of the largest"
               " layer in %.1f s, %u dropped\n",
               words[codec], (double)before_ms * 100000 / (double)(clock_now_us() - before_us),
               feed_seen_units(&film.seen, 2), (double)(clock_now_us() - before_us) / 1e6,
               (unsigned)json_integer_value(
                       json_object_get(json_object_get(film.owner.lines, "behind"), "dropped")));
        film_close(&film);
}

static void cost_of_playing_is_told(void **state)
{
        tell_cost(*state, JOB_VP8);
        tell_cost(*state, JOB_H264);
}

static void volume_is_heard_in_the_level(void **state)
{
        struct film film = { 0 };
        unsigned loudest = 127;

        film_open(&film, *state, "talk.ogg", "{\"volume\":10, \"video\":false}");
        wait_units(&film, SEEN_SOUND, 30);
        for (unsigned i = 0; i < 30; i++)
                if (feed_seen_unit(&film.seen, SEEN_SOUND, i)->level < loudest)
                        loudest = feed_seen_unit(&film.seen, SEEN_SOUND, i)->level;
        assert_in_range(loudest, 50, 75); /* 21 dB of the tone itself, 40 for a tenth */
        command(&film, json_pack("{s:s, s:i}", "type", "volume", "volume", 100));
        feed_seen_clear(&film.seen);
        wait_units(&film, SEEN_SOUND, 20);
        assert_in_range(feed_seen_unit(&film.seen, SEEN_SOUND, 19)->level, 15, 30);
        assert_int_equal(feed_seen_units(&film.seen, 0), 0);
        film_close(&film);
}

static const json_t *probe(struct world *world, struct owner *owner, const char *name)
{
        char path[512];

        owner_start(world, owner, params_of(path, JOB_PROBE, name, -1),
                    json_pack("{s:s}", "type", "start"));
        while (owner->n_ends == 0)
                uv_run(&world->loop, UV_RUN_ONCE);
        return json_object_get(owner->lines, owner->reason == JOB_DONE ? "media" : "error");
}

static void odd_files_are_known_and_played(void **state)
{
        static const struct {
                const char *name, *video, *audio;
                int width, height;   /* of the file */
                int top, top_height; /* layer and height that are sent */
        } cases[] = {
                { "sound.mp3", NULL, "mp3", 0, 0, -1, 0 },
                { "mute.webm", "vp8", NULL, 640, 360, 1, 360 },
                { "ten-bits.mkv", "h265", NULL, 1280, 720, 2, 720 },
                { "4k.mp4", "h264", NULL, 3840, 2160, 2, 720 },
                { "uneven.mkv", "vp8", NULL, 640, 480, 2, 480 },
                { "laced.mkv", "mpeg", NULL, 720, 576, 2, 576 },
                { "upright.mp4", "h264", NULL, 640, 360, 1, 640 },
                { "old.mov", "mjpeg", NULL, 320, 240, 1, 240 },
                { "talk.ogg", NULL, "vorbis", 0, 0, -1, 0 },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct film film = { 0 };
                struct owner owner;
                const json_t *media = probe(*state, &owner, cases[i].name);
                const char *video = json_string_value(json_object_get(media, "video"));
                const char *audio = json_string_value(json_object_get(media, "audio"));

                print_message("%s: %s, %s\n", cases[i].name, video, audio);
                assert_true(owner.reason == JOB_DONE);
                assert_string_equal(video ? video : "", cases[i].video ? cases[i].video : "");
                assert_string_equal(audio ? audio : "", cases[i].audio ? cases[i].audio : "");
                assert_int_equal(json_integer_value(json_object_get(media, "width")),
                                 cases[i].width);
                assert_int_equal(json_integer_value(json_object_get(media, "height")),
                                 cases[i].height);
                assert_in_range(json_integer_value(json_object_get(media, "duration_ms")), 1900,
                                12500);
                owner_done(&owner);

                film_open(&film, *state, cases[i].name, "{}");
                wait_units(&film, cases[i].top < 0 ? SEEN_SOUND : (unsigned)cases[i].top, 8);
                if (cases[i].top >= 0)
                        assert_int_equal(
                                feed_seen_unit(&film.seen, (unsigned)cases[i].top, 0)->height,
                                cases[i].top_height);
                film_close(&film);
        }
}

static void what_cannot_be_played_is_told(void **state)
{
        static const char *const names[] = { "cut.mp4", "noise.mkv" };

        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct film film = { 0 };
                struct owner owner;

                (void)probe(*state, &owner, names[i]);
                assert_int_equal(owner.reason, JOB_FAILED);
                assert_string_equal(owner.error, "unplayable");
                owner_done(&owner);
                film_open(&film, *state, names[i], "{}");
                owner_wait_end(*state, &film.owner, JOB_FAILED);
                assert_string_equal(film.owner.error, "unplayable");
                owner_done(&film.owner);
                feed_seen_close(&film.seen);
        }
}

static void damage_in_the_middle_ends_in_good_order(void **state)
{
        struct film film = { 0 };

        film_open(&film, *state, "holed.mp4", "{\"position_ms\":1000}");
        while (film.owner.n_ends == 0 && !json_object_get(film.owner.lines, "eos"))
                watch(&film, 50);
        if (film.owner.n_ends == 0) {
                film_close(&film);
                return;
        }
        assert_int_equal(film.owner.reason, JOB_FAILED);
        assert_string_equal(film.owner.error, "unplayable");
        owner_done(&film.owner);
        feed_seen_close(&film.seen);
}

static void it_ends_when_the_meeting_is_gone(void **state)
{
        struct film film = { 0 };

        film_open(&film, *state, "plain.mp4", "{}");
        wait_units(&film, 0, 3);
        shutdown(film.seen.fd, SHUT_RDWR);
        owner_wait_end(*state, &film.owner, JOB_DONE);
        owner_done(&film.owner);
        feed_seen_close(&film.seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(picture_and_sound_go_out_in_step_in_three_layers_of_vp8),
                TEST(picture_and_sound_go_out_in_step_in_three_layers_of_h264),
                TEST(paused_it_stands_still_and_a_seek_shows_the_place),
                TEST(key_frame_comes_when_it_is_asked_for_and_only_there),
                TEST(another_codec_is_taken_up_where_the_film_is),
                TEST(cost_of_playing_is_told),
                TEST(volume_is_heard_in_the_level),
                TEST(odd_files_are_known_and_played),
                TEST(what_cannot_be_played_is_told),
                TEST(damage_in_the_middle_ends_in_good_order),
                TEST(it_ends_when_the_meeting_is_gone),
        };

        if (argc > 2 && strcmp(argv[1], "job") == 0)
                return job_main(argc - 2, argv + 2);
        if (argc != 2)
                return 2;
        films = argv[1];
        gst_init(NULL, NULL);
        make_films();
        if (getenv("TEST"))
                cmocka_set_test_filter(getenv("TEST"));
        return cmocka_run_group_tests_name("job_film", tests, NULL, NULL);
}
