/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of tracks: real media in, files judged by ffmpeg and by GStreamer's decoders. */
#include <gst/gst.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sfu/api.h"
#include "sfu/wire/rtp.h"
#include "tests/integration/tap_feeder.h"

enum { S = 1000000, FRAME_US = 40000, BEGIN = FEEDER_START_US };

static struct clip *sound, *pictures[JOB_N_CODECS], *large[JOB_N_CODECS];

static void make_clips(void)
{
        static const enum job_codec codecs[] = { JOB_VP8, JOB_H264, JOB_VP9, JOB_AV1 };

        sound = clip_new(&(struct clip_params){ .codec = JOB_OPUS, .seconds = 1 });
        for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
                struct clip_params params = { .codec = codecs[i],
                                              .width = 160,
                                              .height = 96,
                                              .fps = 25,
                                              .seconds = 1,
                                              .bitrate_kbps = 200,
                                              .busy = false };

                pictures[codecs[i]] = clip_new(&params);
                params.width = 320;
                params.height = 192;
                params.busy = true; /* several packets a frame */
                params.bitrate_kbps = 1000;
                large[codecs[i]] = clip_new(&params);
        }
}

static void free_clips(void)
{
        clip_free(sound);
        for (size_t i = 0; i < JOB_N_CODECS; i++) {
                clip_free(pictures[i]);
                clip_free(large[i]);
        }
}

static void start(struct feeder *feeder, struct world *world)
{
        feeder_start(feeder, world, JOB_TRACKS,
                     json_pack("{s:s, s:i, s:I, s:I}", "type", "start", "part", 1, "start_us",
                               (json_int_t)FEEDER_START_US, "start_ms", (json_int_t)1700000000000));
}

/* One line of a command's output, without its end. */
static void output_of(const struct world *world, const char *command, char *ret, size_t cap)
{
        char whole[600];
        FILE *out;

        snprintf(whole, sizeof(whole), "cd %s && %s 2>&1", world->work, command);
        out = popen(whole, "r");
        assert_non_null(out);
        ret[0] = '\0';
        if (fgets(ret, (int)cap, out))
                ret[strcspn(ret, "\n")] = '\0';
        while (fgetc(out) != EOF)
                ;
        pclose(out);
}

/* ffmpeg decodes all of it and finds nothing wrong. */
static void assert_ffmpeg_accepts(const struct world *world, const char *name, const char *codec)
{
        char command[200], text[200];

        snprintf(command, sizeof(command), "ffmpeg -nostdin -v error -i %s -f null -", name);
        output_of(world, command, text, sizeof(text));
        if (text[0])
                fail_msg("%s: %s", name, text);
        snprintf(command, sizeof(command),
                 "ffprobe -v error -of csv=p=0 -show_entries stream=codec_name %s", name);
        output_of(world, command, text, sizeof(text));
        assert_string_equal(text, codec);
}

static void read_file(const struct world *world, const char *name, enum job_codec codec,
                      struct reading *ret_reading)
{
        char path[200];

        snprintf(path, sizeof(path), "%s/%s", world->work, name);
        reading_of(ret_reading, path, codec);
}

static bool exists(const struct world *world, const char *name)
{
        char path[200];

        snprintf(path, sizeof(path), "%s/%s", world->work, name);
        return access(path, F_OK) == 0;
}

static const struct codec_case {
        enum job_codec codec;
        const char *word;
} video[] = { { JOB_VP8, "vp8" }, { JOB_H264, "h264" }, { JOB_VP9, "vp9" }, { JOB_AV1, "av1" } };

static void every_codec_is_recorded(void **state)
{
        struct world *world = *state;
        struct feed_track tracks[ARRAY_LEN(video) + 1] = { 0 };
        struct feeder feeder;
        struct reading reading;

        start(&feeder, world);
        for (size_t i = 0; i < ARRAY_LEN(video); i++) {
                tracks[i].participant = (uint32_t)i + 1;
                tracks[i].kind = i == 3 ? SFU_SCREEN : SFU_CAMERA;
                feed_begin(&tracks[i], large[video[i].codec]);
        }
        tracks[4] = (struct feed_track){ .participant = 1, .kind = SFU_MIC };
        feed_begin(&tracks[4], sound);
        feed_all_until(&feeder, tracks, ARRAY_LEN(tracks), BEGIN + 5 * S, 0);
        feeder_stop(&feeder);
        for (size_t i = 0; i < ARRAY_LEN(video); i++) {
                char name[64];

                snprintf(name, sizeof(name), "p1-%s-%zu-1.mkv", i == 3 ? "screen" : "camera",
                         i + 1);
                assert_ffmpeg_accepts(world, name, video[i].word);
                read_file(world, name, video[i].codec, &reading);
                assert_int_equal(reading.n_frames, 125);
                assert_in_range(reading.longest_gap_us, FRAME_US - 2000, FRAME_US + 2000);
                assert_in_range(reading.first_us, 0, 1000);
                assert_int_equal(reading.width, 320);
                reading_done(&reading);
        }
        assert_ffmpeg_accepts(world, "p1-mic-1-1.mkv", "opus");
        read_file(world, "p1-mic-1-1.mkv", JOB_OPUS, &reading);
        assert_int_equal(reading.n_marks, 5);
        reading_done(&reading);
        feeder_done(&feeder);
}

static void files_and_progress_are_told(void **state)
{
        struct world *world = *state;
        struct feed_track mic = { .participant = 4000000000u, .kind = SFU_MIC };
        struct job_record gap = { .type = JOB_GAP, .participant = 4000000000u, .count = 7 };
        struct feeder feeder;
        const json_t *line;

        start(&feeder, world);
        feeder.now_us += S;
        feed_begin(&mic, sound);
        feed_until(&feeder, &mic, BEGIN + 3 * S);
        gap.generation = mic.generation;
        feeder_send(&feeder, &gap);
        line = owner_wait_line(world, &feeder.owner, "file");
        assert_string_equal(json_string_value(json_object_get(line, "name")),
                            "p1-mic-4000000000-1.mkv");
        assert_string_equal(json_string_value(json_object_get(line, "kind")), "mic");
        assert_string_equal(json_string_value(json_object_get(line, "codec")), "opus");
        assert_int_equal(json_integer_value(json_object_get(line, "participant")), 4000000000u);
        assert_int_equal(json_integer_value(json_object_get(line, "t")), S);
        line = owner_wait_line(world, &feeder.owner, "behind");
        assert_int_equal(json_integer_value(json_object_get(line, "dropped")), 7);
        line = owner_wait_line(world, &feeder.owner, "progress");
        assert_int_equal(json_integer_value(json_object_get(line, "tracks")), 1);
        assert_true(json_integer_value(json_object_get(line, "bytes")) > 1000);
        feeder_stop(&feeder);
        feeder_done(&feeder);
}

/* Another layer is another generation and another size. */
static void layer_switches_go_on_in_the_file(void **state)
{
        struct world *world = *state;
        struct feed_track tracks[ARRAY_LEN(video)] = { 0 };
        struct feeder feeder;
        struct reading reading;

        start(&feeder, world);
        for (size_t i = 0; i < ARRAY_LEN(video); i++)
                tracks[i] = (struct feed_track){ .participant = (uint32_t)i + 1,
                                                 .kind = SFU_CAMERA };
        for (int round = 0; round < 4; round++) {
                for (size_t i = 0; i < ARRAY_LEN(video); i++)
                        feed_begin(&tracks[i], (round % 2 ? pictures : large)[video[i].codec]);
                feed_all_until(&feeder, tracks, ARRAY_LEN(tracks), BEGIN + (round + 1) * 2 * S, 0);
        }
        feeder_stop(&feeder);
        for (size_t i = 0; i < ARRAY_LEN(video); i++) {
                char name[64];

                snprintf(name, sizeof(name), "p1-camera-%zu-1.mkv", i + 1);
                assert_ffmpeg_accepts(world, name, video[i].word);
                read_file(world, name, video[i].codec, &reading);
                assert_int_equal(reading.n_frames, 200);
                assert_in_range(reading.longest_gap_us, FRAME_US - 2000, FRAME_US + 2000);
                assert_int_equal(reading.width, 160);
                reading_done(&reading);
                snprintf(name, sizeof(name), "p1-camera-%zu-2.mkv", i + 1);
                assert_false(exists(world, name));
        }
        feeder_done(&feeder);
}

/* What the server has done with each recording afterwards changes nothing in it. */
static void finished_files_are_the_same(void **state)
{
        struct world *world = *state;
        struct feed_track tracks[ARRAY_LEN(video) + 1] = { 0 };
        json_t *files = json_array();
        struct feeder feeder;
        struct owner finish;
        struct reading reading;

        start(&feeder, world);
        feeder.now_us += 3 * S;
        for (size_t i = 0; i < ARRAY_LEN(video); i++) {
                tracks[i] = (struct feed_track){ .participant = (uint32_t)i + 1,
                                                 .kind = SFU_CAMERA };
                json_array_append_new(files, json_sprintf("p1-camera-%zu-1.mkv", i + 1));
        }
        tracks[4] = (struct feed_track){ .participant = 1, .kind = SFU_MIC };
        feed_begin(&tracks[4], sound);
        json_array_append_new(files, json_string("p1-mic-1-1.mkv"));
        for (int round = 0; round < 2; round++) {
                for (size_t i = 0; i < ARRAY_LEN(video); i++)
                        feed_begin(&tracks[i], (round % 2 ? pictures : large)[video[i].codec]);
                feed_all_until(&feeder, tracks, ARRAY_LEN(tracks), BEGIN + (5 + round * 2) * S, 0);
        }
        feeder_settle(&feeder);
        job_kill(feeder.owner.job);
        owner_wait_end(world, &feeder.owner, JOB_FAILED);
        owner_start(world, &finish, (struct job_params){ .kind = JOB_FINISH, .fd = -1 },
                    json_pack("{s:s, s:o}", "type", "start", "files", files));
        owner_wait_end(world, &finish, JOB_DONE);
        for (size_t i = 0; i < ARRAY_LEN(video); i++) {
                char name[64];

                snprintf(name, sizeof(name), "p1-camera-%zu-1.mkv", i + 1);
                assert_ffmpeg_accepts(world, name, video[i].word);
                read_file(world, name, video[i].codec, &reading);
                assert_in_range(reading.n_frames, 98, 100);
                assert_in_range(reading.first_us, 3 * S, 3 * S + 2000);
                assert_in_range(reading.longest_gap_us, FRAME_US - 2000, FRAME_US + 2000);
                reading_done(&reading);
        }
        read_file(world, "p1-mic-1-1.mkv", JOB_OPUS, &reading);
        assert_in_range(reading.first_us, 3 * S, 3 * S + 2000);
        assert_int_equal(reading.n_marks, 4);
        reading_done(&reading);
        owner_done(&finish);
        feeder_done(&feeder);
}

static void losses_repaired_late_leave_no_trace(void **state)
{
        struct world *world = *state;
        struct feed_track tracks[] = { { .participant = 1, .kind = SFU_CAMERA },
                                       { .participant = 2, .kind = SFU_CAMERA },
                                       { .participant = 1, .kind = SFU_MIC } };
        struct feeder feeder;
        struct reading reading;

        start(&feeder, world);
        feed_begin(&tracks[0], large[JOB_VP8]);
        feed_begin(&tracks[1], large[JOB_H264]);
        feed_begin(&tracks[2], sound);
        feed_all_until(&feeder, tracks, 3, BEGIN + 20 * S, 5);
        feeder_stop(&feeder);
        assert_ffmpeg_accepts(world, "p1-camera-1-1.mkv", "vp8");
        assert_ffmpeg_accepts(world, "p1-camera-2-1.mkv", "h264");
        read_file(world, "p1-camera-1-1.mkv", JOB_VP8, &reading);
        assert_int_equal(reading.n_frames, 500);
        reading_done(&reading);
        read_file(world, "p1-camera-2-1.mkv", JOB_H264, &reading);
        assert_int_equal(reading.n_frames, 500);
        reading_done(&reading);
        read_file(world, "p1-mic-1-1.mkv", JOB_OPUS, &reading);
        assert_in_range(reading.n_frames, 999, 1000);
        assert_int_equal(reading.n_marks, 20);
        reading_done(&reading);
        feeder_done(&feeder);
}

/* A mute of 20 s, in which the timestamps of sound go on and those of pictures stand still. */
static void pauses_are_as_long_as_they_were(void **state)
{
        struct world *world = *state;
        struct feed_track tracks[] = { { .participant = 1, .kind = SFU_CAMERA },
                                       { .participant = 1, .kind = SFU_MIC } };
        struct feeder feeder;
        struct reading picture, voice;

        start(&feeder, world);
        feed_begin(&tracks[0], pictures[JOB_VP8]);
        feed_begin(&tracks[1], sound);
        feed_all_until(&feeder, tracks, 2, BEGIN + 5 * S, 0);
        tracks[0].next_us = tracks[1].next_us = BEGIN + 25 * S;
        tracks[1].ts += 20 * 48000;
        feed_all_until(&feeder, tracks, 2, BEGIN + 30 * S, 0);
        feeder_stop(&feeder);
        read_file(world, "p1-camera-1-1.mkv", JOB_VP8, &picture);
        read_file(world, "p1-mic-1-1.mkv", JOB_OPUS, &voice);
        assert_int_equal(picture.n_marks, 10);
        assert_int_equal(voice.n_marks, 10);
        for (int i = 0; i < 10; i++) {
                int64_t want_us = (i < 5 ? i : i + 20) * (int64_t)S;

                assert_in_range(picture.marks_us[i] - want_us + 1000, 0, 2000);
                assert_in_range(voice.marks_us[i] - want_us + 1000, 0, 16000);
        }
        reading_done(&picture);
        reading_done(&voice);
        feeder_done(&feeder);
}

static void who_comes_again_goes_on_or_begins_another_file(void **state)
{
        struct world *world = *state;
        struct feed_track camera = { .participant = 1, .kind = SFU_CAMERA }, old;
        struct feeder feeder;
        struct reading reading;

        start(&feeder, world);
        feed_begin(&camera, pictures[JOB_VP8]);
        feed_until(&feeder, &camera, BEGIN + 2 * S);
        /* A new connection; the end of the old one comes after its beginning. */
        old = camera;
        feed_begin(&camera, pictures[JOB_VP8]);
        camera.next_us += 2 * S;
        feed_until(&feeder, &camera, BEGIN + 5 * S);
        feed_end(&feeder, &old);
        feed_until(&feeder, &camera, BEGIN + 6 * S);
        /* She leaves, and comes back with another codec, twice. */
        feed_end(&feeder, &camera);
        feed_begin(&camera, pictures[JOB_H264]);
        feed_until(&feeder, &camera, BEGIN + 8 * S);
        feed_begin(&camera, pictures[JOB_AV1]);
        feed_until(&feeder, &camera, BEGIN + 10 * S);
        feeder_stop(&feeder);
        read_file(world, "p1-camera-1-1.mkv", JOB_VP8, &reading);
        assert_int_equal(reading.n_frames, 100);
        assert_in_range(reading.longest_gap_us, 2 * S, 2 * S + 50000);
        reading_done(&reading);
        read_file(world, "p1-camera-1-2.mkv", JOB_H264, &reading);
        assert_int_equal(reading.n_frames, 50);
        assert_in_range(reading.first_us, 6 * S - 1000, 6 * S + 1000);
        reading_done(&reading);
        read_file(world, "p1-camera-1-3.mkv", JOB_AV1, &reading);
        assert_int_equal(reading.n_frames, 50);
        reading_done(&reading);
        assert_ffmpeg_accepts(world, "p1-camera-1-2.mkv", "h264");
        assert_ffmpeg_accepts(world, "p1-camera-1-3.mkv", "av1");
        feeder_done(&feeder);
}

static void a_killed_job_leaves_files_that_play(void **state)
{
        struct world *world = *state;
        struct feed_track tracks[] = { { .participant = 1, .kind = SFU_CAMERA },
                                       { .participant = 2, .kind = SFU_CAMERA },
                                       { .participant = 3, .kind = SFU_CAMERA },
                                       { .participant = 4, .kind = SFU_CAMERA },
                                       { .participant = 1, .kind = SFU_MIC } };
        struct feeder feeder;
        struct reading reading;

        start(&feeder, world);
        for (size_t i = 0; i < ARRAY_LEN(video); i++)
                feed_begin(&tracks[i], large[video[i].codec]);
        feed_begin(&tracks[4], sound);
        feed_all_until(&feeder, tracks, ARRAY_LEN(tracks), BEGIN + 6 * S, 0);
        feeder_settle(&feeder);
        job_kill(feeder.owner.job);
        owner_wait_end(world, &feeder.owner, JOB_FAILED);
        for (size_t i = 0; i < ARRAY_LEN(video); i++) {
                char name[64];

                snprintf(name, sizeof(name), "p1-camera-%zu-1.mkv", i + 1);
                read_file(world, name, video[i].codec, &reading);
                printf("figure: killed at 6.0 s, %s can be read until %.2f s\n", name,
                       (double)reading.last_us / 1e6);
                assert_in_range(reading.last_us, 4 * S, 6 * S);
                reading_done(&reading);
        }
        read_file(world, "p1-mic-1-1.mkv", JOB_OPUS, &reading);
        assert_in_range(reading.last_us, 4 * S, 6 * S);
        reading_done(&reading);
        feeder_done(&feeder);
}

static void a_full_disk_is_told(void **state)
{
        struct world *world = *state;
        struct feed_track camera = { .participant = 1, .kind = SFU_CAMERA };
        struct feeder feeder;
        struct reading reading;

        if (mount("tmpfs", world->work, "tmpfs", 0, "size=256k") < 0)
                skip(); /* only root may */
        start(&feeder, world);
        feed_begin(&camera, large[JOB_VP8]);
        for (int i = 1; i <= 20 && feeder.owner.n_ends == 0; i++)
                feed_until(&feeder, &camera, BEGIN + i * S);
        owner_wait_end(world, &feeder.owner, JOB_FAILED);
        assert_string_equal(feeder.owner.error, "disk-full");
        read_file(world, "p1-camera-1-1.mkv", JOB_VP8, &reading);
        assert_int_equal(umount2(world->work, MNT_DETACH), 0);
        assert_true(reading.n_frames > 10);
        reading_done(&reading);
        feeder_done(&feeder);
}

static uint32_t next_random(uint64_t *seed)
{
        *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        return (uint32_t)(*seed >> 33);
}

/* A packet of some clip, cut and changed, under any head that a worker could write. */
static void send_hostile(struct feeder *feeder, uint64_t *seed, uint32_t *generations, size_t n)
{
        struct clip **clips = next_random(seed) % 2 ? pictures : large;
        const struct clip *clip = clips[1 + next_random(seed) % 4];
        const struct clip_frame *frame = &clip->frames[next_random(seed) % clip->n_frames];
        const struct clip_payload *payload =
                &frame->payloads[next_random(seed) % frame->n_payloads];
        uint8_t bytes[JOB_RECORD_MAX_BYTES];
        struct rtp_pkt rtp = { .marker = next_random(seed) % 2, .ts = next_random(seed) % 9000 };
        uint32_t who = next_random(seed) % (uint32_t)n, change = next_random(seed) % 100;
        struct job_record record = {
                .type = (uint8_t)(change == 0   ? JOB_END
                                  : change == 1 ? JOB_GAP
                                                : JOB_RTP),
                .kind = (uint8_t)(next_random(seed) % 3),
                .codec = (uint8_t)(change < 10 ? next_random(seed) % JOB_N_CODECS : clip->codec),
                .participant = 1000 + who,
                .ext = next_random(seed) % 200,
                .count = next_random(seed),
                .starts_keyframe = next_random(seed) % 4 == 0,
                .arrival_us = feeder->now_us - next_random(seed) % 2000000,
                .media_us = (int64_t)next_random(seed) * next_random(seed) * (change % 2 ? 1 : -1),
        };

        record.generation = generations[who] += change < 5;
        rtp_put_header(bytes, &rtp, false);
        memcpy(bytes + RTP_HEADER, payload->bytes, payload->len);
        for (uint32_t i = next_random(seed) % 4; i > 0; i--)
                bytes[next_random(seed) % (RTP_HEADER + payload->len)] = (uint8_t)next_random(seed);
        if (record.type == JOB_RTP)
                record.bytes = (struct span){ bytes,
                                              1 + next_random(seed) % (RTP_HEADER + payload->len) };
        feeder_send(feeder, &record);
}

static void hostile_publishers_cost_nobody_else_anything(void **state)
{
        enum { HOSTILE = 20, STEPS = 250, PACKETS = 100 };
        struct world *world = *state;
        struct feed_track tracks[] = { { .participant = 1, .kind = SFU_CAMERA },
                                       { .participant = 1, .kind = SFU_MIC } };
        uint32_t generations[HOSTILE] = { 0 };
        struct feeder feeder;
        struct reading reading;
        uint64_t seed = 1;

        start(&feeder, world);
        feed_begin(&tracks[0], large[JOB_VP8]);
        feed_begin(&tracks[1], sound);
        for (int i = 1; i <= STEPS; i++) {
                feed_all_until(&feeder, tracks, 2, BEGIN + i * FRAME_US, 0);
                for (int k = 0; k < PACKETS; k++)
                        send_hostile(&feeder, &seed, generations, HOSTILE);
        }
        feeder_stop(&feeder);
        read_file(world, "p1-camera-1-1.mkv", JOB_VP8, &reading);
        assert_int_equal(reading.n_frames, STEPS);
        assert_in_range(reading.longest_gap_us, FRAME_US - 2000, FRAME_US + 2000);
        reading_done(&reading);
        read_file(world, "p1-mic-1-1.mkv", JOB_OPUS, &reading);
        assert_int_equal(reading.n_marks, STEPS * FRAME_US / S);
        reading_done(&reading);
        feeder_done(&feeder);
}

static int64_t integer_of(const json_t *line, const char *name)
{
        return json_integer_value(json_object_get(line, name));
}

/* Ten cameras of 1 Mbit/s with their sound, as they come. Nothing is asserted of time. */
static void what_ten_participants_cost(void **state)
{
        enum { PEOPLE = 10, LENGTH_S = 8, STEP_US = 20000 };
        struct world *world = *state;
        struct feed_track tracks[2 * PEOPLE] = { 0 };
        int64_t begin_us, first_cpu_ms;
        struct feeder feeder;
        const json_t *line;

        start(&feeder, world);
        for (uint32_t i = 0; i < ARRAY_LEN(tracks); i++) {
                tracks[i].participant = 1 + i / 2;
                tracks[i].kind = i % 2 ? SFU_MIC : SFU_CAMERA;
                feed_begin(&tracks[i], i % 2 ? sound : large[JOB_VP8]);
        }
        line = owner_wait_line(world, &feeder.owner, "progress");
        first_cpu_ms = integer_of(line, "cpu_ms");
        begin_us = clock_now_us();
        for (int64_t t_us = 0; t_us < (int64_t)LENGTH_S * S; t_us += STEP_US) {
                while (clock_now_us() < begin_us + t_us) {
                        uv_run(&world->loop, UV_RUN_NOWAIT);
                        usleep(2000);
                }
                feed_all_until(&feeder, tracks, ARRAY_LEN(tracks), BEGIN + t_us, 0);
        }
        json_object_clear(feeder.owner.lines);
        line = owner_wait_line(world, &feeder.owner, "progress");
        assert_int_equal(integer_of(line, "tracks"), 2 * PEOPLE);
        assert_true(integer_of(line, "bytes") < LENGTH_S * 10000000);
        printf("figure: recording %d participants (%.2f Mbit/s in all): %.1f %% of a core\n",
               PEOPLE, (double)integer_of(line, "bytes") * 8 / LENGTH_S / 1e6,
               (double)(integer_of(line, "cpu_ms") - first_cpu_ms) * 1e5 /
                       (double)(clock_now_us() - begin_us));
        feeder_stop(&feeder);
        feeder_done(&feeder);
}

static void hundreds_of_tracks_are_recorded(void **state)
{
        enum { PEOPLE = 400 };
        struct world *world = *state;
        struct feed_track tracks[PEOPLE] = { 0 };
        struct feeder feeder;
        struct reading reading;
        const json_t *line;

        start(&feeder, world);
        for (uint32_t i = 0; i < PEOPLE; i++) {
                tracks[i].participant = i + 1;
                feed_begin(&tracks[i], sound);
        }
        feed_all_until(&feeder, tracks, PEOPLE, BEGIN + 2 * S, 0);
        feeder_settle(&feeder);
        json_object_clear(feeder.owner.lines);
        line = owner_wait_line(world, &feeder.owner, "progress");
        assert_int_equal(integer_of(line, "tracks"), PEOPLE);
        feeder_stop(&feeder);
        read_file(world, "p1-mic-400-1.mkv", JOB_OPUS, &reading);
        assert_int_equal(reading.n_marks, 2);
        reading_done(&reading);
        feeder_done(&feeder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(every_codec_is_recorded),
                TEST(files_and_progress_are_told),
                TEST(layer_switches_go_on_in_the_file),
                TEST(finished_files_are_the_same),
                TEST(losses_repaired_late_leave_no_trace),
                TEST(pauses_are_as_long_as_they_were),
                TEST(who_comes_again_goes_on_or_begins_another_file),
                TEST(a_killed_job_leaves_files_that_play),
                TEST(a_full_disk_is_told),
                TEST(hostile_publishers_cost_nobody_else_anything),
                TEST(hundreds_of_tracks_are_recorded),
                TEST(what_ten_participants_cost),
        };
        int failed;

        if (argc > 1 && strcmp(argv[1], "job") == 0)
                return job_main(argc - 2, argv + 2);
        umask(077); /* as the server */
        signal(SIGPIPE, SIG_IGN);
        gst_init(NULL, NULL);
        make_clips();
        failed = cmocka_run_group_tests(tests, NULL, NULL);
        free_clips();
        return failed;
}
