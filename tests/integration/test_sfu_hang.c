/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that hangs ends the process, which says where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/world.h"

enum { WAIT_MS = 20000, ROOM = 1, LIFE_S = 60 };

#define HUNG_US (INT64_C(300) * 1000)

static unsigned doomed; /* worker + 1; 0: none. Atomic. */

static bool is_doomed(unsigned worker)
{
        return __atomic_load_n(&doomed, __ATOMIC_ACQUIRE) == worker + 1;
}

static void run_for_ever(void *user, unsigned worker)
{
        (void)user;
        while (is_doomed(worker))
                continue;
}

static void wait_for_ever(void *user, unsigned worker)
{
        sem_t never;

        (void)user;
        if (!is_doomed(worker))
                return;
        sem_init(&never, 0, 0);
        for (;;)
                sem_wait(&never);
}

static bool never(struct world *world, void *user)
{
        (void)world;
        (void)user;
        return false;
}

/* In a process of its own, which has no way to go on. */
static void serve_until_a_worker_hangs(void (*on_turn)(void *user, unsigned worker))
{
        const struct sfu_tuning tuning = { .silence_us = SFU_SILENCE_US,
                                           .spread_peers = 1,
                                           .hung_us = HUNG_US,
                                           .on_turn = on_turn };
        const struct rlimit no_core = { 0, 0 };
        struct client *client;
        struct world world;

        setrlimit(RLIMIT_CORE, &no_core);
        world_init_tuned(&world, 2, &tuning);
        client = client_new(&(struct client_params){ .n_audio = 1 });
        world_open(&world, client, ROOM, 1);
        if (!world_wait(&world, world_connected, client, WAIT_MS))
                _exit(1);
        unlink(world.identity);
        rmdir(world.dir);
        alarm(LIFE_S);
        /* Workers that rest or work as usual are let be. */
        (void)world_wait(&world, never, NULL, 3 * (int)(HUNG_US / 1000));
        (void)!write(STDERR_FILENO, "ok\n", 3);
        __atomic_store_n(&doomed, 2, __ATOMIC_RELEASE);
        world_open(&world, client_new(&(struct client_params){ .n_audio = 1 }), ROOM, 2);
        for (;;)
                (void)world_wait(&world, never, NULL, WAIT_MS);
}

/* Its stderr to said. */
static int status_of_server(void (*on_turn)(void *user, unsigned worker), char *said, size_t cap)
{
        int fds[2], status = 0;
        size_t len = 0;
        ssize_t n;
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                dup2(fds[1], STDERR_FILENO);
                serve_until_a_worker_hangs(on_turn);
        }
        close(fds[1]);
        while ((n = read(fds[0], said + len, cap - 1 - len)) > 0)
                len += (size_t)n;
        said[len] = '\0';
        close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static void assert_ends_by_abort(void (*on_turn)(void *user, unsigned worker), const char *how)
{
        char said[4096];
        int status = status_of_server(on_turn, said, sizeof(said));

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
                fail_msg("status %x: %s", (unsigned)status, said);
        assert_non_null(strstr(said, "ok\n"));
        assert_non_null(strstr(said, "media-1 hangs in a turn, at its beginning"));
        assert_non_null(strstr(said, how));
}

static void worker_in_an_endless_loop_ends_the_process(void **state)
{
        (void)state;
        assert_ends_by_abort(run_for_ever, "(it runs)");
}

static void worker_in_a_deadlock_ends_the_process(void **state)
{
        (void)state;
        assert_ends_by_abort(wait_for_ever, "(blocked)");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(worker_in_an_endless_loop_ends_the_process),
                cmocka_unit_test(worker_in_a_deadlock_ends_the_process),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
