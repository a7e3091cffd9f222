/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/gst/mp4_out.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "sfu/jobs/core/scene.h"

enum { SOUND_US = FMP4_SOUND_UNIT * INT64_C(1000000) / FMP4_SOUND_RATE };

struct mp4_out {
        int fd;
        struct fmp4 *mp4;
        int64_t begin_us, end_us;
        int64_t cut_us;   /* since the beginning: where the fragment at hand begins */
        int64_t until_us; /* where what was put ends */
        bool done;
};

int mp4_out_new(struct mp4_out **ret_out, const char *path)
{
        cleanup(mp4_out_freep) struct mp4_out *out = calloc(1, sizeof(*out));

        if (!out)
                return -ENOMEM;
        out->fd = -1;
        out->begin_us = -1;
        out->end_us = INT64_MAX;
        out->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        if (out->fd < 0)
                return -errno;
        *ret_out = take_ptr(out);
        return 0;
}

struct mp4_out *mp4_out_free(struct mp4_out *out)
{
        if (!out)
                return NULL;
        closep(&out->fd);
        fmp4_free(out->mp4);
        free(out);
        return NULL;
}

static int write_whole(struct mp4_out *out, struct span bytes)
{
        while (bytes.len) {
                ssize_t n = write(out->fd, bytes.data, bytes.len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                bytes.data += n;
                bytes.len -= (size_t)n;
        }
        return 0;
}

static int cut(struct mp4_out *out, int64_t end_us)
{
        struct span bytes;
        int r = fmp4_cut(out->mp4, end_us, &bytes);

        out->cut_us = end_us;
        return r < 0 ? r : write_whole(out, bytes);
}

static int begin(struct mp4_out *out, const struct encoder *encoder, int64_t time_us)
{
        struct fmp4_config config;
        int r = encoder_describe(encoder, ENCODED_720, ENCODED_SOUND, &config);

        if (r == 0)
                r = fmp4_new(&out->mp4, &config);
        if (r < 0)
                return r == -EAGAIN ? 0 : r; /* at the next key frame */
        out->begin_us = time_us;
        return write_whole(out, fmp4_head(out->mp4));
}

/* A fragment begins with a picture; where pictures are left out, with sound. */
static int put(struct mp4_out *out, const struct encoded_unit *unit, bool sound)
{
        int64_t time_us = unit->time_us - out->begin_us;
        int64_t cut_us = out->cut_us + MP4_OUT_US + (sound ? 2 * SCENE_FRAME_US : 0);
        int64_t until_us = time_us + (sound ? SOUND_US : SCENE_FRAME_US);
        int r = time_us >= cut_us ? cut(out, time_us) : 0;

        if (until_us > out->until_us)
                out->until_us = until_us;
        return r < 0 ? r
                     : fmp4_put(out->mp4, sound ? FMP4_SOUND : FMP4_PICTURE, time_us, unit->key,
                                unit->bytes);
}

int mp4_out_put(struct mp4_out *out, const struct encoder *encoder, const struct encoded_unit *unit)
{
        bool sound = unit->stream == ENCODED_SOUND;
        int r = 0;

        if (out->done || (!sound && unit->stream != ENCODED_720))
                return 0;
        if (!out->mp4 && !sound && unit->key)
                r = begin(out, encoder, unit->time_us);
        if (r < 0 || !out->mp4)
                return r;
        if (unit->time_us < out->begin_us)
                return 0;
        if (unit->time_us < out->end_us)
                return put(out, unit, sound);
        out->done = true;
        return cut(out, out->end_us - out->begin_us);
}

void mp4_out_end(struct mp4_out *out, int64_t end_us)
{
        out->end_us = end_us;
        out->done = out->done || !out->mp4;
}

bool mp4_out_done(const struct mp4_out *out)
{
        return out->done;
}

int mp4_out_flush(struct mp4_out *out)
{
        if (out->done || !out->mp4)
                return 0;
        out->done = true;
        return cut(out, out->until_us);
}

int64_t mp4_out_begin_us(const struct mp4_out *out)
{
        return out->begin_us;
}

int64_t mp4_out_until_us(const struct mp4_out *out)
{
        return out->begin_us + out->cut_us;
}
