/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include "load/core/sdp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct load_answer answer;
        char *text = malloc(size + 1);

        FUZZ_CHECK(text);
        memcpy(text, data, size);
        text[size] = '\0';
        for (unsigned n_sent = 0; n_sent <= 2; n_sent++) {
                if (load_answer_read(&answer, text, n_sent) != 0)
                        continue;
                FUZZ_CHECK(answer.ufrag[0] && answer.pwd[0] && answer.fingerprint[0]);
                FUZZ_CHECK(answer.n_candidates > 0 && answer.n_candidates <= LOAD_MAX_CANDIDATES);
                FUZZ_CHECK(answer.n_slots <= LOAD_MAX_SLOTS);
                for (size_t i = 0; i < answer.n_candidates; i++)
                        FUZZ_CHECK(strncmp(answer.candidates[i], "a=candidate:", 12) == 0);
        }
        free(text);
        return 0;
}
