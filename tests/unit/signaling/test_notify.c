/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "signaling/notify.h"

/* The supervisor's end. */
struct ear {
        int fd;
        char dir[32], name[64];
};

static void ear_open(struct ear *ear, bool is_file)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t len;

        strcpy(ear->dir, "/tmp/dinh-notify-XXXXXX");
        assert_non_null(mkdtemp(ear->dir));
        if (is_file)
                snprintf(ear->name, sizeof(ear->name), "%s/socket", ear->dir);
        else
                snprintf(ear->name, sizeof(ear->name), "@%s", ear->dir);
        len = strlen(ear->name);
        memcpy(address.sun_path, ear->name, len);
        if (!is_file)
                address.sun_path[0] = '\0';
        ear->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(ear->fd, (const struct sockaddr *)&address,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + is_file)),
                         0);
        setenv("NOTIFY_SOCKET", ear->name, 1);
}

static void ear_close(struct ear *ear)
{
        close(ear->fd);
        unlink(ear->name);
        rmdir(ear->dir);
}

/* How many of these were said since the last time, and nothing else. */
static int times_heard(const struct ear *ear, const char *state)
{
        char got[64];
        ssize_t len;
        int n = 0;

        while ((len = recv(ear->fd, got, sizeof(got), 0)) >= 0) {
                assert_int_equal(len, strlen(state));
                assert_memory_equal(got, state, (size_t)len);
                n++;
        }
        return n;
}

static void supervisor_hears_by_file_or_name(void **state)
{
        (void)state;
        for (int is_file = 0; is_file <= 1; is_file++) {
                struct notify notify;
                struct ear ear;

                ear_open(&ear, is_file);
                notify_open(&notify);
                assert_null(getenv("NOTIFY_SOCKET"));
                notify_say(&notify, "READY=1");
                assert_int_equal(times_heard(&ear, "READY=1"), 1);
                notify_alive(&notify, 1000000); /* it did not ask for that */
                assert_int_equal(times_heard(&ear, ""), 0);
                notify_close(&notify);
                ear_close(&ear);
        }
}

static void signs_of_life_come_twice_in_its_patience(void **state)
{
        struct notify notify;
        struct ear ear;
        char pid[16];

        (void)state;
        snprintf(pid, sizeof(pid), "%d", (int)getpid());
        setenv("WATCHDOG_PID", pid, 1);
        setenv("WATCHDOG_USEC", "4000000", 1);
        ear_open(&ear, true);
        notify_open(&notify);
        for (int64_t now_us = 100000; now_us < 20000000; now_us += 100000)
                notify_alive(&notify, now_us);
        assert_int_equal(times_heard(&ear, "WATCHDOG=1"), 10);
        notify_close(&notify);
        ear_close(&ear);
        assert_null(getenv("WATCHDOG_USEC"));
        assert_null(getenv("WATCHDOG_PID"));
}

static void a_full_queue_is_tried_again(void **state)
{
        struct notify notify;
        struct ear ear;
        int n = 0;

        (void)state;
        setenv("WATCHDOG_USEC", "2", 1);
        ear_open(&ear, true);
        notify_open(&notify);
        while (send(notify.fd, "WATCHDOG=1", 10, MSG_DONTWAIT) > 0)
                n++;
        notify_alive(&notify, 1000000);
        assert_int_equal(times_heard(&ear, "WATCHDOG=1"), n);
        notify_alive(&notify, 1000000);
        assert_int_equal(times_heard(&ear, "WATCHDOG=1"), 1);
        notify_close(&notify);
        ear_close(&ear);
}

/* WATCHDOG_PID names another process: the variables were inherited. */
static void signs_of_another_process_are_not_given(void **state)
{
        struct notify notify;
        struct ear ear;

        (void)state;
        setenv("WATCHDOG_PID", "1", 1);
        setenv("WATCHDOG_USEC", "2", 1);
        ear_open(&ear, true);
        notify_open(&notify);
        notify_alive(&notify, 1000000);
        assert_int_equal(times_heard(&ear, "WATCHDOG=1"), 0);
        notify_close(&notify);
        ear_close(&ear);
}

static void without_a_supervisor_nothing_happens(void **state)
{
        static const char *const names[] = { NULL, "relative", "/nowhere/at/all", "" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                struct notify notify;

                if (names[i])
                        setenv("NOTIFY_SOCKET", names[i], 1);
                setenv("WATCHDOG_USEC", "2", 1);
                notify_open(&notify);
                notify_say(&notify, "READY=1");
                notify_alive(&notify, 1000000);
                assert_int_equal(notify.fd, -1);
                notify_close(&notify);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(supervisor_hears_by_file_or_name),
                cmocka_unit_test(signs_of_life_come_twice_in_its_patience),
                cmocka_unit_test(a_full_queue_is_tried_again),
                cmocka_unit_test(signs_of_another_process_are_not_given),
                cmocka_unit_test(without_a_supervisor_nothing_happens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
