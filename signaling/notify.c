/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

static const char topic[] = "notify";

/* A path, or "@" and a name that is no file (unix(7)). */
static int connect_to(const char *name)
{
        cleanup(closep) int fd = -1;
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        size_t len = strlen(name);

        if ((name[0] != '/' && name[0] != '@') || len >= sizeof(to.sun_path))
                return -EINVAL;
        memcpy(to.sun_path, name, len);
        if (name[0] == '@')
                to.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        len += offsetof(struct sockaddr_un, sun_path) + (name[0] == '/');
        if (connect(fd, (const struct sockaddr *)&to, (socklen_t)len) < 0)
                return -errno;
        return take_fd(&fd);
}

/* How long the supervisor waits for a sign of this very process; 0: it does not. */
static int64_t patience_us(void)
{
        const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
        long long n = us ? strtoll(us, NULL, 10) : 0;

        if (n <= 0 || (pid && strtol(pid, NULL, 10) != getpid()))
                return 0;
        return n;
}

void notify_open(struct notify *notify)
{
        const char *name = getenv("NOTIFY_SOCKET");

        *notify = (struct notify){ .fd = -1 };
        if (name) {
                notify->fd = connect_to(name);
                if (notify->fd < 0) {
                        log_line(LOG_WARN, topic, "NOTIFY_SOCKET: %s", strerror(-notify->fd));
                        notify->fd = -1;
                }
        }
        if (notify->fd >= 0)
                notify->every_us = patience_us() / 2;
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
}

void notify_close(struct notify *notify)
{
        closep(&notify->fd);
        notify->fd = -1;
}

static bool say(const struct notify *notify, const char *state)
{
        static struct log_limit limit;

        if (send(notify->fd, state, strlen(state), MSG_NOSIGNAL) >= 0)
                return true;
        log_limited(&limit, LOG_WARN, topic, "%s: %s", state, strerror(errno));
        return false;
}

void notify_say(const struct notify *notify, const char *state)
{
        if (notify->fd >= 0)
                (void)say(notify, state);
}

void notify_alive(struct notify *notify, int64_t now_us)
{
        if (notify->every_us == 0 || now_us < notify->next_us)
                return;
        /* One that found no room is said again with the next call. */
        if (say(notify, "WATCHDOG=1"))
                notify->next_us = now_us + notify->every_us;
}
