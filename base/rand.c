/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void rand_bytes(void *ret, size_t n)
{
        uint8_t *at = ret;

        while (n > 0) {
                ssize_t got = getrandom(at, n, 0);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        abort();
                at += got;
                n -= (size_t)got;
        }
}

uint32_t rand_u32(void)
{
        uint32_t v;

        rand_bytes(&v, sizeof(v));
        return v;
}

void rand_word(char *ret, size_t n)
{
        static const char letters[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        enum { N_LETTERS = sizeof(letters) - 1 };

        for (size_t i = 0; i < n;) {
                uint8_t byte;

                rand_bytes(&byte, 1);
                if (byte >= 256 / N_LETTERS * N_LETTERS)
                        continue; /* keeps every letter equally likely */
                ret[i++] = letters[byte % N_LETTERS];
        }
        ret[n] = '\0';
}

void uuid_v7(char ret_text[UUID_TEXT], int64_t wall_us)
{
        uint64_t ms = (uint64_t)(wall_us / 1000);
        uint8_t b[16];

        rand_bytes(b, sizeof(b));
        for (int i = 0; i < 6; i++)
                b[i] = (uint8_t)(ms >> (40 - 8 * i));
        b[6] = (uint8_t)(0x70 | (b[6] & 0x0f));
        b[8] = (uint8_t)(0x80 | (b[8] & 0x3f));
        for (size_t i = 0, at = 0; i < sizeof(b); i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        ret_text[at++] = '-';
                snprintf(ret_text + at, 3, "%02x", b[i]);
                at += 2;
        }
}
