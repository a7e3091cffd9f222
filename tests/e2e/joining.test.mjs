// SPDX-License-Identifier: Apache-2.0
// Everybody gets in who may, with or without a camera, and who may not is told why; hosts keep order.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { cleanUp, launch, Person, Server, temporaryFolder, until } from './harness.mjs';

let server, browser;
before(async () => {
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

const messageOf = async (person) => {
  const message = person.page.getByTestId('error-message').first();
  await message.waitFor();
  return message.innerText();
};

test('bad_links_say_what_is_wrong_in_vietnamese', async () => {
  const meeting = server.createMeeting();
  const expired = server.token(meeting.id, 'delegate', '--expires-hours', '0');
  const wrong = await Person.open(browser, `${server.base}/m/${meeting.id}#t=khong.dung`);
  const late = await Person.open(browser, server.link(meeting.id, expired));
  const nowhere = await Person.open(browser, `${server.base}/m/018f0000-0000-7000-8000-000000000000#t=${server.token(meeting.id, 'delegate')}`);
  const messages = [await messageOf(wrong), await messageOf(late), await messageOf(nowhere)];
  assert.equal(new Set(messages).size, 3, messages.join(' | '));
  assert.match(messages[1], /hết hạn/);
  for (const person of [wrong, late, nowhere]) await person.close();
});

test('without_camera_or_permission_people_listen_and_read', async () => {
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const messages = new Set();
  for (const error of ['NotAllowedError', 'NotFoundError']) {
    const person = await Person.open(browser, meeting.links.delegate, {
      script: (name) => {
        navigator.mediaDevices.getUserMedia = async () => {
          throw new DOMException('none', name);
        };
        if (name === 'NotFoundError') navigator.mediaDevices.enumerateDevices = async () => [];
      },
      scriptArgument: error,
    });
    const notice = person.page.getByTestId('notice').first();
    await notice.waitFor();
    messages.add(await notice.innerText());
    await person.page.getByTestId('join-name').fill(`Đại biểu ${error}`);
    await person.page.getByTestId('join-button').click();
    await person.seesMovingVideo('Chủ tọa Bình');
    await person.hears();
    await person.close();
  }
  assert.equal(messages.size, 2, [...messages].join(' | '));
  await chair.close();
});

test('host_mutes_locks_and_removes', { timeout: 90000 }, async () => {
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  await chair.hears();
  await chair.page.getByTestId('people-button').click();
  await chair.page.getByTestId('mute-all').click();
  await until(async () => (await delegate.page.getByTestId('mic-button').getAttribute('aria-pressed')) === 'false', 'the delegate to be muted');
  await delegate.page.getByTestId('hand-button').click();
  await chair.page.getByTestId('person-row').filter({ hasText: 'Đại biểu Hoa' }).getByTestId('hand-raised').waitFor();
  await chair.page.getByTestId('lock-button').click();
  const stranger = await Person.open(browser, meeting.links.delegate);
  await stranger.page.getByTestId('join-name').fill('Người đến sau');
  await stranger.page.getByTestId('join-button').click();
  assert.match(await messageOf(stranger), /khóa|khoá/);
  const row = chair.page.getByTestId('person-row').filter({ hasText: 'Đại biểu Hoa' });
  await row.getByTestId('person-menu').click();
  await chair.page.getByTestId('remove-person').click();
  await chair.page.getByTestId('confirm-yes').click();
  assert.match(await messageOf(delegate), /mời ra|đưa ra|rời/);
  await delegate.page.reload();
  assert.ok((await messageOf(delegate)).length > 0, 'a removed seat stays removed');
  for (const person of [chair, delegate, stranger]) await person.close();
});

test('host_mutes_one_and_changes_a_role', { timeout: 60000 }, async () => {
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa');
  const observer = await Person.join(browser, meeting.links.observer, 'Đại diện Sở');
  assert.equal(await observer.page.getByTestId('mic-button').count(), 0, 'an observer only listens');
  assert.equal(await chair.page.getByTestId('notice').count(), 0, 'no word to who has just come');
  const act = async (role, name) => {
    await chair.page.getByTestId('person-row').filter({ hasText: 'Đại diện Sở' }).getByTestId('person-menu').click();
    await chair.page.getByRole(role, { name }).click();
  };
  await chair.page.getByTestId('people-button').click();
  await act('menuitemradio', 'Đại biểu');
  await observer.page.getByTestId('notice').filter({ hasText: 'Đại biểu' }).waitFor();
  await observer.page.getByTestId('mic-button').click();
  await observer.page.getByTestId('cam-button').click();
  await chair.seesMovingVideo('Đại diện Sở');
  await act('menuitem', 'Tắt micro');
  await until(async () => (await observer.page.getByTestId('mic-button').getAttribute('aria-pressed')) === 'false', 'the new delegate to be muted');
  assert.deepEqual([...chair.errors, ...observer.errors], []);
  for (const person of [chair, observer]) await person.close();
});

test('names_and_chat_are_text_never_html', async () => {
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, '<img src=x onerror=alert(1)>\u202eB');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  await delegate.page.getByTestId('chat-button').click();
  await delegate.page.getByTestId('chat-input').fill('<script>alert(1)</script>');
  await delegate.page.getByTestId('chat-send').click();
  await chair.page.getByTestId('chat-button').click();
  await chair.page.getByTestId('chat-line').filter({ hasText: '<script>alert(1)</script>' }).waitFor();
  await delegate.page.getByTestId('people-button').click();
  const row = delegate.page.getByTestId('person-row').filter({ hasText: '<img src=x onerror=alert(1)>B' });
  await row.waitFor();
  assert.equal(await delegate.page.locator('img[src=x]').count(), 0);
  await chair.close();
  await delegate.close();
});

test('full_disk_is_told_and_the_meeting_goes_on', { timeout: 120000 }, async () => {
  const disk = temporaryFolder('dinh-disk-');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'dinh-test', disk]);
  try {
    mkdirSync(`${disk}/data`, { mode: 0o700 });
    const small = await Server.start({ data: `${disk}/data` });
    const meeting = small.createMeeting();
    const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
    const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
    await chair.page.getByTestId('docs-button').click();
    await chair.page.getByTestId('doc-upload').setInputFiles({ name: 'to.pdf', mimeType: 'application/pdf', buffer: Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(40 << 20, 'x')]) });
    assert.match(await messageOf(chair), /đầy|dung lượng|chỗ/);
    await delegate.seesMovingVideo('Chủ tọa Bình');
    await delegate.page.getByTestId('chat-button').click();
    await delegate.page.getByTestId('chat-input').fill('Vẫn họp bình thường.');
    await delegate.page.getByTestId('chat-send').click();
    await delegate.page.getByTestId('chat-line').filter({ hasText: 'Vẫn họp' }).waitFor();
    await chair.close();
    await delegate.close();
    await small.stop();
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});
