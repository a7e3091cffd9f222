/* SPDX-License-Identifier: Apache-2.0 */
#include "signaling/wire/server_msg.h"

#include <string.h>

#include "signaling/wire/agenda_json.h"
#include "signaling/wire/words.h"

enum { MAX_STATS_STREAMS = 64 };

/* Takes the object. */
static char *dump(json_t *object)
{
        char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

        json_decref(object);
        return text;
}

char *msg_ok(int64_t id)
{
        return dump(json_pack("{s:s, s:I}", "type", "ok", "id", (json_int_t)id));
}

char *msg_error(int64_t id, const char *code, const char *field, const char *message)
{
        json_t *object = json_pack("{s:s, s:s, s:s}", "type", "error", "code", code, "message",
                                   message);

        if (object && id)
                json_object_set_new(object, "id", json_integer(id));
        if (object && field)
                json_object_set_new(object, "field", json_string(field));
        return dump(object);
}

/* ---- welcome ---- */

static json_t *permissions_json(enum meeting_role role)
{
        unsigned permissions = role_permissions(role);
        json_t *list = json_array();

        for (unsigned bit = 0; bit < N_PERMISSIONS; bit++)
                if (permissions & 1u << bit)
                        json_array_append_new(list, json_string(permission_word(bit)));
        return list;
}

static json_t *participants_json(const struct meeting *meeting)
{
        json_t *list = json_array();

        for (size_t i = 0; i < meeting_n_seats(meeting); i++) {
                const struct meeting_seat *seat = meeting_seat_at(meeting, i);

                if (!seat->removed)
                        json_array_append_new(list, seat_json(seat));
        }
        return list;
}

static json_t *chat_lines_json(const struct meeting *meeting)
{
        json_t *list = json_array();

        for (size_t i = 0; i < meeting_n_chat(meeting); i++)
                json_array_append_new(list, chat_json(meeting_chat_at(meeting, i)));
        return list;
}

static json_t *documents_json(const struct msg_welcome *welcome)
{
        json_t *list = json_array();

        for (size_t i = 0; i < welcome->n_documents; i++)
                json_array_append_new(list, document_json(&welcome->documents[i]));
        return list;
}

static void add_state(json_t *object, const struct msg_welcome *welcome)
{
        const struct meeting *meeting = welcome->meeting;

        json_object_set_new(object, "participants", participants_json(meeting));
        json_object_set_new(object, "chat", chat_lines_json(meeting));
        json_object_set_new(object, "documents", documents_json(welcome));
        json_object_set_new(object, "presentation",
                            presentation_json(meeting_presentation(meeting)));
        json_object_set_new(object, "recording", recording_json(meeting_recording(meeting)));
        json_object_set_new(object, "live", live_json(meeting_live(meeting)));
        json_object_set_new(object, "agenda", agenda_json(meeting_agenda(meeting)));
        json_object_set_new(object, "speaker",
                            welcome->speaker ? json_string(welcome->speaker) : json_null());
}

static json_t *ice_servers_json(const struct turn_config *turn,
                                const struct turn_credential *credential)
{
        json_t *list = json_array();

        for (size_t i = 0; i < turn->n_uris; i++)
                json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "urls", turn->uris[i],
                                                      "username", credential->username,
                                                      "credential", credential->password));
        return list;
}

char *msg_ice_servers(const struct turn_config *turn, const struct turn_credential *credential)
{
        return dump(json_pack("{s:s, s:o}", "type", "ice-servers", "ice_servers",
                              ice_servers_json(turn, credential)));
}

char *msg_welcome(const struct msg_welcome *welcome)
{
        json_t *object = json_pack(
                "{s:s, s:I, s:s, s:s, s:o, s:I, s:b, s:{s:s, s:s, s:b}, s:o, s:o}", "type",
                "welcome", "id", (json_int_t)welcome->id, "self", welcome->self->id, "role",
                role_word(welcome->self->role), "permissions",
                permissions_json(welcome->self->role), "seq", (json_int_t)welcome->seq, "resumed",
                welcome->resumed, "meeting", "id", welcome->meeting_id, "title", welcome->title,
                "locked", welcome->locked, "film", welcome->film ? welcome->film : json_null(),
                "ice_servers", ice_servers_json(welcome->turn, welcome->credential));

        if (object && !welcome->resumed)
                add_state(object, welcome);
        return dump(object);
}

/* ---- media ---- */

char *msg_answer(int64_t id, const char *sdp)
{
        return dump(
                json_pack("{s:s, s:I, s:s}", "type", "answer", "id", (json_int_t)id, "sdp", sdp));
}

char *msg_slots(const struct msg_slot *slots, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:b, s:i, s:s?, s:s}", "audio",
                                                      slots[i].audio, "index", (int)slots[i].index,
                                                      "participant", slots[i].participant, "kind",
                                                      kind_word(slots[i].kind)));
        return dump(json_pack("{s:s, s:o}", "type", "slots", "slots", list));
}

char *msg_speaker(const char *participant)
{
        return dump(json_pack("{s:s, s:s?}", "type", "speaker", "participant", participant));
}

char *msg_wanted(enum meeting_kind kind, bool wanted, unsigned n_layers, unsigned layers)
{
        json_t *list = json_array();

        for (unsigned i = 0; i < n_layers; i++)
                json_array_append_new(list, json_boolean(layers >> i & 1));
        return dump(json_pack("{s:s, s:s, s:b, s:o}", "type", "wanted", "kind", kind_word(kind),
                              "wanted", wanted, "layers", list));
}

char *msg_quality(const struct sfu_event *event)
{
        enum { MAX_RTT_MS = 600000 };
        static const char *const carries[SFU_N_CARRIES] = {
                [SFU_CARRIES_ALL] = "all",
                [SFU_CARRIES_REDUCED] = "reduced",
                [SFU_CARRIES_SOUND] = "sound",
        };
        uint32_t rtt_ms = event->quality.rtt_ms;
        unsigned loss = event->quality.loss_permille;

        return dump(json_pack("{s:s, s:i, s:I, s:i, s:I, s:s}", "type", "quality", "bars",
                              (int)event->quality.bars, "rtt_ms",
                              (json_int_t)(rtt_ms < MAX_RTT_MS ? rtt_ms : MAX_RTT_MS),
                              "loss_permille", (int)(loss < 1000 ? loss : 1000), "line_bps",
                              (json_int_t)event->quality.line_bps, "carries",
                              carries[event->quality.carries]));
}

char *msg_silent(void)
{
        return dump(json_pack("{s:s}", "type", "silent"));
}

char *msg_peer_gone(enum sfu_gone reason)
{
        static const char *const words[] = {
                [SFU_GONE_TIMEOUT] = "timeout",       [SFU_GONE_DTLS] = "dtls",
                [SFU_GONE_CLOSED_BY_PEER] = "closed", [SFU_GONE_REPLACED] = "replaced",
                [SFU_GONE_FAILED] = "failed",         [SFU_GONE_CODEC] = "codec",
        };

        return dump(json_pack("{s:s, s:s}", "type", "peer-gone", "reason", words[reason]));
}

static json_t *stream_json(const struct sfu_stream_stats *stream, const char *participant)
{
        return json_pack("{s:b, s:b, s:i, s:i, s:s?, s:I, s:I, s:I, s:I, s:f, s:I}", "outgoing",
                         stream->outgoing, "audio", stream->audio, "index", (int)stream->index,
                         "layer", (int)stream->layer, "participant", participant, "packets",
                         (json_int_t)stream->packets, "bytes", (json_int_t)stream->bytes, "lost",
                         (json_int_t)stream->lost, "retransmitted",
                         (json_int_t)stream->retransmitted, "jitter_ms",
                         (double)stream->jitter_us / 1000.0, "bitrate_bps",
                         (json_int_t)stream->bitrate_bps);
}

char *msg_stats(int64_t id, const struct sfu_peer_stats *stats,
                const char *(*name_of)(void *user, uint32_t participant), void *user)
{
        json_t *list = json_array();

        for (size_t i = 0; i < stats->n_streams && i < MAX_STATS_STREAMS; i++) {
                const struct sfu_stream_stats *stream = &stats->streams[i];
                uint32_t source = stream->outgoing ? stream->source : stats->participant;

                json_array_append_new(list,
                                      stream_json(stream, source ? name_of(user, source) : NULL));
        }
        return dump(json_pack(
                "{s:s, s:I, s:f, s:I, s:i, s:f, s:I, s:s, s:o}", "type", "stats", "id",
                (json_int_t)id, "rtt_ms", (double)stats->rtt_us / 1000.0, "line_bps",
                (json_int_t)stats->line_bps, "line_loss_permille", (int)stats->line_loss_permille,
                "line_queue_ms", (double)stats->line_queue_us / 1000.0, "line_probes",
                (json_int_t)stats->line_probes, "srtp", stats->srtp_profile, "streams", list));
}

/* ---- papers ---- */

char *msg_pointer(double x, double y, bool visible)
{
        return dump(json_pack("{s:s, s:f, s:f, s:b}", "type", "pointer", "x", x, "y", y, "visible",
                              visible));
}

char *msg_document_progress(const char *document, int pages, int done)
{
        return dump(json_pack("{s:s, s:s, s:i, s:i}", "type", "document-progress", "document",
                              document, "pages", pages, "done", done));
}
