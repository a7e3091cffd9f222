// SPDX-License-Identifier: Apache-2.0
/** Microphone, camera and screen of this machine. */
import type { Device, DeviceFault, MediaState } from './api.ts';

export function faultOf(error: unknown): DeviceFault {
  if (!globalThis.isSecureContext || !navigator.mediaDevices) return 'insecure';
  switch (error instanceof Object && 'name' in error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'other';
  }
}

function micOf(id: string): MediaTrackConstraints {
  const common = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return id ? { ...common, deviceId: { exact: id } } : common;
}

function cameraOf(id: string): MediaTrackConstraints {
  const common = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25, max: 30 } };
  return id ? { ...common, deviceId: { exact: id } } : { ...common, facingMode: 'user' };
}

async function open(constraints: MediaStreamConstraints): Promise<MediaStreamTrack[]> {
  const tracks = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
  for (const track of tracks) if (track.kind === 'video') track.contentHint = 'motion';
  return tracks;
}

/** Both with one question to the person. */
export function openBoth(micId: string, cameraId: string): Promise<MediaStreamTrack[]> {
  return open({ audio: micOf(micId), video: cameraOf(cameraId) });
}

/** The chosen one; when it is not there any more (unplugged), another. */
async function openOne(id: string, wanted: (id: string) => MediaStreamConstraints): Promise<MediaStreamTrack> {
  const tracks = await open(wanted(id)).catch((error: unknown) => {
    if (id === '' || faultOf(error) !== 'missing') throw error;
    return open(wanted(''));
  });
  return tracks[0]!;
}

export function openMic(id: string): Promise<MediaStreamTrack> {
  return openOne(id, (one) => ({ audio: micOf(one) }));
}

export function openCamera(id: string): Promise<MediaStreamTrack> {
  return openOne(id, (one) => ({ video: cameraOf(one) }));
}

export async function openScreen(): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 10, max: 15 } }, audio: false });
  const track = stream.getVideoTracks()[0]!;
  track.contentHint = 'detail';
  return track;
}

/** Labels are empty until the person has given permission once. */
export async function listDevices(): Promise<MediaState['devices']> {
  const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind): Device[] =>
    all.filter((d) => d.kind === kind && d.deviceId).map((d) => ({ id: d.deviceId, label: d.label }));
  return { mics: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}

/** Reports the loudness (0..1) of a microphone ten times a second. Returns what stops it. */
export function watchLevel(track: MediaStreamTrack, report: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, v) => sum + v * v, 0) / samples.length);
    const decibels = 20 * Math.log10(rms + 1e-6);
    report(Math.max(0, Math.min(1, (decibels + 60) / 50)));
  }, 100);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
