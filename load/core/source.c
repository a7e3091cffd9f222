/* SPDX-License-Identifier: Apache-2.0 */
#include "load/core/source.h"

enum { BURST_MS = 40 };

void source_init(struct source *source, const struct source_config *config, int64_t start_us)
{
        *source = (struct source){ .config = *config,
                                   .start_us = start_us,
                                   .sound_start_us = start_us,
                                   .paced_us = start_us };
        for (unsigned i = 0; i < config->n_layers; i++)
                source->layers[i].key_wanted = true;
}

static int64_t frame_us(const struct source *source, uint32_t frame)
{
        return source->start_us + (int64_t)frame * 1000000 / source->config.fps;
}

static int64_t sound_us(const struct source *source, uint32_t number)
{
        return source->sound_start_us + (int64_t)number * SOURCE_SOUND_US;
}

/* So that the average over one key-frame interval is the bit rate. */
static double frame_bytes(const struct source_config *config, unsigned layer, bool key)
{
        double frames = (double)config->key_every_us / 1e6 * config->fps;
        double share = frames * config->video_bps[layer] / 8 / config->fps /
                       (frames - 1 + config->key_ratio);

        return key ? share * config->key_ratio : share;
}

static void make_frame(struct source *source, unsigned index)
{
        struct source_layer *layer = &source->layers[index];
        int64_t due_us = frame_us(source, source->frame);
        bool key = (layer->key_wanted &&
                    (layer->key_us == 0 || due_us - layer->key_us >= SOURCE_KEY_SPACING_US)) ||
                   due_us - layer->key_us >= source->config.key_every_us;
        double bytes = layer->carried_bytes + frame_bytes(&source->config, index, key);
        double packet = bytes < SOURCE_VIDEO_BYTES ? bytes : SOURCE_VIDEO_BYTES;
        uint32_t n = (uint32_t)(bytes / packet);

        if (packet < SOURCE_SMALLEST)
                packet = SOURCE_SMALLEST;
        layer->carried_bytes = bytes - n * packet > 0 ? bytes - n * packet : 0;
        if (layer->n == SOURCE_QUEUE) {
                source->n_dropped_frames++;
                return;
        }
        if (key) {
                layer->key_wanted = false;
                layer->key_us = due_us;
        }
        layer->queue[(layer->head + layer->n++) % SOURCE_QUEUE] = (struct source_frame){
                .number = source->frame,
                .n_packets = n,
                .packet_bytes = (uint16_t)packet,
                .key = key
        };
}

static double pace_bytes_per_us(const struct source *source)
{
        double bps = 0;

        for (unsigned i = 0; i < source->config.n_layers; i++)
                bps += source->config.video_bps[i];
        return bps * source->config.pacing / 8e6;
}

static bool pacer_lets(struct source *source, int64_t now_us)
{
        double rate = pace_bytes_per_us(source);

        if (source->config.pacing <= 0)
                return true;
        source->debt_bytes -= (double)(now_us - source->paced_us) * rate;
        if (source->debt_bytes < 0)
                source->debt_bytes = 0;
        source->paced_us = now_us;
        return source->debt_bytes + SOURCE_VIDEO_BYTES <= rate * BURST_MS * 1000 ||
               source->debt_bytes == 0;
}

static bool next_video(struct source *source, struct source_packet *ret_packet, int64_t now_us)
{
        for (unsigned i = 0; i < source->config.n_layers; i++) {
                struct source_layer *layer = &source->layers[i];
                struct source_frame *frame = &layer->queue[layer->head];

                if (layer->n == 0 || !pacer_lets(source, now_us))
                        continue;
                *ret_packet = (struct source_packet){
                        .layer = (uint8_t)i,
                        .first = frame->n_sent == 0,
                        .last = frame->n_sent + 1 == frame->n_packets,
                        .key = frame->key,
                        .frame = frame->number,
                        .bytes = frame->packet_bytes,
                };
                source->debt_bytes += frame->packet_bytes;
                if (++frame->n_sent == frame->n_packets) {
                        layer->head = (layer->head + 1) % SOURCE_QUEUE;
                        layer->n--;
                }
                return true;
        }
        return false;
}

bool source_next(struct source *source, struct source_packet *ret_packet, int64_t now_us)
{
        const struct source_config *config = &source->config;

        if (config->sound && sound_us(source, source->sound) <= now_us) {
                *ret_packet = (struct source_packet){ .layer = SOURCE_SOUND,
                                                      .frame = source->sound++,
                                                      .bytes = SOURCE_SOUND_BYTES };
                return true;
        }
        while (config->n_layers > 0 && frame_us(source, source->frame) <= now_us) {
                for (unsigned i = 0; i < config->n_layers; i++)
                        make_frame(source, i);
                source->frame++;
        }
        return next_video(source, ret_packet, now_us);
}

void source_want_key(struct source *source, unsigned layer)
{
        if (layer < source->config.n_layers)
                source->layers[layer].key_wanted = true;
}

int64_t source_deadline_us(const struct source *source)
{
        const struct source_config *config = &source->config;
        int64_t at_us = INT64_MAX, paced_us;
        double over;

        if (config->sound)
                at_us = sound_us(source, source->sound);
        if (config->n_layers > 0 && frame_us(source, source->frame) < at_us)
                at_us = frame_us(source, source->frame);
        for (unsigned i = 0; i < config->n_layers; i++) {
                if (source->layers[i].n == 0)
                        continue;
                if (config->pacing <= 0)
                        return source->start_us;
                over = source->debt_bytes + SOURCE_VIDEO_BYTES -
                       pace_bytes_per_us(source) * BURST_MS * 1000;
                paced_us = source->paced_us +
                           (over > 0 ? (int64_t)(over / pace_bytes_per_us(source)) + 1 : 0);
                if (paced_us < at_us)
                        at_us = paced_us;
        }
        return at_us;
}

int64_t source_due_us(const struct source *source, const struct source_packet *packet)
{
        return packet->layer == SOURCE_SOUND ? sound_us(source, packet->frame)
                                             : frame_us(source, packet->frame);
}
