/**
 * The check of a registry's log against a registry that limits questions, shows an older head, loses entries,
 * or changes the past.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { noteName, signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { bundleOf } from '#core/merkle/tiles.ts'
import { parseVerifierKey } from '#core/merkle/verifier-key.ts'
import { createTestLog } from '#platform/witness/witness-fixture.ts'
import { run as runLog } from '../log.ts'
import { checkRegistryLog } from './check-registry-log.ts'

const ORIGIN = 'registry.example/log'

/** A registry that serves the head of `head` entries and the tiles of `entries` entries of a history. */
async function startRegistry(t: Test) {
  const log = createTestLog(ORIGIN)
  const shown = { history: 'one', head: 0, entries: 0, refusals: 0 }
  const asked: string[] = []
  const server = createServer(({ url = '' }, reply) => {
    if (shown.refusals > 0) {
      shown.refusals--
      reply.writeHead(429, { 'retry-after': '0' }).end()
      return
    }
    asked.push(url)
    if (url === '/log/checkpoint') {
      reply.end(log.checkpoint(shown.head, shown.history))
      return
    }
    const [, name = '', width = '256'] = /^\/log\/tile\/0\/(\d{3})(?:\.p\/(\d+))?$/.exec(url) ?? []
    const from = Number(name) * 256
    if (name === '' || from + Number(width) > shown.entries) reply.writeHead(404).end()
    else
      reply.end(
        Buffer.concat(
          Array.from({ length: Number(width) }, (_, at) =>
            leafHash(Buffer.from(`${shown.history} ${from + at}`)),
          ),
        ),
      )
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => server.close())
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-log-check-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const state = path.join(folder, 'state')
  const told: string[] = []
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const key = parseVerifierKey(log.verifierKey, 'log')
  return {
    log,
    shown,
    state,
    /** What was asked since the last call. */
    asked: () => asked.splice(0),
    /** What was told of its progress since the last call. */
    told: () => told.splice(0),
    check: () =>
      checkRegistryLog({
        ...{ url, log: key, witnesses: undefined, state },
        onProgress: (entries, total) => told.push(`${entries} of ${total}`),
      }),
  }
}

void t.test('it waits when it is told to, and goes on where it was', async (t) => {
  const { log, shown, state, asked, told, check } = await startRegistry(t)
  Object.assign(shown, { head: 600, entries: 600, refusals: 3 })
  t.match(await check(), { size: 600, before: 0 })
  t.same(asked(), ['/log/checkpoint', '/log/tile/0/000', '/log/tile/0/001', '/log/tile/0/002.p/88'])
  t.same(told(), ['256 of 600', '512 of 600', '600 of 600'])
  Object.assign(shown, { head: 700, entries: 700 })
  t.match(await check(), { size: 700, before: 600 })
  t.same(told(), ['700 of 700'])
  t.same(asked(), ['/log/checkpoint', '/log/tile/0/002.p/188'], 'only what is new')

  shown.refusals = 100
  await t.rejects(check(), { code: 'network_error' }, 'it does not wait for ever')
  shown.refusals = 0
  asked()
  writeFileSync(state, log.checkpoint(600))
  t.match(await check(), { size: 700, before: 600 }, 'a state of only a head')
  t.equal(asked().length, 5)
  const kept = JSON.parse(readFileSync(state, 'utf8')) as { note: string; peaks: string[] }
  writeFileSync(state, JSON.stringify({ ...kept, peaks: kept.peaks.toReversed() }))
  t.match(await check(), { size: 700, before: 700 }, 'an edge that does not give the root is not believed')
  t.equal(asked().length, 4)
  for (const text of ['{', '{"note":1}', '{"note":"x","peaks":[]}', '']) {
    writeFileSync(state, text)
    await t.rejects(check(), { code: 'malformed_checkpoint' }, text)
  }
})

void t.test('an older head of the same tree is no fork; everything else is', async (t) => {
  const { shown, state, check } = await startRegistry(t)
  Object.assign(shown, { head: 300, entries: 300 })
  await check()
  const known = readFileSync(state, 'utf8')
  shown.head = 290
  t.match(await check(), { size: 290, before: 300 }, 'another node shows an older head')
  t.equal(readFileSync(state, 'utf8'), known, 'the larger head stays')
  const forks: [string, object][] = [
    ['entries are gone', { head: 290, entries: 290 }],
    ['a smaller tree of another history', { head: 290, entries: 300, history: 'two' }],
    ['another root of the same size', { head: 300, entries: 300, history: 'two' }],
    ['another past', { head: 310, entries: 310, history: 'two' }],
  ]
  for (const [what, more] of forks) {
    Object.assign(shown, more)
    await t.rejects(check(), { code: 'registry_fork' }, what)
    t.equal(readFileSync(state, 'utf8'), known, what)
  }
})

void t.test('two entries for one version of a DID are found, and nothing can be left out', async (t) => {
  const { privateKey, verifierKey } = createTestLog(ORIGIN)
  const did = 'did:webvh:QmOne:registry.example:members:GOV:1001'
  const entry = (number: number, content: string, more: object = {}): Buffer =>
    Buffer.from(
      JSON.stringify({ kind: 'identity', did, version: `${number}-Qm${content}`, entry: content, ...more }),
    )
  const other = Buffer.from('{"kind":"configuration","index":1}')
  const shown = { entries: [] as Buffer[], told: [] as Buffer[] | undefined, lost: -1 }
  const show = (entries: Buffer[], told = entries): void => void Object.assign(shown, { entries, told })
  const server = createServer(({ url = '' }, reply) => {
    if (url === '/log/checkpoint') {
      const tree = createCompactRange()
      for (const one of shown.entries) tree.append(leafHash(one))
      const { size } = tree
      const text = writeCheckpoint({ origin: ORIGIN, size, root: tree.root() })
      return void reply.end(signNote(text, noteName(ORIGIN), privateKey))
    }
    const [, level, name = '', width = '256'] =
      /^\/log\/tile\/(0|entries)\/(\d{3})(?:\.p\/(\d+))?$/.exec(url) ?? []
    const from = Number(name) * 256
    const some = (all: Buffer[]): Buffer[] => all.slice(from, from + Number(width))
    if (level === '0') return void reply.end(Buffer.concat(some(shown.entries).map(leafHash)))
    if (level === undefined || Number(name) === shown.lost) return void reply.writeHead(404).end()
    return void reply.end(bundleOf(some(shown.told!)))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const log = parseVerifierKey(verifierKey, 'log')
  const check = () => checkRegistryLog({ url, log, witnesses: undefined, state: undefined, identities: true })
  const many = Array.from({ length: 300 }, (_, n) => (n % 2 === 0 ? other : entry(n, `c${n}`)))
  show(many)
  t.match(await check(), { size: 300, identities: { dids: 1, versions: 150, unread: 0 } })
  show([...many, entry(299, 'c299')])
  t.match(await check(), { identities: { versions: 150 } }, 'the same one twice says nothing new')
  for (const [what, second] of [
    ['other content', entry(1, 'c1', { entry: 'x' })],
    ['another hash of the version', entry(1, 'x')],
  ] as const) {
    show([...many, second])
    await t.rejects(check(), { code: 'registry_fork', message: /entries 1 and 300 give version 1/ }, what)
    show([...many, second], [...many, other])
    await t.rejects(check(), { code: 'invalid_proof', message: /signed root/ }, `${what}, hidden`)
  }
  show([...many, entry(1, 'x', { did: `${did}2` })])
  t.match(await check(), { identities: { dids: 2, versions: 151 } }, 'of another DID')
  for (const wrong of ['', '{', '[]', 'null', '{"kind":"identity"}', entry(0, 'x'), entry(1, '\u0000')]) {
    show([Buffer.from(wrong)])
    await t.rejects(check(), { code: 'invalid_proof' }, String(wrong))
  }
  show(many, many.slice(0, 200))
  await t.rejects(check(), { code: 'invalid_proof', message: /not whole/ })
  show(many)
  shown.lost = 1
  t.match(await check(), { identities: { unread: 44 } }, 'what a registry lost is said')
  const run = async () => {
    const texts: string[] = []
    const out = { write: (text: string) => void texts.push(text) }
    const code = await runLog(['check', url, '--log-key', verifierKey, '--identities'], out, out)
    return { code, said: texts.join('') }
  }
  t.match(await run(), { code: 1, said: /NOT ALL READ: .*44 entries/ }, 'whoever hides entries does not pass')
  shown.lost = -1
  t.match(await run(), { code: 0, said: /1 DIDs have one history each/ })
})
