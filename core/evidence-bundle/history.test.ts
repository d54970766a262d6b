/**
 * Whether what a bundle shows is of one history of its log: states of one size, records at one index, and
 * states that grew.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import t from 'tap'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { NOW } from '#core/container/container-fixture.ts'
import { addSignature, memberSignatureLine, signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash, nodeHash } from '#core/merkle/hash.ts'
import { inclusionProof } from '#core/merkle/proofs.ts'
import { noteText } from '#core/merkle/signed-note.ts'
import * as F from '#core/signature/signature-fixture.ts'
import golden from '#schemas/golden/merkle/consistency.json' with { type: 'json' }
import type { BundleManifest, BundleRecord, BundleTimeStamp, BundleVerdict } from './bundle.ts'
import { bytesOf, LOG, type Made, make } from './evidence-fixture.ts'
import { judgeBundle } from './judge-bundle.ts'
import { judgeHistory } from './judge-history.ts'
import { readBundle } from './read-bundle.ts'

const configuration = new Map([['GOLD', F.configuration()]])
const made = await make({ cameAlong: true })
const [stamp] = made.manifest.timeStamps as [BundleTimeStamp]
const stampLeaf = leafHash(Buffer.from(stamp.form))
/** Of the log's first four records: the stamp is the fifth and last. */
const before = Buffer.from(stamp.path[0]!, 'base64')

async function judge(bundle: Made): Promise<BundleVerdict> {
  return judgeBundle({ bundle: await readBundle(bytesOf(bundle)), configuration, now: NOW })
}

/** A head that the owner signed. */
function signedHead(size: number, root: Buffer): Buffer {
  const note = signNote(
    writeCheckpoint({ origin: LOG, size, root }),
    LOG,
    generateKeyPairSync('ed25519').privateKey,
  )
  const value = sign('sha512', Buffer.from(noteText(note)), { key: F.signer.key, dsaEncoding: 'ieee-p1363' })
  return Buffer.from(
    addSignature(note, memberSignatureLine('GOLD/GOV/1234', publicKeyOf(F.signer.certificate), value)),
  )
}

/** The bundle with the record of its time-stamp under another head. */
function under(head: Buffer, path: Buffer[], files: Record<string, string> = {}): Made {
  const moved = {
    ...stamp,
    path: path.map((one) => one.toString('base64')),
    checkpoint: 'checkpoints/other.txt',
  }
  const all = new Map(made.files).set('checkpoints/other.txt', head)
  for (const [name, text] of Object.entries(files)) all.set(name, Buffer.from(text))
  return { files: all, manifest: { ...made.manifest, timeStamps: [moved] } }
}

t.test('two states of one size, or two records at one index, never pass', async (t) => {
  t.match(await judge(made), { verdict: 'TOTAL-PASSED' })
  // Another tree of the owner: as large, with the record of the time-stamp at the same place.
  const leaves = [0, 1, 2, 3].map((n) => leafHash(Buffer.from(`another history ${n}`)))
  leaves.push(stampLeaf)
  const rootOf = (from: number, to: number): Buffer => {
    const range = createCompactRange()
    for (const leaf of leaves.slice(from, to)) range.append(leaf)
    return range.root()
  }
  const path = await inclusionProof(5, 4, (level, n) => rootOf(n << level, (n + 1) << level))
  t.match(await judge(under(signedHead(5, rootOf(0, 5)), path)), {
    verdict: 'TOTAL-FAILED',
    subIndication: 'HASH_FAILURE',
    reason: /two states of the log of 5 records that contradict each other/,
    checkpoints: [{ signedByMember: true }, { signedByMember: true }],
  })
  const [first] = made.manifest.records as [BundleRecord]
  const records = [...made.manifest.records, { ...first, form: stamp.form }]
  t.match(
    judgeHistory({ ...made, manifest: { ...made.manifest, records } }).failure?.reason.toString(),
    /two records of the log with the index 1/,
  )
})

t.test('a larger state has to continue the smaller one', async (t) => {
  const later = [leafHash(Buffer.from('a sixth record')), leafHash(Buffer.from('a seventh'))] as const
  const grown = (of: Buffer): Buffer => nodeHash(of, nodeHash(nodeHash(stampLeaf, later[0]), later[1]))
  const step = (of: Buffer, more: object = {}) => ({
    ...{ first: 5, path: [stampLeaf, ...later, of].map((one) => one.toString('base64')), second: 7 },
    ...more,
  })
  const proof = (...steps: object[]): Record<string, string> => ({
    'consistency.json': canonicalJson({ steps, version: 1 }),
  })
  const honest = (files?: Record<string, string>): Promise<BundleVerdict> =>
    judge(under(signedHead(7, grown(before)), [...later, before], files))
  t.match(await honest(proof(step(before))), {
    verdict: 'TOTAL-PASSED',
    checkpoints: [
      { size: 5, signedByMember: true },
      { size: 7, signedByMember: true },
    ],
  })
  const unproved = {
    verdict: 'INDETERMINATE',
    subIndication: 'NO_POE',
    reason:
      /nothing proves that the state of the log of 7 records continues the one of 5 records: its history could be forked/,
  }
  t.match(await honest(), unproved, 'nothing contradicts it')
  t.match(await honest(proof()), unproved)
  t.match(await honest(proof(step(before, { first: 4 }))), unproved, 'a step between other states')

  const other = leafHash(Buffer.from('another history'))
  const forked = (files?: Record<string, string>): Promise<BundleVerdict> =>
    judge(under(signedHead(7, grown(other)), [...later, other], files))
  const failed = { verdict: 'TOTAL-FAILED', subIndication: 'HASH_FAILURE' }
  t.match(await forked(), unproved, 'a fork that leaves the proof out does not pass')
  for (const past of [before, other])
    t.match(await forked(proof(step(past))), { ...failed, reason: /does not hold: its history was forked/ })

  const [text] = Object.values(proof(step(before))) as [string]
  for (const wrong of [
    '',
    '{}',
    '[]',
    `${text} `,
    text.replace('"version":1', '"version":2'),
    canonicalJson({ steps: [step(before, { more: 1 })], version: 1 }),
    canonicalJson({ steps: [step(before, { path: ['AA=='] })], version: 1 }),
    canonicalJson({ steps: [null], version: 1 }),
  ])
    t.match(
      await honest({ 'consistency.json': wrong }),
      {
        ...{ verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE' },
        reason: 'consistency.json is not of version 1, in its canonical form.',
      },
      wrong,
    )
})

t.test('the entry as another program writes it', async (t) => {
  const heads = golden.roots.map(({ size, root }) => ({
    name: `checkpoints/${size}.txt`,
    note: signedHead(size, Buffer.from(root, 'base64')),
  }))
  const records = heads.map(({ name }, index) => ({ index, form: `${index}`, checkpoint: name }))
  const manifest = { ...made.manifest, records, timeStamps: [] } as unknown as BundleManifest
  const files = new Map(heads.map(({ name, note }) => [name, note] as const))
  const judged = (entry: string) =>
    judgeHistory({ manifest, files: new Map(files).set('consistency.json', Buffer.from(entry)) })
  t.same(judged(golden.entry), { failure: undefined, unproved: undefined })
  t.ok(judgeHistory({ manifest, files }).unproved)
  t.ok(judged(golden.entry.replace('"first":6', '"first":5')).unproved, 'each step is needed')

  type Step = { first: number; path: string[]; second: number }
  const { steps } = JSON.parse(golden.entry) as { steps: [Step, Step] }
  const [first, second] = steps
  const of = (...some: Step[]) => judged(canonicalJson({ steps: some, version: 1 })).failure?.subIndication
  t.equal(of(first, second), undefined)
  const bad = { ...second, path: [...second.path].reverse() }
  t.equal(of(first, bad), 'HASH_FAILURE')
  t.equal(of(bad), 'HASH_FAILURE', 'a step that is left out hides no other')
  t.equal(of(first, second, bad), 'FORMAT_FAILURE', 'two steps of one pair')
  t.equal(of(first, second, second), 'FORMAT_FAILURE')
  const [hash, ...others] = second.path as [string]
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const loose = `${hash.slice(0, 42)}${alphabet[alphabet.indexOf(hash[42]!) + 1]}=`
  t.same(Buffer.from(loose, 'base64'), Buffer.from(hash, 'base64'))
  t.equal(
    of(first, { ...second, path: [loose, ...others] }),
    'FORMAT_FAILURE',
    'the same octets, otherwise written',
  )
})
