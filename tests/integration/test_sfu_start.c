/* SPDX-License-Identifier: Apache-2.0 */
/* The media plane begins: its identity, its ports, and offers that come to nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/integration/world.h"

static void fingerprint_survives_a_restart(void **state)
{
        static const char *const addresses[] = { "127.0.0.1" };
        struct sfu_config config = {
                .n_workers = 1, .addresses = addresses, .n_addresses = 1, .wake = client_wake
        };
        char first[96] = "";
        struct world world;
        struct stat st;

        (void)state;
        world_init(&world, 1, 0);
        config.identity_path = world.identity;
        assert_int_equal(stat(world.identity, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        for (int run = 0; run < 2; run++) {
                struct client *client = client_new(&(struct client_params){ .n_audio = 1 });

                world_open(&world, client, 1, 1);
                if (run == 0)
                        strcpy(first, client->fingerprint);
                assert_string_equal(client->fingerprint, first);
                client_free(client);
                world.sfu = sfu_free(world.sfu);
                assert_int_equal(sfu_new(&world.sfu, &config, NULL, 0), 0);
        }
        world_done(&world);
}

static void troubles_at_start_are_told_in_one_line(void **state)
{
        static const char *const addresses[] = { "127.0.0.1" };
        struct sfu_config config = {
                .n_workers = 1, .addresses = addresses, .n_addresses = 1, .wake = client_wake
        };
        char error[200] = "", expected[100];
        struct sfu *other = NULL;
        struct world world;
        FILE *file;

        (void)state;
        world_init(&world, 1, 0);
        config.identity_path = world.identity;
        config.media_port = sfu_port(world.sfu, 0);
        assert_int_equal(sfu_new(&other, &config, error, sizeof(error)), -EADDRINUSE);
        snprintf(expected, sizeof(expected),
                 "cannot listen on UDP and TCP port %u: Address already in use", config.media_port);
        assert_string_equal(error, expected);
        assert_null(other);
        file = fopen(world.identity, "w");
        fputs("nonsense", file);
        fclose(file);
        assert_int_equal(sfu_new(&other, &config, error, sizeof(error)), -EINVAL);
        assert_non_null(strstr(error, "no usable key and certificate"));
        config.identity_path = "/nowhere/at/all.pem";
        assert_int_equal(sfu_new(&other, &config, error, sizeof(error)), -ENOENT);
        world_done(&world);
}

static void bad_offer_leaves_no_room_behind(void **state)
{
        const struct sfu_peer_params params = { .room = 1, .participant = 1 };
        struct sfu_counters counters;
        struct world world;
        char *answer = NULL;
        uint64_t peer = 0;

        (void)state;
        world_init(&world, 1, 0);
        assert_int_equal(sfu_peer_open(world.sfu, &params, "hello", 5, &answer, &peer),
                         SFU_OFFER_MALFORMED);
        assert_null(answer);
        sfu_counters(world.sfu, &counters);
        assert_int_equal(counters.rooms + counters.peers, 0);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(fingerprint_survives_a_restart),
                cmocka_unit_test(troubles_at_start_are_told_in_one_line),
                cmocka_unit_test(bad_offer_leaves_no_room_behind),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
