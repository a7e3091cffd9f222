/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a server: once the file $HANG_FILE exists, its media workers wait for ever
 * wherever they read the clock next, as in a deadlock. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *ret)
{
        static int (*real)(clockid_t id, struct timespec * ret);
        const char *file = getenv("HANG_FILE");
        char name[17] = "";

        if (!real)
                real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
        if (file && access(file, F_OK) == 0 && prctl(PR_GET_NAME, name) == 0 &&
            strncmp(name, "media-", 6) == 0)
                for (;;)
                        pause();
        return real(id, ret);
}
