// SPDX-License-Identifier: Apache-2.0
/**
 * A person's sound and pictures: her devices, the PeerConnection (a new one
 * whenever the old is lost), and which slot carries whom.
 */
import type { ServerMessage, SlotView } from '../protocol/types.ts';
import { Failure } from './api.ts';
import type { Id, Kind, Media, MediaState, Wish } from './api.ts';
import type { Clock, Timer } from './clock.ts';
import { faultOf, listDevices, openBoth, openCamera, openMic, openScreen, watchLevel } from './devices.ts';
import { Flow, FLOW_SWEEP_MS } from './flow.ts';
import type { Link, Request } from './link.ts';
import type { MediaListener, MeetingClient } from './meeting.ts';
import { Peer } from './peer.ts';
import { Redundancy } from './redundancy.ts';
import { Sight } from './sight.ts';
import { assignSlots, changedViews, emptied } from './slots.ts';
import { Store } from './store.ts';
import { sameSet, Talkers } from './talkers.ts';

const WISH_DELAY_MS = 120;
/** How long a shaken connection may take to recover before it is replaced. */
const DISCONNECTED_MS = 4000;
/** After an answered ICE restart: two round trips and a packet. */
const NEW_WAY_MS = 500;
/** A refused offer is tried again, ever more slowly. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 30000;

const LISTEN_EVERY_MS = 400;
const VOICE_LOSS_EVERY_MS = 5000;

const KINDS = ['mic', 'camera', 'screen'] as const;

export class MediaClient implements Media, MediaListener {
  #store = new Store<MediaState>({
    micOn: false, cameraOn: false, screenOn: false, micFault: null, cameraFault: null, micLevel: 0,
    devices: { mics: [], cameras: [], speakers: [] }, micId: '', cameraId: '', speakerId: '', preview: null,
    screenPreview: null, connection: 'new', talking: new Set(),
  });
  #clock: Clock;
  #meeting: MeetingClient;
  #link: Link;
  #videoSlots: number;
  #tracks: Record<Kind, MediaStreamTrack | null> = { mic: null, camera: null, screen: null };
  #wanted: Record<Kind, boolean> = { mic: true, camera: true, screen: true };
  #layers: Record<Kind, readonly boolean[]> = { mic: [], camera: [], screen: [] };
  #stopLevel: (() => void) | null = null;
  #peer: Peer | null = null;
  #iceServers: RTCIceServer[] = [];
  #views: SlotView[] = [];
  #told: SlotView[] = [];
  #wishes: readonly Wish[] = [];
  #wishTimer: Timer | null = null;
  #sight: Sight;
  #replaceTimer: Timer | null = null;
  /** What the server says the video slots carry. */
  #carried = new Map<number, { participant: Id; kind: Kind }>();
  #talkers = new Talkers();
  #listenTimer: Timer | null = null;
  #flow = new Flow();
  #flowTimer: Timer | null = null;
  #lossTimer: Timer | null = null;
  #redundancy = new Redundancy();
  #twice = false;
  #askedOff = 0;
  #refused = 0;
  /** Whose ICE is being restarted. */
  #restarting: Peer | null = null;
  #restartedAt = -Infinity;
  #closed = false;

  constructor(clock: Clock, meeting: MeetingClient, videoSlots: number) {
    this.#clock = clock;
    this.#meeting = meeting;
    this.#link = meeting.link;
    this.#videoSlots = videoSlots;
    this.#sight = new Sight(clock, () => this.#tellViews());
    meeting.attach(this);
    navigator.mediaDevices?.addEventListener?.('devicechange', () => void this.#listDevices());
  }

  get state(): MediaState {
    return this.#store.state;
  }

  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(listener);
  }

  get voices(): readonly MediaStream[] {
    return this.#peer?.voices ?? [];
  }

  video(participant: Id, kind: 'camera' | 'screen'): MediaStream | null {
    for (const [index, carried] of this.#carried)
      if (carried.participant === participant && carried.kind === kind) return this.#peer?.pictures[index] ?? null;
    return null;
  }

  /* ---- devices ---- */

  async prepare(want: { mic: boolean; camera: boolean }): Promise<void> {
    if (want.mic && want.camera && !this.#tracks.mic && !this.#tracks.camera) {
      // Fails when one of them is missing or refused; then each is asked for alone, and says why not.
      const tracks = await openBoth(this.state.micId, this.state.cameraId).catch(() => []);
      for (const track of tracks) if (track.kind === 'audio') this.#takeMic(track);
      else this.#takeCamera(track);
    }
    await Promise.all([want.mic ? this.setMic(true) : undefined, want.camera ? this.setCamera(true) : undefined]);
    await this.#listDevices();
  }

  async setMic(on: boolean): Promise<void> {
    if (on && !this.#tracks.mic) await this.#openMic();
    const micOn = on && this.#tracks.mic !== null;
    if (this.#tracks.mic) this.#tracks.mic.enabled = micOn;
    this.#store.set({ micOn, ...(micOn ? {} : { micLevel: 0 }) });
    await this.#publish('mic');
  }

  async setCamera(on: boolean): Promise<void> {
    if (on && !this.#tracks.camera) await this.#openCamera();
    if (!on) this.#dropTrack('camera');
    const track = this.#tracks.camera;
    this.#store.set({ cameraOn: track !== null, preview: track && new MediaStream([track]) });
    await this.#publish('camera');
  }

  async setScreen(on: boolean): Promise<boolean> {
    if (on && !this.#tracks.screen) {
      try {
        const track = await openScreen();
        if (this.#take('screen', track)) track.onended = () => void this.setScreen(false);
      } catch {
        return false;
      }
    }
    if (!on) this.#dropTrack('screen');
    const track = this.#tracks.screen;
    this.#store.set({ screenOn: track !== null, screenPreview: track && new MediaStream([track]) });
    await this.#publish('screen');
    return true;
  }

  async chooseMic(micId: string): Promise<void> {
    this.#store.set({ micId });
    if (!this.#tracks.mic) return;
    const on = this.state.micOn;
    this.#dropTrack('mic');
    await this.setMic(on);
  }

  async chooseCamera(cameraId: string): Promise<void> {
    this.#store.set({ cameraId });
    if (!this.#tracks.camera) return;
    this.#dropTrack('camera');
    await this.setCamera(true);
  }

  chooseSpeaker(speakerId: string): void {
    this.#store.set({ speakerId });
  }

  canShareScreen(): boolean {
    return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
  }

  async #openMic(): Promise<void> {
    try {
      this.#takeMic(await openMic(this.state.micId));
    } catch (error) {
      this.#store.set({ micFault: faultOf(error) });
    }
  }

  async #openCamera(): Promise<void> {
    try {
      this.#takeCamera(await openCamera(this.state.cameraId));
    } catch (error) {
      this.#store.set({ cameraFault: faultOf(error) });
    }
  }

  /** Of two that were asked for at once, and of one that comes when she has left, none stays open unseen. */
  #take(kind: Kind, track: MediaStreamTrack): boolean {
    const mine = !this.#closed && this.#tracks[kind] === null;
    if (mine) this.#tracks[kind] = track;
    else track.stop();
    return mine;
  }

  #takeMic(track: MediaStreamTrack): void {
    if (!this.#take('mic', track)) return;
    track.onended = () => {
      this.#dropTrack('mic');
      this.#store.set({ micFault: 'lost' });
      void this.setMic(false);
    };
    this.#stopLevel = watchLevel(track, (micLevel) => this.state.micOn && this.#store.set({ micLevel }));
    this.#store.set({ micFault: null, micId: track.getSettings().deviceId ?? '' });
  }

  #takeCamera(track: MediaStreamTrack): void {
    if (!this.#take('camera', track)) return;
    track.onended = () => {
      this.#store.set({ cameraFault: 'lost' });
      void this.setCamera(false);
    };
    this.#store.set({ cameraFault: null, cameraId: track.getSettings().deviceId ?? '' });
  }

  #dropTrack(kind: Kind): void {
    const track = this.#tracks[kind];
    if (!track) return;
    track.onended = null;
    track.stop();
    this.#tracks[kind] = null;
    if (kind === 'mic') {
      this.#stopLevel?.();
      this.#stopLevel = null;
    }
  }

  async #listDevices(): Promise<void> {
    this.#store.set({ devices: await listDevices() });
  }

  /* ---- to the server ---- */

  #isOn(kind: Kind): boolean {
    return { mic: this.state.micOn, camera: this.state.cameraOn, screen: this.state.screenOn }[kind];
  }

  async #publish(kind: Kind): Promise<void> {
    await this.#send(kind);
    await this.#tellMedia();
  }

  async #send(kind: Kind): Promise<void> {
    await this.#peer?.send(kind, this.#tracks[kind], this.#isOn(kind) && this.#wanted[kind], this.#layers[kind]);
  }

  async #tellMedia(): Promise<void> {
    if (this.#meeting.state.phase !== 'joined' || !this.#meeting.state.permissions.has('publish')) return;
    const { micOn: mic, cameraOn: camera, screenOn: screen } = this.state;
    this.#askedOff++;
    await this.#link.request({ type: 'media', mic, camera, screen }).catch(() => undefined);
    this.#askedOff--;
  }

  wish(wishes: readonly Wish[]): void {
    this.#wishes = wishes;
    if (this.#wishTimer) return;
    this.#wishTimer = this.#clock.after(WISH_DELAY_MS, () => {
      this.#wishTimer = null;
      this.#tellViews();
    });
  }

  onScreen(shown: boolean): void {
    this.#sight.set(shown);
  }

  /** What the layout shows, whenever it is asked; nothing while nobody can see it. The sound goes on. */
  #tellViews(): void {
    this.#views = assignSlots(this.#views, this.#wishes, this.#videoSlots);
    if (!this.#peer || this.#meeting.state.phase !== 'joined') return;
    const views = this.#sight.shown ? this.#views : emptied(this.#views);
    const slots = changedViews(this.#told, views);
    if (slots.length === 0) return;
    this.#told = views;
    this.#link.tell({ type: 'view', slots });
  }

  /* ---- from the meeting ---- */

  onJoined(iceServers: RTCIceServer[]): void {
    this.#takeIceServers(iceServers);
    void this.#tellMedia();
    void this.#keepOrReplace();
  }

  onDown(): void {
    if (this.#meeting.state.phase === 'ended') this.#closePeer('new');
  }

  onSwitchedOff(kind: Kind, byOther: boolean): void {
    // The echo of my own change is no order.
    if ((!byOther && this.#askedOff > 0) || !this.#isOn(kind)) return;
    if (kind === 'mic') void this.setMic(false);
    else if (kind === 'camera') void this.setCamera(false);
    else void this.setScreen(false);
  }

  onMessage(message: ServerMessage): void {
    if (message.type === 'slots') {
      for (const slot of message.slots) {
        if (slot.audio) this.#talkers.carries(slot.index, slot.participant);
        else if (slot.participant === null) this.#carried.delete(slot.index);
        else this.#carried.set(slot.index, { participant: slot.participant, kind: slot.kind });
      }
      this.#flow.clear();
      this.#watchFlow();
      this.#listenSoon();
      this.#store.set({});
    } else if (message.type === 'wanted') {
      this.#wanted[message.kind] = message.wanted;
      this.#layers[message.kind] = message.layers;
      void this.#send(message.kind);
    } else if (message.type === 'ice-servers') {
      this.#takeIceServers(message.ice_servers);
    } else if (message.type === 'silent') {
      // A restart that is under way, or just was, is the answer to it.
      if (this.#clock.now() - this.#restartedAt > NEW_WAY_MS) void this.#restart();
    } else if (message.type === 'peer-gone' && message.reason !== 'replaced') {
      this.#replaceSoon(0);
    }
  }

  #takeIceServers(iceServers: RTCIceServer[]): void {
    this.#iceServers = iceServers;
    this.#peer?.useIceServers(iceServers);
  }

  /** While something is shown or heard. When a slot is emptied its silence is no surprise. */
  #watchFlow(): void {
    if (this.#closed || this.#flowTimer || (this.#carried.size === 0 && this.#talkers.idle)) return;
    this.#flowTimer = this.#clock.after(FLOW_SWEEP_MS, () => {
      this.#flowTimer = null;
      if (this.#peer && this.#flow.sweep(this.#peer.lastArrival(this.#carried.keys()))) void this.#link.race();
      this.#watchFlow();
    });
  }

  #listenSoon(): void {
    if (this.#closed || this.#listenTimer || this.#talkers.idle) return;
    this.#listenTimer = this.#clock.after(LISTEN_EVERY_MS, () => void this.#listen());
  }

  async #listen(): Promise<void> {
    const levels = await this.#peer?.levels().catch(() => []);
    const talking = this.#talkers.at(this.#clock.now(), levels ?? []);
    if (!sameSet(talking, this.state.talking)) this.#store.set({ talking });
    this.#listenTimer = null;
    this.#listenSoon();
  }

  /* ---- the PeerConnection ---- */

  /**
   * After a lost socket the server may still have our connection, or be a new server that never heard of it. What cut
   * the socket may have cut our way too, so another is looked for at once.
   */
  async #keepOrReplace(): Promise<void> {
    const peer = this.#peer;
    const state = peer?.pc.connectionState;
    if (!peer || (state !== 'connected' && state !== 'connecting' && state !== 'disconnected')) {
      this.#replaceSoon(0);
      return;
    }
    const { stalled } = this.#flow;
    // What was told last may have been lost with the socket.
    this.#told = [];
    this.#tellViews();
    await peer.settled(); // what was asked on that socket has been given up
    if (this.#peer !== peer || !(await this.#restart()) || !stalled) return;
    // A browser may prefer the old way, though dead, for its lower cost.
    const last = peer.lastArrival(this.#carried.keys());
    this.#clock.after(NEW_WAY_MS, () => {
      if (this.#peer === peer && peer.lastArrival(this.#carried.keys()) === last) this.#replaceSoon(0);
    });
  }

  /** ICE anew: keys, slots and pictures stay. False: it is not to be had, and what else there is to do is under way. */
  async #restart(): Promise<boolean> {
    const peer = this.#peer;
    if (!peer || this.#restarting === peer || this.#meeting.state.phase !== 'joined') return false;
    this.#restarting = peer;
    try {
      await peer.settled();
      if (peer.pc.signalingState !== 'stable') return false;
      await peer.negotiate((sdp) => this.#offer({ type: 'offer', sdp, restart: true }), true);
      this.#restartedAt = this.#clock.now();
      return true;
    } catch (error) {
      const code = error instanceof Failure ? error.code : null;
      if (this.#peer === peer && code !== 'offline') this.#replaceSoon(code === 'too-fast' ? RETRY_MS : 0);
      return false; // offline: joining again tries again
    } finally {
      if (this.#restarting === peer) this.#restarting = null;
    }
  }

  async #offer(request: Request): Promise<string> {
    const reply = await this.#link.request(request);
    if (reply.type !== 'answer') throw new Error('no answer');
    return reply.sdp;
  }

  #watchVoiceLoss(): void {
    this.#lossTimer ??= this.#clock.after(VOICE_LOSS_EVERY_MS, () => {
      this.#lossTimer = null;
      void this.#carryVoiceAsNeeded();
    });
  }

  async #carryVoiceAsNeeded(): Promise<void> {
    const peer = this.#peer;
    if (!peer || this.#closed) return;
    const loss = this.state.micOn ? await peer.voiceLoss().catch(() => null) : null;
    const twice = this.#redundancy.decide(loss ?? 0, this.#clock.now());
    if (twice !== this.#twice && peer === this.#peer) {
      this.#twice = twice;
      await peer.carryVoiceTwice(twice);
    }
    this.#watchVoiceLoss();
  }

  #replaceSoon(ms: number): void {
    if (this.#closed || this.#replaceTimer) return;
    this.#replaceTimer = this.#clock.after(ms, () => {
      this.#replaceTimer = null;
      void this.#replace();
    });
  }

  async #replace(): Promise<void> {
    if (this.#closed || this.#meeting.state.phase !== 'joined') return; // onJoined() comes
    const first = this.#peer === null;
    this.#closePeer(first ? 'connecting' : 'reconnecting');
    const peer = new Peer(this.#videoSlots, this.#meeting.state.permissions.has('publish'), this.#iceServers);
    this.#peer = peer;
    peer.pc.onconnectionstatechange = () => this.#onConnectionState(peer);
    this.#wanted = { mic: true, camera: true, screen: true };
    this.#layers = { mic: [], camera: [], screen: [] };
    for (const kind of KINDS) void peer.send(kind, this.#tracks[kind], this.#isOn(kind));
    try {
      await peer.negotiate((sdp) => this.#offer({ type: 'offer', sdp }));
      this.#refused = 0;
      this.#told = [];
      this.#tellViews();
    } catch {
      if (this.#peer === peer) this.#replaceSoon(Math.min(RETRY_MS * 2 ** this.#refused++, MAX_RETRY_MS));
    }
    this.#store.set({});
  }

  #onConnectionState(peer: Peer): void {
    if (this.#peer !== peer) return;
    const state = peer.pc.connectionState;
    if (state === 'connected') {
      this.#watchVoiceLoss();
      this.#store.set({ connection: 'connected' });
    } else if (state === 'failed') {
      this.#store.set({ connection: 'reconnecting' });
      this.#replaceSoon(0);
    } else if (state === 'disconnected') {
      this.#store.set({ connection: 'reconnecting' });
      void this.#restart();
      this.#clock.after(DISCONNECTED_MS, () => {
        if (this.#peer === peer && peer.pc.connectionState === 'disconnected') this.#replaceSoon(0);
      });
    }
  }

  #closePeer(connection: MediaState['connection']): void {
    this.#peer?.close();
    this.#peer = null;
    this.#twice = false;
    this.#carried.clear();
    this.#talkers.clear();
    this.#store.set({ connection, talking: new Set() });
  }

  close(): void {
    this.#closed = true;
    this.#sight.close();
    for (const timer of [this.#wishTimer, this.#replaceTimer, this.#listenTimer, this.#lossTimer, this.#flowTimer]) if (timer) this.#clock.clear(timer);
    this.#closePeer('new');
    for (const kind of KINDS) this.#dropTrack(kind);
  }
}

