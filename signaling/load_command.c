/* SPDX-License-Identifier: Apache-2.0 */
/* load_command — the words after `dinh load`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/hls.h"
#include "load/load.h"
#include "signaling/commands.h"
#include "signaling/options.h"

enum {
        MAX_PUBLISHERS = 1000,
        MAX_SUBSCRIBERS = 20000,
        MAX_KBPS = 50000,
        MAX_SECONDS = 24 * 3600,
        MAX_HEIGHT = 4320,
        ERROR_TEXT = 256,
        PACING_PERCENT = 250, /* libwebrtc's pacer */
        MOST_PICTURES = 9,
};

/* What a desktop's encoder gives its three layers of 180, 360 and 720 lines. */
static const unsigned simulcast_kbps[LOAD_LAYERS] = { 150, 600, 1800 };

struct words {
        const char *url, *meeting, *token, *gro;
        bool insecure, simulcast, no_audio, no_video, no_feedback, json;
        long publishers, subscribers, watch, pictures, height;
        long kbps, fps, keyframe_seconds, keyframe_ratio, pacing;
        long duration, join_seconds, settle_seconds, ramp, pid;
};

static struct load_params params_of(const struct words *w)
{
        struct load_params p = {
                .url = w->url,
                .meeting = w->meeting,
                .token = w->token,
                .insecure = w->insecure,
                .publishers = (unsigned)w->publishers,
                .subscribers = (unsigned)w->subscribers,
                .height = (unsigned)w->height,
                .sound = !w->no_audio,
                .video = !w->no_video,
                .n_layers = w->simulcast ? LOAD_LAYERS : 1,
                .video_kbps = { (unsigned)w->kbps },
                .fps = (unsigned)w->fps,
                .keyframe_seconds = (unsigned)w->keyframe_seconds,
                .keyframe_ratio = (unsigned)w->keyframe_ratio,
                .pacing = (double)w->pacing / 100,
                .join_seconds = (unsigned)w->join_seconds,
                .settle_seconds = (unsigned)w->settle_seconds,
                .duration_seconds = (unsigned)w->duration,
                .ramp = (unsigned)w->ramp,
                .trains = strcmp(w->gro, "on") == 0,
                .congestion_control = !w->no_feedback,
                .json = w->json,
                .server_pid = (int)w->pid,
        };
        long watched = w->watch >= 0 ? w->watch : MOST_PICTURES;
        long pictures;

        if (watched > w->publishers)
                watched = w->publishers;
        pictures = w->pictures >= 0 ? w->pictures : watched;
        p.watched = (unsigned)watched;
        p.pictures = p.video ? (unsigned)pictures : 0;
        if (w->simulcast)
                memcpy(p.video_kbps, simulcast_kbps, sizeof(simulcast_kbps));
        return p;
}

static int command_load_hls(int argc, char **argv)
{
        const char *url = NULL, *rendition = "";
        long viewers = 100, duration = 20, join_seconds = 4, settle_seconds = 6, pid = 0;
        bool insecure = false, json = false;
        const struct option_spec specs[] = {
                { "url", OPTION_TEXT, &url, 0, 0, false },
                { "viewers", OPTION_NUMBER, &viewers, 1, MAX_SUBSCRIBERS, false },
                { "rendition", OPTION_TEXT, &rendition, 0, 0, false },
                { "duration", OPTION_NUMBER, &duration, 1, MAX_SECONDS, false },
                { "join-seconds", OPTION_NUMBER, &join_seconds, 0, MAX_SECONDS, false },
                { "settle-seconds", OPTION_NUMBER, &settle_seconds, 0, MAX_SECONDS, false },
                { "insecure", OPTION_FLAG, &insecure, 0, 0, false },
                { "json", OPTION_FLAG, &json, 0, 0, false },
                { "server-pid", OPTION_NUMBER, &pid, 1, 1 << 22, false },
        };
        char error[OPTION_ERROR], why[ERROR_TEXT] = "";
        struct hls_params params;

        if (options_parse(specs, ARRAY_LEN(specs), argc, argv, error) < 0)
                return command_fail(EXIT_USAGE, "%s", error);
        if (!url)
                return command_fail(EXIT_USAGE, "load hls: --url is needed");
        params = (struct hls_params){ .url = url,
                                      .rendition = rendition,
                                      .viewers = (unsigned)viewers,
                                      .join_seconds = (unsigned)join_seconds,
                                      .settle_seconds = (unsigned)settle_seconds,
                                      .duration_seconds = (unsigned)duration,
                                      .insecure = insecure,
                                      .json = json,
                                      .server_pid = (int)pid };
        if (hls_run(&params, why, sizeof(why)) < 0)
                return command_fail(EXIT_FAILURE, "load hls: %s", why);
        return EXIT_SUCCESS;
}

int command_load(int argc, char **argv)
{
        struct words w = { .gro = "on",
                           .publishers = 1,
                           .subscribers = 10,
                           .watch = -1,
                           .pictures = -1,
                           .kbps = 1000,
                           .fps = 25,
                           .keyframe_seconds = 3,
                           .keyframe_ratio = 10,
                           .pacing = PACING_PERCENT,
                           .duration = 10,
                           .join_seconds = 5,
                           .settle_seconds = 1 };
        const struct option_spec specs[] = {
                { "url", OPTION_TEXT, &w.url, 0, 0, false },
                { "meeting", OPTION_TEXT, &w.meeting, 0, 0, false },
                { "token", OPTION_TEXT, &w.token, 0, 0, false },
                { "insecure", OPTION_FLAG, &w.insecure, 0, 0, false },
                { "publishers", OPTION_NUMBER, &w.publishers, 0, MAX_PUBLISHERS, false },
                { "subscribers", OPTION_NUMBER, &w.subscribers, 0, MAX_SUBSCRIBERS, false },
                { "watch", OPTION_NUMBER, &w.watch, 0, LOAD_MAX_WATCHED, false },
                { "pictures", OPTION_NUMBER, &w.pictures, 0, LOAD_MAX_WATCHED, false },
                { "height", OPTION_NUMBER, &w.height, 0, MAX_HEIGHT, false },
                { "no-audio", OPTION_FLAG, &w.no_audio, 0, 0, false },
                { "no-video", OPTION_FLAG, &w.no_video, 0, 0, false },
                { "simulcast", OPTION_FLAG, &w.simulcast, 0, 0, false },
                { "video-kbps", OPTION_NUMBER, &w.kbps, 10, MAX_KBPS, false },
                { "fps", OPTION_NUMBER, &w.fps, 1, 120, false },
                { "keyframe-seconds", OPTION_NUMBER, &w.keyframe_seconds, 1, 3600, false },
                { "keyframe-ratio", OPTION_NUMBER, &w.keyframe_ratio, 1, 100, false },
                { "pacing-percent", OPTION_NUMBER, &w.pacing, 0, 10000, false },
                { "duration", OPTION_NUMBER, &w.duration, 1, MAX_SECONDS, false },
                { "join-seconds", OPTION_NUMBER, &w.join_seconds, 0, MAX_SECONDS, false },
                { "settle-seconds", OPTION_NUMBER, &w.settle_seconds, 0, MAX_SECONDS, false },
                { "ramp", OPTION_NUMBER, &w.ramp, 0, MAX_SUBSCRIBERS, false },
                { "gro", OPTION_TEXT, &w.gro, 0, 0, false },
                { "no-feedback", OPTION_FLAG, &w.no_feedback, 0, 0, false },
                { "json", OPTION_FLAG, &w.json, 0, 0, false },
                { "server-pid", OPTION_NUMBER, &w.pid, 1, 1 << 22, false },
        };
        char error[OPTION_ERROR], why[ERROR_TEXT] = "";
        struct load_params params;

        if (argc > 0 && strcmp(argv[0], "hls") == 0)
                return command_load_hls(argc - 1, argv + 1);
        if (options_parse(specs, ARRAY_LEN(specs), argc, argv, error) < 0)
                return command_fail(EXIT_USAGE, "%s", error);
        if (!w.url || !w.meeting || !w.token)
                return command_fail(EXIT_USAGE, "load: --url, --meeting and --token are needed");
        if (strcmp(w.gro, "on") != 0 && strcmp(w.gro, "off") != 0)
                return command_fail(EXIT_USAGE, "--gro: on or off");
        params = params_of(&w);
        if (load_run(&params, why, sizeof(why)) < 0)
                return command_fail(EXIT_FAILURE, "load: %s", why);
        return EXIT_SUCCESS;
}
