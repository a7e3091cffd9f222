/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_seeds — writes the corpus of the wire targets with our own writers:
 *              packets as browsers send them, and with some that Chromium sent. Run
 *              by hand in the repository when a format is added:
 *              make_seeds tests/fuzz/corpus
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sfu/wire/job_record.h"
#include "sfu/wire/red.h"
#include "sfu/wire/rtcp.h"
#include "sfu/wire/rtcp_ccfb.h"
#include "sfu/wire/rtcp_tcc.h"
#include "sfu/wire/rtp.h"
#include "tests/captured.h"
#include "tests/dd_make.h"

enum { CAP = 1500 };

static uint8_t data[CAP];

static void save(const char *root, const char *target, const char *name, const void *bytes,
                 size_t len)
{
        char path[4096];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", root, target);
        mkdir(path, 0777);
        snprintf(path, sizeof(path), "%s/%s/%s", root, target, name);
        file = fopen(path, "wb");
        if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
                perror(path);
                exit(1);
        }
}

static void save_wr(const char *root, const char *target, const char *name, const struct wr *w)
{
        if (w->bad)
                abort();
        save(root, target, name, w->start, wr_len(w));
}

static void put(struct wr *w, const char *bytes, size_t len)
{
        uint8_t *at = wr_take(w, len);

        if (at)
                memcpy(at, bytes, len);
}

static void put_attribute(struct wr *w, uint16_t type, const char *value, size_t len)
{
        wr_u16(w, type);
        wr_u16(w, (uint16_t)len);
        put(w, value, len);
        put(w, "\0\0\0", (4 - len % 4) % 4);
}

static void make_stun(const char *root)
{
        static const char username[] = "Zr8kQx2b:uV9q";
        struct wr w = wr_init(data, CAP);

        wr_u32(&w, 0x00010000);
        wr_u32(&w, 0x2112a442);
        put(&w, "transaction!", 12);
        save_wr(root, "stun", "bare_request", &w);

        put_attribute(&w, 0x0006, username, sizeof(username) - 1);
        put_attribute(&w, 0xc057, "\0\1\0\x32", 4);
        put_attribute(&w, 0x802a, "tiebreak", 8);
        put_attribute(&w, 0x0025, "", 0);
        put_attribute(&w, 0x0024, "\x6e\0\x1e\xff", 4);
        put_attribute(&w, 0x0008, "twenty bytes of HMAC", 20);
        put_attribute(&w, 0x8028, "\x01\x02\x03\x04", 4);
        data[3] = (uint8_t)(wr_len(&w) - 20);
        save_wr(root, "stun", "chromium_check", &w);

        w = wr_init(data, CAP);
        wr_u32(&w, 0x01010000);
        wr_u32(&w, 0x2112a442);
        put(&w, "transaction!", 12);
        put_attribute(&w, 0x0020, "\0\1\x1b\x58\x5e\x12\xa4\x43", 8);
        put_attribute(&w, 0x0008, "twenty bytes of HMAC", 20);
        put_attribute(&w, 0x8028, "\x01\x02\x03\x04", 4);
        data[3] = (uint8_t)(wr_len(&w) - 20);
        save_wr(root, "stun", "success", &w);
}

static void make_rtp(const char *root)
{
        static const uint8_t mid[] = "1", rid[] = "h", level[] = { 0x9e };
        static const uint8_t seq[] = { 0x12, 0x34 }, time[] = { 1, 2, 3 };
        const struct rtp_ext_item items[] = {
                { 1, { level, 1 } }, { 2, { time, 3 } }, { 3, { seq, 2 } },
                { 4, { mid, 1 } },   { 10, { rid, 1 } },
        };
        struct rtp_pkt pkt = { .marker = true, .pt = 111, .seq = 65535, .ts = 960, .ssrc = 1234 };
        struct wr w = wr_init(data, CAP);

        rtp_write_header(&w, &pkt, NULL, 0);
        put(&w, "\x78\x0b\xe4", 3);
        save_wr(root, "rtp", "opus", &w);

        w = wr_init(data, CAP);
        rtp_write_header(&w, &pkt, items, ARRAY_LEN(items));
        put(&w, "\x12\x33\x90\x80\x11\x22", 6);
        save_wr(root, "rtp", "rtx_with_extensions", &w);

        w = wr_init(data, CAP);
        rtp_write_header(&w, &pkt, items, 3);
        put(&w, "\0\0\0\4", 4);
        data[0] |= 0x20;
        save_wr(root, "rtp", "padding_only", &w);

        w = wr_init(data, CAP);
        wr_u16(&w, RTP_EXT_ONE_BYTE);
        rtp_ext_write(&w, items, ARRAY_LEN(items));
        memmove(data + 2, data + 6, wr_len(&w) - 6); /* the target wants no length */
        save(root, "rtp_ext", "one_byte", data, wr_len(&w) - 4);
        save(root, "rtp_ext", "two_byte", "\x10\x00\x01\x01\x9e\x00\x04\x02v1\x10\x00\x05\x01q",
             15);
        save(root, "rtp_ext", "stopped", "\xbe\xde\x10\x01\x00\x00\xf1\x01\x02\x20\x03", 11);
}

static struct rtcp_block make_block(uint32_t ssrc)
{
        return (struct rtcp_block){ .ssrc = ssrc,
                                    .fraction_lost = 12,
                                    .cumulative_lost = -3,
                                    .highest_seq = 0x10002,
                                    .jitter = 90,
                                    .lsr = 0x11223344,
                                    .dlsr = 6553 };
}

static void make_rtcp(const char *root)
{
        static const uint16_t seqs[] = { 65530, 65531, 2, 40, 41, 43 };
        static const uint32_t ssrcs[] = { 1, 2 };
        const struct rtcp_remb remb = { 1, 2500000, 2, { 5, 6 } };
        const struct rtcp_fb fb = { 1, 2 };
        struct rtcp_sr sr = { .ssrc = 1, .ntp = 0xe1234567789abcde, .n_blocks = 2 };
        struct rtcp_rr rr = { .ssrc = 1, .n_blocks = 1 };
        struct wr w = wr_init(data, CAP);

        sr.blocks[0] = make_block(5);
        sr.blocks[1] = make_block(6);
        rr.blocks[0] = make_block(7);
        rtcp_write_sr(&w, &sr);
        rtcp_write_sdes_cname(&w, 1, "Yb3kq0");
        rtcp_write_nack(&w, &fb, seqs, ARRAY_LEN(seqs));
        rtcp_write_pli(&w, &fb);
        save_wr(root, "rtcp", "sr_sdes_nack_pli", &w);

        w = wr_init(data, CAP);
        rtcp_write_rr(&w, &rr);
        rtcp_write_remb(&w, &remb);
        put(&w, "\x84\xce\0\4\0\0\0\1\0\0\0\0\0\0\0\7\3\0\0\0", 20); /* FIR */
        rtcp_write_bye(&w, ssrcs, 2);
        save_wr(root, "rtcp", "rr_remb_fir_bye", &w);
}

static void make_tcc(const char *root)
{
        int64_t arrivals_us[60];
        struct wr w = wr_init(data, CAP);
        size_t n;

        for (size_t i = 0; i < ARRAY_LEN(arrivals_us); i++) {
                bool is_lost = i % 7 == 3 || (i > 20 && i < 30);
                int64_t pause_us = i > 40 ? 90000 : 0;

                arrivals_us[i] = is_lost ? RTCP_TCC_LOST : 5000000 + (int64_t)i * 1500 + pause_us;
        }
        n = rtcp_write_tcc(&w, &(struct rtcp_tcc){ { 1, 2 }, 65500, 3 }, arrivals_us,
                           ARRAY_LEN(arrivals_us));
        if (n != ARRAY_LEN(arrivals_us))
                abort();
        save_wr(root, "rtcp", "transport_cc", &w);

        w = wr_init(data, CAP);

        struct rtcp_ccfb_writer ccfb = rtcp_ccfb_begin(&w, 1, 5300000);

        rtcp_ccfb_add(&ccfb, 5, 65500, arrivals_us, ARRAY_LEN(arrivals_us) - 1);
        rtcp_ccfb_add(&ccfb, 6, 7, arrivals_us, 4);
        rtcp_ccfb_end(&ccfb);
        save_wr(root, "rtcp", "ccfb", &w);
}

/* As browsers write it: one-bit and two-bit vectors, a negative delta, a run that is longer
 * than the count, padding of less than four bytes. */
static void make_tcc_like_browsers(const char *root)
{
        static const uint8_t message[] = {
                0x8f, 0xcd, 0,    8,    0, 0,    0,    1, 0,   0, 0, 2, 0xff, 0xfe, 0, 14,
                1,    2,    3,    7,                                                      /* head */
                0xd9, 0x41, 0xb2, 0x80, 4, 0xff, 0x80, 2, 255, 3, 1, 1, 8,    9,    0, 0, /* rest */
                0xaf, 0xcd, 0,    6,    0, 0,    0,    1, 0,   0, 0, 2, 0,    12,   0, 3,
                1,    2,    4,    8,                      /* head */
                0x3f, 0xff, 1,    2,    3, 0,    0,    3, /* rest */
        };

        save(root, "rtcp", "transport_cc_browser", message, sizeof(message));
}

static void make_payloads(const char *root)
{
        save(root, "vp8", "key_frame",
             "\x90\xf0\x92\x34\x56\x20\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01\x00\x07", 18);
        save(root, "vp8", "delta_frame", "\x90\xe0\x12\x56\xa0\x31\x02\x00\x11", 9);
        save(root, "vp8", "bare_key_frame", "\x10\x50\x0d\x00\x9d\x01\x2a\x40\x01\xb4\x00\x02", 12);
        save(root, "vp8", "middle", "\x80\x80\x92\x35\xaa\xbb\xcc", 7);
        save(root, "h264", "stap_a", "\x78\x00\x04\x67\x42\xe0\x1f\x00\x03\x68\xce\x3c", 12);
        save(root, "h264", "fu_a_start", "\x7c\x85\x88\x84\x00", 5);
        save(root, "h264", "fu_a_end", "\x7c\x45\x88\x84\x00", 5);
        save(root, "h264", "slice", "\x41\x9a\x24\x6c", 4);
}

static void make_vp9_av1(const char *root)
{
        save(root, "vp9", "key_picture_s0",
             "\x8a\x92\x34\x58\x01\x40\x00\xb4\x02\x80\x01\x68\x05\x00\x02\x18\x49", 17);
        save(root, "vp9", "key_picture_s1", "\xa9\x92\x34\x03\x07\x11", 6);
        save(root, "vp9", "group", "\x8b\x12\x18\x02\x80\x01\x68\x02\x04\x04\x10\x82\x49", 13);
        save(root, "vp9", "flexible", "\xfc\x92\x34\xb4\x03\x05\x06\x86", 8);
        save(root, "vp9", "middle", "\xe0\x92\x35\x40\x09\x22\x33", 7);
        save(root, "av1", "sequence_header", "\x28\x0a\x0a\x0b\0\0\0\x24\xc4\xff\xdf\x3f\x32\x05",
             14);
        save(root, "av1", "delimiter_first", "\x08\x01\x12\x02\x0a\x01\x03\x32\x05\x06", 10);
        save(root, "av1", "fragment", "\xd0\x11\x22\x33", 4);
}

static void save_red(const char *root, const char *name, const struct red_block *blocks, size_t n)
{
        struct wr w = wr_init(data, CAP);

        red_write(&w, blocks, n);
        save_wr(root, "red", name, &w);
}

/* Good ones by our writer, the wrong ones cut from a good one or byte by byte. */
static void make_red(const char *root)
{
        static const uint8_t frame[RED_MAX_BLOCK_LEN] = { 0x78, 1, 2 };
        static const uint8_t nested[] = { 0xef, 0x1e, 0, 2, 0x6f, 0x78, 3, 0x78, 4 };
        struct red_block blocks[RED_MAX_BLOCKS] = {
                { 111, 1920, { (const uint8_t *)"\x78\x01\x02", 3 } },
                { 111, 960, { (const uint8_t *)"\x78\x03", 2 } },
                { 111, 0, { (const uint8_t *)"\x78\x04", 2 } },
        };

        save_red(root, "two_generations", blocks, 3);
        save(root, "red", "header_cut", data, 6);
        save(root, "red", "primary_header_missing", data, 8);
        save(root, "red", "block_cut", data, 11);
        save(root, "red", "primary_only", "\x6f\x78\x01\x02", 4);

        /* Payload type 63 is RED itself, as browsers number it. */
        blocks[1] = (struct red_block){ 63, 960, { nested, sizeof(nested) } };
        blocks[2] = (struct red_block){ 63, 0, { nested, sizeof(nested) } };
        save_red(root, "nested", blocks, 3);
        blocks[0] = (struct red_block){ 111, RED_MAX_TS_OFFSET, { frame, RED_MAX_BLOCK_LEN } };
        blocks[1] = (struct red_block){ 111, 0, { frame, 1 } };
        blocks[2] = (struct red_block){ 111, 0, { NULL, 0 } };
        save_red(root, "offset_ends_primary_empty", blocks, 3);
        for (size_t i = 0; i < RED_MAX_BLOCKS; i++)
                blocks[i] = (struct red_block){ 111, (uint16_t)(960 * (7 - i)), { frame, i } };
        save_red(root, "most_blocks", blocks, RED_MAX_BLOCKS);
        for (size_t i = 0; i < RED_MAX_BLOCKS; i++)
                memcpy(data + 4 * i, "\xef\x1e\x00", 4);
        memcpy(data + 4 * RED_MAX_BLOCKS, "\x6f\x78", 2);
        save(root, "red", "too_many_blocks", data, 4 * RED_MAX_BLOCKS + 2);
        save(root, "red", "length_past_end", "\xef\x1e\x03\xff\x6f\x78\x01\x02", 8);
}

static void make_job_record(const char *root)
{
        struct job_record record = { .type = JOB_RTP,
                                     .kind = 1,
                                     .codec = JOB_VP8,
                                     .layer = 2,
                                     .participant = 17,
                                     .generation = 1,
                                     .ext = 70000,
                                     .starts_keyframe = true,
                                     .arrival_us = 5000000,
                                     .media_us = 4990000 };

        job_record_write(data, &record);
        memset(data + JOB_RECORD_HEAD, 0x80, 20);
        save(root, "job_record", "rtp", data, JOB_RECORD_HEAD + 20);
        record = (struct job_record){ .type = JOB_GAP, .participant = 17, .count = 9 };
        job_record_write(data, &record);
        save(root, "job_record", "gap", data, JOB_RECORD_HEAD);
        record.type = JOB_TRACK;
        job_record_write(data, &record);
        save(root, "job_record", "track", data, JOB_RECORD_HEAD);
}

/* Each input: descriptors of one stream, a byte of length before each. */
static void make_dd(const char *root)
{
        struct dd_bits b;
        size_t n = 0;

        dd_bits_head(&b, true, false, 0, 65535);
        dd_bits_flags(&b, 16);
        dd_bits_l1t3(&b, 0);
        data[n++] = (uint8_t)dd_bits_len(&b);
        memcpy(data + n, b.data, dd_bits_len(&b));
        n += dd_bits_len(&b);
        dd_bits_head(&b, false, true, 3, 0);
        data[n++] = 3;
        memcpy(data + n, b.data, 3);
        n += 3;
        save(root, "dd", "l1t3", data, n);

        dd_bits_head(&b, true, true, 8, 7);
        dd_bits_flags(&b, 31);
        dd_bits_l3t1_key(&b, 8);
        dd_bits_put(&b, 7, 3);
        dd_bits_dtis(&b, "SRD");
        dd_bits_put(&b, 1 << 6 | 3 << 2, 8); /* one reference, 4 back */
        dd_bits_put(&b, 0, 24);
        data[0] = (uint8_t)dd_bits_len(&b);
        memcpy(data + 1, b.data, dd_bits_len(&b));
        save(root, "dd", "l3t1_key_custom", data, 1 + dd_bits_len(&b));
}

/* The first packets of a stream that Chromium sent. */
static void make_captured(const char *root)
{
        static const struct {
                const char *name, *codec;
        } streams[] = {
                { "vp8_l1t3", "vp8" },     { "vp9_l3t3_key", "vp9" }, { "vp9_l1t3", "vp9" },
                { "av1_l3t3_key", "av1" }, { "av1_l1t3", "av1" },
        };

        for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
                struct captured *captured = captured_load("tests/data/layers", streams[i].name);
                size_t n = 0;

                save(root, streams[i].codec, streams[i].name, captured->packets[0].payload,
                     captured->packets[0].head_len);
                for (size_t k = 0; k < 12 && captured->packets[k].dd_len > 0; k++) {
                        const struct captured_packet *p = &captured->packets[k];

                        data[n++] = (uint8_t)p->dd_len;
                        memcpy(data + n, p->dd, p->dd_len);
                        n += p->dd_len;
                }
                if (n > 0)
                        save(root, "dd", streams[i].name, data, n);
                free(captured);
        }
}

int main(int argc, char **argv)
{
        if (argc != 2) {
                fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
                return 2;
        }
        make_stun(argv[1]);
        make_rtp(argv[1]);
        make_rtcp(argv[1]);
        make_tcc(argv[1]);
        make_tcc_like_browsers(argv[1]);
        make_payloads(argv[1]);
        make_vp9_av1(argv[1]);
        make_red(argv[1]);
        make_job_record(argv[1]);
        make_dd(argv[1]);
        make_captured(argv[1]);
        return 0;
}
