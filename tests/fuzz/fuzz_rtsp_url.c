/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "sfu/jobs/core/rtsp_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
        char *url = malloc(len + 1);

        if (len > 0)
                memcpy(url, data, len);
        url[len] = '\0';
        if (rtsp_url_is_good(url)) {
                const char *host = strstr(url, "://") + 3;

                FUZZ_CHECK(strlen(url) <= RTSP_URL_MAX);
                FUZZ_CHECK(strncmp(url, "rtsp", 4) == 0 || strncmp(url, "RTSP", 4) == 0 ||
                           (url[0] | 32) == 'r');
                FUZZ_CHECK(!memchr(host, '@', strcspn(host, "/?")));
        }
        free(url);
        return 0;
}
