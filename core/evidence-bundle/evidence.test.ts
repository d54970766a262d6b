/** Evidence bundles: verdicts on good ones, and on every kind of manipulation. */
import { hash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { body, NOW, parts, written } from '#core/container/container-fixture.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import * as F from '#core/signature/signature-fixture.ts'
import { requestHash } from '#core/transport/rest-response.ts'
import { type BundleManifest, type BundleRecord, type BundleVerdict, MANIFEST } from './bundle.ts'
import { bytesOf, LOG, type Made, make } from './evidence-fixture.ts'
import { judgeBundle } from './judge-bundle.ts'
import { isBundle, readBundle } from './read-bundle.ts'

const configuration = new Map([['GOLD', F.configuration()]])
const good = await make()

async function judge(made: Made, digests?: Record<string, string>): Promise<BundleVerdict> {
  const bundle = await readBundle(bytesOf(made, digests))
  return judgeBundle({ bundle, configuration, now: NOW })
}

/** The good bundle with a change to its request, its manifest or its files. */
function changed(q: {
  request?: (record: BundleRecord) => object
  manifest?: object
  files?: Record<string, Buffer | undefined>
}): Made {
  const [request, refusal] = good.manifest.records as [BundleRecord, BundleRecord]
  const files = new Map(good.files)
  for (const [name, bytes] of Object.entries(q.files ?? {})) {
    if (bytes === undefined) files.delete(name)
    else files.set(name, bytes)
  }
  const records = [{ ...request, ...q.request?.(request) }, refusal]
  return { manifest: { ...good.manifest, records, ...q.manifest } as BundleManifest, files }
}

const flip = (bytes: Buffer, at: number): Buffer => {
  const other = Buffer.from(bytes)
  other[at]! ^= 1 << (at % 8)
  return other
}

t.test('a good bundle: every record, who signed, where it stands', async (t) => {
  t.match(await judge(good), {
    verdict: 'TOTAL-PASSED',
    log: LOG,
    made: NOW.toISOString(),
    records: [
      {
        index: 1,
        verdict: 'TOTAL-PASSED',
        form: { kind: 'request' },
        metadata: { id: 'GOLD-1' },
        container: { verdict: 'TOTAL-PASSED', signer: F.MEMBER },
      },
      { index: 2, verdict: 'TOTAL-PASSED', form: { kind: 'refusal', outcome: 'access_denied' } },
    ],
    checkpoints: [{ size: 5, signedByMember: true }],
  })
  t.ok(await isBundle(bytesOf(good)))
  t.notOk(await isBundle(await written(await parts())))
})

t.test('what the bundle shows is what the leaf commits to', async (t) => {
  const other = await written(await parts({ message: Buffer.concat([F.REQUEST, Buffer.from('x')]) }))
  const otherBody = await written(await parts({ bodies: [Buffer.concat([body, body])] }))
  const twoBodies = await written(await parts({ bodies: [body, F.REQUEST] }))
  const sameMessage = await written(await parts())
  const cases: [string, Parameters<typeof changed>[0], RegExp][] = [
    ['another message', { files: { 'records/1/message.asice': other } }, /message is not what/],
    ['another body', { files: { 'records/1/message.asice': otherBody } }, /body is not what/],
    [
      'another message of the batch as a body',
      { files: { 'records/1/message.asice': twoBodies } },
      /body is not what the leaf/,
    ],
    [
      'a body left out',
      { request: ({ openings }) => ({ openings: { ...openings, body: undefined } }) },
      /body/,
    ],
    ['signed once more', { files: { 'records/1/message.asice': sameMessage } }, /another signature/],
    [
      'a message nobody opens',
      { request: ({ openings }) => ({ openings: { ...openings, message: undefined } }) },
      /message/,
    ],
    [
      'no signature document',
      { request: () => ({ signatures: undefined }), files: { 'records/1/signatures.xml': undefined } },
      /missing/,
    ],
    [
      'another signature document',
      { files: { 'records/1/signatures.xml': Buffer.from('<x/>') } },
      /signature document/,
    ],
    ['other metadata', { files: { 'records/1/metadata.json': Buffer.from('{"id":"8"}') } }, /metadata/],
    [
      'metadata nobody opens',
      { request: ({ openings }) => ({ openings: { ...openings, parties: undefined } }) },
      /metadata/,
    ],
    ['another form', { request: ({ form }) => ({ form: form.replace('"out"', '"in"') }) }, /root/],
    [
      'a form with one more member',
      { request: ({ form }) => ({ form: form.replace('"version":1', '"version":1,"x":1') }) },
      /canonical/,
    ],
    [
      'a form in another order',
      { request: ({ form }) => ({ form: form.replace(/^{("answers":""),(.*)}$/, '{$2,$1}') }) },
      /canonical/,
    ],
    ['another place', { request: ({ path }) => ({ path: path.slice(1) }) }, /proof/],
  ]
  for (const [what, change, reason] of cases) {
    const verdict = await judge(changed(change))
    t.match(verdict, { verdict: 'TOTAL-FAILED', reason }, what)
  }
  const [request, refusal] = good.manifest.records as [BundleRecord, BundleRecord]
  const wrongIndex = { ...good.manifest, records: [{ ...request, index: 0 }, refusal] }
  t.match(await judge({ ...good, manifest: wrongIndex }), { verdict: 'TOTAL-FAILED', reason: /Record 0: / })
  const elsewhere = await judge(changed({ manifest: { log: 'GOLD/GOV/1234/ss2' } }))
  t.match(elsewhere, { verdict: 'TOTAL-FAILED', reason: /another log/ })
})

t.test('the records are one exchange, and say what their messages say', async (t) => {
  const twin = await make()
  const [, refusal] = twin.manifest.records as [BundleRecord, BundleRecord]
  const [request] = good.manifest.records as [BundleRecord, BundleRecord]
  const moved = (record: BundleRecord): BundleRecord => ({
    ...record,
    checkpoint: `twin/${record.checkpoint}`,
    metadata: `twin/${record.metadata}`,
  })
  const files = new Map([
    ...good.files,
    ...[...twin.files].map(([name, bytes]): [string, Buffer] => [`twin/${name}`, bytes]),
  ])
  const mixed = { manifest: { ...good.manifest, records: [request, moved(refusal)] }, files }
  t.match(await judge(mixed), {
    verdict: 'TOTAL-FAILED',
    reason: 'Record 2: It does not answer record 1: the bundle mixes exchanges.',
  })
  for (const [field, value] of Object.entries({
    client: 'GOLD/GOV/1234/other',
    service: 'GOLD/GOV/5678/tax/other',
    id: 'GOLD-2',
    requestId: 'r',
  })) {
    const verdict = await judge(await make({ metadata: { [field]: value } }))
    t.match(verdict, {
      verdict: 'TOTAL-FAILED',
      reason: `Record 1: Its message and its record name another ${field}.`,
    })
  }
})

t.test('time-stamps of authorities that another instance approves prove nothing', async (t) => {
  const bundle = await readBundle(bytesOf(good))
  const without: ReturnType<typeof F.configuration> = { ...F.configuration(), tsaCertificates: [] }
  const judged = (own: typeof without, other: typeof without) =>
    judgeBundle({
      ...{ bundle, now: NOW },
      configuration: new Map([
        ['FI', other],
        ['GOLD', own],
      ]),
    })
  t.match(await judged(F.configuration(), without), { verdict: 'TOTAL-PASSED' })
  t.match(await judged(without, F.configuration()), {
    verdict: 'INDETERMINATE',
    checkpoints: [{ signedByMember: false, existed: undefined }],
  })
})

t.test('a reply is the one to exactly this request', async (t) => {
  const requestHashes = { message: hash('sha512', F.REQUEST, 'buffer'), body: hash('sha512', body, 'buffer') }
  const right = requestHash(requestHashes)
  t.match((await judge(await make({ reply: right }))).records[1], {
    verdict: 'TOTAL-PASSED',
    form: { kind: 'reply' },
    container: { signer: F.MEMBER },
  })
  const other = requestHash({ ...requestHashes, body: undefined })
  t.match(await judge(await make({ reply: other })), {
    verdict: 'TOTAL-FAILED',
    reason: 'Record 2: It is no reply to the message of record 1.',
  })
})

t.test('erased content is no sign of tampering, and no proof of the message either', async (t) => {
  const erased = changed({
    request: () => ({ openings: {}, metadata: undefined, container: undefined, erased: NOW.toISOString() }),
    files: { 'records/1/metadata.json': undefined, 'records/1/message.asice': undefined },
  })
  t.match(await judge(erased), {
    verdict: 'INDETERMINATE',
    subIndication: 'SIGNED_DATA_NOT_FOUND',
    reason: /said to have been erased/,
  })
  const [request] = erased.manifest.records as [BundleRecord]
  const recorded = await make({ erasure: true })
  const [, , erasure] = recorded.manifest.records as [BundleRecord, BundleRecord, BundleRecord]
  const [whole, refusal] = recorded.manifest.records as [BundleRecord, BundleRecord]
  const { metadata: _, container: __, ...rest } = { ...whole, openings: {}, erased: request.erased! }
  const files = new Map(recorded.files)
  for (const name of ['records/1/metadata.json', 'records/1/message.asice']) files.delete(name)
  const proven = { manifest: { ...recorded.manifest, records: [rest, refusal, erasure] }, files }
  t.match(await judge(proven), {
    verdict: 'INDETERMINATE',
    subIndication: 'SIGNED_DATA_NOT_FOUND',
    reason: /was erased on .*, which record 3 of the log says: that is no sign of tampering/,
  })
})

t.test("who signed the tree head: the owner's certificate, proved by a message or come along", async (t) => {
  const withoutMessage = (made: Made): Made => {
    const files = new Map([...made.files].filter(([name]) => !name.startsWith('records/1/')))
    return { manifest: { ...made.manifest, records: made.manifest.records.slice(1) }, files }
  }
  t.match(await judge(withoutMessage(good)), {
    verdict: 'INDETERMINATE',
    subIndication: 'NO_CERTIFICATE_CHAIN_FOUND',
    checkpoints: [{ signedByMember: false }],
  })
  const along = await make({ cameAlong: true })
  t.match(await judge(withoutMessage(along)), { verdict: 'TOTAL-PASSED' })
  const undated = withoutMessage(await make({ cameAlong: true, evidenceRecord: false }))
  t.match(await judge(undated), { verdict: 'TOTAL-PASSED' }, 'good now')
  const bundle = await readBundle(bytesOf(undated))
  const later = await judgeBundle({ bundle, configuration, now: new Date('2029-01-01T00:00:00Z') })
  t.match(
    later,
    { checkpoints: [{ signedByMember: false, subIndication: 'NO_POE' }] },
    "nobody's word for a time counts",
  )
  const early = await make({ cameAlong: true, proven: new Date('2029-01-01T00:00:00Z') })
  t.match(await judge(withoutMessage(early)), { checkpoints: [{ existed: undefined }] })
  t.match(await judge(withoutMessage(await make({ signer: F.rsaSigner, cameAlong: true }))), {
    verdict: 'INDETERMINATE',
  })
  const [name] = good.manifest.records.map(({ checkpoint }) => checkpoint)
  const note = good.files.get(name!)!.toString()
  const lines = note.split('\n')
  const unsigned = Buffer.from([...lines.slice(0, -2), ''].join('\n'))
  t.match(await judge(changed({ files: { [name!]: unsigned } })), { verdict: 'INDETERMINATE' })
  const forged = Buffer.from(note.replace(/.{8}\n$/, 'AAAAAAA=\n'))
  t.not((await judge(changed({ files: { [name!]: forged } }))).verdict, 'TOTAL-PASSED')
})

t.test('no octet of what proves can be another one, however the manifest is made to fit', async (t) => {
  for (const name of [
    'checkpoints/5.txt',
    'records/1/metadata.json',
    'records/1/message.asice',
    'records/1/signatures.xml',
    'records/2/metadata.json',
  ]) {
    const bytes = good.files.get(name)!
    // Nobody outside knows the log's own key, so a changed line of it has no effect; the member's signature
    // counts.
    const [ownFrom, ownTo] = name.startsWith('checkpoints/')
      ? [bytes.indexOf('\n\n'), bytes.lastIndexOf('\n\u2014')]
      : [0, 0]
    const step = Math.ceil(bytes.length / 60)
    for (let at = 0; at < bytes.length; at += step) {
      if (at > ownFrom && at < ownTo) continue
      const files = new Map(good.files).set(name, flip(bytes, at))
      // Headers of an entry in the container (times, attributes) prove nothing and are not signed.
      const { verdict } = await judge({ ...good, files }).catch(() => ({ verdict: 'refused' }))
      if (verdict === 'TOTAL-PASSED' && name !== 'records/1/message.asice') t.fail(`${name} ${at}`)
    }
  }
  await t.rejects(judge(good, { 'README.html': hash('sha256', 'x', 'base64') }), { code: 'malformed_bundle' })
})

t.test('hostile bundles are refused', async (t) => {
  const refused = async (bytes: Buffer, why: string): Promise<void> => {
    await t.rejects(readBundle(bytes), { code: 'malformed_bundle' }, why)
  }
  const zip = (manifest: unknown, files: Map<string, Buffer> = good.files): Buffer =>
    zipOf([
      ...[...files].map(([name, data]) => ({ name, data })),
      { name: MANIFEST, data: typeof manifest === 'string' ? manifest : canonicalJson(manifest) },
    ])
  const files = Object.fromEntries(
    [...good.files].map(([name, bytes]) => [name, hash('sha256', bytes, 'base64')]),
  )
  const whole = { ...good.manifest, files }
  await readBundle(zip(whole))
  const [request, refusal] = whole.records as [BundleRecord, BundleRecord]
  const manifests: [string, unknown][] = [
    ['no JSON', '{'],
    ['not canonical', JSON.stringify(whole, undefined, 1)],
    ['no object', []],
    ['another version', { ...whole, version: 2 }],
    ['an unknown member', { ...whole, more: 1 }],
    ['an unknown member of a record', { ...whole, records: [{ ...request, more: 1 }, refusal] }],
    ['a member that every object has', { ...whole, records: [{ ...request, constructor: 'x' }, refusal] }],
    ['no records', { ...whole, records: [] }],
    ['records in another order', { ...whole, records: [refusal, request] }],
    ['a record twice', { ...whole, records: [request, request] }],
    ['an index that is no number', { ...whole, records: [{ ...request, index: '1' }, refusal] }],
    ['a time that is none', { ...whole, made: '2026-13-01T00:00:00.000Z' }],
    [
      'a proof too long',
      { ...whole, records: [{ ...request, path: Array(65).fill(request.path[0]) }, refusal] },
    ],
    ['a node too short', { ...whole, records: [{ ...request, path: ['AAAA'] }, refusal] }],
    ['a file outside', { ...whole, records: [{ ...request, metadata: '../x' }, refusal] }],
    ['a file that is not there', { ...whole, records: [{ ...request, metadata: 'x' }, refusal] }],
    ['a file that nobody lists', { ...whole, files: { ...files, 'README.html': undefined } }],
    ['a listed file that is not there', { ...whole, files: { ...files, x: files['README.html'] } }],
  ]
  for (const [why, manifest] of manifests) await refused(zip(manifest), why)
  await refused(randomBytes(1000), 'no ZIP file')
  await refused(zipOf([{ name: 'x', data: 'x' }]), 'no manifest')
  await refused(
    zipOf([
      { name: MANIFEST, data: '{}' },
      { name: MANIFEST, data: '{}' },
    ]),
    'two manifests',
  )
  await refused(zipOf([{ name: '../evil', data: 'x' }]), 'a path outside')
  await t.rejects(readBundle(bytesOf(good), { bytes: 1000 }), { message: /too large/ })
  await t.rejects(readBundle(bytesOf(good), { entries: 2 }), { message: /more than 2/ })
  await t.rejects(readBundle('/nowhere'), { code: 'io_error' })
  const bomb = zipOf([{ name: 'bomb', data: Buffer.alloc(4_000_000), deflate: true }])
  await t.rejects(readBundle(bomb, { entryBytes: 1_000_000 }), { message: /too large/ })
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const bytes = bytesOf(good)
      bytes[at % bytes.length]! ^= by
      await readBundle(bytes).catch((thrown: { name?: string }) => t.equal(thrown.name, 'Fault'))
    }),
    { numRuns: 200 },
  )
})
