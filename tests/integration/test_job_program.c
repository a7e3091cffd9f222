/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gst/gst.h>
#include <webp/encode.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sfu/jobs/core/scene.h"
#include "sfu/jobs/gst/mp4_out.h"
#include "sfu/wire/job_record.h"
#include "sfu/wire/rtp.h"
#include "sfu/wire/vp8.h"
#include "tests/integration/jobs_world.h"
#include "tests/integration/shown.h"
#include "tests/integration/tap_maker.h"

enum {
        AN = 17,
        BINH = 23,
        CHI = 31,
        N_CAMERAS = 2, /* the others have none */
        SECONDS = 12,
        RATE = 48000,
        PAGE_WIDTH = 1600,
        PAGE_HEIGHT = 900,
        TICK_MS = 10,
        BEEP_MS = 200,
        AHEAD_US = 1500000,
        /* What is written behind what is composed, as test_encoder.c has it; and a frame. */
        MAX_BEHIND_US = MP4_OUT_US + 4 * SCENE_FRAME_US + ENCODER_DELAY_US,
};

/* ---- what the people send ---- */

/* Each has a tone of her own, and says it at whole seconds of her own. */
struct person {
        uint32_t id;
        const char *pattern;
        double hz;
        int first, step; /* seconds */
};

static struct person people[] = {
        { AN, "smpte", 440, 1, 3 },
        { BINH, "ball", 700, 2, 3 },
        { CHI, "gradient", 1100, 3, 3 },
};

static bool speaks_at(const struct person *person, double t)
{
        int second = (int)floor(t);

        return second >= person->first && (second - person->first) % person->step == 0 &&
               t - second < BEEP_MS / 1000.0;
}

static void say(void *user, int64_t t_us, int16_t *samples, size_t n)
{
        const struct person *person = user;

        for (size_t i = 0; i < n; i++) {
                double t = (double)t_us / 1e6 + (double)i / RATE;

                samples[i] = speaks_at(person, t)
                                     ? (int16_t)(12000 * sin(2 * M_PI * person->hz * t))
                                     : 0;
        }
}

/* White while she speaks. */
static void flash(void *user, int64_t t_us, uint8_t *i420, int width, int height)
{
        size_t luma = (size_t)width * (size_t)height;

        if (!speaks_at(user, (double)t_us / 1e6 + 0.001))
                return;
        memset(i420, 235, luma);
        memset(i420 + luma, 128, luma / 2);
}

/* One colour, and another in the lower right quarter. */
static void make_page(const struct world *world, const char *name, uint32_t colour, uint32_t corner)
{
        uint8_t *rgb = malloc((size_t)PAGE_WIDTH * PAGE_HEIGHT * 3), *webp;
        char path[200];
        size_t len;
        FILE *file;

        for (int y = 0; y < PAGE_HEIGHT; y++) {
                for (int x = 0; x < PAGE_WIDTH; x++) {
                        bool in_corner = x >= PAGE_WIDTH / 2 && y >= PAGE_HEIGHT / 2;
                        uint32_t c = in_corner ? corner : colour;

                        for (int i = 0; i < 3; i++)
                                rgb[(y * PAGE_WIDTH + x) * 3 + i] = (uint8_t)(c >> (16 - 8 * i));
                }
        }
        len = WebPEncodeRGB(rgb, PAGE_WIDTH, PAGE_HEIGHT, PAGE_WIDTH * 3, 90, &webp);
        assert_true(len > 0);
        snprintf(path, sizeof(path), "%s/%s", world->work, name);
        file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(webp, 1, len, file), len);
        fclose(file);
        /* A job of root's is nobody. */
        if (geteuid() == 0)
                assert_int_equal(chown(path, 65534, 65534), 0);
        WebPFree(webp);
        free(rgb);
}

/* ---- a live job with a tap ---- */

struct tap {
        struct world *world;
        struct owner owner;
        uv_timer_t timer;
        int fd, speed; /* speed: so many times as fast as the clock */
        int64_t start_us;
        struct made_stream streams[2 * ARRAY_LEN(people)];
};

static void on_timer(uv_timer_t *timer)
{
        struct tap *tap = timer->data;

        /* Ahead of time: a busy machine may not let us send for a while. */
        made_send(tap->fd, tap->streams, ARRAY_LEN(tap->streams), tap->start_us,
                  (clock_now_us() - tap->start_us) * tap->speed + AHEAD_US);
}

/* Made once for all tests: that takes longer than anything else here. */
static struct made_stream made[2 * ARRAY_LEN(people)];

static int make_people(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(people); i++) {
                struct person *person = &people[i];

                made[2 * i] = made_sound(person->id, SECONDS, say, person);
                if (i < N_CAMERAS)
                        made[2 * i + 1] = made_picture(person->id, SFU_CAMERA, person->pattern, 640,
                                                       360, SECONDS, flash, person);
        }
        return 0;
}

static int forget_people(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(made); i++)
                made_done(&made[i]);
        return 0;
}

/* Sends as time goes on. */
static void tap_open(struct world *world, struct tap *tap, enum job_kind kind)
{
        int fds[2], bytes = 4 << 20;

        *tap = (struct tap){ .world = world, .speed = kind == JOB_PROGRAM ? 1 : 6 };
        memcpy(tap->streams, made, sizeof(made));
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
        tap->fd = fds[0];
        tap->start_us = clock_now_us();
        owner_start(world, &tap->owner, (struct job_params){ .kind = kind, .fd = fds[1] },
                    json_pack("{s:s, s:i, s:I, s:I, s:s, s:{s:s, s:s, s:s}}", "type", "start",
                              "part", 1, "start_us", (json_int_t)tap->start_us, "start_ms",
                              (json_int_t)(clock_wall_us() / 1000), "title",
                              "Hội nghị Ban Chấp hành Đảng bộ tỉnh lần thứ 15", "names", "17",
                              "Nguyễn Thị Ánh Tuyết", "23", "Trần Đức Bình", "31",
                              "Phạm Ngọc Kiều Chi"));
        uv_timer_init(&world->loop, &tap->timer);
        tap->timer.data = tap;
        uv_timer_start(&tap->timer, on_timer, 0, TICK_MS);
        owner_wait_line(world, &tap->owner, "ready");
}

static void tap_close(struct tap *tap)
{
        uv_close((uv_handle_t *)&tap->timer, NULL);
        uv_run(&tap->world->loop, UV_RUN_NOWAIT);
        owner_done(&tap->owner);
        close(tap->fd);
}

static void tell(struct tap *tap, json_t *line)
{
        job_send(tap->owner.job, line);
        json_decref(line);
}

static void tell_speaker(struct tap *tap, uint32_t participant, int64_t t_us)
{
        tell(tap, json_pack("{s:s, s:I, s:I}", "type", "speaker", "t", (json_int_t)t_us,
                            "participant", (json_int_t)participant));
}

static void tell_page(struct tap *tap, const char *file, int64_t t_us)
{
        tell(tap,
             json_pack("{s:s, s:I, s:s?}", "type", "page", "t", (json_int_t)t_us, "file", file));
}

static void tell_record(struct tap *tap, const char *file)
{
        tell(tap, json_pack("{s:s, s:s?}", "type", "record", "file", file));
}

/* Progress comes each second: the job's own clock. */
static void wait_until(struct tap *tap, int64_t t_us)
{
        const json_t *line = NULL;

        while (!line || json_integer_value(json_object_get(line, "t")) < t_us) {
                json_object_del(tap->owner.lines, "progress");
                line = owner_wait_line(tap->world, &tap->owner, "progress");
        }
}

static json_int_t last_progress(const struct tap *tap, const char *name)
{
        return json_integer_value(
                json_object_get(json_object_get(tap->owner.lines, "progress"), name));
}

/* ---- what is to be seen and heard ---- */

enum { GOLD = 0xdea833, BACK = 0x0e2038, WHITE = 0xffffff };

static void path_in(const struct world *world, const char *name, char ret[200])
{
        snprintf(ret, 200, "%s/%s", world->work, name);
}

static void assert_near(double seconds, double want, double within)
{
        if (fabs(seconds - want) > within)
                fail_msg("at %.3f s, expected at %.3f s", seconds, want);
}

/* Every tone of everybody at its second, whoever is shown. offset: what the file begins at. */
static void assert_tones(const struct shown *shown, double offset, double until)
{
        double worst = 0;

        for (size_t i = 0; i < ARRAY_LEN(people); i++) {
                const struct person *person = &people[i];

                for (int s = person->first; s + 0.5 < until; s += person->step) {
                        double at = s - offset;

                        if (at < 0.3)
                                continue;
                        assert_true(shown_tone(shown, at + 0.05, person->hz) > 0.15);
                        assert_true(shown_tone(shown, at + 0.35, person->hz) < 0.02);
                        worst = fmax(worst,
                                     fabs(shown_when_tone(shown, at - 0.2, person->hz) - at));
                }
        }
        printf("figure: tones of the program begin within %.0f ms of their second\n", worst * 1000);
        assert_true(worst < 0.04);
}

/* The speaker's flash, at x and y, and her tone. */
static void assert_in_step(const struct shown *shown, const struct person *person, double at, int x,
                           int y)
{
        double seen = shown_when(shown, at - 0.3, x, y, WHITE);
        double heard = shown_when_tone(shown, at - 0.3, person->hz);

        printf("figure: flash and tone of %.1f s are seen at %.3f and heard at %.3f s\n", at, seen,
               heard);
        assert_true(seen >= 0 && heard >= 0);
        /* A picture is seen up to one frame after it was there. */
        assert_true(seen - heard < 0.06 && seen - heard > -0.04);
}

/* White letters on the plate of a caption. */
static int count_white(const struct shown *shown, double t, int x, int y, int w, int h)
{
        int n = 0;

        for (int at_y = y; at_y < y + h; at_y += 4) {
                for (int at_x = x; at_x < x + w; at_x += 4)
                        n += colour_is(shown_colour(shown, t, at_x, at_y) | 0x202020, 0xf0f0f0);
        }
        return n;
}

/* ---- tests ---- */

static void assert_colour(const struct shown *shown, double t, int x, int y, uint32_t want)
{
        uint32_t colour = shown_colour(shown, t, x, y);

        if (!colour_is(colour, want))
                fail_msg("%06x at %d,%d at %.2f s, expected %06x", colour, x, y, t, want);
}

static void assert_seen(const struct shown *shown, double offset)
{
        /* An, large, with her name. */
        assert_true(colour_is(shown_colour(shown, 3 - offset, 280, 100), 0xc0c000) ||
                    colour_is(shown_colour(shown, 3 - offset, 280, 100), 0xffff00));
        assert_colour(shown, 3 - offset, 44, 656, GOLD);
        assert_true(count_white(shown, 3 - offset, 60, 630, 360, 50) > 20);
        assert_in_step(shown, &people[0], 4 - offset, 1000, 40);
        /* Pages at their time, as they are, and with whom. */
        assert_near(shown_when(shown, 5.3 - offset, 100, 150, 0xf0f0f0), 5.6 - offset, 0.081);
        assert_near(shown_when(shown, 5.3 - offset, 100, 150, 0x2040c0), 7.2 - offset, 0.081);
        assert_colour(shown, 6.5 - offset, 900, 600, 0xc02020);
        assert_colour(shown, 6.5 - offset, 480, 300, 0xf0f0f0);
        assert_colour(shown, 8 - offset, 900, 600, 0xf0e000);
        assert_true(count_white(shown, 6.5 - offset, 1004, 264, 200, 60) > 10);
        assert_in_step(shown, &people[1], 8 - offset, 1130, 140);
        /* Chi has no camera. */
        assert_colour(shown, 10.4 - offset, 20, 20, BACK);
        assert_colour(shown, 10.4 - offset, 720, 250, GOLD);
}

/* On a machine that is too busy pictures are left out, sound is not. */
static void assert_meeting(const struct tap *tap, const struct shown *shown, double offset)
{
        json_int_t late = last_progress(tap, "late_frames");

        if (late == 0)
                assert_seen(shown, offset);
        else
                printf("figure: %d pictures left out: the machine is too busy for this test\n",
                       (int)late);
        assert_tones(shown, offset, 10.5);
}

/* What the meeting of these tests is told while it goes on. */
static void tell_meeting(struct tap *tap)
{
        tell_speaker(tap, AN, 1500000);
        tell_speaker(tap, BINH, 4600000);
        tell_page(tap, "one.webp", 5600000);
        tell_page(tap, "two.webp", 7200000);
        tell_page(tap, NULL, 8700000);
        tell_speaker(tap, CHI, 9000000);
}

static double begin_of_file(const struct tap *tap)
{
        const json_t *line = json_object_get(tap->owner.lines, "file");

        assert_string_equal(json_string_value(json_object_get(line, "name")), "p1.mp4");
        return (double)json_integer_value(json_object_get(line, "t")) / 1e6;
}

static void assert_playlist(const struct world *world, const char *name, size_t at_least)
{
        char path[200], text[8192];
        size_t len, n = 0;
        FILE *file;

        path_in(world, name, path);
        file = fopen(path, "r");
        assert_non_null(file);
        len = fread(text, 1, sizeof(text) - 1, file);
        text[len] = '\0';
        fclose(file);
        assert_non_null(strstr(text, "#EXT-X-PROGRAM-DATE-TIME:"));
        assert_non_null(strstr(text, "#EXT-X-ENDLIST"));
        for (const char *at = text; (at = strstr(at, "#EXTINF:")); at++)
                n++;
        assert_true(n >= at_least);
}

static void test_a_meeting_is_recorded_and_streamed_as_it_was(void **state)
{
        static const char *const renditions[] = { "live/key/720/index.m3u8",
                                                  "live/key/360/index.m3u8" };
        struct world *world = *state;
        struct shown shown;
        static struct tap tap; /* the loop outlives a failed test */
        char path[200];
        double begin, live;

        make_page(world, "one.webp", 0xf0f0f0, 0xc02020);
        make_page(world, "two.webp", 0x2040c0, 0xf0e000);
        tap_open(world, &tap, JOB_PROGRAM);
        tell_record(&tap, "p1.mp4");
        tell_meeting(&tap);
        tell(&tap, json_pack("{s:s, s:s}", "type", "live", "dir", "live/key"));
        live = (double)json_integer_value(
                       json_object_get(owner_wait_line(world, &tap.owner, "live"), "t")) /
               1e6;
        wait_until(&tap, 10900000);
        printf("figure: program with MP4, HLS of three renditions and two cameras takes %.2f of a core\n",
               (double)json_integer_value(
                       json_object_get(json_object_get(tap.owner.lines, "progress"), "cpu_ms")) /
                       11.4e3);
        job_stop(tap.owner.job);
        owner_wait_end(world, &tap.owner, JOB_DONE);
        begin = begin_of_file(&tap);
        path_in(world, "p1.mp4", path);
        shown_of(&shown, path);
        assert_meeting(&tap, &shown, begin);
        shown_done(&shown);
        for (size_t i = 0; i < ARRAY_LEN(renditions); i++) {
                path_in(world, renditions[i], path);
                shown_of(&shown, path);
                assert_meeting(&tap, &shown, live);
                shown_done(&shown);
                assert_playlist(world, renditions[i], 3);
        }
        assert_playlist(world, "live/key/audio/index.m3u8", 3);
        tap_close(&tap);
}

static void test_a_killed_recording_can_be_played_to_the_last_two_seconds(void **state)
{
        struct world *world = *state;
        struct shown shown;
        static struct tap tap; /* the loop outlives a failed test */
        char path[200];
        double begin, killed;

        tap_open(world, &tap, JOB_PROGRAM);
        tell_speaker(&tap, AN, 0);
        tell_record(&tap, "p1.mp4");
        wait_until(&tap, 4000000);
        killed = (double)(clock_now_us() - tap.start_us) / 1e6;
        job_kill(tap.owner.job);
        owner_wait_end(world, &tap.owner, JOB_FAILED);
        begin = begin_of_file(&tap);
        path_in(world, "p1.mp4", path);
        shown_of(&shown, path);
        printf("figure: killed, the last %.2f s are lost (of sound %.2f)\n",
               killed - begin - shown_seconds(&shown),
               killed - begin - (double)shown.n_sound / RATE);
        /* Of what it had composed. On a busy machine the last pictures may have been left out. */
        assert_true(begin + (double)shown.n_sound / RATE >
                    (double)(last_progress(&tap, "t") - MAX_BEHIND_US) / 1e6);
        assert_tones(&shown, begin, begin + shown_seconds(&shown) - 0.5);
        shown_done(&shown);
        tap_close(&tap);
}

/* From another worker, where she was before. */
static void send_old_end(const struct tap *tap, const struct made_stream *stream)
{
        uint8_t bytes[JOB_RECORD_HEAD];

        job_record_write(bytes, &(struct job_record){ .type = JOB_END,
                                                      .kind = (uint8_t)stream->kind,
                                                      .codec = JOB_VP8,
                                                      .participant = stream->participant });
        assert_int_equal(send(tap->fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
}

static void test_an_end_that_comes_late_ends_nothing(void **state)
{
        struct world *world = *state;
        struct shown shown;
        static struct tap tap; /* the loop outlives a failed test */
        const struct made_stream *camera = &tap.streams[1];
        char path[200];
        double begin;

        tap_open(world, &tap, JOB_PROGRAM);
        tell_speaker(&tap, AN, 0);
        tell_record(&tap, "p1.mp4");
        /* Between two key frames, of 2 and 4 s. */
        while (camera->packets[camera->at].t_us < 2200000)
                (void)uv_run(&world->loop, UV_RUN_ONCE);
        send_old_end(&tap, camera);
        wait_until(&tap, 4000000);
        job_stop(tap.owner.job);
        owner_wait_end(world, &tap.owner, JOB_DONE);
        begin = begin_of_file(&tap);
        path_in(world, "p1.mp4", path);
        shown_of(&shown, path);
        if (last_progress(&tap, "late_frames") == 0)
                assert_true(count_white(&shown, 3 - begin, 60, 630, 360, 50) > 20);
        shown_done(&shown);
        tap_close(&tap);
}

/* Nothing but key frames, of one packet, that say (RFC 6386 §9.1) to be as large as can be said. */
static struct made_stream made_huge(uint32_t participant)
{
        enum { RTP_HEAD = 12, SIZE_AT = 6 };
        static const uint8_t huge[] = { 0xff, 0x3f, 0xff, 0x3f };
        struct made_stream stream = made_picture(participant, SFU_CAMERA, "black", 64, 36, SECONDS,
                                                 NULL, NULL);
        const struct made_packet *first = stream.packets;
        struct vp8_desc desc;
        struct rtp_pkt rtp;

        assert_int_equal(rtp_parse(&rtp, first->data, first->len), 0);
        assert_int_equal(vp8_parse(&desc, rtp.payload), 0);
        assert_true(desc.is_keyframe && rtp.marker);
        memcpy(first->data + RTP_HEAD + desc.len + SIZE_AT, huge, sizeof(huge));
        for (size_t i = 1; i < stream.n; i++) {
                struct made_packet *packet = &stream.packets[i];

                packet->data = realloc(packet->data, first->len);
                packet->len = first->len;
                packet->key = true;
                memcpy(packet->data + RTP_HEAD, first->data + RTP_HEAD, first->len - RTP_HEAD);
        }
        return stream;
}

/* A packet makes a decoder take a gigabyte, and a second. */
static void test_pictures_larger_than_any_screen_cost_only_their_sender(void **state)
{
        struct world *world = *state;
        struct shown shown;
        static struct tap tap; /* the loop outlives a failed test */
        char path[200];
        double begin;

        tap_open(world, &tap, JOB_PROGRAM);
        tap.streams[5] = made_huge(CHI);
        tell_speaker(&tap, AN, 0);
        tell_record(&tap, "p1.mp4");
        tell_speaker(&tap, CHI, 3000000);
        wait_until(&tap, 6000000);
        job_stop(tap.owner.job);
        owner_wait_end(world, &tap.owner, JOB_DONE);
        begin = begin_of_file(&tap);
        path_in(world, "p1.mp4", path);
        shown_of(&shown, path);
        assert_tones(&shown, begin, 5.5);
        if (last_progress(&tap, "late_frames") == 0) {
                assert_colour(&shown, 5.5 - begin, 20, 20, BACK);
                assert_colour(&shown, 5.5 - begin, 720, 250, GOLD); /* her card */
        }
        shown_done(&shown);
        made_done(&tap.streams[5]);
        tap_close(&tap);
}

/* Tracks of the people, as JOB_TRACKS makes them. */
static void record_tracks(struct world *world)
{
        static struct tap tap;

        tap_open(world, &tap, JOB_TRACKS);
        while (tap.streams[4].at < tap.streams[4].n)
                (void)uv_run(&world->loop, UV_RUN_ONCE);
        for (size_t i = 0; i < ARRAY_LEN(tap.streams); i++) {
                if (tap.streams[i].n)
                        made_send_end(tap.fd, &tap.streams[i]);
        }
        job_stop(tap.owner.job);
        owner_wait_end(world, &tap.owner, JOB_DONE);
        tap_close(&tap);
}

static void write_timeline(const struct world *world)
{
        static const char timeline[] =
                "{\"type\":\"name\",\"participant\":17,\"name\":\"Nguyễn Thị Ánh Tuyết\",\"t\":-5000}\n"
                "{\"type\":\"name\",\"participant\":23,\"name\":\"Trần Đức Bình\",\"t\":0}\n"
                "{\"type\":\"name\",\"participant\":31,\"name\":\"Phạm Ngọc Kiều Chi\",\"t\":0}\n"
                "{\"type\":\"record\",\"file\":\"evil.mp4\"}\nno json\n[]\n{\"type\":17}\n"
                "{\"type\":\"file\",\"name\":\"p1-mic-17-1.mkv\",\"t\":0}\n"
                "{\"type\":\"speaker\",\"t\":1500000,\"participant\":17}\n"
                "{\"type\":\"speaker\",\"t\":4600000,\"participant\":23}\n"
                "{\"type\":\"page\",\"t\":5600000,\"file\":\"one.webp\"}\n"
                "{\"type\":\"page\",\"t\":7200000,\"file\":\"two.webp\"}\n"
                "{\"type\":\"page\",\"t\":8700000,\"file\":null}\n"
                "{\"type\":\"speaker\",\"t\":9000000,\"participant\":31}\n{\"type\":\"spea";
        char path[200];
        FILE *file;

        path_in(world, "p1-timeline.jsonl", path);
        file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(timeline, 1, sizeof(timeline) - 1, file), sizeof(timeline) - 1);
        fclose(file);
}

/* A second part of which not much is left but a film. */
static void spoil_part(const struct world *world)
{
        char command[800];

        snprintf(command, sizeof(command),
                 "cd %s && head -c 20000 p1-mic-23-1.mkv >p2-mic-23-1.mkv && "
                 "head -c 3000 p1-camera-17-1.mkv >p2-camera-17-1.mkv && "
                 "head -c 50000 /dev/urandom >p2-camera-31-1.mkv && : >p2-screen-31-1.mkv && "
                 "ffmpeg -v error -f lavfi -i color=c=0x208020:s=640x268:r=24 -t 2 -c:v libvpx "
                 "p2-screen-40-1.mkv && "
                 "for i in $(seq 100 229); do ln p1-mic-23-1.mkv p2-mic-$i-1.mkv; done && "
                 "mkdir p2-mic-31-1.mkv && ln -s p1-mic-17-1.mkv p2-mic-17-99999999999.mkv && "
                 "if [ $(id -u) = 0 ]; then chown -hR nobody:nogroup .; fi",
                 world->work);
        assert_int_equal(system(command), 0);
}

static void test_a_program_is_composed_afterwards_from_tracks(void **state)
{
        struct world *world = *state;
        static struct owner owner;
        struct shown shown;
        char path[200];
        int64_t begin_us;

        make_page(world, "one.webp", 0xf0f0f0, 0xc02020);
        make_page(world, "two.webp", 0x2040c0, 0xf0e000);
        record_tracks(world);
        write_timeline(world);
        spoil_part(world);
        begin_us = clock_now_us();
        owner_start(world, &owner, (struct job_params){ .kind = JOB_COMPOSE, .fd = -1 },
                    json_pack("{s:s, s:s, s:s, s:[{s:i, s:i}, {s:i, s:i}]}", "type", "start",
                              "title", "Hội nghị", "file", "program.mp4", "parts", "part", 1,
                              "duration_us", 11000000, "part", 2, "duration_us", 3000000));
        owner_wait_end(world, &owner, JOB_DONE);
        printf("figure: 14 s are composed in %.1f s\n", (double)(clock_now_us() - begin_us) / 1e6);
        owner_done(&owner);
        path_in(world, "program.mp4", path);
        shown_of(&shown, path);
        assert_near(shown_seconds(&shown), 14, 0.05);
        assert_seen(&shown, 0);
        assert_tones(&shown, 0, 10.5);
        /* What is left of the second part. */
        assert_colour(&shown, 12, 640, 360, 0x208020);
        assert_colour(&shown, 12, 640, 40, BACK);
        assert_true(shown_tone(&shown, 13.05, people[1].hz) > 0.15);
        shown_done(&shown);
        path_in(world, "evil.mp4", path);
        assert_int_equal(access(path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_meeting_is_recorded_and_streamed_as_it_was),
                TEST(test_a_program_is_composed_afterwards_from_tracks),
                TEST(test_a_killed_recording_can_be_played_to_the_last_two_seconds),
                TEST(test_an_end_that_comes_late_ends_nothing),
                TEST(test_pictures_larger_than_any_screen_cost_only_their_sender),
        };

        if (argc > 1 && strcmp(argv[1], "job") == 0)
                return job_main(argc - 2, argv + 2);
        umask(077);
        signal(SIGPIPE, SIG_IGN);
        gst_init(NULL, NULL);
        if (getenv("TEST"))
                cmocka_set_test_filter(getenv("TEST"));
        return cmocka_run_group_tests(tests, make_people, forget_people);
}
