/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe — JOB_PROBE: can this file be played here? It is, up to the first frame of each
 *         stream, by what would play it.
 */
#include "sfu/jobs/gst/kinds.h"
#include "sfu/jobs/gst/player.h"

static const char *const elements[] = { PLAYER_ELEMENTS, NULL };

/* Long: a busy machine does not make a film unplayable. A file that takes time itself meets the
 * limit of CPU time. */
enum { LOAD_MS = 90000 };

struct probe {
        struct child *child;
        struct player *player;
};

static void on_loaded(void *user)
{
        struct probe *probe = user;
        int width = 0, height = 0;
        const char *video = player_video(probe->player, &width, &height);

        child_say(probe->child,
                  json_pack("{s:s, s:I, s:s?, s:s?, s:i, s:i}", "type", "media", "duration_ms",
                            (json_int_t)player_duration_ms(probe->player), "video", video, "audio",
                            player_audio(probe->player), "width", width, "height", height));
        child_done(probe->child);
}

static void probe_free(void *job)
{
        struct probe *probe = job;

        player_free(probe->player);
        g_free(probe);
}

static int probe_start(struct child *child, const json_t *start, void **ret_job)
{
        struct probe *probe = g_new0(struct probe, 1);
        const struct player_params params = { .path = "/input",
                                              .wants_video = true,
                                              .load_ms = LOAD_MS,
                                              .on_loaded = on_loaded,
                                              .user = probe };

        (void)start;
        probe->child = child;
        *ret_job = probe;
        return player_new(&probe->player, child, &params);
}

const struct job_ops probe_ops = {
        .kind = JOB_PROBE,
        .elements = elements,
        .start = probe_start,
        .free = probe_free,
};
