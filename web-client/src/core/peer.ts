// SPDX-License-Identifier: Apache-2.0
/**
 * One PeerConnection: offered once; later offers only restart ICE. Microphone, camera
 * (simulcast, lowest layer first) and screen are sent; three audio slots and a
 * number of video slots are received.
 */
import type { Kind } from './api.ts';
import { preferInFirstAudio } from './redundancy.ts';

export const AUDIO_SLOTS = 3;

/** Only what the server speaks is offered: 18 kB instead of 59 for nine slots. */
/** Opus first: what is sent, unless the line up loses packets (see carryVoiceTwice). */
const AUDIO_CODECS = ['audio/opus', 'audio/red'];
/**
 * VP8 is sent: an old phone encodes three layers of it, VP9 costs twice as much and AV1 more, everybody decodes it, and
 * a layer that nobody watches can be stopped by itself.
 */
const SENT_VIDEO_CODECS = ['video/vp8', 'video/h264', 'video/rtx'];
/** Whatever a camera or an encoder in the hall publishes. */
const RECEIVED_VIDEO_CODECS = [...SENT_VIDEO_CODECS, 'video/vp9', 'video/av1'];
/** Of each codec the profile that every browser means. */
const PROFILES: Record<string, RegExp> = {
  'video/h264': /(?=.*packetization-mode=1)(?=.*42e01f)/,
  'video/vp9': /^$|profile-id=0/,
  'video/av1': /^$|profile=0/,
};

/** Lowest first: the server takes the order of the rids for the order of the layers. */
const CAMERA_RIDS = ['q', 'h', 'f'];
const SCREEN_MAX_BITRATE = 2_500_000;
/** Chromium sends three layers of a picture from 540 lines on, of a smaller one the two lowest. */
const THREE_LAYERS_FROM_LINES = 540;

/** What each of the camera's encodings carries, for a picture of so many lines. */
function cameraLayers(lines: number): { active: boolean; scaleResolutionDownBy: number; maxBitrate: number }[] {
  const scales = lines >= THREE_LAYERS_FROM_LINES ? [4, 2, 1] : [2, 1];
  return CAMERA_RIDS.map((_, i) => {
    const scale = scales[i];
    return { active: scale !== undefined, scaleResolutionDownBy: scale ?? 1, maxBitrate: bitrateOf(lines / (scale ?? 1)) };
  });
}

/** Enough for a talking head at 25 pictures a second. */
function bitrateOf(lines: number): number {
  if (lines <= 180) return 150_000;
  if (lines <= 270) return 300_000;
  if (lines <= 360) return 600_000;
  return lines <= 540 ? 1_000_000 : 1_700_000;
}

/** Header extensions the server reads or writes (sfu/core/sdp.h). */
const SENT_EXTENSIONS = /sdes:|ssrc-audio-level|transport-wide-cc/;
const RECEIVED_EXTENSIONS = /sdes:mid|abs-send-time|transport-wide-cc|dependency-descriptor/;

interface HeaderExtension {
  uri: string;
  direction: RTCRtpTransceiverDirection;
}
/** Not in every browser, and not yet in TypeScript's library. */
interface NegotiatesExtensions {
  getHeaderExtensionsToNegotiate?(): HeaderExtension[];
  setHeaderExtensionsToNegotiate?(extensions: HeaderExtension[]): void;
}

function trimExtensions(transceiver: RTCRtpTransceiver & NegotiatesExtensions, wanted: RegExp): void {
  const all = transceiver.getHeaderExtensionsToNegotiate?.();
  if (!all) return;
  transceiver.setHeaderExtensionsToNegotiate?.(all.map(({ uri }) => ({ uri, direction: wanted.test(uri) ? 'sendrecv' : 'stopped' })));
}

function prefer(transceiver: RTCRtpTransceiver, names: string[]): void {
  const kind = transceiver.receiver.track.kind;
  const all = RTCRtpReceiver.getCapabilities?.(kind)?.codecs ?? [];
  const wanted = all.filter((codec) => {
    const type = codec.mimeType.toLowerCase();
    return names.includes(type) && (PROFILES[type]?.test(codec.sdpFmtpLine ?? '') ?? true);
  });
  // Its own order is the browser's favourite first; the server goes by ours.
  wanted.sort((a, b) => names.indexOf(a.mimeType.toLowerCase()) - names.indexOf(b.mimeType.toLowerCase()));
  // Older Safari and Firefox have no setCodecPreferences; then the offer is only longer.
  if (wanted.length > 0) transceiver.setCodecPreferences?.(wanted);
}

function configuration(iceServers: RTCIceServer[]): RTCConfiguration {
  return { bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require', iceServers };
}

/** What is to be sent of a kind; see send(). */
interface Sent {
  track: MediaStreamTrack | null;
  active: boolean;
  ofUse: readonly boolean[];
}

export class Peer {
  readonly pc: RTCPeerConnection;
  readonly voices: MediaStream[] = [];
  readonly pictures: MediaStream[] = [];
  #ears: RTCRtpReceiver[] = [];
  #eyes: RTCRtpReceiver[] = [];
  #lively: RTCRtpReceiver | undefined;
  #arrived = 0;
  #senders: Partial<Record<Kind, RTCRtpSender>> = {};
  #sent: Partial<Record<Kind, Sent>> = {};
  /** One change of a sender after the other: parameters are read, changed and written. */
  #queue: Promise<void> = Promise.resolve();
  /** One exchange of descriptions after the other. */
  #exchange: Promise<void> = Promise.resolve();
  #twice = false;

  constructor(videoSlots: number, mayPublish: boolean, iceServers: RTCIceServer[]) {
    this.pc = new RTCPeerConnection(configuration(iceServers));
    if (mayPublish) {
      this.#addSender('mic', 'audio', AUDIO_CODECS, [{}]);
      this.#addSender('camera', 'video', SENT_VIDEO_CODECS, CAMERA_RIDS.map((rid) => ({ rid })));
      this.#addSender('screen', 'video', SENT_VIDEO_CODECS, [{ maxBitrate: SCREEN_MAX_BITRATE }]);
    }
    for (let i = 0; i < AUDIO_SLOTS; i++) this.voices.push(this.#addSlot('audio', AUDIO_CODECS));
    for (let i = 0; i < videoSlots; i++) this.pictures.push(this.#addSlot('video', RECEIVED_VIDEO_CODECS));
  }

  #addSender(kind: Kind, media: 'audio' | 'video', codecs: string[], encodings: RTCRtpEncodingParameters[]): void {
    const sendEncodings = encodings.map((e) => ({ ...e, active: false }));
    const transceiver = this.pc.addTransceiver(media, { direction: 'sendonly', sendEncodings });
    prefer(transceiver, codecs);
    trimExtensions(transceiver, SENT_EXTENSIONS);
    this.#senders[kind] = transceiver.sender;
  }

  #addSlot(media: 'audio' | 'video', codecs: string[]): MediaStream {
    const transceiver = this.pc.addTransceiver(media, { direction: 'recvonly' });
    prefer(transceiver, codecs);
    trimExtensions(transceiver, RECEIVED_EXTENSIONS);
    (media === 'audio' ? this.#ears : this.#eyes).push(transceiver.receiver);
    return new MediaStream([transceiver.receiver.track]);
  }

  /** For whatever gathers candidates from now on: the ways there are now stay. */
  useIceServers(iceServers: RTCIceServer[]): void {
    if (this.pc.signalingState !== 'closed') this.pc.setConfiguration(configuration(iceServers));
  }

  negotiate(ask: (offer: string) => Promise<string>, iceRestart = false): Promise<void> {
    const done = this.#exchange.then(() => this.#negotiate(ask, iceRestart));
    this.#exchange = done.catch(() => undefined);
    return done;
  }

  /** No exchange of descriptions is under way. */
  settled(): Promise<void> {
    return this.#exchange;
  }

  async #negotiate(ask: (offer: string) => Promise<string>, iceRestart: boolean): Promise<void> {
    const offer = await this.pc.createOffer({ iceRestart });
    await this.pc.setLocalDescription(offer);
    const answer = await ask(offer.sdp!).catch(async (error: unknown) => {
      // Not answered: the way that was found before goes on.
      if (iceRestart) await this.#rollBack();
      throw error;
    });
    if (this.pc.signalingState === 'closed') return;
    await this.#takeAnswer(answer);
  }

  async #takeAnswer(answer: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: 'answer', sdp: this.#twice ? preferInFirstAudio(answer, 'red') : answer });
    // Chromium takes each answer as an order to send every layer that is in it.
    await this.#apply('camera');
  }

  /**
   * When something came last, in the audio slots or one of these video slots. Each question waits for a thread of the
   * browser: the receiver that had something new the last time is asked first, the others only if it has not.
   */
  lastArrival(video: Iterable<number>): number {
    for (const receiver of [this.#lively, ...this.#ears, ...[...video].map((index) => this.#eyes[index])]) {
      const [source] = receiver?.getSynchronizationSources() ?? [];
      if (!source || source.timestamp <= this.#arrived) continue;
      this.#arrived = source.timestamp;
      this.#lively = receiver;
      break;
    }
    return this.#arrived;
  }

  /** 0..1 of each audio slot now. The RFC 6464 levels end at the server, so it is what was decoded. */
  levels(): Promise<number[]> {
    return Promise.all(this.#ears.map(async (receiver) => {
      const report = await receiver.getStats();
      let level = 0;
      report.forEach((entry: { type: string; audioLevel?: number }) => {
        if (entry.type === 'inbound-rtp') level = entry.audioLevel ?? 0;
      });
      return level;
    }));
  }

  /** Share of my voice's packets that the server missed lately, 0..1; null: not known. */
  async voiceLoss(): Promise<number | null> {
    let loss: number | null = null;
    const report = await this.#senders.mic?.getStats();
    report?.forEach((entry: { type: string; fractionLost?: number }) => {
      if (entry.type === 'remote-inbound-rtp') loss = entry.fractionLost ?? null;
    });
    return loss;
  }

  /**
   * Whether each packet of my voice carries the frame before as well. The server takes both, and a browser sends
   * what the answer lists first: so the browser alone negotiates again, with the answer it has. It stays so in
   * later answers.
   */
  carryVoiceTwice(on: boolean): Promise<void> {
    this.#exchange = this.#exchange.then(async () => {
      this.#twice = on;
      const answer = this.pc.currentRemoteDescription?.sdp;
      if (!answer || this.pc.signalingState !== 'stable') return;
      const sdp = preferInFirstAudio(answer, on ? 'red' : 'opus');
      if (sdp === answer) return;
      await this.pc.setLocalDescription();
      await this.#takeAnswer(sdp);
    }).catch(() => this.#rollBack()).catch(() => undefined); // closed in between
    return this.#exchange;
  }

  async #rollBack(): Promise<void> {
    if (this.pc.signalingState === 'have-local-offer') await this.pc.setLocalDescription({ type: 'rollback' });
  }

  /**
   * What is not active costs nothing: no packet is sent.
   * ofUse: which simulcast layers somebody watches, lowest first; one that is not listed is.
   */
  send(kind: Kind, track: MediaStreamTrack | null, active: boolean, ofUse: readonly boolean[] = []): Promise<void> {
    this.#sent[kind] = { track, active, ofUse };
    return this.#apply(kind);
  }

  #apply(kind: Kind): Promise<void> {
    this.#queue = this.#queue.then(async () => {
      const sender = this.#senders[kind];
      const sent = this.#sent[kind];
      if (!sender || !sent || this.pc.signalingState === 'closed') return;
      const { track, active, ofUse } = sent;
      if (sender.track !== track) await sender.replaceTrack(track);
      const parameters = sender.getParameters();
      if (!parameters.encodings?.length) return;
      const on = active && track !== null;
      const layers = kind === 'camera' && track ? cameraLayers(track.getSettings().height ?? 720) : null;
      parameters.encodings.forEach((encoding, i) => {
        const layer = layers?.[i];
        if (layer) Object.assign(encoding, layer);
        encoding.active = on && (layer?.active ?? true) && (ofUse[i] ?? true);
      });
      await sender.setParameters(parameters);
    }).catch(() => undefined); // closed in between
    return this.#queue;
  }

  close(): void {
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }
}
