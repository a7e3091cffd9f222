/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sfu/io/tap.h"

enum { MIC, CAMERA };

struct end {
        struct tap *tap;
        int fd; /* the job's */
};

static void open_end(struct end *end)
{
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(tap_new(&end->tap, fds[0]), 0);
        end->fd = fds[1];
        assert_int_equal(fcntl(end->fd, F_SETFL, O_NONBLOCK), 0);
}

static void close_end(struct end *end)
{
        tap_free(end->tap);
        close(end->fd);
}

/* Its bytes are told by its number. */
static size_t fill(uint8_t *bytes, uint32_t ext)
{
        size_t len = 12 + ext * 7919 % (JOB_RECORD_MAX_BYTES - 11);

        for (size_t i = 0; i < len; i++)
                bytes[i] = (uint8_t)(ext * 31 + i);
        return len;
}

static bool put(struct end *end, enum job_record_type type, uint8_t kind, uint32_t ext)
{
        uint8_t bytes[JOB_RECORD_MAX_BYTES];
        struct job_record record = { .type = (uint8_t)type, .kind = kind, .ext = ext };

        if (type == JOB_RTP)
                record.bytes = (struct span){ bytes, fill(bytes, ext) };
        return tap_put(end->tap, &record);
}

/* Returns what recv() did: 0 is the end, -1 nothing. */
static ssize_t get(struct end *end, struct job_record *ret_record)
{
        uint8_t data[JOB_RECORD_MAX + 1], bytes[JOB_RECORD_MAX_BYTES];
        ssize_t len = recv(end->fd, data, sizeof(data), 0);

        if (len <= 0)
                return len;
        assert_int_equal(job_record_parse(ret_record, data, (size_t)len), 0);
        if (ret_record->type != JOB_RTP)
                return len;
        assert_int_equal(ret_record->bytes.len, fill(bytes, ret_record->ext));
        assert_memory_equal(ret_record->bytes.data, bytes, ret_record->bytes.len);
        return len;
}

static enum tap_flush flush_all(struct end *end)
{
        enum tap_flush r;

        while ((r = tap_flush(end->tap)) == TAP_MORE)
                ;
        return r;
}

/* The job reads up to n records; returns how many, each the one after the last. */
static unsigned read_some(struct end *end, unsigned n, uint32_t *next_ext)
{
        struct job_record record;
        unsigned got = 0;

        while (got < n && get(end, &record) > 0) {
                assert_int_equal(record.ext, *next_ext);
                ++*next_ext;
                got++;
        }
        return got;
}

static void records_pass_whole_and_in_their_order(void **state)
{
        struct end end;
        uint32_t ext = 0, next_ext = 0;

        (void)state;
        open_end(&end);
        assert_int_equal(tap_flush(end.tap), TAP_DRAINED);
        /* A reader slower than the writer, then faster: the ring goes round several times. */
        for (int round = 0; round < 3000; round++) {
                for (int i = 0; i < 8; i++)
                        ext += put(&end, JOB_RTP, CAMERA, ext);
                (void)tap_flush(end.tap);
                (void)read_some(&end, round % 1000 < 500 ? 2 : 20, &next_ext);
                (void)tap_take_relief(end.tap);
        }
        assert_true(ext > 3 * TAP_RING_BYTES / 1000);
        while (next_ext < ext) {
                (void)flush_all(&end);
                assert_true(read_some(&end, 100, &next_ext) > 0);
        }
        assert_int_equal(tap_flush(end.tap), TAP_DRAINED);
        close_end(&end);
}

static void one_turn_writes_so_many(void **state)
{
        struct end end;
        uint32_t next_ext = 0;

        (void)state;
        open_end(&end);
        for (uint32_t i = 0; i < TAP_TURN_RECORDS + 1; i++)
                assert_true(put(&end, JOB_END, CAMERA, i));
        assert_int_equal(tap_flush(end.tap), TAP_MORE);
        assert_int_equal(read_some(&end, UINT32_MAX, &next_ext), TAP_TURN_RECORDS);
        assert_int_equal(tap_flush(end.tap), TAP_DRAINED);
        assert_int_equal(read_some(&end, UINT32_MAX, &next_ext), 1);
        close_end(&end);
}

/* Until the socket takes no more and no picture is taken. */
static uint32_t fill_with_pictures(struct end *end)
{
        uint32_t ext = 0;

        do {
                while (put(end, JOB_RTP, CAMERA, ext))
                        ext++;
        } while (flush_all(end) == TAP_DRAINED && tap_take_relief(end->tap));
        assert_int_equal(tap_flush(end->tap), TAP_BLOCKED);
        while (tap_take_relief(end->tap)) {
                while (put(end, JOB_RTP, CAMERA, ext))
                        ext++;
                (void)flush_all(end);
        }
        return ext;
}

static void pictures_are_refused_first(void **state)
{
        struct end end;
        uint32_t ext, next_ext = 0;

        (void)state;
        open_end(&end);
        ext = fill_with_pictures(&end);
        assert_false(put(&end, JOB_GAP, CAMERA, ext));
        for (int i = 0; i < 200; i++)
                assert_true(put(&end, JOB_RTP, MIC, ext++));
        assert_true(put(&end, JOB_GAP, MIC, ext++));
        assert_false(tap_take_relief(end.tap));
        /* Pictures are taken again when most has been read, not before. */
        while (!tap_take_relief(end.tap)) {
                assert_false(put(&end, JOB_RTP, CAMERA, ext));
                assert_true(read_some(&end, 10, &next_ext) > 0);
                (void)flush_all(&end);
        }
        assert_false(tap_take_relief(end.tap));
        assert_true(put(&end, JOB_GAP, CAMERA, ext++));
        assert_true(put(&end, JOB_RTP, CAMERA, ext++));
        while (next_ext < ext) {
                (void)flush_all(&end);
                assert_true(read_some(&end, 100, &next_ext) > 0);
        }
        close_end(&end);
}

static void sound_is_refused_when_nothing_else_is_left(void **state)
{
        struct end end;
        uint32_t ext, n_sound = 0, n_control = 0;

        (void)state;
        open_end(&end);
        ext = fill_with_pictures(&end);
        while (put(&end, JOB_RTP, MIC, ext + n_sound))
                n_sound++;
        assert_true(n_sound > 500);
        assert_false(put(&end, JOB_GAP, MIC, 0));
        while (put(&end, n_control % 2 ? JOB_TRACK : JOB_END, MIC, 0))
                n_control++;
        assert_true(n_control >= 1000);
        assert_int_equal(tap_flush(end.tap), TAP_BROKEN); /* a job that stands still */
        close_end(&end);
}

static void small_records_are_bounded_too(void **state)
{
        struct end end;
        uint32_t n = 0;

        (void)state;
        open_end(&end);
        while (put(&end, JOB_TRACK, CAMERA, n))
                n++;
        assert_int_equal(n, TAP_RING_RECORDS);
        close_end(&end);
}

/* Bounded by their number: pictures come again when few wait. */
static void small_pictures_are_refused_until_there_is_room(void **state)
{
        const uint8_t bytes[12] = { 0x80 };
        const struct job_record picture = { .type = JOB_RTP,
                                            .kind = CAMERA,
                                            .bytes = { bytes, sizeof(bytes) } };
        struct end end;

        (void)state;
        open_end(&end);
        do {
                while (tap_put(end.tap, &picture))
                        ;
        } while (tap_flush(end.tap) == TAP_MORE);
        assert_int_equal(tap_flush(end.tap), TAP_BLOCKED);
        while (!tap_take_relief(end.tap)) {
                uint8_t data[JOB_RECORD_MAX];

                assert_false(tap_put(end.tap, &picture));
                for (int i = 0; i < 100; i++)
                        assert_true(recv(end.fd, data, sizeof(data), 0) > 0);
                (void)flush_all(&end);
        }
        assert_true(tap_put(end.tap, &picture));
        close_end(&end);
}

static void job_that_is_gone_breaks_its_tap(void **state)
{
        struct end end;

        (void)state;
        open_end(&end);
        assert_true(put(&end, JOB_RTP, MIC, 1));
        close(end.fd);
        end.fd = -1;
        assert_int_equal(tap_flush(end.tap), TAP_BROKEN);
        assert_false(put(&end, JOB_RTP, MIC, 2));
        assert_int_equal(tap_flush(end.tap), TAP_BROKEN);
        tap_free(end.tap);
}

static void record_that_is_too_long_is_refused(void **state)
{
        static const uint8_t bytes[JOB_RECORD_MAX_BYTES + 1];
        const struct job_record record = { .type = JOB_RTP, .bytes = { bytes, sizeof(bytes) } };
        struct end end;

        (void)state;
        open_end(&end);
        assert_false(tap_put(end.tap, &record));
        assert_int_equal(tap_flush(end.tap), TAP_DRAINED);
        close_end(&end);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(records_pass_whole_and_in_their_order),
                cmocka_unit_test(one_turn_writes_so_many),
                cmocka_unit_test(pictures_are_refused_first),
                cmocka_unit_test(sound_is_refused_when_nothing_else_is_left),
                cmocka_unit_test(small_records_are_bounded_too),
                cmocka_unit_test(small_pictures_are_refused_until_there_is_room),
                cmocka_unit_test(job_that_is_gone_breaks_its_tap),
                cmocka_unit_test(record_that_is_too_long_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
