/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_main — runs a fuzz target over a corpus folder as an ordinary test.
 *
 * Every file is fed as it is, cut at every length (long
 * ones at evenly spread lengths), and with seeded mutations,
 * each time as a heap copy of exact size, so that ASan sees any over-read. The
 * same folder always gives the same inputs.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum {
        MAX_FILE = 262144,
        MUTATIONS = 2000, /* per file */
        BUDGET = 1 << 22, /* bytes per file: long files get fewer cuts and mutations */
        MAX_CHANGES = 6,  /* bytes changed in one mutation */
};

static uint64_t n_inputs;

/* xorshift64*: any fixed generator will do. */
static uint32_t next_random(uint64_t *seed)
{
        *seed ^= *seed >> 12;
        *seed ^= *seed << 25;
        *seed ^= *seed >> 27;
        return (uint32_t)(*seed * UINT64_C(0x2545f4914f6cdd1d) >> 32);
}

static void change_byte(uint8_t *at, uint64_t *seed)
{
        static const uint8_t edges[] = { 0x00, 0x01, 0x7f, 0x80, 0xff };
        uint32_t v = next_random(seed);

        switch (v & 3) {
        case 0:
                *at ^= (uint8_t)(1u << (v >> 8 & 7));
                break;
        case 1:
                *at = edges[(v >> 8) % ARRAY_LEN(edges)];
                break;
        default:
                *at = (uint8_t)(v >> 8);
        }
}

/* Feeds a copy of data[0..len) with n_changes bytes changed. */
static void feed(const uint8_t *data, size_t len, size_t n_changes, uint64_t *seed)
{
        uint8_t *copy = malloc(len + !len);

        if (!copy)
                abort();
        if (len > 0)
                memcpy(copy, data, len);
        for (size_t i = 0; len > 0 && i < n_changes; i++)
                change_byte(&copy[next_random(seed) % len], seed);
        LLVMFuzzerTestOneInput(copy, len);
        free(copy);
        n_inputs++;
}

static void feed_all(const uint8_t *data, size_t len)
{
        uint64_t seed = 0x9e3779b97f4a7c15;
        size_t affordable = BUDGET / (len + 1) + 1;
        size_t step = len / affordable + 1;

        for (size_t cut = 0; cut < len; cut += step)
                feed(data, cut, 0, &seed);
        feed(data, len, 0, &seed);
        for (size_t i = 0; i < affordable && i < MUTATIONS; i++) {
                size_t cut = i % 4 ? len : next_random(&seed) % (len + 1);

                feed(data, cut, 1 + i % MAX_CHANGES, &seed);
        }
}

static int replay_file(const char *folder, const char *name)
{
        static uint8_t data[MAX_FILE];
        char path[4096];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        file = fopen(path, "rb");
        if (!file) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return -errno;
        }
        size_t len = fread(data, 1, sizeof(data), file);

        fclose(file);
        feed_all(data, len);
        return 0;
}

static int is_visible(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
        struct dirent **entries = NULL;
        int n = argc == 2 ? scandir(argv[1], &entries, is_visible, alphasort) : 0;
        bool failed = false;

        if (n <= 0) {
                fprintf(stderr, "usage: %s FOLDER, with at least one file in it\n", argv[0]);
                return 2;
        }
        for (int i = 0; i < n; i++) {
                failed |= replay_file(argv[1], entries[i]->d_name) != 0;
                free(entries[i]);
        }
        free(entries);
        printf("%d files, %llu inputs\n", n, (unsigned long long)n_inputs);
        return failed;
}
