/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/jobs/core/fmp4.h"

#include <errno.h>

enum {
        PICTURE_SCALE = 90000,
        /* 8 + 16 mfhd + 2 * (8 + 16 tfhd + 20 tdat + 20 trun) and the head of mdat. */
        MOOF_FIXED = 8 + 16 + 2 * (8 + 20 + 20 + 20) + 8,
        MOOF_PER_SAMPLE = 12,
        HEAD_FIXED = 2048,
        /* sample_flags, §8.8.3.1: depends on others and is no sync sample; or depends on none. */
        FLAGS_KEY = 0x02000000,
        FLAGS_OTHER = 0x01010000,
};

struct sample {
        int64_t time_us;
        uint32_t size;
        bool key;
};

struct track {
        bool on;
        uint8_t id;
        struct sample samples[FMP4_MAX_SAMPLES];
        size_t n;
        uint8_t *bytes;
        size_t len, cap;
};

struct fmp4 {
        struct track tracks[FMP4_N_TRACKS];
        uint8_t *head;
        size_t head_len;
        uint8_t *out;
        size_t out_cap;
        uint32_t sequence;
};

/* A box (§4.2): its size is known when it is closed. */
static uint8_t *box_open(struct wr *w, const char *type)
{
        uint8_t *at = w->pos;

        wr_u32(w, 0);
        for (size_t i = 0; i < 4; i++)
                wr_u8(w, (uint8_t)type[i]);
        return at;
}

static uint8_t *full_box_open(struct wr *w, const char *type, uint8_t version, uint32_t flags)
{
        uint8_t *at = box_open(w, type);

        wr_u8(w, version);
        wr_u24(w, flags);
        return at;
}

static void put_u32_at(const struct wr *w, uint8_t *at, uint32_t value)
{
        struct wr patch = wr_init(at, 4);

        if (!w->bad)
                wr_u32(&patch, value);
}

static void box_close(struct wr *w, uint8_t *at)
{
        put_u32_at(w, at, (uint32_t)(w->pos - at));
}

static void wr_u64(struct wr *w, uint64_t value)
{
        wr_u32(w, (uint32_t)(value >> 32));
        wr_u32(w, (uint32_t)value);
}

static void wr_zeros(struct wr *w, size_t n)
{
        for (size_t i = 0; i < n; i++)
                wr_u8(w, 0);
}

static void wr_span(struct wr *w, struct span bytes)
{
        uint8_t *at = wr_take(w, bytes.len);

        if (at && bytes.len)
                memcpy(at, bytes.data, bytes.len);
}

static void wr_text(struct wr *w, const char *text, size_t len)
{
        wr_span(w, (struct span){ (const uint8_t *)text, len });
}

/* The unity transformation, §6.2.2. */
static void wr_matrix(struct wr *w)
{
        static const uint32_t unity[] = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };

        for (size_t i = 0; i < ARRAY_LEN(unity); i++)
                wr_u32(w, unity[i]);
}

static void write_ftyp(struct wr *w)
{
        uint8_t *at = box_open(w, "ftyp");

        wr_text(w, "iso5", 4);
        wr_u32(w, 512);
        wr_text(w, "iso5iso6mp41", 12);
        box_close(w, at);
}

static void write_mvhd(struct wr *w)
{
        uint8_t *at = full_box_open(w, "mvhd", 0, 0);

        wr_zeros(w, 8); /* created, changed */
        wr_u32(w, 1000);
        wr_u32(w, 0); /* the fragments say how long it is */
        wr_u32(w, 0x10000);
        wr_u16(w, 0x100);
        wr_zeros(w, 10);
        wr_matrix(w);
        wr_zeros(w, 24);
        wr_u32(w, FMP4_N_TRACKS + 1); /* the next track's id */
        box_close(w, at);
}

static void write_tkhd(struct wr *w, const struct fmp4_config *config, enum fmp4_track track)
{
        uint8_t *at = full_box_open(w, "tkhd", 0, 3); /* enabled, in the presentation */
        bool picture = track == FMP4_PICTURE;

        wr_zeros(w, 8);
        wr_u32(w, (uint32_t)track + 1);
        wr_zeros(w, 8 + 8);
        wr_zeros(w, 4); /* layer, alternate group */
        wr_u16(w, picture ? 0 : 0x100);
        wr_u16(w, 0);
        wr_matrix(w);
        wr_u32(w, picture ? (uint32_t)config->width << 16 : 0);
        wr_u32(w, picture ? (uint32_t)config->height << 16 : 0);
        box_close(w, at);
}

static void write_avc1(struct wr *w, const struct fmp4_config *config)
{
        uint8_t *at = box_open(w, "avc1");
        uint8_t *avcc;

        wr_zeros(w, 6);
        wr_u16(w, 1); /* data reference */
        wr_zeros(w, 16);
        wr_u16(w, config->width);
        wr_u16(w, config->height);
        wr_u32(w, 0x480000); /* 72 dpi */
        wr_u32(w, 0x480000);
        wr_u32(w, 0);
        wr_u16(w, 1); /* one picture a sample */
        wr_zeros(w, 32);
        wr_u16(w, 0x18);
        wr_u16(w, 0xffff);
        avcc = box_open(w, "avcC");
        wr_span(w, config->avcc);
        box_close(w, avcc);
        box_close(w, at);
}

/* Descriptors of ISO/IEC 14496-1 §7.2.6; none is longer than 127 bytes. */
static void write_esds(struct wr *w, const struct fmp4_config *config)
{
        uint8_t *at = full_box_open(w, "esds", 0, 0);
        uint8_t asc_len = (uint8_t)config->asc.len;

        wr_u8(w, 3); /* ES_Descriptor */
        wr_u8(w, (uint8_t)(3 + 2 + 13 + 2 + asc_len + 3));
        wr_u16(w, 2);
        wr_u8(w, 0);
        wr_u8(w, 4); /* DecoderConfigDescriptor */
        wr_u8(w, (uint8_t)(13 + 2 + asc_len));
        wr_u8(w, 0x40); /* MPEG-4 audio */
        wr_u8(w, 0x15); /* an audio stream */
        wr_zeros(w, 3 + 4 + 4);
        wr_u8(w, 5); /* DecoderSpecificInfo */
        wr_u8(w, asc_len);
        wr_span(w, config->asc);
        wr_u8(w, 6); /* SLConfigDescriptor */
        wr_u8(w, 1);
        wr_u8(w, 2);
        box_close(w, at);
}

static void write_mp4a(struct wr *w, const struct fmp4_config *config)
{
        uint8_t *at = box_open(w, "mp4a");

        wr_zeros(w, 6);
        wr_u16(w, 1);
        wr_zeros(w, 8);
        wr_u16(w, config->channels);
        wr_u16(w, 16);
        wr_u32(w, 0);
        wr_u32(w, (uint32_t)FMP4_SOUND_RATE << 16);
        write_esds(w, config);
        box_close(w, at);
}

/* The sample tables are there and empty: the samples are in the fragments. */
static void write_stbl(struct wr *w, const struct fmp4_config *config, enum fmp4_track track)
{
        static const char *const empty[] = { "stts", "stsc", "stco" };
        uint8_t *at = box_open(w, "stbl");
        uint8_t *box = full_box_open(w, "stsd", 0, 0);

        wr_u32(w, 1);
        if (track == FMP4_PICTURE)
                write_avc1(w, config);
        else
                write_mp4a(w, config);
        box_close(w, box);
        for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
                box = full_box_open(w, empty[i], 0, 0);
                wr_u32(w, 0);
                box_close(w, box);
        }
        box = full_box_open(w, "stsz", 0, 0);
        wr_zeros(w, 8);
        box_close(w, box);
        box_close(w, at);
}

static void write_minf(struct wr *w, const struct fmp4_config *config, enum fmp4_track track)
{
        uint8_t *at = box_open(w, "minf");
        bool picture = track == FMP4_PICTURE;
        uint8_t *box = full_box_open(w, picture ? "vmhd" : "smhd", 0, picture ? 1 : 0);
        uint8_t *dref;

        wr_zeros(w, picture ? 8 : 4);
        box_close(w, box);
        box = box_open(w, "dinf");
        dref = full_box_open(w, "dref", 0, 0);
        wr_u32(w, 1);
        box_close(w, full_box_open(w, "url ", 0, 1)); /* in this file */
        box_close(w, dref);
        box_close(w, box);
        write_stbl(w, config, track);
        box_close(w, at);
}

static void write_trak(struct wr *w, const struct fmp4_config *config, enum fmp4_track track)
{
        uint8_t *at = box_open(w, "trak");
        bool picture = track == FMP4_PICTURE;
        uint8_t *mdia, *box;

        write_tkhd(w, config, track);
        mdia = box_open(w, "mdia");
        box = full_box_open(w, "mdhd", 0, 0);
        wr_zeros(w, 8);
        wr_u32(w, picture ? PICTURE_SCALE : FMP4_SOUND_RATE);
        wr_u32(w, 0);
        wr_u16(w, 0x55c4); /* language: undetermined */
        wr_u16(w, 0);
        box_close(w, box);
        box = full_box_open(w, "hdlr", 0, 0);
        wr_u32(w, 0);
        wr_text(w, picture ? "vide" : "soun", 4);
        wr_zeros(w, 12);
        wr_u8(w, 0);
        box_close(w, box);
        write_minf(w, config, track);
        box_close(w, mdia);
        box_close(w, at);
}

static void write_mvex(struct wr *w, const struct fmp4 *mp4)
{
        uint8_t *at = box_open(w, "mvex");

        for (size_t i = 0; i < FMP4_N_TRACKS; i++) {
                uint8_t *box;

                if (!mp4->tracks[i].on)
                        continue;
                box = full_box_open(w, "trex", 0, 0);
                wr_u32(w, mp4->tracks[i].id);
                wr_u32(w, 1); /* the sample description */
                wr_u32(w, i == FMP4_SOUND ? FMP4_SOUND_UNIT : 0);
                wr_u32(w, 0);
                wr_u32(w, i == FMP4_SOUND ? FLAGS_KEY : FLAGS_OTHER);
                box_close(w, box);
        }
        box_close(w, at);
}

static int make_head(struct fmp4 *mp4, const struct fmp4_config *config)
{
        size_t cap = HEAD_FIXED + config->avcc.len + config->asc.len;
        struct wr w;
        uint8_t *moov;

        mp4->head = malloc(cap);
        if (!mp4->head)
                return -ENOMEM;
        w = wr_init(mp4->head, cap);
        write_ftyp(&w);
        moov = box_open(&w, "moov");
        write_mvhd(&w);
        for (size_t i = 0; i < FMP4_N_TRACKS; i++) {
                if (mp4->tracks[i].on)
                        write_trak(&w, config, (enum fmp4_track)i);
        }
        write_mvex(&w, mp4);
        box_close(&w, moov);
        if (w.bad)
                return -EINVAL;
        mp4->head_len = wr_len(&w);
        return 0;
}

int fmp4_new(struct fmp4 **ret_mp4, const struct fmp4_config *config)
{
        cleanup(fmp4_freep) struct fmp4 *mp4 = NULL;
        int r;

        if (config->avcc.len > FMP4_MAX_CONFIG || config->asc.len > 64)
                return -EINVAL;
        if (!config->width && !config->channels)
                return -EINVAL;
        mp4 = calloc(1, sizeof(*mp4));
        if (!mp4)
                return -ENOMEM;
        mp4->tracks[FMP4_PICTURE].on = config->width != 0;
        mp4->tracks[FMP4_SOUND].on = config->channels != 0;
        for (size_t i = 0; i < FMP4_N_TRACKS; i++)
                mp4->tracks[i].id = (uint8_t)(i + 1);
        r = make_head(mp4, config);
        if (r < 0)
                return r;
        *ret_mp4 = take_ptr(mp4);
        return 0;
}

struct fmp4 *fmp4_free(struct fmp4 *mp4)
{
        if (!mp4)
                return NULL;
        for (size_t i = 0; i < FMP4_N_TRACKS; i++)
                free(mp4->tracks[i].bytes);
        free(mp4->head);
        free(mp4->out);
        free(mp4);
        return NULL;
}

struct span fmp4_head(const struct fmp4 *mp4)
{
        return (struct span){ mp4->head, mp4->head_len };
}

static int reserve(uint8_t **bytes, size_t *cap, size_t need)
{
        size_t more = *cap ? *cap : 64 * 1024;
        uint8_t *grown;

        if (need <= *cap)
                return 0;
        while (more < need)
                more *= 2;
        grown = realloc(*bytes, more);
        if (!grown)
                return -ENOMEM;
        *bytes = grown;
        *cap = more;
        return 0;
}

int fmp4_put(struct fmp4 *mp4, enum fmp4_track which, int64_t time_us, bool key, struct span data)
{
        struct track *track = &mp4->tracks[which];
        int r;

        if (!track->on || time_us < 0)
                return -EINVAL;
        if (track->n && time_us < track->samples[track->n - 1].time_us)
                return -EINVAL;
        if (track->n == FMP4_MAX_SAMPLES || data.len > FMP4_MAX_BYTES - track->len)
                return -ENOSPC;
        r = reserve(&track->bytes, &track->cap, track->len + data.len);
        if (r < 0)
                return r;
        if (data.len)
                memcpy(track->bytes + track->len, data.data, data.len);
        track->len += data.len;
        track->samples[track->n++] = (struct sample){ .time_us = time_us,
                                                      .size = (uint32_t)data.len,
                                                      .key = key };
        return 0;
}

static int64_t scaled(int64_t time_us, int64_t scale)
{
        /* In two parts: times may be those of the wall clock. */
        return time_us / 1000000 * scale + (time_us % 1000000 * scale + 500000) / 1000000;
}

/* Where the duration of a sample ends: at the next one, or at the end of the fragment. */
static uint32_t picture_lasts(const struct track *track, size_t i, int64_t end_us)
{
        int64_t next = i + 1 < track->n ? track->samples[i + 1].time_us : end_us;
        int64_t lasts = scaled(next, PICTURE_SCALE) -
                        scaled(track->samples[i].time_us, PICTURE_SCALE);

        return lasts > 0 ? (uint32_t)lasts : 1;
}

/* Returns where the offset of the data is to be written. */
static uint8_t *write_traf(struct wr *w, const struct fmp4 *mp4, enum fmp4_track which, size_t n,
                           int64_t end_us)
{
        const struct track *track = &mp4->tracks[which];
        bool picture = which == FMP4_PICTURE;
        uint8_t *at = box_open(w, "traf");
        uint8_t *box = full_box_open(w, "tfhd", 0, 0x020000); /* offsets from the moof */
        uint8_t *offset;

        wr_u32(w, track->id);
        box_close(w, box);
        box = full_box_open(w, "tfdt", 1, 0);
        wr_u64(w, (uint64_t)scaled(track->samples[0].time_us,
                                   picture ? PICTURE_SCALE : FMP4_SOUND_RATE));
        box_close(w, box);
        /* Data offset; size; for pictures duration and flags too. */
        box = full_box_open(w, "trun", 0, picture ? 0x701 : 0x201);
        wr_u32(w, (uint32_t)n);
        offset = w->pos;
        wr_u32(w, 0);
        for (size_t i = 0; i < n; i++) {
                if (picture)
                        wr_u32(w, picture_lasts(track, i, end_us));
                wr_u32(w, track->samples[i].size);
                if (picture)
                        wr_u32(w, track->samples[i].key ? FLAGS_KEY : FLAGS_OTHER);
        }
        box_close(w, box);
        box_close(w, at);
        return offset;
}

static void drop_first(struct track *track, size_t n, size_t bytes)
{
        track->n -= n;
        track->len -= bytes;
        memmove(track->samples, track->samples + n, track->n * sizeof(track->samples[0]));
        if (track->len)
                memmove(track->bytes, track->bytes + bytes, track->len);
}

/* How many samples of the track go into a fragment that ends at end_us, and their bytes. */
static size_t count_before(const struct fmp4 *mp4, enum fmp4_track which, int64_t end_us,
                           size_t *ret_bytes)
{
        const struct track *track = &mp4->tracks[which];
        size_t n = 0;

        *ret_bytes = 0;
        while (n < track->n && (which == FMP4_PICTURE || track->samples[n].time_us < end_us))
                *ret_bytes += track->samples[n++].size;
        return n;
}

int fmp4_cut(struct fmp4 *mp4, int64_t end_us, struct span *ret_bytes)
{
        size_t n[FMP4_N_TRACKS], bytes[FMP4_N_TRACKS], all = 0, total = 0;
        uint8_t *offsets[FMP4_N_TRACKS] = { NULL };
        uint8_t *moof, *box;
        struct wr w;
        uint32_t at;
        int r;

        for (size_t i = 0; i < FMP4_N_TRACKS; i++) {
                n[i] = count_before(mp4, (enum fmp4_track)i, end_us, &bytes[i]);
                all += n[i];
                total += bytes[i];
        }
        *ret_bytes = (struct span){ 0 };
        if (!all)
                return 0;
        r = reserve(&mp4->out, &mp4->out_cap, MOOF_FIXED + MOOF_PER_SAMPLE * all + total);
        if (r < 0)
                return r;
        w = wr_init(mp4->out, mp4->out_cap);
        moof = box_open(&w, "moof");
        box = full_box_open(&w, "mfhd", 0, 0);
        wr_u32(&w, ++mp4->sequence);
        box_close(&w, box);
        for (size_t i = 0; i < FMP4_N_TRACKS; i++) {
                if (n[i])
                        offsets[i] = write_traf(&w, mp4, (enum fmp4_track)i, n[i], end_us);
        }
        box_close(&w, moof);
        box = box_open(&w, "mdat");
        for (size_t i = 0; i < FMP4_N_TRACKS; i++) {
                struct track *track = &mp4->tracks[i];

                if (!n[i])
                        continue;
                at = (uint32_t)(w.pos - moof);
                wr_span(&w, (struct span){ track->bytes, bytes[i] });
                put_u32_at(&w, offsets[i], at);
                drop_first(track, n[i], bytes[i]);
        }
        box_close(&w, box);
        *ret_bytes = (struct span){ mp4->out, wr_len(&w) };
        return 0;
}
