/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include <errno.h>

#include "sfu/wire/job_record.h"

static int parse(struct job_record *ret_record, const void *bytes, size_t len)
{
        cleanup(wire_freep) uint8_t *data = wire_copy(bytes, len);
        int r = job_record_parse(ret_record, data, len);

        if (r == 0 && ret_record->bytes.len > 0)
                assert_true(ret_record->bytes.data >= data &&
                            ret_record->bytes.data + ret_record->bytes.len <= data + len);
        return r;
}

static const struct job_record rtp = {
        .type = JOB_RTP,
        .kind = 1,
        .codec = JOB_VP8,
        .layer = 2,
        .participant = 4000000017,
        .generation = 3,
        .ext = 65536 + 7,
        .count = 0,
        .starts_keyframe = true,
        .reported = true,
        .arrival_us = 123456789012345,
        .media_us = -5,
};

static void what_is_written_reads_back(void **state)
{
        uint8_t data[JOB_RECORD_HEAD + 12] = { 0 };
        struct job_record again;

        (void)state;
        job_record_write(data, &rtp);
        data[JOB_RECORD_HEAD] = 0x80;
        assert_int_equal(parse(&again, data, sizeof(data)), 0);
        assert_int_equal(again.type, JOB_RTP);
        assert_int_equal(again.kind, 1);
        assert_int_equal(again.codec, JOB_VP8);
        assert_int_equal(again.layer, 2);
        assert_int_equal(again.participant, 4000000017);
        assert_int_equal(again.generation, 3);
        assert_int_equal(again.ext, 65536 + 7);
        assert_int_equal(again.count, 0);
        assert_true(again.starts_keyframe && again.reported);
        assert_true(again.arrival_us == 123456789012345);
        assert_true(again.media_us == -5);
        assert_int_equal(again.bytes.len, 12);

        job_record_write(data, &(struct job_record){ .type = JOB_GAP, .count = 12 });
        assert_int_equal(parse(&again, data, JOB_RECORD_HEAD), 0);
        assert_int_equal(again.type, JOB_GAP);
        assert_int_equal(again.count, 12);
        assert_false(again.starts_keyframe || again.reported);
        assert_int_equal(again.bytes.len, 0);
}

static void values_out_of_range_are_refused(void **state)
{
        static const struct {
                uint8_t offset, value;
        } cases[] = {
                { 0, 0 },  { 0, JOB_RTCP + 1 }, { 1, JOB_N_KINDS }, { 2, JOB_N_CODECS },
                { 2, 99 }, { 3, JOB_N_LAYERS }, { 20, 4 },          { 21, 1 },
                { 23, 1 }, { 40, 1 },           { 47, 0x80 },
        };
        struct job_record record = { .participant = 77 };
        uint8_t data[JOB_RECORD_HEAD + 20];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                memset(data, 0, sizeof(data));
                job_record_write(data, &rtp);
                data[cases[i].offset] = cases[i].value;
                assert_int_equal(parse(&record, data, sizeof(data)), -EBADMSG);
        }
        assert_int_equal(record.participant, 77);
}

static void bytes_belong_to_rtp_and_rtcp_only(void **state)
{
        uint8_t data[JOB_RECORD_MAX + 1] = { 0 };
        struct job_record record;

        (void)state;
        for (uint8_t type = JOB_TRACK; type <= JOB_RTCP; type++) {
                bool has_bytes = type == JOB_RTP || type == JOB_RTCP;

                job_record_write(data, &(struct job_record){ .type = type });
                assert_int_equal(parse(&record, data, JOB_RECORD_HEAD), has_bytes ? -EBADMSG : 0);
                assert_int_equal(parse(&record, data, JOB_RECORD_HEAD + 1),
                                 has_bytes ? 0 : -EBADMSG);
        }
        assert_int_equal(parse(&record, data, JOB_RECORD_MAX), 0);
        assert_int_equal(parse(&record, data, JOB_RECORD_MAX + 1), -EBADMSG);
        for (size_t len = 0; len < JOB_RECORD_HEAD; len++)
                assert_int_equal(parse(&record, data, len), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_reads_back),
                cmocka_unit_test(values_out_of_range_are_refused),
                cmocka_unit_test(bytes_belong_to_rtp_and_rtcp_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
