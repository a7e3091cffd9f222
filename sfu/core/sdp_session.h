/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdp_session — what is remembered of an answer, so that a later offer of the
 *               same PeerConnection (an ICE restart, RFC 8445 §9, RFC 8829
 *               §5.3.2) is answered alike: the same SSRCs, codecs and ids under
 *               new credentials.
 *
 * Layer:  core. Randomness is an argument; the same seed gives the same answer.
 * Owner:  whoever embeds it: the signalling side, one a peer (under 100 bytes).
 * Thread: any; no shared state.
 *
 * Invariants:
 *  (1) an answer of sdp_session_again() differs from the first only in its
 *      version, credentials and candidates.
 */
#ifndef SFU_CORE_SDP_SESSION_H
#define SFU_CORE_SDP_SESSION_H

#include "sfu/core/sdp.h"

struct sdp_session { /* private but for version */
        uint64_t id, seed, shape;
        uint32_t version;
        bool may_publish, we_are_dtls_client;
        unsigned video_codecs;
        uint8_t fingerprint[32]; /* the client's */
};

/* Writes the first answer. Of params, session_id, session_version and random_u32
 * are filled in here, from seed. Returns as sdp_answer_write(). */
must_use int sdp_session_begin(struct sdp_session *ret_session, const struct sdp_offer *offer,
                               const struct sdp_answer_params *params, uint64_t seed,
                               char **ret_text, struct sdp_media *ret_media);

/* Answers a later offer; params as above, may_publish and video_codecs are the
 * first answer's. Returns 0; SFU_OFFER_CHANGED when certificate, DTLS role or
 * media are not what was negotiated; or -ENOMEM. */
must_use int sdp_session_again(struct sdp_session *session, const struct sdp_offer *offer,
                               const struct sdp_answer_params *params, char **ret_text);

#endif
