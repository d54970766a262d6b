/**
 * The page that verifies: on X-Road's vectors and hostile files it gives the command line's verdict; in
 * Chromium, from a file, offline.
 */

import { hash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { writeSharedParameters } from '#core/configuration/configuration-fixture.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { createShapes } from '#security-server/features/reconciliation/shapes.ts'
import { createVerdictWorld, forged, HOUR } from '#security-server/reading/evidence/verdict-fixture.ts'
import { rowView } from '#security-server/reading/record-filter.ts'
import { hasChromium, openBrowser, visitor } from '#test/browser.ts'
import { skipFor } from '#test/outside-tools.ts'
import { offerPage } from './offer-page.ts'
import { builtPage, compared } from './page-fixture.ts'
import { headlineOf } from './shown/headline.ts'
import { stampersInWords } from './shown/stampers-in-words.ts'
import { CATALOGUES } from './shown/texts.ts'

const FOLDER = path.join(import.meta.dirname, '../../../test/vectors/x-road')
/** The event of this choice is lost for certain: the page's program stands behind the field. */
const CHOOSES_AT_ONCE = `new MutationObserver((_, observer) => {
  const field = document.querySelector('#evidence')
  if (field === null) return
  observer.disconnect()
  const chosen = new DataTransfer()
  chosen.items.add(new File(['no evidence'], 'holiday.jpg'))
  field.files = chosen.files
}).observe(document, { childList: true, subtree: true })`
/** Has read slow.jpg only once that is released, and counts the workers that were started. */
const READS_SLOWLY = `{
  const read = Blob.prototype.arrayBuffer
  const { promise, resolve } = Promise.withResolvers()
  Object.assign(globalThis, { release: resolve, workers: 0 })
  Blob.prototype.arrayBuffer = async function () {
    const bytes = await read.call(this)
    if (this.name === 'slow.jpg') await promise
    return bytes
  }
  globalThis.Worker = class extends Worker {
    constructor(...all) {
      super(...all)
      globalThis.workers++
    }
  }
}`

const START = Date.UTC(2027, 0, 4, 12)
const page = await builtPage(t)

t.test("X-Road's containers and archives", async (t) => {
  const shared = readFileSync(path.join(FOLDER, 'containers/globalconf_good2_v3/DEV/shared-params.xml'))
  const counts: Record<string, number> = {}
  for (const folder of ['containers', 'archives']) {
    for (const name of readdirSync(path.join(FOLDER, folder)).filter((one) => /\.(asice|zip)$/.test(one))) {
      const bytes = readFileSync(path.join(FOLDER, folder, name))
      const { verdict } = await compared(t, page, { name, bytes, shared, at: Date.UTC(2028, 0, 1) })
      counts[verdict] = (counts[verdict] ?? 0) + 1
      if (folder === 'archives') await compared(t, page, { name, bytes, at: START, previous: 'none' })
    }
  }
  t.comment(counts)
  t.ok(counts['TOTAL-PASSED']! >= 6 && counts['TOTAL-FAILED']! >= 6)
})

t.test('statements: their shape is checked by code that was compiled before', async (t) => {
  const shared = writeSharedParameters((await createVerdictWorld(t, START)).shared(), 6)
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const payload of [{}, { version: 1, day: '2027-01-04' }, { day: 'x'.repeat(2000) }, [], 7]) {
    const protectedHeader = encode({ alg: 'ES256', typ: 'x' })
    const jws = { payload: encode(payload), signatures: [{ protected: protectedHeader, signature: 'AAAA' }] }
    const bytes = Buffer.from(JSON.stringify(jws))
    const { verdict } = await compared(t, page, { name: 's.json', bytes, shared, at: START })
    t.equal(verdict, 'TOTAL-FAILED')
  }
  const { compileStatementShape } = await import('./compile-shape.ts')
  const module = path.join(path.dirname(page.file), 'shape.mjs')
  const absolute = (await compileStatementShape()).replace(
    /from '(ajv\/[^']+|#[^']+)'/g,
    (_, from: string) => {
      return `from '${import.meta.resolve(from)}'`
    },
  )
  writeFileSync(module, absolute)
  const compiled = await ((await import(module)) as { createShapes: typeof createShapes }).createShapes()
  const { statement } = await createShapes()
  const said = (check: (value: unknown) => unknown, value: unknown): string => {
    try {
      check(value)
      return 'fits'
    } catch (thrown) {
      return (thrown as Error).message
    }
  }
  for (const value of [{}, { version: 1 }, { version: 1, day: '2027-01-04', first: {}, second: {} }, [], 'x'])
    t.equal(said(compiled.statement, value), said(statement, value))
})

t.test('a headline tells of one exchange, whoever else the evidence names', (t) => {
  const asked = (index: number, more: object) => ({
    ...{ index, form: { kind: 'request', direction: 'in', time: '2027-01-04T10:00:00.000Z' } },
    ...{ verdict: 'TOTAL-PASSED', reason: '' },
    metadata: { client: 'DEV/GOV/2/tax', service: 'DEV/GOV/1/p/persons', requestId: 'a', ...more },
  })
  const of = (...more: object[]) =>
    headlineOf({
      verdict: 'TOTAL-PASSED',
      reason: '',
      records: more.map((one, at) => asked(at, one)),
    } as never)
  t.match(of({}), /^DEV\/GOV\/2\/tax asked DEV\/GOV\/1\/p\/persons on /)
  t.match(of({}, {}), /^DEV\/GOV\/2\/tax asked /, 'both halves of a server that asks itself')
  t.equal(of({}, { client: 'DEV/GOV/3/police' }), undefined)
  t.equal(of({}, { service: 'DEV/GOV/1/p/others' }), undefined)
  t.equal(of({}, { requestId: 'b' }), undefined, 'two requests of one client')
  t.end()
})

t.test('whose time-stamps counted is told of every kind of evidence', (t) => {
  const { page: words } = CATALOGUES['en']!
  const of = (more: object) => stampersInWords({ verdict: 'TOTAL-PASSED', reason: '', ...more } as never)
  const judgedBy = (own: string | null) =>
    of({ configuration: { instances: ['FI', 'EE'], origin: 'x', own } })
  t.strictSame(judgedBy(null), [words.ownNotNamed], 'single files')
  t.strictSame(judgedBy('FI'), [words.ownNamed.replaceAll('{instance}', 'FI')], 'verificationconf.zip')
  const byLog = [words.stampedByLog.replace('{instance}', 'EE')]
  t.strictSame(of({ log: 'EE/GOV/1/ss1' }), byLog, 'a bundle')
  t.strictSame(
    of({ proved: { log: 'EE/GOV/1/ss1' }, configuration: { own: null } }),
    byLog,
    'an archive of ours',
  )
  t.strictSame(of({ log: '?' }), [], 'a log without an instance')
  t.strictSame(of({ configuration: { origin: 'x' } }), [], 'a statement')
  t.end()
})

t.test('every language has every text, with the same names to fill in, and no other', (t) => {
  const holes = (said: string): string => [...new Set(said.match(/\{\w+\}|`[^`]*`/g) ?? [])].sort().join()
  const flat = (language: string): [string, string][] =>
    Object.entries(CATALOGUES[language]!).flatMap(([part, texts]) =>
      Object.entries(texts).map(([key, said]): [string, string] => [`${part}.${key}`, said]),
    )
  t.same(Object.keys(CATALOGUES), ['en', 'es', 'et', 'fi', 'uk'])
  const english = new Map(flat('en'))
  for (const language of Object.keys(CATALOGUES)) {
    const own = flat(language)
    t.strictSame(own.map(([key]) => key).sort(), [...english.keys()].sort(), language)
    for (const [key, said] of own) {
      t.not(said.trim(), '', `${language} ${key}`)
      t.equal(holes(said), holes(english.get(key) ?? ''), `${language} ${key}`)
    }
  }
  t.end()
})

t.test('hostile files, and what is not evidence', async (t) => {
  const shared = writeSharedParameters((await createVerdictWorld(t, START)).shared(), 6)
  const big = Buffer.alloc(8 * 1024 * 1024)
  const files: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    text: Buffer.from('no evidence'),
    'a bundle of nothing': zipOf([{ name: 'bundle.json', data: '{}' }]),
    'a bundle with a bomb that says it is small': zipOf([
      { name: 'bundle.json', data: big, deflate: true, central: { size: 10 }, local: { size: 10 } },
    ]),
    'an archive with a bomb': zipOf([{ name: 'archive.json', data: big, deflate: true }]),
    'a container with a bomb': zipOf([{ name: 'message.xml', data: big, deflate: true }]),
    'a bundle with a script for a name': zipOf([
      { name: 'bundle.json', data: '{}' },
      { name: '<img src=x onerror=alert(1)>', data: 'x' },
    ]),
    'a bundle with a name twice': zipOf([
      { name: 'bundle.json', data: '{}' },
      { name: 'bundle.json', data: '{}' },
    ]),
    'a name that leads out': zipOf([{ name: '../bundle.json', data: '{}' }]),
  }
  for (const [name, bytes] of Object.entries(files))
    t.not((await compared(t, page, { name, bytes, shared, at: START })).verdict, 'TOTAL-PASSED', name)
  const unjudged = async (name: string): Promise<string> =>
    (await compared(t, page, { name, bytes: files[name]!, at: START })).verdict
  for (const name of ['empty', 'text', 'a name that leads out'])
    t.equal(await unjudged(name), 'no evidence', `${name}: a configuration would not help`)
  t.equal(await unjudged('a container with a bomb'), 'configuration is missing')
  const refused = await page.judgeUpload({
    evidence: { name: 'x', bytes: files['text']! },
    configuration: [
      {
        name: 'anchor',
        bytes: Buffer.from('<x:configurationAnchor xmlns:x="http://x-road.eu/xsd/xroad.xsd"/>'),
      },
    ],
    witnesses: undefined,
    previous: undefined,
    judgedAt: START,
  })
  t.match(refused, { refused: { code: 'malformed_global_conf', message: /an anchor only says/ } })
})

t.test('an export with bundles proves all of its range, and a row that is left out is seen', async (t) => {
  const world = await createVerdictWorld(t, START)
  const index = await world.exchange()
  world.now += 60_000
  await world.log.timeStampNow()
  world.now += HOUR
  const bundle = await world.bundle(index)
  const { log } = world
  await log.maintain()
  const treeHead = (await log.checkpointNow())!
  const { size } = parseCheckpoint(treeHead)
  const { rows } = await log.window({ filter: {}, after: -1, size })
  const exported = async (shown: typeof rows, filter: object): Promise<string> => {
    const lines = (some: string[]): string => some.map((one) => `${one}\n`).join('')
    const data = new Map<string, string | Buffer>([
      ['records.jsonl', lines(shown.map((row) => JSON.stringify(rowView(row))))],
      ['forms.jsonl', lines(await log.forms({ first: 0, limit: size, clearance: 0 }))],
      [`bundles/evidence-${index}.zip`, bundle],
    ])
    const files = [...data].map(([name, of]) => [name, hash('sha256', of, 'base64')])
    const head = {
      ...{ version: 1, log: 'DEV/GOV/1234/ss1', format: 'bundles', filter, treeHead, erasedInRange: 0 },
      ...{
        range: { first: 0, last: size - 1 },
        records: shown.length,
        files: Object.fromEntries(files) as object,
      },
    }
    const entries = [...data].map(([name, of]) => ({ name, data: of }))
    const bytes = zipOf([...entries, { name: 'filter.json', data: canonicalJson(head) }])
    return (await compared(t, page, { name: 'export.zip', bytes, at: world.now })).verdict
  }
  t.equal(await exported(rows, { from: new Date(START).toISOString() }), 'TOTAL-PASSED')
  t.equal(await exported(rows.slice(1), {}), 'INDETERMINATE', 'it might fit')
  t.equal(await exported(rows, { outcome: 'no such' }), 'TOTAL-FAILED')
  t.equal(await exported([{ ...rows[0]!, client: 'DEV/GOV/9/x' }, ...rows.slice(1)], {}), 'TOTAL-FAILED')
})

t.test('the same sources give the same file', async (t) => {
  const folder = path.join(path.dirname(page.file), 'offered')
  mkdirSync(folder)
  t.equal(await offerPage(folder), true)
  t.equal(await offerPage(folder), false, 'as long as the sources are the same')
  t.equal(readFileSync(path.join(folder, 'verify.html')).equals(readFileSync(page.file)), true)
})

t.test('in Chromium, from a file and without a network', async (t) => {
  if (!hasChromium()) return skipFor(t, 'chromium is missing: apt-get install chromium')
  const world = await createVerdictWorld(t, START)
  const index = await world.exchange()
  world.now += 60_000
  await world.log.timeStampNow()
  world.now += HOUR
  const bundle = await world.bundle(index)
  const shared = writeSharedParameters(world.shared(), 6)
  const altered = await forged(bundle, (manifest) => {
    manifest.records[0]!.form = manifest.records[0]!.form.replace('"kind"', '"kinds"')
  })
  const folder = path.dirname(page.file)
  const put = (name: string, bytes: Buffer | string): string => {
    writeFileSync(path.join(folder, name), bytes)
    return path.join(folder, name)
  }
  const script = '<img src=x onerror=alert(1)>\u202egnp'
  const hostile = zipOf([
    { name: 'message.xml', data: `${script}`, deflate: true },
    { name: script, data: Buffer.alloc(64 * 1024 * 1024), deflate: true },
  ])
  const base = pathToFileURL(folder).href
  const who = await visitor(t, await openBrowser(), { base, context: { offline: true } })
  await who.page.clock.setFixedTime(world.now)
  await who.open('/verify.html')
  await who.check('verify-start')
  const check = async (file: string, head: string, name: string): Promise<void> => {
    await who.page.setInputFiles('#evidence', file)
    await who.page.locator('#result:not([hidden])').getByText(head, { exact: true }).waitFor()
    await who.check(name)
  }
  await check(put('holiday.jpg', 'no evidence'), 'Nothing was judged', 'verify-no-evidence')
  t.match(await who.page.locator('#result').textContent(), 'is no evidence that this page knows')
  await check(
    put('good.zip', bundle),
    'Signed and whole, but not all of it is proved',
    'verify-own-configuration',
  )
  t.match(await who.page.locator('#result .exchange').textContent(), / asked \S+ .*on \d+ \w+ \d{4} at /)
  await who.page.setViewportSize({ width: 360, height: 740 })
  for (const why of await who.page.getByRole('cell').all())
    if (await why.isVisible()) t.ok((await why.boundingBox())!.width > 200, 'on a phone a cell has room')
  t.match(
    await who.page.textContent('#result'),
    'Judged by the configuration that the evidence brought itself',
  )
  const stampedBy = 'Time-stamps count if DEV, the instance of this log, approves their authority.'
  t.match(await who.page.textContent('#result'), stampedBy)
  await who.page.getByText('What to judge by').click()
  await who.page.setInputFiles('#configuration', put('shared-params.xml', shared))
  await who.page.getByRole('button', { name: 'Check' }).click()
  await who.page.getByText('which you named').waitFor()
  await who.page.getByText('The parts of the file').click()
  await who.check('verify-good')
  const download = who.page.waitForEvent('download')
  await who.page.getByRole('button', { name: 'Save bundle.json' }).click()
  t.match(readFileSync(await (await download).path(), 'utf8'), /^\{"checkpointSigner"/)
  await check(put('altered.zip', altered), 'This is not what was signed', 'verify-tampered')
  await check(
    put(`${script.slice(0, 28).replaceAll('/', '')}.zip`, hostile),
    'This is not what was signed',
    'verify-hostile',
  )
  t.equal(await who.page.locator('#result img').count(), 0, 'names are text')
  await who.page.setViewportSize({ width: 320, height: 700 })
  await who.check('verify-narrow')
  await who.page.locator('#language').selectOption('fi')
  const { failed } = CATALOGUES['fi']!.page
  await who.page.locator('#result').getByText(failed, { exact: true }).waitFor()
  await who.check('verify-narrow-in-Finnish')
  await who.open('/verify.html')
  await who.page.locator('html[lang="fi"]').waitFor()
  await who.page.setInputFiles('#evidence', path.join(folder, 'good.zip'))
  await who.page.locator('#result:not([hidden])').waitFor()
  t.match(await who.page.locator('#result .exchange').textContent(), /teki pyynnön palveluun .*kuuta 2027/)
  t.match(await who.page.textContent('#result .verdict'), 'Jokainen tietue on lokissa palvelimen omistajan')
  await who.page.setViewportSize({ width: 1280, height: 800 })
  await who.check('verify-in-Finnish')
  const ukrainian = await visitor(t, await openBrowser(), {
    base,
    context: { offline: true, locale: 'uk-UA' },
  })
  await ukrainian.open('/verify.html')
  await ukrainian.page.getByRole('heading', { name: CATALOGUES['uk']!.page.title }).waitFor()
})

t.test('a file that is chosen before the program has begun is judged', async (t) => {
  if (!hasChromium()) return skipFor(t, 'chromium is missing: apt-get install chromium')
  const base = pathToFileURL(path.dirname(page.file)).href
  const who = await visitor(t, await openBrowser(), { base, context: { offline: true } })
  await who.page.addInitScript({ content: CHOOSES_AT_ONCE })
  await who.open('/verify.html')
  await who.page.locator('#result:not([hidden])').getByText('Nothing was judged', { exact: true }).waitFor()
})

t.test(
  'a file that is read slowly is judged no more once another is chosen, or the reader stops',
  async (t) => {
    if (!hasChromium()) return skipFor(t, 'chromium is missing: apt-get install chromium')
    const folder = path.dirname(page.file)
    for (const name of ['slow.jpg', 'quick.jpg']) writeFileSync(path.join(folder, name), 'no evidence')
    const base = pathToFileURL(folder).href
    const who = await visitor(t, await openBrowser(), { base, context: { offline: true } })
    await who.page.addInitScript({ content: READS_SLOWLY })
    const choose = (name: string): Promise<void> =>
      who.page.setInputFiles('#evidence', path.join(folder, name))
    const startedAfterRelease = (): Promise<number> =>
      who.page.evaluate('release(), new Promise((done) => setTimeout(() => done(workers)))')
    await who.open('/verify.html')
    await choose('slow.jpg')
    await choose('quick.jpg')
    await who.page.locator('#result:not([hidden])').waitFor()
    t.equal(await startedAfterRelease(), 1, 'the result of the file that is named stays')
    await who.open('/verify.html')
    await choose('slow.jpg')
    await who.page.getByRole('button', { name: 'Stop' }).click()
    t.equal(await startedAfterRelease(), 0)
    t.equal(await who.page.textContent('#progress'), CATALOGUES['en']!.page.stopped)
  },
)

t.test('before its program has begun the page is in English', async (t) => {
  const html = readFileSync(page.file, 'utf8')
  t.notMatch(html, /data-text="\w+"><\//)
  t.match(html, `data-text="check">${CATALOGUES['en']!.page.check}</button>`)
  t.notMatch(html, /<(?:section|select)[^>]* data-name="\w+"(?! aria-label=)/)
})
