/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An hour of a meeting, recorded: a flash and a beep each second, through a real media room with its
 * sender reports, a real tap and a real job, in virtual time. Her sound card's clock runs 100 ppm
 * too fast, her sound takes 40 ms to be sent and her picture 120; the network jitters. She is
 * muted for a while, so is her camera, and she loses her connection and comes back.
 */
#include <gst/gst.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/integration/tap_feeder.h"
#include "tests/sim/sim_priv.h"

enum {
        S = 1000000,
        LENGTH_S = 3600,
        FAST_PPM = 100,
        AUDIO_US = 40000, /* from capture to sending */
        VIDEO_US = 120000,
        JITTER_US = 20000,
        NTP_SKEW_US = 77 * S,
        PACKETS_PER_PICTURE = 5, /* 10 pictures a second */
        SETTLED_US = 6 * S,      /* until sound has had its first sender report, and a second */
        MAX_APART_US = 40000,
};

struct speaker {
        struct sim *sim;
        struct sim_peer *peer;
        struct clip *sound, *picture;
        int64_t begin_us;
        uint32_t audio_base, video_base;
        uint16_t audio_seq, video_seq;
};

/* When her sound card says that so many samples have passed. */
static int64_t time_of_packet(int64_t n)
{
        return n * 20000 * 1000000 / (1000000 + FAST_PPM);
}

static uint32_t audio_ts(const struct speaker *speaker, int64_t at_us)
{
        return speaker->audio_base +
               (uint32_t)((at_us - speaker->begin_us) * 6 / 125 * (1000000 + FAST_PPM) / 1000000);
}

static uint32_t video_ts(const struct speaker *speaker, int64_t at_us)
{
        return speaker->video_base + (uint32_t)((at_us - speaker->begin_us) * 9 / 100);
}

static void send_frame(struct speaker *speaker, const struct clip_frame *frame, struct rtp_pkt rtp,
                       uint16_t *seq, int64_t after_us)
{
        uint8_t bytes[1500];

        for (size_t i = 0; i < frame->n_payloads; i++) {
                const struct clip_payload *payload = &frame->payloads[i];

                rtp.seq = (*seq)++;
                rtp.marker = i + 1 == frame->n_payloads;
                rtp_put_header(bytes, &rtp, false);
                memcpy(bytes + RTP_HEADER, payload->bytes, payload->len);
                sim_fly(speaker->peer, SIM_UP_RTP, bytes, RTP_HEADER + payload->len, after_us);
        }
}

static void send_sound(struct speaker *speaker, int64_t n)
{
        const struct rtp_pkt rtp = { .pt = SIM_PT_OPUS,
                                     .ssrc = speaker->peer->mic_tx.ssrc,
                                     .ts = speaker->audio_base + (uint32_t)n * 960 };

        send_frame(speaker, &speaker->sound->frames[n % 50], rtp, &speaker->audio_seq, AUDIO_US);
}

static void send_picture(struct speaker *speaker, int64_t n)
{
        const struct rtp_pkt rtp = { .pt = SIM_PT_VP8,
                                     .ssrc = speaker->peer->cam[0].ssrc,
                                     .ts = video_ts(speaker, speaker->sim->now_us) };

        send_frame(speaker, &speaker->picture->frames[n % 10], rtp, &speaker->video_seq, VIDEO_US);
}

static void send_report(struct speaker *speaker, bool of_sound)
{
        int64_t now_us = speaker->sim->now_us;
        uint8_t bytes[128];
        struct wr w = wr_init(bytes, sizeof(bytes));
        const struct rtcp_sr sr = {
                .ssrc = of_sound ? speaker->peer->mic_tx.ssrc : speaker->peer->cam[0].ssrc,
                .ntp = rtcp_ntp_from_wall_us(speaker->sim->wall_us + now_us + NTP_SKEW_US),
                .rtp_ts = of_sound ? audio_ts(speaker, now_us) : video_ts(speaker, now_us),
        };

        rtcp_write_sr(&w, &sr);
        assert_false(w.bad);
        sim_fly(speaker->peer, SIM_UP_RTCP, bytes, wr_len(&w), 0);
}

static void join(struct speaker *speaker)
{
        static const struct sim_offer offer = { .mic = true, .cam = true };
        struct sim_peer *peer = sim_join(speaker->sim, 1, &offer);

        /* Not the simulation's own media. */
        peer->mic.on = peer->cam[0].on = false;
        peer->no_reports = true;
        peer->reacts = false;
        peer->up.jitter_us = JITTER_US;
        speaker->peer = peer;
        speaker->audio_base = sim_random(speaker->sim);
        speaker->video_base = sim_random(speaker->sim);
        speaker->audio_seq = (uint16_t)sim_random(speaker->sim);
        speaker->video_seq = (uint16_t)sim_random(speaker->sim);
}

static void forward(void *user, const struct job_record *record)
{
        feeder_send(user, record);
}

/* What happens at second s. False: she is away. */
static bool at_second(struct speaker *speaker, int64_t s)
{
        if (s == 600 || s == 640)
                sim_mute(speaker->peer, SFU_MIC, s == 600);
        if (s == 700 || s == 730)
                sim_mute(speaker->peer, SFU_CAMERA, s == 700);
        if (s == 1800)
                sim_leave(speaker->sim, speaker->peer);
        if (s == 1804)
                join(speaker);
        if (s >= 1800 && s < 1804)
                return false;
        send_report(speaker, false);
        if (s % 5 == 0)
                send_report(speaker, true);
        return true;
}

static void talk(struct speaker *speaker)
{
        bool present = true;

        for (int64_t n = 0; n < (int64_t)LENGTH_S * 50; n++) {
                int64_t at_us = speaker->begin_us + time_of_packet(n);

                sim_run(speaker->sim, at_us - speaker->sim->now_us);
                if (n % 50 == 0)
                        present = at_second(speaker, n / 50);
                if (present && n % PACKETS_PER_PICTURE == 0)
                        send_picture(speaker, n / PACKETS_PER_PICTURE);
                if (present)
                        send_sound(speaker, n);
        }
}

struct difference {
        uint32_t n;
        double max_us, sum_us;
        double max_early_us; /* of these: before there were reports */
};

static void read_file(const struct world *world, const char *name, enum job_codec codec,
                      struct reading *ret_reading)
{
        char path[200];

        snprintf(path, sizeof(path), "%s/%s", world->work, name);
        reading_of(ret_reading, path, codec);
}

/* Each flash against the beep next to it, if there is one. */
static void compare(const struct world *world, const char *camera, const char *mic,
                    struct difference *sum)
{
        struct reading flashes, beeps;
        size_t k = 0;

        read_file(world, camera, JOB_VP8, &flashes);
        read_file(world, mic, JOB_OPUS, &beeps);
        for (size_t i = 0; i < flashes.n_marks; i++) {
                int64_t at_us = flashes.marks_us[i];
                double apart_us;

                while (k + 1 < beeps.n_marks &&
                       llabs(beeps.marks_us[k + 1] - at_us) <= llabs(beeps.marks_us[k] - at_us))
                        k++;
                apart_us = (double)llabs(beeps.marks_us[k] - at_us);
                if (apart_us > S / 2)
                        continue;
                if (at_us < flashes.first_us + SETTLED_US)
                        sum->max_early_us = fmax(sum->max_early_us, apart_us);
                sum->n++;
                sum->sum_us += apart_us;
                sum->max_us = fmax(sum->max_us, apart_us);
        }
        reading_done(&flashes);
        reading_done(&beeps);
}

static void compare_all(const struct world *world, struct difference *sum)
{
        compare(world, "p1-camera-1-1.mkv", "p1-mic-1-1.mkv", sum);
        compare(world, "p1-camera-1-2.mkv", "p1-mic-1-2.mkv", sum);
}

static void finish_all(struct world *world)
{
        struct owner owner;

        owner_start(world, &owner, (struct job_params){ .kind = JOB_FINISH, .fd = -1 },
                    json_pack("{s:s, s:[s, s, s, s]}", "type", "start", "files",
                              "p1-camera-1-1.mkv", "p1-camera-1-2.mkv", "p1-mic-1-1.mkv",
                              "p1-mic-1-2.mkv"));
        owner_wait_end(world, &owner, JOB_DONE);
        owner_done(&owner);
}

static double cpu_s(int who)
{
        struct rusage usage;

        getrusage(who, &usage);
        return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void sound_and_picture_agree_over_an_hour(void **state)
{
        struct world *world = *state;
        struct sim sim;
        struct speaker speaker = { .sim = &sim };
        struct difference before = { 0 }, sum = { 0 };
        struct feeder feeder;
        struct sim_tap *tap;

        speaker.sound = clip_new(&(struct clip_params){ .codec = JOB_OPUS, .seconds = 1 });
        speaker.picture = clip_new(&(struct clip_params){ .codec = JOB_VP8,
                                                          .width = 64,
                                                          .height = 48,
                                                          .fps = 10,
                                                          .seconds = 1,
                                                          .bitrate_kbps = 100 });
        sim_init_workers(&sim, 1, 1);
        speaker.begin_us = sim.now_us;
        feeder_start(&feeder, world, JOB_TRACKS,
                     json_pack("{s:s, s:i, s:I}", "type", "start", "part", 1, "start_us",
                               (json_int_t)sim.now_us));
        join(&speaker);
        tap = sim_tap_new(&sim, SFU_TAP_ALL);
        tap->take = forward;
        tap->user = &feeder;
        talk(&speaker);
        sim_tap_free(tap);
        feeder_stop(&feeder);
        sim_done(&sim);
        compare_all(world, &before);
        finish_all(world);
        compare_all(world, &sum);
        printf("figure: sound against picture over an hour: %u pairs, at most %.1f ms apart, %.1f"
               " ms on average (in the first seconds of a connection %.1f, and before it was finished"
               " %.1f; %.0f s of CPU)\n",
               sum.n, sum.max_us / 1e3, sum.sum_us / sum.n / 1e3, sum.max_early_us / 1e3,
               before.max_early_us / 1e3, cpu_s(RUSAGE_SELF) + cpu_s(RUSAGE_CHILDREN));
        assert_true(sum.n > LENGTH_S - 100 && sum.n == before.n);
        assert_true(sum.max_us <= MAX_APART_US);
        feeder_done(&feeder);
        clip_free(speaker.sound);
        clip_free(speaker.picture);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(sound_and_picture_agree_over_an_hour, world_setup,
                                                world_teardown),
        };

        if (argc > 1 && strcmp(argv[1], "job") == 0)
                return job_main(argc - 2, argv + 2);
        umask(077); /* as the server */
        signal(SIGPIPE, SIG_IGN);
        gst_init(NULL, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
