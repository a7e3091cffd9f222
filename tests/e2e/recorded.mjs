// SPDX-License-Identifier: Apache-2.0
// Eyes and ears for recordings: what is in a file, when a tone sounds, which page a frame shows.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';

const RATE = 8000;
const WIDTH = 160;
const HEIGHT = 90;
/** Where the program shows a 16:9 page beside a speaker: sfu/jobs/core/scene.c. */
const PAGE_BOX = '968:544:16:104';

const run = (program, args) => execFileSync(program, args, { maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'pipe'] });

/** Throws when ffprobe has anything to complain of. */
export function mediaInfo(file) {
  const found = JSON.parse(run('ffprobe', ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', file]).toString());
  const of = (type) => found.streams.find((s) => s.codec_type === type);
  return {
    video: of('video')?.codec_name, audio: of('audio')?.codec_name, width: of('video')?.width, height: of('video')?.height,
    seconds: Number(found.format.duration), bytes: statSync(file).size,
  };
}

export function soundOf(file) {
  const bytes = run('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:a:0', '-ac', '1', '-ar', String(RATE), '-f', 's16le', '-']);
  return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
}

/** Goertzel: how much of the window's energy is at this frequency, 0 to 1. */
function share(sound, from, length, hertz) {
  const turn = 2 * Math.cos((2 * Math.PI * hertz) / RATE);
  let a = 0, b = 0, energy = 0;
  for (let i = from; i < from + length; i++) {
    const next = sound[i] + turn * a - b;
    b = a;
    a = next;
    energy += sound[i] * sound[i];
  }
  if (energy / length < 100) return 0; // silence
  return (2 * (a * a + b * b - turn * a * b)) / (length * energy);
}

/** The first time at which the tone sounds, and when it ends; seconds of the file. Null: it does not. */
export function findTone(sound, hertz, from, to) {
  const window = RATE / 50;
  let first = null, last = null;
  for (let at = Math.max(0, Math.floor(from * RATE)); at + window < Math.min(sound.length, to * RATE); at += window / 2) {
    const there = share(sound, at, window, hertz) > 0.3;
    if (there && first === null) first = at;
    if (there) last = at + window;
    if (!there && last !== null && at - last > RATE / 2) break;
  }
  return first === null || last - first < RATE / 5 ? null : { from: first / RATE, to: last / RATE };
}

/** A picture file, or the frame of a film at `seconds`: gray, small. */
export function grayPicture(file, seconds) {
  const film = seconds !== undefined;
  return run('ffmpeg', ['-v', 'error', ...(film ? ['-ss', seconds.toFixed(3)] : []), '-i', file, '-frames:v', '1', '-vf',
    `${film ? `crop=${PAGE_BOX},` : ''}scale=${WIDTH}:${HEIGHT}:flags=area,format=gray`, '-f', 'rawvideo', '-']);
}

/** Mean difference of two gray pictures, 0 to 255. */
export function pictureDistance(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}
