/* SPDX-License-Identifier: Apache-2.0 */
/* A hall's camera pulled over RTSP by its job, from a server on loopback: argv[1]. */
#include <gst/gst.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sfu/api.h"
#include "tests/integration/feed_seen.h"
#include "tests/integration/jobs_world.h"

static const char *server; /* rtsp_camera.py */

/* ---- the camera ---- */

struct device {
        pid_t pid;
        int port;
};

static void device_open(struct device *device, int port, const char *user, const char *password)
{
        char text[16], line[64] = "";
        FILE *out;
        int fds[2];

        snprintf(text, sizeof(text), "%d", port);
        assert_int_equal(pipe(fds), 0);
        device->pid = fork();
        if (device->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(fds[1], STDOUT_FILENO);
                close(fds[0]);
                execl(server, server, text, user, password, (char *)NULL);
                _exit(127);
        }
        close(fds[1]);
        out = fdopen(fds[0], "r");
        while (fgets(line, sizeof(line), out) && sscanf(line, "port %d", &device->port) != 1)
                ;
        if (device->port <= 0)
                fail_msg("no RTSP server: %s", line);
        fclose(out);
}

static void device_close(struct device *device)
{
        kill(device->pid, SIGKILL);
        assert_int_equal(waitpid(device->pid, NULL, 0), device->pid);
}

/* ---- the job ---- */

struct camera {
        struct world *world;
        struct owner owner;
        struct feed_seen seen;
};

static void camera_open(struct camera *camera, struct world *world, const char *url,
                        const char *password)
{
        json_t *start = json_pack("{s:s, s:s, s:s, s:s, s:i}", "type", "start", "url", url, "user",
                                  "hall", "password", password, "layers", 3);
        int fd;

        camera->world = world;
        feed_seen_open(&camera->seen, &world->loop, SFU_CAMERA, JOB_VP8, &fd);
        owner_start(world, &camera->owner, (struct job_params){ .kind = JOB_CAMERA, .fd = fd },
                    start);
}

static void camera_close(struct camera *camera)
{
        job_stop(camera->owner.job);
        owner_wait_end(camera->world, &camera->owner, JOB_DONE);
        owner_done(&camera->owner);
        feed_seen_close(&camera->seen);
}

static void url_of(char ret[64], const struct device *device, const char *path)
{
        snprintf(ret, 64, "rtsp://127.0.0.1:%d%s", device->port, path);
}

static const char *word(const json_t *line, const char *key)
{
        const char *text = json_string_value(json_object_get(line, key));

        return text ? text : "";
}

static void wait_state(struct camera *camera, const char *state)
{
        while (strcmp(word(owner_wait_line(camera->world, &camera->owner, "state"), "state"),
                      state) != 0)
                json_object_del(camera->owner.lines, "state");
}

static void wait_units(struct camera *camera, unsigned stream, unsigned n)
{
        int64_t until_us = clock_now_us() + 30000000;

        while (feed_seen_units(&camera->seen, stream) < n) {
                assert_int_equal(camera->owner.n_ends, 0);
                assert_true(clock_now_us() < until_us);
                uv_run(&camera->world->loop, UV_RUN_ONCE);
        }
}

/* ---- tests ---- */

static void camera_is_seen_and_heard(void **state)
{
        struct device device = { 0 };
        struct camera camera;
        char url[64];
        GArray *light;

        device_open(&device, 0, NULL, NULL);
        url_of(url, &device, "/h264");
        camera_open(&camera, *state, url, "");
        wait_state(&camera, "connecting");
        wait_state(&camera, "playing");
        wait_units(&camera, 1, 40);
        wait_units(&camera, SEEN_SOUND, 50);
        assert_int_equal(feed_seen_unit(&camera.seen, 1, 0)->height, 360);
        assert_in_range(feed_seen_unit(&camera.seen, SEEN_SOUND, 49)->level, 1, 30);
        while (!camera.seen.streams[1].has_report)
                uv_run(&camera.world->loop, UV_RUN_ONCE);
        light = feed_seen_decode(&camera.seen, 1);
        assert_true(light->len >= 38);
        assert_in_range(g_array_index(light, struct seen_value, 20).value, 60, 180);
        g_array_unref(light);
        camera_close(&camera);
        device_close(&device);
}

static void other_codecs_are_seen_too(void **state)
{
        static const struct {
                const char *path;
                unsigned top;
                int height;
        } cases[] = { { "/h265", 0, 90 }, { "/mjpeg", 1, 360 } };
        struct device device = { 0 };
        struct camera camera;
        char url[64];

        device_open(&device, 0, NULL, NULL);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                url_of(url, &device, cases[i].path);
                camera_open(&camera, *state, url, "");
                wait_units(&camera, cases[i].top, 10);
                assert_int_equal(feed_seen_unit(&camera.seen, cases[i].top, 0)->height,
                                 cases[i].height);
                camera_close(&camera);
        }
        device_close(&device);
}

static void lost_camera_comes_back(void **state)
{
        struct device device = { 0 };
        struct camera camera;
        char url[64];

        device_open(&device, 0, NULL, NULL);
        url_of(url, &device, "/h264");
        camera_open(&camera, *state, url, "");
        wait_state(&camera, "playing");
        wait_units(&camera, 1, 5);
        device_close(&device);
        wait_state(&camera, "lost");
        wait_state(&camera, "connecting");
        wait_state(&camera, "lost");
        assert_string_equal(word(json_object_get(camera.owner.lines, "state"), "code"), "connect");
        device_open(&device, device.port, NULL, NULL);
        wait_state(&camera, "playing");
        feed_seen_clear(&camera.seen);
        wait_units(&camera, 1, 10); /* the same stream goes on: feed_seen.c checks that */
        camera_close(&camera);
        device_close(&device);
}

static void password_is_needed_and_not_repeated(void **state)
{
        struct device device = { 0 };
        struct camera camera;
        char url[64];
        char *said;

        device_open(&device, 0, "hall", "thắng-lợi");
        url_of(url, &device, "/h264");
        camera_open(&camera, *state, url, "thất-bại");
        owner_wait_end(*state, &camera.owner, JOB_FAILED);
        assert_string_equal(camera.owner.error, "auth");
        said = json_dumps(camera.owner.all, 0);
        assert_null(strstr(said, "thất-bại"));
        free(said);
        owner_done(&camera.owner);
        feed_seen_close(&camera.seen);

        camera_open(&camera, *state, url, "thắng-lợi");
        wait_state(&camera, "playing");
        camera_close(&camera);
        device_close(&device);
}

static void what_never_works_ends_with_its_reason(void **state)
{
        struct device device = { 0 };
        struct camera camera;
        char url[64];

        device_open(&device, 0, NULL, NULL);
        url_of(url, &device, "/odd");
        camera_open(&camera, *state, url, "");
        owner_wait_end(*state, &camera.owner, JOB_FAILED);
        assert_string_equal(camera.owner.error, "codec-unsupported");
        owner_done(&camera.owner);
        feed_seen_close(&camera.seen);
        device_close(&device);

        camera_open(&camera, *state, "file:///etc/passwd", "");
        owner_wait_end(*state, &camera.owner, JOB_FAILED);
        assert_string_equal(camera.owner.error, "connect");
        owner_done(&camera.owner);
        feed_seen_close(&camera.seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(camera_is_seen_and_heard),
                TEST(other_codecs_are_seen_too),
                TEST(lost_camera_comes_back),
                TEST(password_is_needed_and_not_repeated),
                TEST(what_never_works_ends_with_its_reason),
        };

        if (argc > 2 && strcmp(argv[1], "job") == 0)
                return job_main(argc - 2, argv + 2);
        if (argc != 2)
                return 2;
        server = argv[1];
        gst_init(NULL, NULL);
        if (getenv("TEST"))
                cmocka_set_test_filter(getenv("TEST"));
        return cmocka_run_group_tests_name("job_camera", tests, NULL, NULL);
}
