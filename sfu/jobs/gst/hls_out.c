/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/hls_out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "sfu/jobs/core/hls_playlist.h"

enum { SEGMENT_S = 2, N_RENDITIONS = 3, NAME_MAX_LEN = 32 };

/* 2025-01-01: times in segments count from here, so that they stay small numbers. */
static const int64_t epoch_us = 1735689600 * INT64_C(1000000);

static const struct {
        const char *folder;
        enum encoded picture, sound;
        uint32_t peak_bps;
        uint16_t width, height;
} kinds[N_RENDITIONS] = {
        { "720", ENCODED_720, ENCODED_SOUND, 2000000, 1280, 720 },
        { "360", ENCODED_360, ENCODED_SOUND, 700000, 640, 360 },
        { "audio", N_ENCODED, ENCODED_VOICE, 64000, 0, 0 },
};

struct rendition {
        int fd; /* its folder */
        struct fmp4 *mp4;
        struct hls_playlist list;
        int64_t segment_us; /* where the segment at hand begins, on the program's timeline */
        int64_t last_us;    /* the newest picture or sound */
        char codecs[48];
};

struct hls_out {
        int fd; /* the folder */
        int64_t start_us, wall_us;
        struct rendition renditions[N_RENDITIONS];
        int64_t begin_us;
        bool playable;
};

static int open_folder(int at, const char *name, int *ret_fd)
{
        if (mkdirat(at, name, 0750) < 0 && errno != EEXIST)
                return -errno;
        *ret_fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return *ret_fd < 0 ? -errno : 0;
}

/* Of an earlier run: segments before `first`, and other init files. */
static void remove_old(int folder, uint64_t first)
{
        cleanup(closep) int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cleanup(closedirp) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        const struct dirent *entry;

        if (!dir)
                return;
        (void)take_fd(&fd);
        while ((entry = readdir(dir))) {
                const char *name = entry->d_name;
                size_t skip = strncmp(name, "init-", 5) == 0 ? 5 : 0;
                char *end;
                uint64_t number = strtoull(name + skip, &end, 10);

                if (end != name + skip && end[0] == '.' && number < first)
                        unlinkat(folder, name, 0);
        }
}

int hls_out_new(struct hls_out **ret_out, const struct hls_out_params *params)
{
        cleanup(hls_out_freep) struct hls_out *out = calloc(1, sizeof(*out));
        int r;

        if (!out)
                return -ENOMEM;
        out->fd = -1;
        for (size_t i = 0; i < N_RENDITIONS; i++)
                out->renditions[i].fd = -1;
        out->start_us = params->start_us;
        out->wall_us = params->wall_us > epoch_us ? params->wall_us : epoch_us;
        r = g_mkdir_with_parents(params->dir, 0750) < 0 ? -errno : 0;
        if (r == 0)
                r = open_folder(AT_FDCWD, params->dir, &out->fd);
        for (size_t i = 0; r == 0 && i < N_RENDITIONS; i++) {
                struct rendition *rendition = &out->renditions[i];

                r = open_folder(out->fd, kinds[i].folder, &rendition->fd);
                hls_playlist_init(&rendition->list, SEGMENT_S,
                                  (uint64_t)(out->wall_us + out->start_us) / 1000000U);
        }
        if (r < 0)
                return r;
        *ret_out = take_ptr(out);
        return 0;
}

struct hls_out *hls_out_free(struct hls_out *out)
{
        if (!out)
                return NULL;
        for (size_t i = 0; i < N_RENDITIONS; i++) {
                closep(&out->renditions[i].fd);
                fmp4_free(out->renditions[i].mp4);
        }
        closep(&out->fd);
        free(out);
        return NULL;
}

/* ---- files ---- */

static int write_file(int folder, const char *name, struct span bytes)
{
        char new_name[NAME_MAX_LEN + 8];
        cleanup(closep) int fd = -1;

        snprintf(new_name, sizeof(new_name), "%s.new", name);
        fd = openat(folder, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
        if (fd < 0)
                return -errno;
        while (bytes.len) {
                ssize_t n = write(fd, bytes.data, bytes.len);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        bytes.data += n;
                        bytes.len -= (size_t)n;
                }
        }
        return renameat(folder, new_name, folder, name) < 0 ? -errno : 0;
}

static int write_text(int folder, const char *text, size_t len)
{
        return write_file(folder, "index.m3u8", (struct span){ (const uint8_t *)text, len });
}

static int write_master(struct hls_out *out)
{
        struct hls_rendition renditions[N_RENDITIONS];
        char text[HLS_TEXT_MAX];

        for (size_t i = 0; i < N_RENDITIONS; i++) {
                if (out->renditions[i].list.next == out->renditions[i].list.first)
                        return 0; /* not yet */
                renditions[i] = (struct hls_rendition){
                        .folder = kinds[i].folder,
                        .peak_bps = kinds[i].peak_bps,
                        .width = kinds[i].width,
                        .height = kinds[i].height,
                        .codecs = out->renditions[i].codecs,
                };
        }
        out->playable = true;
        return write_text(out->fd, text, hls_master_write(renditions, N_RENDITIONS, text));
}

/* ---- segments ---- */

/* On the timeline that all segments share. */
static int64_t shared_us(const struct hls_out *out, int64_t time_us)
{
        return out->wall_us - epoch_us + time_us;
}

static int begin(struct hls_out *out, size_t i, const struct encoder *encoder, int64_t time_us)
{
        struct rendition *rendition = &out->renditions[i];
        struct fmp4_config config;
        char name[HLS_INIT_NAME];
        int r = encoder_describe(encoder, kinds[i].picture, kinds[i].sound, &config);

        if (r == 0)
                r = fmp4_new(&rendition->mp4, &config);
        if (r < 0)
                return r == -EAGAIN ? 0 : r; /* at the next key frame */
        rendition->segment_us = out->begin_us = time_us;
        if (config.width)
                snprintf(rendition->codecs, sizeof(rendition->codecs),
                         "avc1.%02x%02x%02x,mp4a.40.2", config.avcc.data[1], config.avcc.data[2],
                         config.avcc.data[3]);
        else
                snprintf(rendition->codecs, sizeof(rendition->codecs), "mp4a.40.2");
        hls_playlist_init_name(&rendition->list, name);
        return write_file(rendition->fd, name, fmp4_head(rendition->mp4));
}

static int cut(struct hls_out *out, struct rendition *rendition, int64_t end_us, bool last)
{
        char name[NAME_MAX_LEN], text[HLS_TEXT_MAX];
        int64_t gone;
        struct span bytes;
        int r = fmp4_cut(rendition->mp4, shared_us(out, end_us), &bytes);

        if (r < 0)
                return r;
        if (bytes.len) {
                snprintf(name, sizeof(name), "%" PRIu64 ".m4s", rendition->list.next);
                r = write_file(rendition->fd, name, bytes);
                if (r < 0)
                        return r;
                gone = hls_playlist_add(&rendition->list, out->wall_us + rendition->segment_us,
                                        end_us - rendition->segment_us);
                snprintf(name, sizeof(name), "%" PRIi64 ".m4s", gone);
                if (gone >= 0)
                        unlinkat(rendition->fd, name, 0);
                /* Players have left the earlier run's list by now. */
                if (rendition->list.next == rendition->list.first + HLS_LISTED)
                        remove_old(rendition->fd, rendition->list.first);
        }
        rendition->segment_us = end_us;
        r = write_text(rendition->fd, text, hls_playlist_write(&rendition->list, last, text));
        return r < 0 || out->playable ? r : write_master(out);
}

/* Sound alone is cut where the large picture is. */
static int put_key(struct hls_out *out, size_t i, const struct encoder *encoder, int64_t time_us)
{
        struct rendition *rendition = &out->renditions[i];
        struct rendition *voice = &out->renditions[N_RENDITIONS - 1];
        int r;

        if (!rendition->mp4) {
                r = begin(out, i, encoder, time_us);
                if (r == 0 && i == 0 && rendition->mp4)
                        r = begin(out, N_RENDITIONS - 1, encoder, time_us);
                return r;
        }
        if (time_us < rendition->segment_us + SEGMENT_S * INT64_C(1000000))
                return 0;
        r = cut(out, rendition, time_us, false);
        if (r == 0 && i == 0 && voice->mp4)
                r = cut(out, voice, time_us, false);
        return r;
}

static int put(struct hls_out *out, size_t i, const struct encoder *encoder,
               const struct encoded_unit *unit)
{
        struct rendition *rendition = &out->renditions[i];
        bool picture = unit->stream == kinds[i].picture;
        int r = 0;

        if (!picture && unit->stream != kinds[i].sound)
                return 0;
        if (picture && unit->key)
                r = put_key(out, i, encoder, unit->time_us);
        if (r < 0 || !rendition->mp4)
                return r;
        /* The sound of a picture before the first one of ours. */
        if (!picture && !rendition->last_us && unit->time_us < rendition->segment_us)
                return 0;
        rendition->last_us = unit->time_us;
        return fmp4_put(rendition->mp4, picture ? FMP4_PICTURE : FMP4_SOUND,
                        shared_us(out, unit->time_us), unit->key, unit->bytes);
}

int hls_out_put(struct hls_out *out, const struct encoder *encoder, const struct encoded_unit *unit)
{
        int r = 0;

        if (unit->time_us < out->start_us)
                return 0;
        for (size_t i = 0; r == 0 && i < N_RENDITIONS; i++)
                r = put(out, i, encoder, unit);
        return r;
}

bool hls_out_playable(const struct hls_out *out)
{
        return out->playable;
}

int64_t hls_out_begin_us(const struct hls_out *out)
{
        return out->begin_us;
}

int hls_out_end(struct hls_out *out)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_RENDITIONS; i++) {
                struct rendition *rendition = &out->renditions[i];

                if (rendition->mp4)
                        r = cut(out, rendition, rendition->last_us + 40000, true);
        }
        return r;
}
