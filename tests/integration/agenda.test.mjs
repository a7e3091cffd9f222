// SPDX-License-Identifier: Apache-2.0
// A meeting's agenda as hosts change it and everybody sees it, over the WebSocket and HTTP. Usage: node agenda.test.mjs DINH
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Client, Server } from './dinh.mjs';

const server = new Server();
before(() => server.start());
after(() => server.stop());

const ID = /^[0-9a-f-]{36}$/;
const titles = (agenda) => agenda.items.map((item) => item.title);

/** A meeting; its people come by WebSocket, scripts by token. */
class Room {
  constructor() {
    this.meeting = server.meeting();
    this.tokens = new Map();
  }

  async person(role) {
    const client = await Client.open(server, await server.session(this.meeting, role));
    client.welcome = await client.join(role);
    return client;
  }

  async ask(method, rest, body, role = 'secretary') {
    if (!this.tokens.has(role)) this.tokens.set(role, server.token(this.meeting, role));
    const answer = await fetch(`${server.base}/api/v1/meetings/${this.meeting}/${rest}`, {
      method, headers: { authorization: `Bearer ${this.tokens.get(role)}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  }
}

test('the_secretary_writes_it_and_everybody_sees_it', async () => {
  const room = new Room();
  const secretary = await room.person('secretary');
  const delegate = await room.person('delegate');
  assert.deepEqual(delegate.welcome.agenda, { version: 0, items: [], item: null, since: 0 });
  await secretary.must('agenda', { version: 0, items: [{ title: '  Khai   mạc ' }, { title: 'Báo cáo chính trị', minutes: 20 }] });
  const told = await delegate.until((m) => m.type === 'agenda');
  assert.deepEqual(titles(told), ['Khai mạc', 'Báo cáo chính trị']);
  assert.deepEqual(told.items.map((item) => item.minutes), [0, 20]);
  assert.equal(told.by, secretary.welcome.self);
  assert.ok(told.items.every((item) => ID.test(item.id)) && told.items[0].id !== told.items[1].id);
  await secretary.must('agenda-item', { item: told.items[1].id });
  const moved = await delegate.until((m) => m.type === 'agenda-item');
  assert.equal(moved.item, told.items[1].id);

  const late = await room.person('observer');
  assert.deepEqual(late.welcome.agenda, { version: told.seq, items: told.items, item: moved.item, since: moved.at });
  await secretary.must('agenda', { version: told.seq, items: told.items.slice(0, 1) });
  assert.equal((await late.until((m) => m.type === 'agenda-item')).item, null, 'the current item was deleted');
  for (const client of [secretary, delegate, late]) {
    assert.equal(client.invalid, undefined);
    await client.close();
  }
});

test('only_hosts_change_it_and_bad_ones_are_named', async () => {
  const room = new Room();
  const delegate = await room.person('delegate');
  const chair = await room.person('chair');
  await delegate.refused('forbidden', 'agenda', { version: 0, items: [] });
  await delegate.refused('forbidden', 'agenda-item', { item: null });
  assert.equal((await chair.refused('bad-field', 'agenda', { version: 0, items: [{ title: 'a' }, { title: ' ' }] })).field, 'items[1].title');
  await chair.refused('not-found', 'agenda', { version: 0, items: [{ title: 'a', documents: ['018f0000-0000-7000-8000-000000000000'] }] });
  await chair.refused('not-found', 'agenda-item', { item: '018f0000-0000-7000-8000-000000000000' });
  for (const [body, status, code, role] of [
    [{ version: 0, items: [] }, 403, 'forbidden', 'delegate'],
    [{ items: [] }, 400, 'bad-field'], [{ version: 0 }, 400, 'bad-field'], [{ version: 0, items: [{}] }, 400, 'bad-field'],
    ['[', 400, 'bad-json'], [{ version: 7, items: [{ title: 'a' }] }, 409, 'agenda-changed'],
    [{ version: 0, items: [{ title: 'a', documents: ['018f0000-0000-7000-8000-000000000000'] }] }, 404, 'not-found'],
  ]) {
    const answer = await room.ask('PUT', 'agenda', body, role);
    assert.deepEqual([answer.status, answer.body.code], [status, code]);
  }
  assert.equal((await room.ask('PUT', 'agenda/item', { item: null }, 'delegate')).status, 403);
  assert.equal((await room.ask('PUT', 'agenda/item', {})).status, 400);
  assert.equal((await room.ask('PUT', 'agenda/item', { item: 'x' })).status, 404);
  assert.deepEqual((await room.ask('GET', 'agenda', undefined, 'observer')).body, { version: 0, items: [], item: null, since: 0 });
  const other = new Room();
  other.tokens.set('secretary', server.token(room.meeting, 'secretary'));
  assert.equal((await other.ask('GET', 'agenda')).status, 403, "another meeting's token");
  assert.ok(!chair.messages.some((m) => m.type === 'agenda'));
  await delegate.close();
  await chair.close();
});

test('a_script_that_changes_it_all_the_time_is_told_to_slow_down', async () => {
  const room = new Room();
  await room.ask('PUT', 'agenda', { version: 0, items: [{ title: 'Một' }] });
  const statuses = new Set();
  while (!statuses.has(429)) statuses.add((await room.ask('PUT', 'agenda/item', { item: null })).status);
  assert.deepEqual([...statuses], [200, 429]);
  assert.equal((await room.ask('GET', 'agenda')).status, 200, 'to read it costs nothing');
});

test('the_largest_agenda_goes_through', async () => {
  const room = new Room();
  const secretary = await room.person('secretary');
  const items = Array.from({ length: 100 }, (_, i) => ({ title: '🏠'.repeat(200), minutes: 500 + i }));
  await secretary.must('agenda', { version: 0, items });
  const late = await room.person('delegate');
  assert.deepEqual(late.welcome.agenda.items.map(({ title, minutes }) => ({ title, minutes })), items);
  const full = late.welcome.agenda;
  assert.equal((await room.ask('PUT', 'agenda', { version: full.version, items: [...full.items, { title: 'một nữa' }] })).status, 400);
  await server.kill();
  await server.start();
  assert.deepEqual((await room.ask('GET', 'agenda')).body, full);
  assert.equal(late.invalid, undefined);
  await Promise.all([secretary.closed, late.closed]);
});

test('two_editors_do_not_overwrite_each_other', async () => {
  const room = new Room();
  const secretary = await room.person('secretary');
  const first = (await room.ask('PUT', 'agenda', { version: 0, items: [{ title: 'Một' }] }, 'chair')).body;
  assert.deepEqual(titles(first), ['Một']);
  await secretary.refused('agenda-changed', 'agenda', { version: 0, items: [{ title: 'Hai' }] });
  const [a, b] = await Promise.all([
    room.ask('PUT', 'agenda', { version: first.version, items: [...first.items, { title: 'Hai' }] }),
    room.ask('PUT', 'agenda', { version: first.version, items: [...first.items, { title: 'Ba' }] }, 'chair'),
  ]);
  assert.deepEqual([a.status, b.status].sort(), [200, 409]);
  const now = (await room.ask('GET', 'agenda')).body;
  assert.deepEqual(now, (a.status === 200 ? a : b).body);
  assert.equal((await room.ask('PUT', 'agenda', { version: 0, items: now.items })).body.version, now.version, 'nothing would change');
  await secretary.close();
});

test('a_paper_that_is_removed_leaves_the_agenda', async () => {
  const room = new Room();
  const chair = await room.person('chair');
  const pdf = '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj trailer<</Root 1 0 R>>';
  const paper = (await room.ask('POST', 'documents?name=to-trinh.pdf', pdf)).body.id;
  const { body } = await room.ask('PUT', 'agenda', { version: 0, items: [{ title: 'Tờ trình', documents: [paper] }] });
  assert.deepEqual(body.items[0].documents, [paper]);
  const gone = await fetch(`${server.base}/api/v1/documents/${paper}`, { method: 'DELETE', headers: { authorization: `Bearer ${room.tokens.get('secretary')}` } });
  assert.equal(gone.status, 204);
  await chair.until((m) => m.type === 'document-removed' && m.document === paper);
  assert.deepEqual((await room.ask('GET', 'agenda')).body.items[0].documents, []);
  await chair.close();
});

test('what_was_answered_is_there_after_kill_9', async () => {
  const room = new Room();
  const delegate = await room.person('delegate');
  let agenda = { version: 0, items: [], item: null };
  for (let turn = 0; turn < 3; turn++) {
    agenda = (await room.ask('PUT', 'agenda', { version: agenda.version, items: [...agenda.items, { title: `Mục ${turn}`, minutes: turn }] })).body;
    const moved = await room.ask('PUT', 'agenda/item', { item: agenda.items[turn].id });
    await server.kill();
    assert.equal(moved.status, 200);
    await server.start();
    assert.deepEqual((await room.ask('GET', 'agenda')).body, moved.body);
  }
  const secretary = await room.person('secretary');
  assert.equal(titles(secretary.welcome.agenda).length, 3);
  await secretary.must('agenda-item', { item: agenda.items[0].id });
  await server.kill();
  await server.start();
  const back = await room.person('delegate');
  assert.equal(back.welcome.agenda.item, agenda.items[0].id);
  await delegate.closed;
  await back.close();
});

test('who_comes_back_is_told_what_she_missed', async () => {
  const room = new Room();
  const session = await server.session(room.meeting, 'delegate');
  const delegate = await Client.open(server, session);
  const { seq } = await delegate.join('Hoa');
  delegate.socket.terminate();
  await delegate.closed;
  const { body } = await room.ask('PUT', 'agenda', { version: 0, items: [{ title: 'Khai mạc' }] });
  await room.ask('PUT', 'agenda/item', { item: body.items[0].id });
  const back = await Client.open(server, session);
  assert.equal((await back.join('Hoa', { resume: { last_seq: seq } })).resumed, true);
  assert.deepEqual(titles(await back.until((m) => m.type === 'agenda')), ['Khai mạc']);
  assert.equal((await back.until((m) => m.type === 'agenda-item')).item, body.items[0].id);
  assert.equal(back.invalid, undefined);
  await back.close();
});
