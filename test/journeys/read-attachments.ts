/**
 * A content auditor reads a SOAP message whose attachments are a text, nothing, and an image: each by itself.
 */
import { readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { spoolAttachments } from '#security-server/message-log/fixture.ts'
import type { RecordInput } from '#security-server/message-log/record-input.ts'
import type { AdminWorld } from '#test/management-api/admin-fixture.ts'
import { leaveDialog, type Visitor } from '../browser.ts'

const NAME = `"><b>1</b>\u202etxt.exe`
const FILES = [Buffer.from('<decision id="7"/>\n'), Buffer.alloc(0), Buffer.from([0x89, 0x50, 0x4e, 0x47])]

/** The body of a record with these attachments. */
export async function attached({ messageLog }: AdminWorld): Promise<NonNullable<RecordInput['body']>> {
  const body = await spoolAttachments(messageLog, FILES)
  const types = ['application/xml; charset=UTF-8', 'text/plain', `image/png; name="${'x'.repeat(200)}"`]
  return {
    ...body,
    attachments: body.attachments!.map((one, i) => ({
      ...one,
      headers: [
        ['Content-Type', types[i]!],
        ['Content-ID', `<${NAME}@tax.example>`],
      ],
    })),
  }
}

/** `visitor` is at the exchange and may see its content. */
export async function readAttachments(t: Test, visitor: Visitor, index: number): Promise<void> {
  const { page } = visitor
  t.match(await page.locator('main').textContent(), /attachment1: 19 bytes.*attachment2: 0 bytes/)
  t.notMatch(await page.locator('main').textContent(), /application\/xml/, 'types are content')
  await visitor.checkBoth('evidence-record-attachments')
  await page.getByRole('button', { name: `Show content of record ${index}` }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Case number').fill('C-1')
  await dialog.getByLabel('Reason').fill('complaint')
  await dialog.getByRole('button', { name: 'Show content' }).click()
  await dialog.getByRole('textbox', { name: 'Signed message' }).waitFor()
  t.equal(await dialog.getByRole('textbox', { name: 'attachment1' }).inputValue(), FILES[0]!.toString())
  t.equal(await dialog.getByRole('textbox', { name: 'attachment3' }).inputValue(), '000000  89 50 4e 47')
  t.match(await dialog.textContent(), /attachment1: application\/xml; charset=UTF-8, 19 bytes/)
  t.match(await dialog.textContent(), /"><b>1<\/b>\ufffdtxt\.exe@tax/, 'as it is, and in its order')
  t.match(await dialog.textContent(), /attachment2: text\/plain, 0 bytes.*It is empty/)
  await visitor.checkBoth('evidence-content-attachments')
  const saving = page.waitForEvent('download')
  await dialog.getByRole('button', { name: 'Save attachment3' }).click()
  const saved = await saving
  t.equal(saved.suggestedFilename(), `record-${index}-attachment3.bin`)
  t.ok(readFileSync(await saved.path()).equals(FILES[2]!))
  await leaveDialog(page)
}
