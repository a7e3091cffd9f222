// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferInFirstAudio, Redundancy } from './redundancy.ts';

test('a_clean_line_carries_each_frame_once', () => {
  const redundancy = new Redundancy();
  for (let now = 0; now < 60_000; now += 5000) assert.equal(redundancy.decide(0.005, now), false);
});

test('a_lossy_line_carries_each_frame_twice_until_it_is_clean_for_a_while', () => {
  const redundancy = new Redundancy();
  assert.equal(redundancy.decide(0.05, 0), true);
  assert.equal(redundancy.decide(0.02, 5000), true);
  assert.equal(redundancy.decide(0, 20_000), true);
  assert.equal(redundancy.decide(0, 36_000), false);
  assert.equal(redundancy.decide(0.02, 40_000), false);
});

test('a_codec_is_put_first_in_the_first_audio_line_alone', () => {
  const sdp = ['v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111 63', 'a=rtpmap:111 opus/48000/2', 'a=rtpmap:63 red/48000/2',
    'm=audio 9 UDP/TLS/RTP/SAVPF 111 63', ''].join('\r\n');
  const red = preferInFirstAudio(sdp, 'red');
  assert.equal(red, sdp.replace('SAVPF 111 63', 'SAVPF 63 111'));
  assert.equal(preferInFirstAudio(red, 'opus'), sdp);
  assert.equal(preferInFirstAudio(sdp, 'opus'), sdp);
  assert.equal(preferInFirstAudio(sdp, 'pcmu'), sdp);
});
