// SPDX-License-Identifier: Apache-2.0
// The PeerConnection of this page: offered once (microphone, camera, screen; then audio and video slots), answered once.
// When it fails, when the server lost it or has restarted, a new one takes its place: there is no renegotiation and no
// ICE restart.
import type { Kind } from '../protocol/types.ts';
import type { Clock } from './clock.ts';
import { backOffMs } from './clock.ts';

export const AUDIO_SLOTS = 3;
const KINDS: readonly Kind[] = ['mic', 'camera', 'screen'];
/** ICE that is interrupted often heals, for one thing when the client's address has changed. */
export const HEAL_MS = 7000;
/** No connection at all in this time: try anew. */
export const CONNECT_MS = 12000;

export interface SlotTracks {
  audio: MediaStreamTrack[];
  video: MediaStreamTrack[];
}

export type PeerPhase = 'closed' | 'connecting' | 'connected' | 'interrupted' | 'refused';

export interface Codecs {
  audio: RTCRtpCodec[];
  video: RTCRtpCodec[];
}

export interface PeerOptions {
  create: (config: RTCConfiguration) => RTCPeerConnection;
  codecs: () => Codecs;
  /** Sends an offer, resolves with the answer; rejects with an Error whose message is the server's code. */
  signal: (offer: string) => Promise<string>;
  clock: Clock;
  videoSlots: number;
  onTracks: (tracks: SlotTracks) => void;
  onPhase: (phase: PeerPhase) => void;
}

interface Source {
  track: MediaStreamTrack | null;
  on: boolean;
  wanted: boolean;
}

/** Opus; VP8 first, then H.264 in the one profile everybody has; retransmission for both. Less makes a small offer. */
export function preferredCodecs(kind: 'audio' | 'video', codecs: readonly RTCRtpCodec[]): RTCRtpCodec[] {
  const rank = (codec: RTCRtpCodec): number => {
    const mime = codec.mimeType.toLowerCase();
    const fmtp = codec.sdpFmtpLine ?? '';
    if (kind === 'audio') return mime === 'audio/opus' ? 0 : -1;
    if (mime === 'video/vp8') return 0;
    if (mime === 'video/h264' && /packetization-mode=1/.test(fmtp) && /profile-level-id=42e0/i.test(fmtp)) return 1;
    return mime === 'video/rtx' ? 2 : -1;
  };
  return codecs.filter((codec) => rank(codec) >= 0).sort((a, b) => rank(a) - rank(b));
}

/** Layers from the lowest to the highest; a small picture is not worth three. */
export function cameraEncodings(height: number | undefined, active: boolean): RTCRtpEncodingParameters[] {
  if (height !== undefined && height <= 360) {
    return [
      { rid: 'q', active, scaleResolutionDownBy: 2, maxBitrate: 150_000 },
      { rid: 'h', active, scaleResolutionDownBy: 1, maxBitrate: 600_000 },
    ];
  }
  return [
    { rid: 'q', active, scaleResolutionDownBy: 4, maxBitrate: 120_000 },
    { rid: 'h', active, scaleResolutionDownBy: 2, maxBitrate: 450_000 },
    { rid: 'f', active, scaleResolutionDownBy: 1, maxBitrate: 1_400_000 },
  ];
}

export class Peer {
  #options: PeerOptions;
  #pc: RTCPeerConnection | null = null;
  #senders: Partial<Record<Kind, RTCRtpSender>> = {};
  #sources: Record<Kind, Source> = {
    mic: { track: null, on: false, wanted: true },
    camera: { track: null, on: false, wanted: true },
    screen: { track: null, on: false, wanted: true },
  };
  #applying: Record<Kind, Promise<void>> = { mic: Promise.resolve(), camera: Promise.resolve(), screen: Promise.resolve() };
  #iceServers: RTCIceServer[] = [];
  #phase: PeerPhase = 'closed';
  #tries = 0;
  #cancelTimer: () => void = () => {};

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  get phase(): PeerPhase {
    return this.#phase;
  }

  get connection(): RTCPeerConnection | null {
    return this.#pc;
  }

  /** What is sent of one kind; no track: nothing. */
  set(kind: Kind, track: MediaStreamTrack | null, on: boolean): void {
    const source = this.#sources[kind];
    source.track = track;
    source.on = on && track !== null;
    this.#apply(kind);
  }

  /** Nobody watches it: encode nothing. */
  setWanted(kind: Kind, wanted: boolean): void {
    this.#sources[kind].wanted = wanted;
    this.#apply(kind);
  }

  open(iceServers: RTCIceServer[]): void {
    this.#iceServers = iceServers;
    this.#tries = 0;
    void this.#connect();
  }

  /** The server does not know our connection any more. */
  renew(): void {
    if (this.#phase !== 'closed') void this.#connect();
  }

  close(): void {
    this.#drop();
    this.#setPhase('closed');
  }

  async #connect(): Promise<void> {
    this.#drop();
    this.#setPhase('connecting');
    const pc = this.#options.create({ iceServers: this.#iceServers, bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
    this.#pc = pc;
    for (const kind of KINDS) this.#sources[kind].wanted = true;
    this.#addSending(pc);
    const tracks = this.#addSlots(pc);
    pc.onconnectionstatechange = () => this.#onConnectionState(pc);
    try {
      await pc.setLocalDescription(await pc.createOffer());
      const sdp = await this.#options.signal(pc.localDescription?.sdp ?? '');
      if (this.#pc !== pc) return;
      await pc.setRemoteDescription({ type: 'answer', sdp });
      if (this.#pc !== pc) return;
      this.#options.onTracks(tracks);
      for (const kind of KINDS) this.#apply(kind);
      this.#setTimer(CONNECT_MS, () => void this.#connect());
    } catch (error) {
      if (this.#pc === pc) this.#onOfferFailed(error);
    }
  }

  #onOfferFailed(error: unknown): void {
    this.#drop();
    const code = error instanceof Error ? error.message : '';
    if (code === 'offline') return; // the next welcome opens a new one
    if (code.startsWith('sdp-')) this.#setPhase('refused');
    else this.#setTimer(backOffMs(this.#tries++ + 2, this.#options.clock), () => void this.#connect());
  }

  #addSending(pc: RTCPeerConnection): void {
    const codecs = this.#options.codecs();
    for (const kind of KINDS) {
      const { track, on } = this.#sources[kind];
      const media = kind === 'mic' ? 'audio' : 'video';
      const sendEncodings = kind === 'camera' ? cameraEncodings(track?.getSettings().height, on)
        : [{ active: on, ...(kind === 'screen' && { maxBitrate: 2_500_000 }) }];
      const transceiver = pc.addTransceiver(track ?? media, { direction: 'sendonly', sendEncodings });
      preferCodecs(transceiver, codecs[media]);
      this.#senders[kind] = transceiver.sender;
    }
  }

  #addSlots(pc: RTCPeerConnection): SlotTracks {
    const codecs = this.#options.codecs();
    const add = (media: 'audio' | 'video', n: number): MediaStreamTrack[] =>
      Array.from({ length: n }, () => {
        const transceiver = pc.addTransceiver(media, { direction: 'recvonly' });
        preferCodecs(transceiver, codecs[media]);
        return transceiver.receiver.track;
      });
    return { audio: add('audio', AUDIO_SLOTS), video: add('video', this.#options.videoSlots) };
  }

  #onConnectionState(pc: RTCPeerConnection): void {
    if (this.#pc !== pc) return;
    switch (pc.connectionState) {
      case 'connected':
        this.#tries = 0;
        this.#cancelTimer();
        this.#setPhase('connected');
        break;
      case 'disconnected':
        this.#setPhase('interrupted');
        this.#setTimer(HEAL_MS, () => void this.#connect());
        break;
      case 'failed':
        this.#setPhase('interrupted');
        this.#setTimer(backOffMs(this.#tries++, this.#options.clock), () => void this.#connect());
        break;
      default:
        break;
    }
  }

  /** One change after the other: two setParameters() at once would undo each other. */
  #apply(kind: Kind): void {
    const sender = this.#senders[kind];
    if (!sender) return;
    this.#applying[kind] = this.#applying[kind].then(() => this.#applyNow(kind, sender)).catch(() => {
      // The connection was closed meanwhile; its successor starts with these sources.
    });
  }

  async #applyNow(kind: Kind, sender: RTCRtpSender): Promise<void> {
    if (this.#senders[kind] !== sender) return;
    const source = this.#sources[kind];
    if (sender.track !== source.track) await sender.replaceTrack(source.track);
    const active = source.on && source.wanted;
    const parameters = sender.getParameters();
    if (parameters.encodings.every((encoding) => encoding.active === active)) return;
    for (const encoding of parameters.encodings) encoding.active = active;
    await sender.setParameters(parameters);
  }

  #drop(): void {
    this.#cancelTimer();
    const pc = this.#pc;
    this.#pc = null;
    this.#senders = {};
    if (!pc) return;
    pc.onconnectionstatechange = null;
    pc.close();
  }

  #setPhase(phase: PeerPhase): void {
    if (phase === this.#phase) return;
    this.#phase = phase;
    this.#options.onPhase(phase);
  }

  #setTimer(ms: number, run: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(ms, run);
  }
}

function preferCodecs(transceiver: RTCRtpTransceiver, codecs: RTCRtpCodec[]): void {
  if (codecs.length === 0) return;
  try {
    transceiver.setCodecPreferences(codecs);
  } catch {
    // An older browser that knows no preferences makes a larger offer; that is all.
  }
}
