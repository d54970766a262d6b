/**
 * A use of a person's data that the portal saved: the page that verifies and the command line say of it what
 * is proven and what is not; in Chromium, from a file, offline.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import type { SavedSide } from '#core/evidence-bundle/saved-use.ts'
import { writeSavedUse } from '#core/evidence-bundle/write-saved-use.ts'
import { hasChromium, openBrowser, visitor } from '#test/browser.ts'
import { proveUseOfBoth } from '#test/fakes/proven-use.ts'
import { skipFor } from '#test/outside-tools.ts'
import { builtPage, compared } from './page-fixture.ts'

const START = Date.UTC(2027, 0, 4, 12)
const page = await builtPage(t)
const use = await proveUseOfBoth(t, START)
const more = {
  ...{ messageId: use.messageId, requestId: use.requestId },
  ...{ client: 'DEV/GOV/1234/tax', service: 'DEV/GOV/5678/population/persons' },
}
const sides: SavedSide[] = [use.provider, use.consumer].map((side) => ({ ...side, more }))
const saved = (list: SavedSide[]): Promise<Buffer> =>
  writeSavedUse({ savedAt: new Date(use.now).toISOString(), sides: list })
const shared = writeSharedParameters(use.shared, 6)

t.test('what is said of a saved use, and of one that does not hold', async (t) => {
  const [provider, consumer] = sides as [SavedSide, SavedSide]
  const other = await use.again()
  const later = { ...other.consumer, more }
  const leaf = consumer.said.record.leaf
  const cases: [name: string, SavedSide[], verdict: string, reason: RegExp][] = [
    ['both', sides, 'TOTAL-PASSED', /Both sides are proven, and both by one message/],
    ['one', [provider], 'INDETERMINATE', /One side alone/],
    ['no proof', [provider, { ...consumer, proof: undefined }], 'INDETERMINATE', /could not be had/],
    ['two messages', [provider, later], 'TOTAL-FAILED', /of two messages/],
    ['of another', [provider, { ...consumer, proof: provider.proof }], 'TOTAL-FAILED', /another record/],
    [
      'another leaf',
      [{ ...provider, said: { ...provider.said, record: { ...provider.said.record, leaf } } }, consumer],
      'TOTAL-FAILED',
      /another record/,
    ],
    ['no bundle', [{ ...provider, proof: Buffer.from('PK') }, consumer], 'TOTAL-FAILED', /cannot be read/],
  ]
  for (const [name, list, verdict, reason] of cases)
    for (const own of [shared, undefined]) {
      const q = { name, bytes: await saved(list), at: use.now + 60_000, ...(own && { shared: own }) }
      const judged = await compared(t, page, q)
      t.match(judged, { verdict, reason }, `${name}, ${own === undefined ? 'by what it brings' : 'by ours'}`)
    }
  for (const data of ['', '{}', '[]', '{"form":"concordat-use/1","savedAt":"","sides":[null]}']) {
    const bytes = zipOf([{ name: 'use.json', data }])
    t.match(await compared(t, page, { name: 'x.zip', bytes, shared, at: use.now }), {
      ...{ verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE' },
    })
  }
})

t.test('in Chromium, from a file and without a network', async (t) => {
  if (!hasChromium()) return skipFor(t, 'chromium is missing: apt-get install chromium')
  const folder = path.dirname(page.file)
  const put = (name: string, bytes: Buffer): string => {
    writeFileSync(path.join(folder, name), bytes)
    return path.join(folder, name)
  }
  const base = pathToFileURL(folder).href
  const who = await visitor(t, await openBrowser(), { base, context: { offline: true } })
  await who.page.clock.setFixedTime(use.now)
  await who.open('/verify.html')
  await who.page.setInputFiles('#evidence', put('use.zip', await saved(sides)))
  const head = who.page.locator('#result:not([hidden])')
  await head.getByText('Signed and whole, but not all of it is proved', { exact: true }).waitFor()
  const said = await head.textContent()
  t.match(said, 'Both sides are proven, and both by one message.')
  t.match(
    said,
    /The side that was asked[\s\S]*DEV\/GOV\/5678\/ss2[\s\S]*The side that asked[\s\S]*Both together/,
  )
  t.match(said, /What no proof shows[\s\S]*Not proven: the message id, who asked/)
  await who.check('verify-use')
  const [provider, consumer] = sides as [SavedSide, SavedSide]
  const forged = put('forged.zip', await saved([provider, { ...consumer, proof: provider.proof }]))
  await who.page.setInputFiles('#evidence', forged)
  await head.getByText('This is not what was signed', { exact: true }).waitFor()
  await who.page.locator('#language').selectOption('fi')
  await head.getByText('Osapuoli, joka kysyi').waitFor()
})
