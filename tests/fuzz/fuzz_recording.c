/* SPDX-License-Identifier: Apache-2.0 */
/* A recording's parts as its row has them; the same bytes as a file's name in a request. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "signaling/core/recording_parts.h"

/* What was read is written and read again the same. */
static void check_parts(const char *text)
{
        static struct recording_parts parts, again;
        char *written;

        if (recording_parts_read(&parts, text) != 0) {
                FUZZ_CHECK(parts.n == 0);
                return;
        }
        FUZZ_CHECK(parts.n <= RECORDING_MAX_PARTS);
        written = recording_parts_write(&parts);
        FUZZ_CHECK(written && recording_parts_read(&again, written) == 0);
        FUZZ_CHECK(memcmp(&parts, &again, sizeof(parts)) == 0);
        free(written);
        FUZZ_CHECK(recording_parts_runs(&parts) <= parts.n);
        FUZZ_CHECK(recording_parts_ms(&parts) >= 0 && recording_parts_bytes(&parts) >= 0);
        (void)recording_parts_has_video(&parts);
}

/* No name leads out of the folder, or to what is not given out. */
static void check_name(const char *name)
{
        if (!recording_is_file(name) && !recording_is_page(name))
                return;
        FUZZ_CHECK(name[0] != '.' && !strchr(name, '/') && !strstr(name, ".."));
        FUZZ_CHECK(strlen(name) < RECORDING_FILE_NAME);
        FUZZ_CHECK(strcmp(strrchr(name, '.'), ".json") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = malloc(size + 1);

        FUZZ_CHECK(text);
        memcpy(text, data, size);
        text[size] = '\0';
        check_parts(text);
        check_name(text);
        free(text);
        return 0;
}
