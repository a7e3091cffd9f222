// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerMessage } from '../protocol/types.ts';
import { Failure, type Fault } from './api.ts';
import { Link, type Socket } from './link.ts';
import { MeetingClient } from './meeting.ts';
import { settle, TestClock } from './testing.ts';

class FakeSocket implements Socket {
  sent: { type: string; id: number; [key: string]: unknown }[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
  }
  give(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

function setUp() {
  const clock = new TestClock();
  const sockets: FakeSocket[] = [];
  const verdict: { why: Fault | null } = { why: null };
  const meeting = new MeetingClient(clock, async () => verdict.why, (events) => new Link(() => {
    const socket = new FakeSocket();
    sockets.push(socket);
    return socket;
  }, clock, events));
  return { clock, sockets, meeting, verdict };
}

const seat = (id: string, fields = {}) => ({
  id, name: `Đại biểu ${id}`, role: 'delegate' as const, online: true, mic: true, camera: false, screen: false, hand: 0, muted: false, ...fields,
});

function welcome(id: number, seq: number, fields = {}): ServerMessage {
  return {
    type: 'welcome', id, self: 'me', role: 'delegate', permissions: ['publish', 'chat'], seq, resumed: false,
    meeting: { id: 'm', title: 'Hội nghị', locked: false }, participants: [seat('me'), seat('other')], chat: [],
    documents: [], presentation: null, speaker: null, ice_servers: [], ...fields,
  } as ServerMessage;
}

async function joined() {
  const all = setUp();
  const promise = all.meeting.join('Đại biểu Hoa');
  const socket = all.sockets[0]!;
  socket.onopen!();
  socket.give(welcome(socket.sent[0]!.id, 10));
  await promise;
  return { ...all, socket };
}

const chat = (seq: number): ServerMessage => ({ type: 'chat', seq, at: 1, from: 'other', name: 'Đại biểu other', text: `câu ${seq}` });

test('join_sends_the_name_and_takes_the_state', async () => {
  const { meeting, socket } = await joined();
  assert.equal(socket.sent[0]!.type, 'join');
  assert.equal(socket.sent[0]!['name'], 'Đại biểu Hoa');
  assert.equal(meeting.state.phase, 'joined');
  assert.equal(meeting.state.participants.size, 2);
});

test('what_the_line_carries_is_told', async () => {
  const { meeting, socket } = await joined();
  assert.equal(meeting.state.carries, 'all');
  socket.give({ type: 'quality', bars: 2, rtt_ms: 90, loss_permille: 0, line_bps: 60_000, carries: 'sound' });
  assert.deepEqual([meeting.state.bars, meeting.state.carries], [2, 'sound']);
});

test('turn_servers_come_with_each_welcome_and_in_between', async () => {
  const { clock, sockets, meeting, socket } = await joined();
  const servers = (n: number) => [{ urls: 'turn:a.vn', username: `${n}:me`, credential: 'x' }];
  const taken: RTCIceServer[][] = [];
  meeting.attach({
    onJoined: (list) => taken.push(list), onDown() {}, onSwitchedOff() {},
    onMessage: (message) => { if (message.type === 'ice-servers') taken.push(message.ice_servers); },
  });
  socket.give({ type: 'ice-servers', ice_servers: servers(1) } as ServerMessage);
  socket.onclose!();
  await clock.pass(1000);
  const again = sockets[1]!;
  again.onopen!();
  again.give(welcome(again.sent[0]!.id, 10, { resumed: true, participants: undefined, ice_servers: servers(2) }));
  await settle();
  assert.deepEqual(taken, [servers(1), servers(2)]);
});

test('refused_join_says_why_and_does_not_try_again', async () => {
  const { clock, sockets, meeting } = setUp();
  const promise = meeting.join('Hoa');
  sockets[0]!.onopen!();
  sockets[0]!.give({ type: 'error', id: sockets[0]!.sent[0]!.id, code: 'locked', message: 'locked' });
  await assert.rejects(promise, (e: Failure) => e.code === 'locked');
  await clock.pass(60000);
  assert.equal(sockets.length, 1);
  assert.equal(meeting.state.ended, 'locked');
});

test('lost_socket_comes_back_and_asks_for_what_it_missed', async () => {
  const { clock, sockets, meeting, socket } = await joined();
  socket.give(chat(11));
  socket.onclose!();
  assert.equal(meeting.state.phase, 'reconnecting');
  await clock.pass(1000);
  const again = sockets[1]!;
  again.onopen!();
  assert.deepEqual(again.sent[0]!['resume'], { last_seq: 11 });
  again.give(welcome(again.sent[0]!.id, 13, { resumed: true, participants: undefined }));
  again.give(chat(11));
  again.give(chat(12));
  again.give(chat(13));
  await settle();
  assert.deepEqual(meeting.state.chat.map((l) => l.seq), [11, 12, 13]);
  assert.equal(meeting.state.participants.size, 2);
});

test('silent_line_is_noticed_by_the_unanswered_ping', async () => {
  const { clock, sockets, meeting, socket } = await joined();
  await clock.pass(8000 + 10000);
  assert.ok(socket.closed);
  assert.equal(meeting.state.phase, 'reconnecting');
  await clock.pass(1000);
  assert.equal(sockets.length, 2);
});

test('gap_in_the_numbers_takes_the_whole_state_anew', async () => {
  const { clock, sockets, socket } = await joined();
  socket.give(chat(13));
  await clock.pass(1000);
  const again = sockets[1]!;
  again.onopen!();
  assert.equal(again.sent[0]!['resume'], undefined);
});

test('host_switches_my_microphone_off', async () => {
  const { meeting, socket } = await joined();
  const off: string[] = [];
  meeting.attach({ onJoined() {}, onDown() {}, onMessage() {}, onSwitchedOff: (kind) => off.push(kind) });
  socket.give({ type: 'all-muted', seq: 11, at: 1, by: 'other' });
  await settle();
  assert.deepEqual(off, ['mic']);
  assert.equal(meeting.state.mutedByHost, true);
  assert.equal(meeting.state.participants.get('me')!.mic, false);
});

test('removed_seat_ends_for_good', async () => {
  const { clock, sockets, meeting, socket } = await joined();
  socket.give({ type: 'error', code: 'removed', message: 'removed' });
  await clock.pass(60000);
  assert.equal(meeting.state.ended, 'removed');
  assert.equal(sockets.length, 1);
});

test('message_that_does_not_fit_the_schema_is_ignored', async () => {
  const { meeting, socket } = await joined();
  for (const text of ['{', '[]', 'null', '{"type":"chat","seq":11}', '{"type":"nonsense"}']) socket.onmessage!({ data: text });
  assert.equal(meeting.state.chat.length, 0);
  assert.equal(meeting.state.phase, 'joined');
});

test('refused_joins_are_tried_again_ever_more_slowly', async () => {
  const { clock, sockets, socket } = await joined();
  socket.onclose!();
  for (let second = 0; second < 60; second++) {
    await clock.pass(1000);
    const last = sockets.at(-1)!;
    if (last.closed || last.sent.length > 0) continue;
    last.onopen!();
    last.give({ type: 'error', id: last.sent[0]!.id, code: 'busy', message: 'busy' });
    await settle();
  }
  assert.ok(sockets.length > 5 && sockets.length < 20, `${sockets.length} sockets in a minute`);
});

test('closed_door_is_asked_about_and_a_dead_session_ends', async () => {
  const { clock, sockets, meeting, socket, verdict } = await joined();
  verdict.why = 'removed';
  socket.onclose!();
  for (let i = 0; i < 3; i++) {
    await clock.pass(1500);
    if (!sockets.at(-1)!.closed) sockets.at(-1)!.onclose?.();
  }
  await settle();
  assert.equal(meeting.state.ended, 'removed');
});

test('after_a_sleep_a_dead_line_is_noticed_within_seconds', async () => {
  const { clock, meeting, socket } = await joined();
  meeting.link.probe();
  await clock.pass(3100);
  assert.ok(socket.closed);
  assert.equal(meeting.state.phase, 'reconnecting');
});

test('unread_counts_others_lines_until_seen', async () => {
  const { meeting, socket } = await joined();
  socket.give(chat(11));
  socket.give({ type: 'chat', seq: 12, at: 1, from: 'me', name: 'Hoa', text: 'tôi' });
  assert.equal(meeting.state.unread, 1);
  meeting.chatSeen();
  assert.equal(meeting.state.unread, 0);
});

test('a_line_that_answers_wins_the_race', async () => {
  const { clock, sockets, socket, meeting } = await joined();
  void meeting.link.race();
  await clock.pass(100);
  socket.give({ type: 'ok', id: socket.sent.at(-1)!.id });
  await clock.pass(1000);
  assert.equal(sockets.length, 1);
  assert.ok(!socket.closed);
});

test('a_line_that_answers_late_still_wins_against_one_that_is_not_open', async () => {
  const { clock, sockets, socket, meeting } = await joined();
  void meeting.link.race();
  await clock.pass(200);
  assert.equal(sockets.length, 2);
  socket.give({ type: 'ok', id: socket.sent.at(-1)!.id });
  await settle();
  assert.ok(sockets[1]!.closed && !socket.closed);
  assert.equal(meeting.state.phase, 'joined');
});

test('a_second_line_that_opens_first_takes_over_and_resumes', async () => {
  const { clock, sockets, socket, meeting } = await joined();
  void meeting.link.race();
  await clock.pass(200);
  sockets[1]!.onopen!();
  await settle();
  assert.ok(socket.closed);
  assert.deepEqual(sockets[1]!.sent[0]!['resume'], { last_seq: 10 });
  sockets[1]!.give(welcome(sockets[1]!.sent[0]!.id, 10, { resumed: true }));
  await settle();
  assert.equal(meeting.state.phase, 'joined');
  await clock.pass(5000);
  assert.equal(sockets.length, 2, 'no third');
});

test('a_line_whose_rival_fails_goes_on', async () => {
  const { clock, sockets, socket, meeting } = await joined();
  void meeting.link.race();
  await clock.pass(200);
  sockets[1]!.onclose!();
  await settle();
  assert.equal(meeting.state.phase, 'joined');
  assert.ok(!socket.closed);
  void meeting.link.race();
  await clock.pass(200);
  assert.equal(sockets.length, 3, 'it may be raced again');
});

test('the_agenda_is_told_and_changed', async () => {
  const { meeting, socket } = await joined();
  assert.deepEqual(meeting.state.agenda, { version: 0, items: [], item: null, since: 0 });
  const paper = '018f0000-0000-7000-8000-00000000000d';
  const item = (n: number, documents: string[] = []) => ({ id: `018f0000-0000-7000-8000-00000000000${n}`, title: `Mục ${n}`, minutes: 0, documents });
  socket.give({ type: 'agenda', seq: 11, at: 1, by: 'other', items: [item(1, [paper]), item(2)] });
  socket.give({ type: 'agenda-item', seq: 12, at: 5000, by: 'other', item: item(1).id });
  assert.deepEqual(meeting.state.agenda, { version: 11, items: [item(1, [paper]), item(2)], item: item(1).id, since: 5000 });
  socket.give({ type: 'document-removed', seq: 13, at: 2, document: paper });
  assert.deepEqual(meeting.state.agenda, { version: 11, items: [item(1), item(2)], item: item(1).id, since: 5000 });

  const refused = assert.rejects(meeting.changeAgenda(11, [item(2)]), (f: Failure) => f.code === 'agenda-changed');
  const { id, ...sent } = socket.sent.at(-1)!;
  assert.deepEqual(sent, { type: 'agenda', version: 11, items: [item(2)] });
  socket.give({ type: 'error', id, code: 'agenda-changed', message: '' });
  await refused;
});
