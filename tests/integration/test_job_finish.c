/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of recordings after a crash, made into files with an index; judged by ffprobe. */
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/integration/jobs_world.h"

/* ---- files ---- */

static void run_in(const struct world *world, const char *command)
{
        char whole[1024];

        snprintf(whole, sizeof(whole), "cd %s && %s", world->work, command);
        if (system(whole) != 0)
                fail_msg("%s", whole);
}

/* Twelve seconds as the jobs write them, the second one cut off in the middle. */
static void make_matroska(const struct world *world)
{
        run_in(world,
               "gst-launch-1.0 -q videotestsrc num-buffers=300"
               " ! video/x-raw,width=320,height=240,framerate=25/1"
               " ! vp8enc deadline=1 keyframe-max-dist=50 ! matroskamux ! filesink location=video.mkv");
        run_in(world, "gst-launch-1.0 -q audiotestsrc num-buffers=600 samplesperbuffer=960"
                      " timestamp-offset=5000000000 ! audio/x-raw,rate=48000,channels=2"
                      " ! opusenc ! matroskamux ! filesink location=late.mkv");
        run_in(world, "head -c $(($(stat -c %s video.mkv) / 2)) video.mkv >cut.mkv");
}

static void make_mp4(const struct world *world)
{
        run_in(world,
               "gst-launch-1.0 -q mp4mux name=mux fragment-duration=1000 ! filesink location=whole.mp4"
               " videotestsrc num-buffers=300 ! video/x-raw,width=320,height=240,framerate=25/1"
               " ! x264enc key-int-max=50 speed-preset=veryfast ! h264parse ! mux."
               " audiotestsrc num-buffers=563 samplesperbuffer=1024"
               " ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! mux.");
        run_in(world, "head -c $(($(stat -c %s whole.mp4) / 2)) whole.mp4 >cut.mp4");
}

/* One value of ffprobe's, NAN when it has none. */
static double probe(const struct world *world, const char *file, const char *what)
{
        char command[512], text[64] = "";
        FILE *out;

        snprintf(command, sizeof(command),
                 "cd %s && ffprobe -v error -of csv=p=0 -count_packets -show_entries %s %s",
                 world->work, what, file);
        out = popen(command, "r");
        assert_non_null(out);
        (void)!fgets(text, sizeof(text), out);
        pclose(out);
        return text[0] && text[0] != 'N' ? atof(text) : NAN;
}

static int64_t probe_size(const struct world *world, const char *file)
{
        char path[128];
        struct stat st;

        snprintf(path, sizeof(path), "%s/%s", world->work, file);
        assert_int_equal(stat(path, &st), 0);
        return st.st_size;
}

/* ---- the job ---- */

/* As if a job had made them. */
static void give_all(const struct world *world)
{
        run_in(world, "test $(id -u) != 0 || chown -h nobody:nogroup *");
}

static void finish(struct world *world, struct owner *owner, json_t *files)
{
        give_all(world);
        owner_start(world, owner, (struct job_params){ .kind = JOB_FINISH, .fd = -1 },
                    json_pack("{s:s, s:o}", "type", "start", "files", files));
        owner_wait_end(world, owner, JOB_DONE);
}

static const json_t *told(const struct owner *owner, const char *name)
{
        const json_t *line;
        size_t i;

        json_array_foreach (owner->all, i, line) {
                const char *its = json_string_value(json_object_get(line, "name"));

                if (its && strcmp(its, name) == 0)
                        return line;
        }
        fail_msg("nothing was told of %s", name);
        return NULL;
}

static void expect_seconds(const struct owner *owner, const char *name, double least, double most)
{
        double seconds = (double)json_integer_value(
                                 json_object_get(told(owner, name), "duration_us")) /
                         1e6;

        if (seconds < least || seconds > most)
                fail_msg("%s: %s, not %f to %f s", name, json_dumps(told(owner, name), 0), least,
                         most);
}

static void expect_only(const struct world *world, const char *files)
{
        char command[256];

        snprintf(command, sizeof(command), "test \"$(echo $(ls -A))\" = '%s' || { ls -lA; false; }",
                 files);
        run_in(world, command);
}

static void test_matroska_files_get_cues_and_durations(void **state)
{
        struct world *world = *state;
        struct owner owner;

        make_matroska(world);
        assert_true(isnan(probe(world, "cut.mkv", "format=duration")) ||
                    probe(world, "cut.mkv", "format=duration") > 11); /* of the whole: wrong */
        finish(world, &owner, json_pack("[s, s, s]", "video.mkv", "late.mkv", "cut.mkv"));
        expect_seconds(&owner, "video.mkv", 11.99, 12.01);
        expect_seconds(&owner, "cut.mkv", 5, 7);
        expect_seconds(&owner, "late.mkv", 16.9, 17.1);
        assert_float_equal(probe(world, "video.mkv", "format=duration"), 12, 0.05);
        assert_float_equal(probe(world, "video.mkv", "stream=nb_read_packets"), 300, 0);
        assert_float_equal(probe(world, "cut.mkv", "format=duration"), 6, 1);
        /* when it began is kept: it is what the sound goes by */
        assert_float_equal(probe(world, "late.mkv", "format=start_time"), 5, 0.02);
        expect_only(world, "cut.mkv late.mkv video.mkv");
        owner_done(&owner);
}

static void test_fragments_become_a_file_with_its_index_in_front(void **state)
{
        struct world *world = *state;
        struct owner owner;

        make_mp4(world);
        finish(world, &owner, json_pack("[s, s]", "whole.mp4", "cut.mp4"));
        expect_seconds(&owner, "whole.mp4", 11.9, 12.1);
        expect_seconds(&owner, "cut.mp4", 4, 7);
        assert_float_equal(probe(world, "whole.mp4", "stream=nb_read_packets -select_streams v"),
                           300, 0);
        assert_float_equal(probe(world, "whole.mp4", "format=duration"), 12, 0.1);
        run_in(world, "for f in whole cut; do ffmpeg -v error -xerror -i $f.mp4 -f null -; done");
        run_in(world, "for f in whole cut; do test $(grep -abo moov $f.mp4 | head -1 | cut -d: -f1)"
                      " -lt $(grep -abo mdat $f.mp4 | head -1 | cut -d: -f1); done");
        expect_only(world, "cut.mp4 whole.mp4");
        owner_done(&owner);
}

static void test_files_that_are_none_are_told_and_kept(void **state)
{
        struct world *world = *state;
        struct owner owner;

        make_matroska(world);
        run_in(world, "rm late.mkv cut.mkv; : >empty.mkv; head -c 300 video.mkv >head.mkv;"
                      " head -c 5000 /dev/urandom >noise.mp4; ln -s /etc/shadow link.mkv");
        finish(world, &owner,
               json_pack("[s, s, s, s, s, s]", "empty.mkv", "head.mkv", "noise.mp4", "link.mkv",
                         "missing.mkv", "video.mkv"));
        assert_string_equal(json_string_value(json_object_get(told(&owner, "empty.mkv"), "error")),
                            "unplayable");
        assert_string_equal(json_string_value(json_object_get(told(&owner, "head.mkv"), "error")),
                            "unplayable");
        assert_string_equal(json_string_value(json_object_get(told(&owner, "noise.mp4"), "error")),
                            "unplayable");
        assert_string_equal(json_string_value(json_object_get(told(&owner, "link.mkv"), "error")),
                            "unplayable");
        assert_string_equal(
                json_string_value(json_object_get(told(&owner, "missing.mkv"), "error")),
                "unplayable");
        expect_seconds(&owner, "video.mkv", 11.99, 12.01);
        expect_only(world, "empty.mkv head.mkv link.mkv noise.mp4 video.mkv");
        owner_done(&owner);
}

/* The recording stays as it was, for a better day. */
static void test_a_full_disk_ends_the_job_and_spares_the_recording(void **state)
{
        struct world *world = *state;
        struct owner owner;
        char data[32];

        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                skip();
        make_matroska(world);
        run_in(world, "mv video.mkv ..; rm *.mkv");
        snprintf(data, sizeof(data), "mode=700,size=%dk",
                 (int)(probe_size(world, "../video.mkv") * 3 / 2 / 1024));
        assert_int_equal(mount("none", world->work, "tmpfs", 0, data), 0);
        run_in(world, "mv ../video.mkv .");
        give_all(world);
        owner_start(world, &owner, (struct job_params){ .kind = JOB_FINISH, .fd = -1 },
                    json_pack("{s:s, s:[s]}", "type", "start", "files", "video.mkv"));
        owner_wait_end(world, &owner, JOB_FAILED);
        assert_string_equal(owner.error, "disk-full");
        assert_float_equal(probe(world, "video.mkv", "stream=nb_read_packets"), 300, 0);
        expect_only(world, "video.mkv");
        assert_int_equal(umount(world->work), 0);
        owner_done(&owner);
}

static void test_dozens_of_files_are_finished_one_by_one(void **state)
{
        struct world *world = *state;
        json_t *files = json_array();
        struct owner owner;

        make_matroska(world);
        for (int i = 0; i < 40; i++) {
                char command[64];

                snprintf(command, sizeof(command), "cp cut.mkv f%d.mkv", i);
                run_in(world, command);
                json_array_append_new(files, json_sprintf("f%d.mkv", i));
        }
        finish(world, &owner, files);
        expect_seconds(&owner, "f39.mkv", 5, 7);
        assert_float_equal(probe(world, "f39.mkv", "format=duration"), 6, 1);
        owner_done(&owner);
}

static void test_a_job_that_is_stopped_leaves_whole_files(void **state)
{
        struct world *world = *state;
        struct owner owner;

        make_matroska(world);
        give_all(world);
        owner_start(world, &owner, (struct job_params){ .kind = JOB_FINISH, .fd = -1 },
                    json_pack("{s:s, s:[s, s]}", "type", "start", "files", "cut.mkv", "video.mkv"));
        owner_wait_line(world, &owner, "ready");
        job_stop(owner.job);
        owner_wait_end(world, &owner, JOB_DONE);
        assert_float_equal(probe(world, "video.mkv", "stream=nb_read_packets"), 300, 0);
        expect_only(world, "cut.mkv late.mkv video.mkv");
        owner_done(&owner);
}

/* What `dinh job check` found is there for all others: a figure, and that it is used. */
static void test_the_registry_of_plugins_is_made_once(void **state)
{
        struct world *world = *state;
        struct owner owner;
        struct stat before, after;
        char path[128];
        int64_t start_us;

        snprintf(path, sizeof(path), "%s/registry.bin", world->cache);
        while (stat(path, &before) < 0)
                uv_run(&world->loop, UV_RUN_NOWAIT);
        start_us = clock_now_us();
        owner_start(world, &owner, (struct job_params){ .kind = JOB_RTMP, .fd = -1 },
                    json_pack("{s:s, s:s, s:s, s:s}", "type", "start", "url", "rtmp://127.0.0.1/x",
                              "key", "k", "dir", "live"));
        owner_wait_line(world, &owner, "ready");
        printf("figure: warm_start_ms %d\n", (int)((clock_now_us() - start_us) / 1000));
        job_stop(owner.job);
        owner_wait_end(world, &owner, JOB_DONE);
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        owner_done(&owner);
}

static void set_umask(void)
{
        umask(077); /* as the server */
        signal(SIGPIPE, SIG_IGN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(test_the_registry_of_plugins_is_made_once),
                TEST(test_matroska_files_get_cues_and_durations),
                TEST(test_fragments_become_a_file_with_its_index_in_front),
                TEST(test_files_that_are_none_are_told_and_kept),
                TEST(test_a_full_disk_ends_the_job_and_spares_the_recording),
                TEST(test_dozens_of_files_are_finished_one_by_one),
                TEST(test_a_job_that_is_stopped_leaves_whole_files),
        };

        if (argc > 1 && strcmp(argv[1], "job") == 0)
                return job_main(argc - 2, argv + 2);
        if (argc > 1)
                cmocka_set_test_filter(argv[1]);
        set_umask();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
