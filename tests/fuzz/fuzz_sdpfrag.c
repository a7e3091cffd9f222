/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a PATCH; the same bytes as a whole SDP. */
#include "tests/fuzz/fuzz.h"

#include "signaling/wire/sdpfrag.h"

static void check(const struct ice_credentials *ice)
{
        FUZZ_CHECK(strnlen(ice->ufrag, ICE_CREDENTIAL_CAP) < ICE_CREDENTIAL_CAP);
        FUZZ_CHECK(strnlen(ice->pwd, ICE_CREDENTIAL_CAP) < ICE_CREDENTIAL_CAP);
        /* They go into our own answers as they are. */
        FUZZ_CHECK(!strpbrk(ice->ufrag, "\r\n \"") && !strpbrk(ice->pwd, "\r\n \""));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct ice_credentials ice;
        struct sdpfrag frag;
        char front[SDPFRAG_FRONT_CAP];

        if (sdpfrag_parse(&frag, data, size) == 0) {
                FUZZ_CHECK(size > 0 && size <= SDPFRAG_MAX_BYTES);
                FUZZ_CHECK(frag.n_candidates <= SDPFRAG_MAX_CANDIDATES);
                FUZZ_CHECK(frag.n_media <= SDPFRAG_MAX_MEDIA);
                FUZZ_CHECK(frag.n_candidates == 0 || frag.n_media > 0);
                check(&frag.ice);
        }
        sdpfrag_credentials_of(&ice, (const char *)data, size);
        check(&ice);
        if (sdpfrag_write_front(front, sizeof(front), (const char *)data, size) == 0)
                FUZZ_CHECK(strnlen(front, sizeof(front)) < sizeof(front));
        return 0;
}
