// SPDX-License-Identifier: Apache-2.0
// A secretary has the programme in Word; everybody knows where the meeting stands in it, and has its papers at hand.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cleanUp, launch, Person, root, Server, temporaryFolder, until } from './harness.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const PROGRAMME = '1. Ổn định tổ chức (10 phút)\n2. Báo cáo chính trị (20 phút)\n3. Thảo luận\n4. Bế mạc (5 phút)';

let server, browser, papers;
before(async () => {
  papers = temporaryFolder('dinh-papers-');
  execFileSync(path.join(root, 'tests/data/make_docs'), [papers], { stdio: 'ignore' });
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

const textsOf = (person, id) => person.page.getByTestId(id).allInnerTexts();
const now = (person, text) => person.page.getByTestId('agenda-now').filter({ hasText: text }).waitFor();
const current = (person) => person.page.getByTestId('agenda-item').and(person.page.locator('[aria-current=step]'));

test('a_pasted_programme_leads_everybody_through_the_meeting', { timeout: 180000 }, async () => {
  const { links } = server.createMeeting();
  const secretary = await Person.join(browser, links.secretary, 'Thư ký Hoa');
  const phone = await Person.join(browser, links.delegate, 'Chi hội thôn Đông', PHONE);
  assert.equal(await phone.page.getByTestId('agenda-now').count(), 0, 'nothing is said of an agenda that is not there');

  await secretary.page.getByTestId('docs-button').click();
  await secretary.page.getByTestId('doc-upload').setInputFiles(path.join(papers, 'slides-20.pptx'));
  await until(async () => (await secretary.page.getByTestId('doc-row').getAttribute('data-state')) === 'ready', 'the deck to be ready', 120000);

  await secretary.page.getByTestId('agenda-button').click();
  await secretary.page.getByTestId('agenda-paste').fill(PROGRAMME);
  await secretary.page.getByTestId('agenda-paste-yes').click();
  const rows = secretary.page.getByTestId('agenda-edit-item');
  assert.equal(await rows.count(), 4);
  assert.equal(await rows.nth(1).locator('textarea').inputValue(), 'Báo cáo chính trị');
  assert.equal(await rows.nth(1).locator('[data-part=minutes]').inputValue(), '20');
  await rows.nth(1).getByTestId('agenda-ties').click();
  await rows.nth(1).getByRole('checkbox').check();
  await secretary.page.getByTestId('agenda-save').click();

  await now(phone, '4 mục');
  await secretary.page.getByTestId('agenda-next').click();
  await secretary.page.getByTestId('agenda-next').click();
  await now(phone, 'Báo cáo chính trị');
  await until(async () => (await textsOf(phone, 'agenda-said'))[0].includes('mục 2: Báo cáo chính trị'), 'it to be said aloud');
  await phone.page.getByTestId('agenda-now').tap();
  assert.match(await current(phone).innerText(), /2\s+Báo cáo chính trị\s+Đang bàn/);
  assert.equal(await phone.page.getByTestId('agenda-next').count(), 0, 'a delegate does not move the meeting on');
  await phone.page.getByTestId('agenda-paper').tap();
  await phone.page.getByTestId('slide-image').first().waitFor();
  assert.equal(await phone.page.getByTestId('agenda-item').count(), 0, 'the paper is not behind the panel');

  const late = await Person.join(browser, links.delegate, 'Đại biểu đến muộn');
  await now(late, 'Báo cáo chính trị');
  assert.deepEqual(await textsOf(late, 'agenda-said'), [''], 'what was so before she came is not called out');
  for (const person of [secretary, phone, late]) {
    assert.deepEqual(person.errors, []);
    await person.close();
  }
});

test('two_who_edit_do_not_overwrite_each_other', { timeout: 90000 }, async () => {
  const { links } = server.createMeeting();
  const secretary = await Person.join(browser, links.secretary, 'Thư ký Hoa');
  const chair = await Person.join(browser, links.chair, 'Chủ tọa');
  for (const { page } of [secretary, chair]) await page.getByTestId('agenda-button').click();
  await secretary.page.getByTestId('agenda-paste').fill('Khai mạc\nBế mạc');
  await secretary.page.getByTestId('agenda-paste-yes').click();
  await secretary.page.getByTestId('agenda-save').click();

  for (const { page } of [secretary, chair]) {
    await page.getByTestId('agenda-edit').click();
    await page.getByTestId('agenda-edit-item').nth(1).waitFor();
  }
  // By keyboard: the second item goes up, and the place of the keyboard goes along.
  await chair.page.getByTestId('agenda-edit-item').nth(1).locator('[data-part=up]').focus();
  await chair.page.keyboard.press('Enter');
  assert.equal(await chair.page.getByTestId('agenda-edit-item').first().locator('textarea').inputValue(), 'Bế mạc');
  assert.equal(await chair.page.evaluate(() => document.activeElement.closest('li')?.querySelector('textarea').value), 'Bế mạc');
  await chair.page.getByTestId('agenda-edit-item').first().locator('[data-part=remove]').click();
  await chair.page.getByTestId('agenda-undo').click();
  await chair.page.getByTestId('agenda-save').click();
  await chair.page.getByTestId('agenda-item').first().waitFor();
  assert.deepEqual((await textsOf(chair, 'agenda-item')).map((text) => text.match(/mạc|Khai|Bế/g)?.join(' ')), ['Bế mạc', 'Khai mạc']);

  await secretary.page.getByTestId('agenda-clash').waitFor();
  assert.equal(await secretary.page.getByTestId('agenda-save').isDisabled(), true);
  await secretary.page.getByTestId('agenda-edit-item').first().locator('textarea').fill('Khai mạc trọng thể');
  await secretary.page.keyboard.press('Escape');
  await secretary.page.getByTestId('agenda-button').click();
  assert.equal(await secretary.page.getByTestId('agenda-edit-item').first().locator('textarea').inputValue(), 'Khai mạc trọng thể',
    'what she wrote outlives the panel');
  await secretary.page.getByTestId('agenda-mine').click();
  await secretary.page.getByTestId('agenda-save').click();
  await chair.page.getByTestId('agenda-item').first().filter({ hasText: 'Khai mạc trọng thể' }).waitFor();
  for (const person of [secretary, chair]) {
    assert.deepEqual(person.errors, []);
    await person.close();
  }
});
