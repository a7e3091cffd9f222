/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_fanout [SUBSCRIBERS [SECONDS]] — one publisher with microphone and
 * camera (1 Mbit/s), everybody else watches. Prints figures, asserts nothing
 * but that everybody connects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/integration/world.h"

enum { WAIT_MS = 60000, FRAME_MS = 40, PACKETS_PER_FRAME = 5, KEY_EVERY = 50 };

static struct world world;
static struct client *publisher, **subscribers;
static int n_subscribers = 100, seconds = 5;

static long resident_kb(void)
{
        char line[200];
        long kb = 0;
        FILE *file = fopen("/proc/self/status", "r");

        while (file && fgets(line, sizeof(line), file))
                sscanf(line, "VmRSS: %ld", &kb);
        if (file)
                fclose(file);
        return kb;
}

/* CPU seconds of the media threads, by their names. */
static double media_cpu_s(void)
{
        DIR *dir = opendir("/proc/self/task");
        struct dirent *entry;
        double sum = 0;

        while (dir && (entry = readdir(dir))) {
                char path[300], line[600], name[32] = "";
                unsigned long user = 0, system = 0;
                FILE *file;

                snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
                file = fopen(path, "r");
                if (!file)
                        continue;
                if (fgets(line, sizeof(line), file))
                        sscanf(line,
                               "%*d (%31[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                               name, &user, &system);
                fclose(file);
                if (strncmp(name, "media-", 6) == 0)
                        sum += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
        }
        if (dir)
                closedir(dir);
        return sum;
}

static bool all_connected(struct world *w, void *user)
{
        (void)w;
        (void)user;
        for (int i = 0; i < n_subscribers; i++)
                if (!subscribers[i]->connected)
                        return false;
        return publisher->connected;
}

static bool got_a_frame(struct world *w, void *client)
{
        (void)w;
        return ((struct client *)client)->n_packets > 0;
}

static bool never(struct world *w, void *user)
{
        (void)w;
        (void)user;
        return false;
}

static void send_frame(unsigned frame)
{
        static uint16_t video_seq, audio_seq;
        uint8_t payload[1400];
        size_t len;

        for (int i = 0; i < PACKETS_PER_FRAME; i++) {
                len = client_vp8_payload(payload, (uint16_t)frame, frame % KEY_EVERY == 0);
                if (i > 0)
                        payload[0] = 0x80; /* not the start of a partition */
                client_send_rtp(publisher, CLIENT_CAMERA_SSRC, CLIENT_VP8_PT, video_seq++,
                                frame * 3600, i == PACKETS_PER_FRAME - 1, payload, len);
        }
        for (int i = 0; i < FRAME_MS / 20; i++) {
                len = client_opus_payload(payload, audio_seq);
                client_send_rtp(publisher, CLIENT_MIC_SSRC, CLIENT_OPUS_PT, audio_seq,
                                audio_seq * 960u, false, payload, len);
                audio_seq++;
        }
}

static void join(void)
{
        const struct sfu_slot_view views[] = {
                { .participant = 1, .kind = SFU_CAMERA, .max_height = 720 },
                { .audio = true, .participant = 1 },
        };
        int64_t start_us = clock_now_us();

        world_open(&world, publisher, 1, 1);
        for (int i = 0; i < n_subscribers; i++) {
                uint64_t peer;

                subscribers[i] = client_new(&(struct client_params){ .n_audio = 3, .n_video = 4 });
                peer = world_open(&world, subscribers[i], 1, (uint32_t)i + 2);
                sfu_peer_view(world.sfu, peer, views, ARRAY_LEN(views));
        }
        if (!world_wait(&world, all_connected, NULL, WAIT_MS))
                fail_msg("not everybody connected");
        printf("%d clients connected in %.2f s\n", n_subscribers + 1,
               (double)(clock_now_us() - start_us) / 1e6);
}

static void run(void)
{
        struct sfu_counters before, after;
        unsigned n_frames = (unsigned)seconds * 1000 / FRAME_MS;
        int64_t start_us = clock_now_us();
        double cpu_s = media_cpu_s();
        uint64_t received = 0, sent;

        sfu_counters(world.sfu, &before);
        for (unsigned frame = 0; frame < n_frames; frame++) {
                int64_t left_us = start_us + (int64_t)frame * FRAME_MS * 1000 - clock_now_us();

                if (left_us > 0)
                        world_wait(&world, never, NULL, (int)(left_us / 1000));
                send_frame(frame);
                if (frame == 0 && world_wait(&world, got_a_frame, subscribers[0], WAIT_MS))
                        printf("first frame sent to received: %.1f ms\n",
                               (double)(clock_now_us() - start_us) / 1e3);
        }
        world_wait(&world, never, NULL, 500);
        cpu_s = media_cpu_s() - cpu_s;
        sfu_counters(world.sfu, &after);
        sent = after.rtp_out - before.rtp_out;
        for (int i = 0; i < n_subscribers; i++)
                received += subscribers[i]->n_packets;
        printf("server sent %llu packets in %.1f s, %llu dropped, %llu retransmitted\n",
               (unsigned long long)sent, (double)(clock_now_us() - start_us) / 1e6,
               (unsigned long long)(after.send_dropped - before.send_dropped),
               (unsigned long long)(after.rtx_out - before.rtx_out));
        printf("clients received %llu\n", (unsigned long long)received);
        printf("media threads: %.2f s of CPU, %.2f us per packet sent\n", cpu_s,
               sent ? cpu_s * 1e6 / (double)sent : 0);
        printf("resident with clients: %ld kB\n", resident_kb());
}

int main(int argc, char **argv)
{
        long before_kb = resident_kb();

        if (argc > 1)
                n_subscribers = atoi(argv[1]);
        if (argc > 2)
                seconds = atoi(argv[2]);
        subscribers = calloc((size_t)n_subscribers, sizeof(struct client *));
        world_init(&world, 2, 0);
        world_wait(&world, never, NULL, 1000);
        printf("idle media plane: %ld kB resident, %ld kB before it started\n", resident_kb(),
               before_kb);
        publisher = client_new(&(struct client_params){ .mic = true, .camera = true });
        join();
        run();
        world_done(&world);
        for (int i = 0; i < n_subscribers; i++)
                client_free(subscribers[i]);
        client_free(publisher);
        free(subscribers);
        return 0;
}
