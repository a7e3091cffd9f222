/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include "sfu/core/ice.h"

#define OUR_PWD "0123456789abcdef0123456789abcdef"

/* The checking agent is libnice's; the responder must satisfy it. */
struct world {
        struct ice *ice;
        struct ice_cred cred;
        StunAgent client;
        struct sockaddr_in6 src;
        uint8_t request[512 + ICE_SPARE], reply[ICE_REPLY_CAP];
        size_t request_len;
        struct ice_check check;
};

static const uint16_t no_attributes[] = {
        STUN_ATTRIBUTE_USERNAME,           STUN_ATTRIBUTE_PRIORITY,
        STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
        STUN_ATTRIBUTE_ERROR_CODE,         0
};

static void world_init(struct world *world)
{
        memset(world, 0, sizeof(*world));
        assert_int_equal(ice_new(&world->ice), 0);
        strcpy(world->cred.ufrag, "ourUfrag1234");
        strcpy(world->cred.pwd, OUR_PWD);
        strcpy(world->cred.remote_ufrag, "them");
        world->cred.tag = world;
        ice_add(world->ice, &world->cred);
        stun_agent_init(&world->client, no_attributes, STUN_COMPATIBILITY_RFC5389,
                        STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
        world->src.sin6_family = AF_INET6;
        world->src.sin6_port = htons(5000);
        memcpy(world->src.sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01", 16);
}

static void world_done(struct world *world)
{
        ice_remove(world->ice, &world->cred);
        world->ice = ice_free(world->ice);
}

static StunMessage make_check(struct world *world, const char *username, const char *password,
                              bool use_candidate, bool controlling)
{
        StunMessage message;

        world->request_len = stun_usage_ice_conncheck_create(
                &world->client, &message, world->request, 512, (const uint8_t *)username,
                strlen(username), (const uint8_t *)password, strlen(password), use_candidate,
                controlling, 1000, 77, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
        assert_true(world->request_len > 0);
        return message;
}

/* On an exact-size heap copy (with the promised spare bytes). */
static int deliver(struct world *world)
{
        uint8_t *exact = calloc(1, world->request_len + ICE_SPARE);
        int r;

        memcpy(exact, world->request, world->request_len);
        memset(world->reply, 0xee, sizeof(world->reply));
        memset(&world->check, 0, sizeof(world->check));
        r = ice_on_datagram(world->ice, exact, world->request_len,
                            (const struct sockaddr *)&world->src, sizeof(world->src), world->reply,
                            &world->check);
        free(exact);
        return r;
}

static void assert_silent(const struct world *world)
{
        for (size_t i = 0; i < sizeof(world->reply); i++)
                assert_int_equal(world->reply[i], 0xee);
        assert_int_equal(world->check.reply_len, 0);
}

static void valid_check_is_answered_with_the_plain_ipv4_address(void **state)
{
        struct sockaddr_storage mapped = { 0 };
        socklen_t mapped_len = sizeof(mapped);
        struct world world;
        StunMessage response;

        (void)state;
        world_init(&world);
        make_check(&world, "ourUfrag1234:them", OUR_PWD, false, true);
        assert_int_equal(deliver(&world), 0);
        assert_ptr_equal(world.check.cred, &world.cred);
        assert_true(world.check.valid);
        assert_false(world.check.use_candidate);
        assert_int_equal(stun_agent_validate(&world.client, &response, world.reply,
                                             world.check.reply_len, NULL, NULL),
                         STUN_VALIDATION_SUCCESS);
        assert_int_equal(stun_usage_ice_conncheck_process(&response, &mapped, &mapped_len,
                                                          STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
                         STUN_USAGE_ICE_RETURN_SUCCESS);
        assert_int_equal(mapped.ss_family, AF_INET);
        assert_int_equal(((struct sockaddr_in *)&mapped)->sin_port, htons(5000));
        assert_int_equal(((struct sockaddr_in *)&mapped)->sin_addr.s_addr, htonl(0x7f000001));
        world_done(&world);
}

static void nomination_is_reported(void **state)
{
        struct world world;

        (void)state;
        world_init(&world);
        make_check(&world, "ourUfrag1234:them", OUR_PWD, true, true);
        assert_int_equal(deliver(&world), 0);
        assert_true(world.check.use_candidate);
        world_done(&world);
}

static void wrong_password_is_silent(void **state)
{
        struct world world;

        (void)state;
        world_init(&world);
        make_check(&world, "ourUfrag1234:them", "1123456789abcdef0123456789abcdef", true, true);
        assert_int_equal(deliver(&world), ICE_E_CREDENTIALS);
        assert_silent(&world);
        world_done(&world);
}

static void wrong_names_are_silent(void **state)
{
        static const char *const names[] = { "ourUfrag1234:then",
                                             "ourUfrag1235:them",
                                             "them:ourUfrag1234",
                                             "ourUfrag1234",
                                             ":them",
                                             "ourUfrag1234:",
                                             ":" };
        struct world world;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                world_init(&world);
                make_check(&world, names[i], OUR_PWD, true, true);
                assert_int_equal(deliver(&world), ICE_E_UNKNOWN);
                assert_silent(&world);
                world_done(&world);
        }
}

static void role_conflict_is_answered_487(void **state)
{
        struct world world;
        StunMessage response;
        int code = 0;

        (void)state;
        world_init(&world);
        make_check(&world, "ourUfrag1234:them", OUR_PWD, true, false);
        assert_int_equal(deliver(&world), 0);
        assert_false(world.check.valid);
        assert_false(world.check.use_candidate);
        assert_true(world.check.reply_len > 0);
        assert_int_equal(stun_agent_validate(&world.client, &response, world.reply,
                                             world.check.reply_len, NULL, NULL),
                         STUN_VALIDATION_SUCCESS);
        assert_int_equal(stun_message_find_error(&response, &code), STUN_MESSAGE_RETURN_SUCCESS);
        assert_int_equal(code, 487);
        world_done(&world);
}

/* Builds header, USERNAME and a MESSAGE-INTEGRITY of the given size by hand. */
static void make_integrity_of(struct world *world, uint16_t size)
{
        static const char name[] = "ourUfrag1234:them";
        struct wr w = wr_init(world->request, 512);
        uint16_t padded = (uint16_t)((size + 3) / 4 * 4), body = (uint16_t)(4 + 20 + 4 + padded);

        wr_u16(&w, 1);
        wr_u16(&w, body);
        wr_u32(&w, 0x2112a442);
        for (int i = 0; i < 12; i++)
                wr_u8(&w, 7);
        wr_u16(&w, 6);
        wr_u16(&w, sizeof(name) - 1);
        memcpy(wr_take(&w, 20), "ourUfrag1234:them\0\0", 20);
        wr_u16(&w, 8);
        wr_u16(&w, size);
        for (int i = 0; i < padded; i++)
                wr_u8(&w, 9);
        assert_false(w.bad);
        world->request_len = wr_len(&w);
}

static void integrity_of_wrong_length_is_silent(void **state)
{
        static const uint16_t sizes[] = { 0, 1, 4, 16, 19, 21, 24, 32, 64 };
        struct world world;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                world_init(&world);
                make_integrity_of(&world, sizes[i]);
                assert_int_equal(deliver(&world), ICE_E_MALFORMED);
                assert_silent(&world);
                world_done(&world);
        }
}

static void missing_integrity_or_fingerprint_is_silent(void **state)
{
        struct world world;

        (void)state;
        world_init(&world);
        make_integrity_of(&world, 20);
        assert_int_equal(deliver(&world), ICE_E_CREDENTIALS);
        assert_silent(&world);
        world.request_len = 20 + 24; /* header and USERNAME only */
        world.request[3] = 24;
        assert_int_equal(deliver(&world), ICE_E_CREDENTIALS);
        assert_silent(&world);
        world_done(&world);
}

static void every_truncation_and_bit_flip_is_silent(void **state)
{
        struct world world;
        size_t full;

        (void)state;
        world_init(&world);
        make_check(&world, "ourUfrag1234:them", OUR_PWD, true, true);
        full = world.request_len;
        for (world.request_len = 0; world.request_len < full; world.request_len++) {
                assert_int_not_equal(deliver(&world), 0);
                assert_silent(&world);
        }
        for (size_t bit = 0; bit < full * 8; bit++) {
                world.request[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_int_not_equal(deliver(&world), 0);
                assert_silent(&world);
                world.request[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_int_equal(deliver(&world), 0);
        world_done(&world);
}

static void response_and_indication_are_no_fault(void **state)
{
        struct world world;
        StunMessage message;

        (void)state;
        world_init(&world);
        assert_true(stun_agent_init_indication(&world.client, &message, world.request, 512,
                                               STUN_BINDING));
        world.request_len = stun_agent_finish_message(&world.client, &message, NULL, 0);
        assert_true(world.request_len > 0);
        assert_int_equal(deliver(&world), ICE_E_NOT_REQUEST);
        world_done(&world);
}

static void removed_session_is_unknown(void **state)
{
        struct world world;

        (void)state;
        world_init(&world);
        make_check(&world, "ourUfrag1234:them", OUR_PWD, true, true);
        ice_remove(world.ice, &world.cred);
        assert_int_equal(deliver(&world), ICE_E_UNKNOWN);
        ice_add(world.ice, &world.cred);
        assert_int_equal(deliver(&world), 0);
        world_done(&world);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(valid_check_is_answered_with_the_plain_ipv4_address),
                cmocka_unit_test(nomination_is_reported),
                cmocka_unit_test(wrong_password_is_silent),
                cmocka_unit_test(wrong_names_are_silent),
                cmocka_unit_test(role_conflict_is_answered_487),
                cmocka_unit_test(integrity_of_wrong_length_is_silent),
                cmocka_unit_test(missing_integrity_or_fingerprint_is_silent),
                cmocka_unit_test(every_truncation_and_bit_flip_is_silent),
                cmocka_unit_test(response_and_indication_are_no_fault),
                cmocka_unit_test(removed_session_is_unknown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
