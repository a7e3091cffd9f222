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
#include "tests/integration/jobs_world.h"
#include "tests/integration/tap_maker.h"

enum {
        AN = 17,
        BINH = 23,
        CHI = 31,
        SECONDS = 12,
        RATE = 48000,
        PAGE_WIDTH = 1600,
        PAGE_HEIGHT = 900,
        TICK_MS = 10,
        BEEP_MS = 200,
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
        if (speaks_at(user, (double)t_us / 1e6 + 0.001))
                memset(i420, 235, (size_t)width * (size_t)height);
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
        int fd;
        int64_t start_us;
        struct made_stream streams[2 * ARRAY_LEN(people)];
};

static void on_timer(uv_timer_t *timer)
{
        struct tap *tap = timer->data;

        made_send(tap->fd, tap->streams, ARRAY_LEN(tap->streams), tap->start_us,
                  clock_now_us() - tap->start_us);
}

static void tap_open(struct world *world, struct tap *tap, int n_cameras)
{
        int fds[2], bytes = 4 << 20;

        *tap = (struct tap){ .world = world };
        for (size_t i = 0; i < ARRAY_LEN(people); i++) {
                struct person *person = &people[i];

                tap->streams[2 * i] = made_sound(person->id, SECONDS, say, person);
                if ((int)i < n_cameras)
                        tap->streams[2 * i + 1] = made_picture(person->id, SFU_CAMERA,
                                                               person->pattern, 640, 360, SECONDS,
                                                               flash, person);
        }
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
        tap->fd = fds[0];
        tap->start_us = clock_now_us();
        owner_start(world, &tap->owner, (struct job_params){ .kind = JOB_PROGRAM, .fd = fds[1] },
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
        for (size_t i = 0; i < ARRAY_LEN(tap->streams); i++)
                made_done(&tap->streams[i]);
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

/* ---- tests ---- */

static void test_a_meeting_is_recorded_as_it_was(void **state)
{
        struct world *world = *state;
        struct tap tap;

        make_page(world, "one.webp", 0xf0f0f0, 0xc02020);
        make_page(world, "two.webp", 0x2040c0, 0xf0e000);
        tap_open(world, &tap, 2);
        tell_record(&tap, "p1.mp4");
        tell_speaker(&tap, AN, 2000000);
        tell_page(&tap, "one.webp", 4000000);
        tell_speaker(&tap, BINH, 5000000);
        tell_page(&tap, "two.webp", 6000000);
        tell_speaker(&tap, CHI, 7000000);
        tell_page(&tap, NULL, 8500000);
        wait_until(&tap, 10000000);
        job_stop(tap.owner.job);
        owner_wait_end(world, &tap.owner, JOB_DONE);
        assert_int_equal(
                json_integer_value(json_object_get(json_object_get(tap.owner.lines, "file"), "t")) %
                        SCENE_FRAME_US,
                0);
        tap_close(&tap);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_meeting_is_recorded_as_it_was),
        };

        if (argc > 1 && strcmp(argv[1], "job") == 0)
                return job_main(argc - 2, argv + 2);
        umask(077);
        signal(SIGPIPE, SIG_IGN);
        gst_init(NULL, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
