/* SPDX-License-Identifier: Apache-2.0 */
/* What a job writes to its stdout. */
#include "sfu/jobs/lines.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_LINE = 200 };

static void count(void *user, const json_t *line)
{
        FUZZ_CHECK(json_is_string(json_object_get(line, "type")));
        (*(size_t *)user)++;
}

/* The same bytes in pieces of `piece` give the same lines. */
static size_t read_all(const uint8_t *data, size_t size, size_t piece, int *ret_r)
{
        struct line_reader *reader = NULL;
        size_t n_lines = 0;

        FUZZ_CHECK(line_reader_new(&reader, MAX_LINE) == 0);
        *ret_r = 0;
        for (size_t at = 0; *ret_r == 0 && at < size; at += piece)
                *ret_r = line_reader_put(reader, (const char *)data + at,
                                         size - at < piece ? size - at : piece, count, &n_lines);
        line_reader_free(reader);
        return n_lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int whole_r, pieces_r;
        size_t whole = read_all(data, size, size ? size : 1, &whole_r);

        FUZZ_CHECK(read_all(data, size, 5, &pieces_r) == whole && pieces_r == whole_r);
        return 0;
}
