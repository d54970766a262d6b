/**
 * The commands that judge what a registry publishes for everybody: proofs, histories, credentials, and its
 * whole log over HTTP.
 */
import { generateKeyPairSync, hash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { signCredential } from '#core/did/credential.ts'
import { writeDidEntry } from '#core/did/did-entry.ts'
import { signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { writeTlogProof } from '#core/merkle/tlog-proof.ts'
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import { run as runLog } from '../log.ts'
import { run as runVerify } from '../verify.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'concordat-public-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const file = (name: string, content: string): string => {
  writeFileSync(path.join(folder, name), content)
  return path.join(folder, name)
}
const ORIGIN = 'registry.example/log'
const log = generateKeyPairSync('ed25519')
const logKey = writeVerifierKey({ name: ORIGIN, publicKey: log.publicKey }, 'log')
const rootOf = (entries: string[]): Buffer => {
  const tree = createCompactRange()
  for (const entry of entries) tree.append(leafHash(Buffer.from(entry)))
  return tree.root()
}
const noteOf = (entries: string[], origin = ORIGIN): string =>
  signNote(writeCheckpoint({ origin, size: entries.length, root: rootOf(entries) }), origin, log.privateKey)

async function verify(...args: string[]): Promise<{ code: number; text: string }> {
  let text = ''
  const write = (more: string) => (text += more)
  const clock = () => Date.parse('2026-11-29T12:00:00Z')
  return { code: await runVerify(args, { out: { write }, errors: { write }, clock }), text }
}

void t.test('files', async (t) => {
  const entries = ['one', 'two']
  const hashes = [leafHash(Buffer.from('two'))]
  const proof = writeTlogProof({ extra: Buffer.from('one'), index: 0, hashes, note: noteOf(entries) })
  const bare = file('bare', writeTlogProof({ index: 0, hashes, note: noteOf(entries) }))
  const good = file('entry.tlog-proof', proof)
  t.match(await verify(good, '--log-key', logKey), { code: 0, text: /entry +one/ })
  t.match(await verify(bare, '--log-key', logKey, '--entry', file('one', 'one')), { code: 0 })
  t.match(await verify(bare, '--log-key', logKey, '--entry', file('two', 'two')), {
    code: 1,
    text: /TOTAL-FAILED/,
  })
  t.match(await verify(bare, '--log-key', logKey), { code: 1, text: /--entry/ })
  t.match(await verify(good), { code: 1, text: /--log-key/ })
  const other = writeVerifierKey({ name: ORIGIN, publicKey: generateKeyPairSync('ed25519').publicKey }, 'log')
  t.match(await verify(good, '--log-key', other), { code: 1, text: /did not sign/ })
  const witness = generateKeyPairSync('ml-dsa-44')
  const witnessKey = writeVerifierKey({ name: 'w.example', publicKey: witness.publicKey }, 'witness')
  const policy = file('policy', `witness w ${witnessKey}\nquorum w\n`)
  t.match(await verify(good, '--log-key', logKey, '--witnesses', policy), {
    code: 1,
    text: /too few witnesses/,
  })

  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [did, kid] = ['did:web:registry.example', 'did:web:registry.example#credentials']
  const method = {
    id: kid,
    type: 'JsonWebKey',
    controller: did,
    publicKeyJwk: pair.publicKey.export({ format: 'jwk' }),
  }
  const issuer = file(
    'did.json',
    JSON.stringify({ id: did, verificationMethod: [method], assertionMethod: [kid] }),
  )
  const times = { validFrom: '2026-11-29T00:00:00Z', validUntil: '2026-11-30T00:00:00Z' }
  const content = {
    type: ['VerifiableCredential'],
    issuer: did,
    ...times,
    credentialSubject: { id: 'did:web:x' },
  }
  const credential = file('a.vc.jwt', signCredential(content, { key: pair.privateKey, kid }))
  t.match(await verify(credential, '--issuer', issuer), { code: 0, text: /TOTAL-PASSED/ })
  t.match(await verify(credential), { code: 1, text: /--issuer/ })
  t.match(await verify(credential, '--issuer', file('no.json', '[]')), { code: 1, text: /no DID document/ })
})

void t.test(
  'the history of a DID counts with the DID that is meant and the proof of its newest entry',
  async (t) => {
    const [key, next] = [generateKeyPairSync('ed25519').privateKey, generateKeyPairSync('ed25519').privateKey]
    const state = (scid: string) => ({ id: `did:webvh:${scid}:registry.example` })
    const first = writeDidEntry({ state, key, nextKey: next, at: new Date('2026-11-28T12:00:00Z') })
    const write = (at: string) =>
      writeDidEntry({ state, key: next, nextKey: undefined, at: new Date(at) }, first)
    const second = write('2026-11-29T11:00:00Z')
    const did = `did:webvh:${first.scid}:registry.example`
    const whole = file('did.jsonl', `${first.line}\n${second.line}\n`)
    const cut = file('cut.jsonl', `${first.line}\n`)
    const leafOf = ({ line, versionId: version }: typeof first, more = {}): string =>
      JSON.stringify({ kind: 'identity', did, version, entry: hash('sha256', line, 'hex'), ...more })
    const proofOf = (name: string, leaf: string, origin = ORIGIN): string => {
      const hashes = [leafHash(Buffer.from('other'))]
      const note = noteOf([leaf, 'other'], origin)
      return file(name, writeTlogProof({ extra: Buffer.from(leaf), index: 0, hashes, note }))
    }
    const logged = ['--log-key', logKey, '--proof']
    const newest = proofOf('newest.tlog-proof', leafOf(second))
    t.match(await verify(whole), { code: 1, text: /--did/ }, 'whose history is meant')
    for (const one of [whole, cut]) {
      const alone = await verify(one, '--did', did)
      t.match(alone, { code: 1, text: /INDETERMINATE/ }, 'a history alone')
      t.match(alone.text, /whether a later one exists/)
    }
    t.match(await verify(whole, '--did', did, '--log-key', logKey), { code: 1, text: /INDETERMINATE/ })
    t.match(await verify(whole, '--did', did, ...logged, newest), {
      code: 0,
      text: /TOTAL-PASSED[\s\S]*"index":0[\s\S]*notKnown/,
    })
    const failed: [string, string[]][] = [
      ['cut, with the proof of a later entry', [cut, '--did', did, ...logged, newest]],
      ['another DID', [whole, '--did', `${did}:members:x`, ...logged, newest]],
      [
        'a proof of another log',
        [whole, '--did', did, ...logged, proofOf('other.tlog-proof', leafOf(second), 'other.example')],
      ],
      [
        'a leaf of another kind',
        [whole, '--did', did, ...logged, proofOf('kind.tlog-proof', leafOf(second, { kind: 'contract' }))],
      ],
      ['a leaf that is no JSON', [whole, '--did', did, ...logged, proofOf('text.tlog-proof', 'one')]],
      ['a cut line', [file('half.jsonl', first.line.slice(0, -9)), '--did', did]],
      [
        'an entry of a time to come',
        [file('future.jsonl', `${first.line}\n${write('2026-11-29T12:05:00Z').line}\n`), '--did', did],
      ],
    ]
    for (const [what, args] of failed) t.match(await verify(...args), { code: 1, text: /TOTAL-FAILED/ }, what)
  },
)

void t.test('a whole log over HTTP', async (t) => {
  let [entries, served] = [Array.from({ length: 300 }, (_, at) => `entry ${at}`), '']
  const server = createServer((request, response) => {
    const [, index, width = '256'] = /^\/log\/tile\/0\/(\d{3})(?:\.p\/(\d+))?$/.exec(request.url ?? '') ?? []
    if (request.url === '/log/checkpoint') return void response.end(served === '' ? noteOf(entries) : served)
    const from = Number(index) * 256
    const hashes = entries.slice(from, from + Number(width)).map((entry) => leafHash(Buffer.from(entry)))
    response.end(Buffer.concat(hashes))
  })
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
  t.teardown(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const state = path.join(folder, 'history.state')
  const check = async (): Promise<{ code: number; text: string }> => {
    let text = ''
    const out = { write: (more: string) => (text += more) }
    return { code: await runLog(['check', url, '--log-key', logKey, '--state', state], out, out), text }
  }
  t.match(await check(), { code: 0, text: /300 entries/ })
  entries = [...entries, 'more']
  t.match(await check(), { code: 0, text: /the first 300 as the last time/ })
  const kept = readFileSync(state, 'utf8')
  const honest = entries
  const grown = noteOf([...honest, 'new'])
  const refused: [string, string[], string, RegExp][] = [
    ['a smaller tree', honest.slice(0, 299), '', /it had 301|not whole/],
    ['the same size with another root', honest.with(5, 'other'), '', /another root of 301 entries/],
    ['a past that changed', [...honest.with(5, 'other'), 'new'], '', /others than the last time/],
    ['entries that are not those of the root', [...honest, 'other'], grown, /do not give/],
    ['another origin', honest, noteOf(honest, 'other.example'), /did not sign/],
    ['too few hashes', honest.slice(0, 100), grown, /not whole/],
    ['a checkpoint that is none', honest, 'hello', /.+/],
    ['a huge answer', honest, 'x'.repeat(70_000), /.+/],
  ]
  for (const [what, these, note, why] of refused) {
    ;[entries, served] = [these, note]
    t.match(await check(), { code: 1, text: why }, what)
    t.equal(readFileSync(state, 'utf8'), kept, 'the state stays')
  }
  ;[entries, served] = [[...honest, 'new'], '']
  t.match(await check(), { code: 0 })
  const out = { write: () => undefined }
  t.equal(await runLog(['check', url], out, out), 2, 'a key is needed')
})
