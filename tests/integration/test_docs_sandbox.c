/* SPDX-License-Identifier: Apache-2.0 */
/* What a program in the sandbox can and cannot do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "docs-share/io/sandbox.h"

struct output {
        char text[4096];
        size_t len;
};

static int on_output(void *user, const uint8_t *data, size_t len)
{
        struct output *out = user;

        if (out->len + len >= sizeof(out->text))
                return -EFBIG;
        memcpy(out->text + out->len, data, len);
        out->len += len;
        out->text[out->len] = '\0';
        return 0;
}

static struct sandbox_result run_for(const char *script, struct output *out, int64_t timeout_us,
                                     int stop_fd)
{
        const char *const argv[] = { "sh", "-c", script, NULL };
        const struct sandbox_run run = { .input = "/etc/hostname",
                                         .input_name = "/in/file.txt",
                                         .argv = argv,
                                         .timeout_us = timeout_us,
                                         .stop_fd = stop_fd,
                                         .on_output = on_output,
                                         .user = out };
        struct sandbox_result result;

        *out = (struct output){ .len = 0 };
        assert_int_equal(sandbox_run(&result, &run), 0);
        return result;
}

static struct sandbox_result run(const char *script, struct output *out)
{
        return run_for(script, out, 30000000, -1);
}

static void program_reads_its_input_and_answers(void **state)
{
        struct output out;
        struct sandbox_result result;

        (void)state;
        result = run("test -r /in/file.txt && echo yes; echo no >&2", &out);
        assert_int_equal(result.end, SANDBOX_OK);
        assert_string_equal(out.text, "yes\n");
        assert_string_equal(result.message, "no\n");
        assert_int_equal(run("exit 3", &out).end, SANDBOX_FAILED);
}

static void it_sees_little_and_writes_nothing(void **state)
{
        struct output out;

        (void)state;
        assert_int_equal(
                run("ls -d /home /root /work /etc/shadow /var/lib 2>/dev/null; true", &out).end,
                SANDBOX_OK);
        assert_string_equal(out.text, "");
        assert_int_equal(run("touch /usr/x /in/file.txt /x", &out).end, SANDBOX_FAILED);
        assert_int_equal(run("echo x >/tmp/x && cat /tmp/x", &out).end, SANDBOX_OK);
}

static void it_has_no_network_privilege_environment_or_neighbour(void **state)
{
        struct output out;

        (void)state;
        assert_int_equal(setenv("DINH_SECRET", "x", 1), 0);
        run("env; id -u; tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; "
            "grep CapEff /proc/self/status; ls -d /proc/[0-9]* | wc -l; ls /proc/self/fd | wc -l",
            &out);
        assert_null(strstr(out.text, "DINH_SECRET"));
        assert_non_null(strstr(out.text, "65534\nlo\nCapEff:\t0000000000000000\n"));
        assert_true(atoi(strstr(out.text, "0000\n") + 5) < 10);
        assert_int_equal(run("unshare -Ur true", &out).end, SANDBOX_FAILED);
}

static void time_memory_and_output_are_bounded(void **state)
{
        struct output out;
        struct sandbox_result result;

        (void)state;
        assert_int_equal(run_for("sleep 100", &out, 300000, -1).end, SANDBOX_LIMIT);
        assert_int_not_equal(run("head -c 3000000000 /dev/zero | tail -c 2900000000 | wc -c >&2; "
                                 "head -c 1200000000 /dev/zero >/tmp/a",
                                 &out)
                                     .end,
                             SANDBOX_OK);
        result = run("cat /dev/zero", &out);
        assert_int_equal(result.end, SANDBOX_STOPPED);
        assert_int_equal(result.output_result, -EFBIG);
        assert_int_not_equal(
                run("i=0; while [ $i -lt 400 ]; do sleep 5 & i=$((i+1)); done", &out).end,
                SANDBOX_OK);
}

static void stop_descriptor_ends_it(void **state)
{
        struct output out;
        int fd = eventfd(1, EFD_CLOEXEC);

        (void)state;
        assert_int_equal(run_for("sleep 100", &out, 30000000, fd).end, SANDBOX_STOPPED);
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(program_reads_its_input_and_answers),
                cmocka_unit_test(it_sees_little_and_writes_nothing),
                cmocka_unit_test(it_has_no_network_privilege_environment_or_neighbour),
                cmocka_unit_test(time_memory_and_output_are_bounded),
                cmocka_unit_test(stop_descriptor_ends_it),
        };
        char error[300];

        if (sandbox_check(error, sizeof(error)) < 0) {
                printf("skipped: %s\n", error);
                return 77; /* meson: skipped */
        }
        return cmocka_run_group_tests_name("docs_sandbox", tests, NULL, NULL);
}
