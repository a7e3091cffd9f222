/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/wire/wire_test.h"

#include "sfu/wire/stun.h"

#define COOKIE 0x21, 0x12, 0xa4, 0x42
#define TRANSACTION 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
#define HEAD(type, len) 0, type, 0, len, COOKIE, TRANSACTION
#define NAME 0, 6, 0, 5, 'a', 'b', ':', 'c', 'd', 0, 0, 0 /* 12 bytes */
#define PRINT 0x80, 0x28, 0, 4, 9, 9, 9, 9                /* 8 bytes */

static const struct {
        const char *name;
        uint8_t data[64];
        size_t len;
        int result;
} cases[] = {
        { "empty", { 0 }, 0, STUN_PKT_E_SHORT },
        { "one byte", { 0 }, 1, STUN_PKT_E_SHORT },
        { "cut in transaction", { HEAD(1, 0) }, 19, STUN_PKT_E_SHORT },
        { "bare request", { HEAD(1, 0) }, 20, 0 },
        { "top bits", { 0x40, 1, 0, 0, COOKIE, TRANSACTION }, 20, STUN_PKT_E_TYPE },
        { "wrong cookie",
          { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43, TRANSACTION },
          20,
          STUN_PKT_E_COOKIE },
        { "length not of 4", { HEAD(1, 2), 0, 0 }, 22, STUN_PKT_E_LENGTH },
        { "length too small", { HEAD(1, 0), PRINT }, 28, STUN_PKT_E_LENGTH },
        { "length too large", { HEAD(1, 8) }, 20, STUN_PKT_E_LENGTH },
        { "attribute passes end",
          { HEAD(1, 8), 0, 6, 0, 5, 1, 2, 3, 4 },
          28,
          STUN_PKT_E_ATTRIBUTE },
        { "attribute length 65535",
          { HEAD(1, 8), 0, 6, 0xff, 0xff, 1, 2, 3, 4 },
          28,
          STUN_PKT_E_ATTRIBUTE },
        { "half an attribute head", { HEAD(1, 4), 0, 6, 0, 1 }, 24, STUN_PKT_E_ATTRIBUTE },
        { "unknown attribute", { HEAD(1, 8), 0xc0, 0x57, 0, 4, 0, 1, 0, 50 }, 28, 0 },
        { "use-candidate with data",
          { HEAD(1, 8), 0, 0x25, 0, 4, 0, 0, 0, 0 },
          28,
          STUN_PKT_E_ATTRIBUTE },
        { "priority of 2", { HEAD(1, 8), 0, 0x24, 0, 2, 0, 1, 0, 0 }, 28, STUN_PKT_E_ATTRIBUTE },
        { "tie-breaker of 4",
          { HEAD(1, 8), 0x80, 0x2a, 0, 4, 0, 1, 0, 0 },
          28,
          STUN_PKT_E_ATTRIBUTE },
        { "integrity of 4", { HEAD(1, 8), 0, 8, 0, 4, 1, 2, 3, 4 }, 28, STUN_PKT_E_INTEGRITY },
        { "integrity of 0", { HEAD(1, 4), 0, 8, 0, 0 }, 24, STUN_PKT_E_INTEGRITY },
        { "integrity of 18", { HEAD(1, 24), 0, 8, 0, 18 }, 44, STUN_PKT_E_INTEGRITY },
        { "integrity of 20", { HEAD(1, 24), 0, 8, 0, 20 }, 44, 0 },
        { "fingerprint", { HEAD(1, 8), PRINT }, 28, 0 },
        { "fingerprint of 8", { HEAD(1, 12), 0x80, 0x28, 0, 8 }, 32, STUN_PKT_E_FINGERPRINT },
        { "fingerprint not last", { HEAD(1, 16), PRINT, PRINT }, 36, STUN_PKT_E_FINGERPRINT },
};

static void form_is_checked(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                cleanup(wire_freep) uint8_t *data = wire_copy(cases[i].data, cases[i].len);
                struct stun_pkt pkt = { .method = 0xffff };
                int result = stun_pkt_parse(&pkt, data, cases[i].len);

                if (result != cases[i].result)
                        fail_msg("%s: %d, not %d", cases[i].name, result, cases[i].result);
                if (result == 0)
                        assert_int_equal(pkt.method, STUN_PKT_BINDING);
                else
                        assert_int_equal(pkt.method, 0xffff); /* untouched */
        }
}

/* What a browser sends: everything before the integrity, then the fingerprint. */
static size_t write_check(uint8_t *data, size_t cap, size_t *ret_integrity_at)
{
        static const uint8_t head[] = { HEAD(1, 0), NAME };
        static const uint8_t ice[] = { 0,    0x24, 0, 4, 0x6e, 0, 1, 0xff, 0, 0x25, 0, 0,
                                       0x80, 0x2a, 0, 8, 1,    2, 3, 4,    5, 6,    7, 8 };
        static const uint8_t print[] = { PRINT };
        struct wr w = wr_init(data, cap);

        memcpy(wr_take(&w, sizeof(head)), head, sizeof(head));
        memcpy(wr_take(&w, sizeof(ice)), ice, sizeof(ice));
        *ret_integrity_at = wr_len(&w);
        wr_u32(&w, 0x00080014);
        memset(wr_take(&w, 20), 0x55, 20);
        memcpy(wr_take(&w, sizeof(print)), print, sizeof(print));
        assert_false(w.bad);
        data[3] = (uint8_t)(wr_len(&w) - STUN_PKT_HEADER);
        return wr_len(&w);
}

static void ice_check_yields_its_claims(void **state)
{
        uint8_t data[128];
        size_t integrity_at;
        size_t len = write_check(data, sizeof(data), &integrity_at);
        struct stun_pkt pkt;

        (void)state;
        assert_int_equal(stun_pkt_parse(&pkt, data, len), 0);
        assert_int_equal(pkt.class, STUN_PKT_REQUEST);
        assert_int_equal(pkt.method, STUN_PKT_BINDING);
        assert_int_equal(pkt.transaction[11], 12);
        assert_int_equal(pkt.username.len, 5);
        assert_memory_equal(pkt.username.data, "ab:cd", 5);
        assert_true(pkt.use_candidate && pkt.ice_controlling && !pkt.ice_controlled);
        assert_true(pkt.has_integrity && pkt.has_fingerprint && pkt.has_priority);
        assert_int_equal(pkt.priority, 0x6e0001ff);

        struct span ufrag = stun_pkt_local_ufrag(&pkt);

        assert_int_equal(ufrag.len, 2);
        assert_memory_equal(ufrag.data, "ab", 2);
}

static void every_cut_of_a_check_is_refused(void **state)
{
        uint8_t data[128];
        size_t integrity_at;
        size_t len = write_check(data, sizeof(data), &integrity_at);
        struct stun_pkt pkt;

        (void)state;
        for (size_t i = 0; i < len; i++) {
                cleanup(wire_freep) uint8_t *cut = wire_copy(data, i);

                assert_int_not_equal(stun_pkt_parse(&pkt, cut, i), 0);
        }
}

/* Anybody on the path could append these without the password. */
static void claims_behind_the_integrity_are_not_believed(void **state)
{
        static const uint8_t data[] = { HEAD(1, 52), 0, 8, 0, 20,   0, 0, 0,    0,    0,    0,
                                        0,           0, 0, 0, 0,    0, 0, 0,    0,    0,    0,
                                        0,           0, 0, 0, 0x25, 0, 0, NAME, 0x80, 0x2a, 0,
                                        8,           1, 2, 3, 4,    5, 6, 7,    8 };
        struct stun_pkt pkt;

        (void)state;
        assert_int_equal(sizeof(data), 72);
        assert_int_equal(stun_pkt_parse(&pkt, data, sizeof(data)), 0);
        assert_true(pkt.has_integrity);
        assert_false(pkt.use_candidate || pkt.ice_controlling);
        assert_int_equal(pkt.username.len, 0);
        assert_int_equal(stun_pkt_local_ufrag(&pkt).len, 0);
}

static void a_second_integrity_of_wrong_size_is_refused(void **state)
{
        static const uint8_t data[] = { HEAD(1, 28), 0, 8, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        0,           0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 8, 0, 0 };
        struct stun_pkt pkt;

        (void)state;
        assert_int_equal(stun_pkt_parse(&pkt, data, sizeof(data)), STUN_PKT_E_INTEGRITY);
}

static void attributes_are_counted(void **state)
{
        uint8_t data[STUN_PKT_HEADER + 4 * (STUN_PKT_MAX_ATTRIBUTES + 1)] = { HEAD(1, 0) };
        struct stun_pkt pkt;

        (void)state;
        for (size_t i = STUN_PKT_HEADER; i < sizeof(data); i += 4)
                data[i] = 0xc0;
        data[3] = 4 * STUN_PKT_MAX_ATTRIBUTES;
        assert_int_equal(stun_pkt_parse(&pkt, data, sizeof(data) - 4), 0);
        data[3] = 4 * (STUN_PKT_MAX_ATTRIBUTES + 1);
        assert_int_equal(stun_pkt_parse(&pkt, data, sizeof(data)), STUN_PKT_E_MANY);
}

static void class_and_method_are_taken_apart(void **state)
{
        static const struct {
                uint8_t type[2];
                enum stun_pkt_class class;
                uint16_t method;
        } types[] = {
                { { 0x00, 0x01 }, STUN_PKT_REQUEST, 1 }, { { 0x00, 0x11 }, STUN_PKT_INDICATION, 1 },
                { { 0x01, 0x01 }, STUN_PKT_SUCCESS, 1 }, { { 0x01, 0x11 }, STUN_PKT_ERROR, 1 },
                { { 0x00, 0x03 }, STUN_PKT_REQUEST, 3 }, { { 0x3f, 0xff }, STUN_PKT_ERROR, 0xfff },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                uint8_t data[] = { HEAD(0, 0) };
                struct stun_pkt pkt;

                memcpy(data, types[i].type, 2);
                assert_int_equal(stun_pkt_parse(&pkt, data, sizeof(data)), 0);
                assert_int_equal(pkt.class, types[i].class);
                assert_int_equal(pkt.method, types[i].method);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(form_is_checked),
                cmocka_unit_test(ice_check_yields_its_claims),
                cmocka_unit_test(every_cut_of_a_check_is_refused),
                cmocka_unit_test(claims_behind_the_integrity_are_not_believed),
                cmocka_unit_test(a_second_integrity_of_wrong_size_is_refused),
                cmocka_unit_test(attributes_are_counted),
                cmocka_unit_test(class_and_method_are_taken_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
