// SPDX-License-Identifier: Apache-2.0
// The whole server as a client sees it, every message checked against the schema. Usage: node signaling.test.mjs DINH
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Client, isDocument, Server } from './dinh.mjs';

const server = new Server();
before(() => server.start());
after(() => server.stop());

async function person(meeting, role, name) {
  const session = await server.session(meeting, role);
  const client = await Client.open(server, session);
  client.session = session;
  client.welcome = await client.join(name);
  client.seat = client.welcome.self;
  return client;
}

test('a_session_needs_a_good_token_from_our_page', async () => {
  const meeting = server.meeting();
  const token = server.token(meeting, 'delegate');
  for (const [answer, status, code] of [
    [server.post(meeting, `${token}x`), 401, 'token-invalid'],
    [server.post(meeting, 'nonsense'), 401, 'token-invalid'],
    [server.post(meeting, server.token(meeting, 'delegate', '--expires-hours', '0')), 401, 'token-expired'],
    [server.post('018f0000-0000-7000-8000-000000000000', token), 404, 'meeting-not-found'],
    [server.post(server.meeting(), token), 401, 'token-invalid'],
    [server.post(meeting, token, { origin: 'http://evil.example' }), 403, 'origin-forbidden'],
  ]) {
    const reply = await answer;
    assert.equal(reply.status, status);
    assert.equal((await reply.json()).code, code);
  }
  const session = await server.session(meeting, 'delegate');
  assert.equal(session.role, 'delegate');
  assert.equal(session.meeting.title, 'Hội nghị kiểm thử');
  const again = await fetch(`${server.base}/api/v1/session?s=${session.s}`, { headers: { cookie: session.cookie } });
  assert.equal((await again.json()).s, session.s);
  assert.equal((await fetch(`${server.base}/api/v1/session?s=${session.s}`)).status, 401);
  const url = `${server.base}/api/v1/session?s=${session.s}`;
  assert.equal((await fetch(url, { method: 'DELETE', headers: { cookie: session.cookie } })).status, 403);
  const gone = await fetch(url, { method: 'DELETE', headers: { cookie: session.cookie, origin: server.base } });
  assert.equal(gone.status, 204);
  assert.match(gone.headers.get('set-cookie'), /Max-Age=0/);
});

test('a_socket_needs_the_cookie_and_our_origin', async () => {
  const session = await server.session(server.meeting(), 'delegate');
  await assert.rejects(Client.open(server, { s: session.s, cookie: '' }), /401/);
  await assert.rejects(Client.open(server, session, { origin: 'http://evil.example' }), /403/);
  await assert.rejects(Client.open(server, session, { origin: null }), /403/);
});

test('people_join_talk_and_leave', async () => {
  const meeting = server.meeting();
  const chair = await person(meeting, 'chair', 'Chủ tọa Bình');
  assert.equal(chair.welcome.resumed, false);
  assert.deepEqual(chair.welcome.permissions, ['publish', 'chat', 'hand', 'present', 'upload', 'moderate']);
  const delegate = await person(meeting, 'delegate', '  Đại biểu\u202e   Hoa ');
  const joined = await chair.until((m) => m.type === 'joined' && m.participant.id === delegate.seat);
  assert.equal(joined.participant.name, 'Đại biểu Hoa');
  assert.equal(delegate.welcome.participants.length, 2);
  await delegate.must('chat', { text: 'Xin chào <b>\u0007các đồng chí' });
  const line = await chair.until((m) => m.type === 'chat');
  assert.deepEqual([line.text, line.name], ['Xin chào <b>các đồng chí', 'Đại biểu Hoa']);
  await delegate.must('hand', { raised: true });
  assert.ok((await chair.until((m) => m.type === 'changed' && m.hand)).hand > 0);
  await delegate.must('media', { mic: true, camera: true, screen: false });
  await chair.must('mute', { participant: delegate.seat, kind: 'mic' });
  const muted = await delegate.until((m) => m.type === 'changed' && m.muted === true);
  assert.equal(muted.mic, false);
  await delegate.refused('forbidden', 'mute-all');
  await delegate.must('leave', {});
  assert.equal((await chair.until((m) => m.type === 'left')).reason, 'left');
  assert.equal(await delegate.closed, 1000);
  await chair.close();
});

test('bad_messages_name_the_field_and_change_nothing', async () => {
  const client = await person(server.meeting(), 'chair', 'Bình');
  assert.equal((await client.refused('bad-field', 'chat', { text: 5 })).field, 'text');
  assert.equal((await client.refused('bad-field', 'view', { slots: [{ index: 0, participant: null, kind: 'mic', height: 1, priority: 0 }] })).field, 'slots[0].kind');
  assert.equal((await client.refused('bad-field', 'ping', { extra: 1 })).field, 'extra');
  await client.refused('unknown-type', 'dance');
  await client.refused('already-joined', 'join', { name: 'x' });
  client.socket.send('{"type":');
  await client.until((m) => m.code === 'bad-json');
  client.socket.send('['.repeat(1000));
  client.socket.send('[]');
  await client.until((m) => m.code === 'bad-message');
  await client.must('ping');
  await client.refused('sdp-malformed', 'offer', { sdp: 'hello world' });
  await client.close();
});

test('a_flood_is_slowed_then_ended', async () => {
  const client = await person(server.meeting(), 'delegate', 'Hoa');
  for (let i = 0; i < 500; i++) client.socket.send(JSON.stringify({ type: 'ping', id: 1000 + i }));
  await client.until((m) => m.code === 'too-fast');
  assert.equal(await client.closed, 1008);
  assert.equal(client.invalid, undefined);
});

test('hosts_lock_and_remove_for_good', async () => {
  const meeting = server.meeting();
  const chair = await person(meeting, 'chair', 'Bình');
  const delegate = await person(meeting, 'delegate', 'Hoa');
  await chair.must('lock', { locked: true });
  const late = await Client.open(server, await server.session(meeting, 'delegate'));
  await late.refused('locked', 'join', { name: 'Muộn' });
  await chair.must('remove', { participant: delegate.seat });
  await delegate.until((m) => m.code === 'removed');
  assert.equal(await delegate.closed, 1008);
  const back = await fetch(`${server.base}/api/v1/session?s=${delegate.session.s}`, { headers: { cookie: delegate.session.cookie } });
  assert.equal(back.status, 403);
  const again = await Client.open(server, delegate.session);
  await again.refused('removed', 'join', { name: 'Hoa' });
  await chair.refused('forbidden', 'set-role', { participant: chair.seat, role: 'delegate' });
  for (const client of [chair, late, again]) await client.close();
});

test('a_newer_socket_replaces_and_a_lost_one_resumes', async () => {
  const meeting = server.meeting();
  const chair = await person(meeting, 'chair', 'Bình');
  const delegate = await person(meeting, 'delegate', 'Hoa');
  const newer = await Client.open(server, delegate.session);
  assert.equal((await newer.join('Hoa')).self, delegate.seat);
  await delegate.until((m) => m.code === 'replaced');
  await delegate.closed;
  const last = newer.messages.at(-1).seq;
  newer.socket.terminate();
  await newer.closed;
  for (const text of ['một', 'hai', 'ba']) await chair.must('chat', { text });
  const back = await Client.open(server, delegate.session);
  const welcome = await back.join('Hoa', { resume: { last_seq: last } });
  assert.equal(welcome.resumed, true);
  assert.equal(welcome.participants, undefined);
  await back.until((m) => m.text === 'ba');
  const seqs = back.messages.filter((m) => m.seq && m.type !== 'welcome').map((m) => m.seq);
  assert.deepEqual(seqs, [last + 1, last + 2, last + 3]);
  assert.equal(chair.messages.some((m) => m.type === 'left'), false, 'the seat was never given up');
  await back.close();
  await chair.close();
});

test('after_kill_9_everything_acknowledged_is_there', async () => {
  const meeting = server.meeting();
  const chair = await person(meeting, 'chair', 'Bình');
  const delegate = await person(meeting, 'delegate', 'Hoa');
  await delegate.must('chat', { text: 'Còn đây.' });
  const last = Math.max(...delegate.messages.map((m) => m.seq ?? 0));
  await server.kill();
  await Promise.all([chair.closed, delegate.closed]);
  await server.start();
  const back = await Client.open(server, delegate.session);
  const welcome = await back.join('Hoa', { resume: { last_seq: last } });
  assert.equal(welcome.resumed, true);
  assert.equal(welcome.self, delegate.seat);
  const late = await person(meeting, 'observer', 'Dự thính');
  assert.deepEqual(late.welcome.chat.map((line) => line.text), ['Còn đây.']);
  assert.equal(late.welcome.participants.find((p) => p.id === chair.seat).online, true, 'her seat waits for her');
  const ahead = await Client.open(server, late.session);
  assert.equal((await ahead.join('Dự thính', { resume: { last_seq: 1e6 } })).resumed, false);
  for (const client of [back, late, ahead]) await client.close();
});

test('papers_are_for_members_of_their_meeting', async () => {
  const meeting = server.meeting();
  const chair = await person(meeting, 'chair', 'Bình');
  const upload = (role, body, name = 'to-trinh.pdf') => fetch(`${server.base}/api/v1/meetings/${meeting}/documents?name=${encodeURIComponent(name)}`,
    { method: 'POST', headers: { authorization: `Bearer ${server.token(meeting, role)}` }, body });
  const pdf = '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj trailer<</Root 1 0 R>>';
  assert.equal((await upload('delegate', pdf)).status, 403);
  assert.equal((await (await upload('chair', 'nonsense')).json()).code, 'doc-type');
  const made = await upload('chair', pdf);
  assert.equal(made.status, 201);
  const document = await made.json();
  assert.ok(isDocument(document), JSON.stringify(isDocument.errors));
  assert.equal((await chair.until((m) => m.type === 'document')).document.id, document.id);
  const mine = { headers: { cookie: chair.session.cookie } };
  const list = await (await fetch(`${server.base}/api/v1/meetings/${meeting}/documents?s=${chair.session.s}`, mine)).json();
  assert.deepEqual(list.documents.map((d) => d.id), [document.id]);
  const original = `${server.base}/api/v1/documents/${document.id}/original?s=${chair.session.s}`;
  assert.equal(await (await fetch(original, mine)).text(), pdf);
  const stranger = await server.session(server.meeting(), 'chair');
  assert.equal((await fetch(`${server.base}/api/v1/documents/${document.id}/original?s=${stranger.s}`, { headers: { cookie: stranger.cookie } })).status, 404);
  const url = `${server.base}/api/v1/documents/${document.id}?s=${chair.session.s}`;
  assert.equal((await fetch(url, { method: 'DELETE', ...mine })).status, 403, 'no Origin');
  assert.equal((await fetch(url, { method: 'DELETE', headers: { ...mine.headers, origin: server.base } })).status, 204);
  await chair.until((m) => m.type === 'document-removed' && m.document === document.id);
  await chair.refused('not-found', 'present', { document: document.id, page: 1 });
  assert.equal(chair.invalid, undefined);
  await chair.close();
});

test('a_refused_method_comes_with_the_allowed_ones', async () => {
  for (const [path, allow] of [['/api/v1/session', 'GET, HEAD, POST, DELETE'], ['/healthz', 'GET, HEAD'], ['/api/v1/documents/x', 'DELETE'],
    ['/api/v1/meetings/x/documents', 'GET, HEAD, POST']]) {
    const answer = await fetch(server.base + path, { method: 'PUT' });
    assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow]);
  }
});

test('metrics_are_for_operators', async () => {
  assert.equal((await fetch(`${server.base}/metrics`)).status, 401);
  const member = { authorization: `Bearer ${server.token(server.meeting(), 'chair')}` };
  assert.equal((await fetch(`${server.base}/metrics`, { headers: member })).status, 401);
  const operator = { authorization: `Bearer ${server.run('token', '--data', server.data, '--role', 'operator')}` };
  const text = await (await fetch(`${server.base}/metrics`, { headers: operator })).text();
  assert.match(text, /^dinh_participants_online \d+$/m);
  assert.equal((await fetch(`${server.metricsBase}/metrics`)).status, 200);
  assert.equal((await fetch(`${server.metricsBase}/api/v1/session`)).status, 404);
  assert.equal((await fetch(`${server.base}/readyz`)).status, 200);
});

test('every_command_explains_itself', () => {
  const help = server.run('--help');
  assert.match(help, /dinh serve/);
  for (const command of [['serve'], ['meeting'], ['meeting', 'create'], ['token'], ['load'], ['load', 'hls']]) {
    assert.equal(server.run(...command, '--help'), help);
  }
});
