/** Histories of did:webvh: ours are resolved by didwebvh-ts, hostile edits are refused by it and by us. */
import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { resolveDIDFromLog } from 'didwebvh-ts'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { base58, fromBase58 } from './base58.ts'
import { proveDocument, verifyDocument } from './data-integrity.ts'
import { type LastEntry, writeDidEntry } from './did-entry.ts'
import { multikeyOf, readMultikey } from './multikey.ts'
import { MAX_HISTORY_BYTES, readHistory } from './read-history.ts'
import { webName } from './web-name.ts'

const NAME = webName('https://registry.example:8443', ['members', 'GOV', '70 000!'])
const keys = Array.from({ length: 6 }, () => generateKeyPairSync('ed25519').privateKey)

const stateOf = (scid: string, service: string) => ({
  '@context': ['https://www.w3.org/ns/did/v1'],
  id: `did:webvh:${scid}:${NAME}`,
  service: [{ id: `did:webvh:${scid}:${NAME}#s`, type: 'SecurityServer', serviceEndpoint: service }],
})

function entry(at: number, last?: LastEntry, more: { key?: KeyObject; isLast?: boolean; time?: Date } = {}) {
  const { key = keys[at]!, isLast = false, time = new Date(Date.UTC(2026, 0, 1, 12, at)) } = more
  const nextKey = isLast ? undefined : keys[at + 1]
  return writeDidEntry(
    { state: (scid) => stateOf(scid, `https://s${at}.example`), key, nextKey, at: time },
    last,
  )
}

function history(length: number, isLast = false): ReturnType<typeof entry>[] {
  const entries: ReturnType<typeof entry>[] = []
  for (let at = 0; at < length; at++)
    entries.push(entry(at, entries.at(-1), { isLast: isLast && at === length - 1 }))
  return entries
}

/** The first letter of the value of a proof; of one in 256 it is 1. */
const firstOf = (line: string): string | undefined => /"proofValue":"z(.)/.exec(line)?.[1]
const textOf = (entries: { line: string }[]): string => entries.map(({ line }) => `${line}\n`).join('')

/** What the independent package says: the resolved history, or the error that it throws. */
async function independent(text: string) {
  const log = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Parameters<typeof resolveDIDFromLog>[0][number])
  const verifier = {
    verify: async (signature: Uint8Array, message: Uint8Array, key: Uint8Array) =>
      verify(null, message, readMultikey(`z${base58(Buffer.concat([Buffer.of(0xed, 1), key]))}`), signature),
  }
  return resolveDIDFromLog(log, { verifier })
}

void t.test('keys, hashes and names as text', async (t) => {
  t.equal(base58(Buffer.from('Hello World!')), '2NEpo7TZRRrLZSi2U')
  t.same(fromBase58('2NEpo7TZRRrLZSi2U'), Buffer.from('Hello World!'))
  for (const octets of [[], [0], [0, 0, 1], [255], [0, 255, 0]].map((one) => Buffer.from(one)))
    t.same(fromBase58(base58(octets)), octets)
  for (const text of ['0', 'O', 'é', ' 2NE', '1'.repeat(129)])
    t.throws(() => fromBase58(text), { code: 'invalid_input' }, text.slice(0, 5))
  // The example key of the did:key specification.
  const example = 'z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK'
  t.equal(multikeyOf(readMultikey(example)), example)
  for (const text of ['', 'z', example.slice(1), example.slice(0, -1), `${example}1`, `u${example.slice(1)}`])
    t.throws(() => readMultikey(text), { code: 'invalid_input' }, text)
  t.equal(NAME, 'registry.example%3A8443:members:GOV:70%20000%21')
  t.equal(webName('https://registry.example/a/b/', []), 'registry.example:a:b')
  t.throws(() => webName('no address', []), { code: 'invalid_configuration' })
  t.throws(() => webName('https://[::1]:80/x', []), { code: 'invalid_configuration' })
})

void t.test('a history as didwebvh-ts resolves it', async (t) => {
  const entries = history(4)
  const text = textOf(entries)
  const resolved = await independent(text)
  const { did, scid, deactivated, state } = readHistory(Buffer.from(text))
  t.equal(resolved.did, did)
  t.match(resolved.meta, { scid, versionId: entries[3]!.versionId, prerotation: true, deactivated: false })
  t.match(resolved.doc.service, state['service'] as object[])
  t.equal(deactivated, false)
  t.equal(readHistory(Buffer.from(text)).entries.length, 4)
  const ended = textOf(history(3, true))
  t.match((await independent(ended)).meta, { deactivated: true })
  t.equal(readHistory(Buffer.from(ended)).deactivated, true)
  for (const time of ['2026-01-01T12:00:00Z', '2026-01-01T12:00:00.999Z', '1970-01-01T00:00:00Z'])
    t.throws(() => entry(1, entries[0], { time: new Date(time) }), { code: 'invalid_input' }, time)
  const next = entry(1, entries[0], { time: new Date('2026-01-01T12:00:01.999Z') })
  t.equal(next.versionTime, '2026-01-01T12:00:01Z', 'never of a time to come')
  readHistory(Buffer.from(textOf([entries[0]!, next])))
})

void t.test('hostile histories', async (t) => {
  const entries = history(4)
  const lines = entries.map(({ line }) => line)
  const text = textOf(entries)
  const changed = (at: number, from: string | RegExp, to: string): string => {
    const line = lines[at]!.replace(from, to)
    t.not(line, lines[at], `there is ${from}`)
    return `${lines.with(at, line).join('\n')}\n`
  }
  const other = generateKeyPairSync('ed25519').privateKey
  const tail = (more: { line: string }): string => `${textOf(entries.slice(0, 1))}${more.line}\n`
  const ended = history(2, true)
  const refused: [string, string][] = [
    ['an address of the first entry', changed(0, 's0.example', 's9.example')],
    ['an address of a later one', changed(2, 's2.example', 's9.example')],
    ['a time', changed(1, '12:01:00Z","', '12:01:30Z","')],
    ['another DID', changed(3, /did:webvh:[^:]+:registry/g, 'did:webvh:QmOther:registry')],
    [
      'a signature',
      changed(2, /"proofValue":"z./, `"proofValue":"z${firstOf(lines[2]!) === '1' ? '2' : '1'}`),
    ],
    ['without a signature', changed(2, /"proof":\[.*?\]/, '"proof":[]')],
    ['an entry less', textOf([entries[0]!, ...entries.slice(2)])],
    ['entries in another order', textOf([entries[0]!, entries[2]!, entries[1]!])],
    ['an entry twice', textOf([...entries.slice(0, 2), ...entries.slice(1)])],
    ['without its first entry', textOf(entries.slice(1))],
    ['a key that was not announced', tail(entry(1, entries[0], { key: other }))],
    ['a key that is used up', tail(entry(1, entries[0], { key: keys[0]! }))],
    ['an entry after the end', textOf([...ended, entry(2, ended[1])])],
    ['a key added', changed(1, '"updateKeys":[', `"updateKeys":["${multikeyOf(other)}",`)],
  ]
  for (const [what, hostile] of refused) {
    t.throws(() => readHistory(Buffer.from(hostile)), Fault, what)
    // The package reads on after a deactivation, and takes an empty list of proofs.
    if (what !== 'an entry after the end' && what !== 'without a signature')
      await t.rejects(independent(hostile), `didwebvh-ts refuses ${what}`)
  }
  const malformed: [string, string][] = [
    ['empty', ''],
    ['no JSON', 'hello\n'],
    ['a cut line', text.slice(0, -40)],
    ['a member twice', text.replace('{', '{"versionId":"1-x",')],
    ['a member more', text.replace('{', '{"extra":1,')],
    ['another method', changed(0, 'did:webvh:1.0', 'did:webvh:0.5')],
    ['portable', changed(0, '"portable":false', '"portable":true')],
    ['witnesses, which this reader cannot check', changed(0, '"portable"', '"witness":{},"portable"')],
    ['the identifier again', changed(1, '"parameters":{', '"parameters":{"scid":"x",')],
    ['a time without a zone', changed(0, '12:00:00Z","', '12:00:00","')],
    ['no keys', changed(0, /"updateKeys":\[[^\]]*\]/, '"updateKeys":[]')],
    [
      'a hundred keys',
      changed(0, /"updateKeys":\[([^\]]*)\]/, `"updateKeys":[${Array(100).fill('"z"').join()}]`),
    ],
    ['a proof by another suite', changed(0, 'eddsa-jcs-2022', 'eddsa-rdfc-2022')],
    ['huge', 'x'.repeat(MAX_HISTORY_BYTES + 1)],
    ['many lines', '{}\n'.repeat(10_001)],
    ['carriage returns', text.replaceAll('\n', '\r\n')],
  ]
  for (const [what, hostile] of malformed) t.throws(() => readHistory(Buffer.from(hostile)), Fault, what)
  for (let length = 0; length < text.length; length += 97)
    if (text[length] !== '\n' && text[length - 1] !== '\n')
      t.throws(() => readHistory(Buffer.from(text.slice(0, length))), Fault)
})

void t.test('a proof of Data Integrity counts with its options', async (t) => {
  const key = keys[0]!
  const document = { b: 1, a: ['x'] }
  const proof = proveDocument(document, key, '2026-01-01T00:00:00Z')
  t.equal(verifyDocument({ a: ['x'], b: 1 }, proof), multikeyOf(key))
  t.throws(() => verifyDocument({ ...document, b: 2 }, proof), { code: 'invalid_proof' })
  t.throws(() => verifyDocument(document, { ...proof, created: '2026-01-02T00:00:00Z' }), {
    code: 'invalid_proof',
  })
  for (const wrong of [
    ...[
      null,
      'proof',
      {},
      { ...proof, type: 'JsonWebSignature2020' },
      { ...proof, proofPurpose: 'authentication' },
    ],
    ...[
      { ...proof, verificationMethod: 'did:web:x#y' },
      // Of another base, whatever the value begins with.
      { ...proof, proofValue: proof.proofValue.replace('z', 'u') },
    ],
    ...[
      { ...proof, proofValue: 7 },
      { ...proof, domain: 'x' },
    ],
  ])
    t.throws(() => verifyDocument(document, wrong), { code: 'invalid_input' })
})
