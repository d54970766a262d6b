/**
 * Tree heads of partners: with a proof of growth, forked, cut off, forged, and without proof; and the routes
 * for partners.
 */
import Fastify from 'fastify'
import t from 'tap'
import { parseSubmission } from '#core/merkle/add-checkpoint.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { migrate } from '#platform/database/migrate.ts'
import { createLog } from '#platform/logging/create-log.ts'
import type { AskWitness } from '#platform/witness/ask-witness.ts'
import { createTestLog } from '#platform/witness/witness-fixture.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseServerId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { peerWitnessRoutes } from '../routes.ts'
import { createHeardHeads } from './heard-heads.ts'
import { createPartners } from './partners.ts'
import { parseProof, writeProof } from './proof-text.ts'
import { createPartnerStore } from './store.ts'
import { partnerMigrations } from './tables.ts'

const logger = createLog({ name: 'test', level: 'silent' })
const PARTNER = parseServerId('DEV/GOV/5678/ss2')
const NAME = idText(PARTNER)

t.test('heads of replies', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, partnerMigrations)
    let log = createTestLog(NAME)
    let answers: AskWitness | undefined
    /** The size of the partner's log. It cannot prove anything about a larger tree. */
    let held = 100
    const honest =
      (history = 'one'): AskWitness =>
      async ({ path }) => {
        const plain = (body: Buffer, status = 200) => ({ status, contentType: 'text/plain', body })
        if (path === '/log-key')
          return plain(Buffer.from(JSON.stringify({ origin: NAME, logKey: log.verifierKey })))
        const query = new URL(path, 'http://x').searchParams
        const [first, second] = [Number(query.get('first')), Number(query.get('second'))]
        if (second > held) return plain(Buffer.from('{}'), 404)
        const { proof } = parseSubmission(await log.submission(first, second, history))
        return plain(writeProof(proof))
      }
    const partners = createPartners({
      store: createPartnerStore(database),
      ask: () => answers ?? honest(),
      readStatement: (bytes) => JSON.parse(bytes.toString()) as { origin: string; logKey: string },
      clock: Date.now,
      logger,
    })
    const hear = async (...notes: string[]) => {
      for (const note of notes) partners.heard(PARTNER, Buffer.from(note).toString('base64'))
      await partners.check()
      return { heads: await partners.heads(), contradictions: await partners.contradictions() }
    }
    t.match(await hear(log.checkpoint(3)), { heads: [{ server: NAME, size: 3 }] })
    t.match(await hear(log.checkpoint(5), log.checkpoint(9)), { heads: [{ size: 9 }] })
    t.match(
      await hear(log.checkpoint(7)),
      { heads: [{ size: 9 }], contradictions: [] },
      'a late reply contradicts nothing',
    )

    const stranger = createTestLog(NAME)
    const forged = log
      .checkpoint(12)
      .replace(/(.)(.{6})\n$/, (_, c: string, rest: string) => `${c === 'A' ? 'B' : 'A'}${rest}\n`)
    await hear(stranger.checkpoint(20), forged, createTestLog('DEV/GOV/1/x').checkpoint(20), 'nonsense', '')
    t.match(await hear(), { heads: [{ size: 9 }], contradictions: [] }, 'nobody else can move or blame a log')
    t.match(partners.unproven(), [{ server: NAME, reason: String }])

    answers = () => Promise.reject(new Fault('network_error'))
    t.match(
      await hear(log.checkpoint(15)),
      { heads: [{ size: 9 }], contradictions: [] },
      'no proof, no verdict',
    )
    t.match(partners.unproven(), [{ server: NAME }], 'but it is shown')
    answers = undefined
    await hear(log.checkpoint(16))
    t.same(partners.unproven(), [])

    t.match(
      await hear(log.checkpoint(16, 'two')),
      { contradictions: [{ kind: 'fork' }] },
      'one size, two roots',
    )
    t.match(
      await hear(log.checkpoint(12, 'two')),
      { contradictions: [{ kind: 'fork' }, {}] },
      'a smaller one of another history',
    )
    answers = honest('two')
    t.match(await hear(log.checkpoint(30, 'two')), {
      heads: [{ size: 16 }],
      contradictions: [{ kind: 'fork' }, {}, {}],
    })
    answers = undefined
    held = 11
    t.match(
      await hear(log.checkpoint(11)),
      { contradictions: [{ kind: 'rollback' }, {}, {}, {}] },
      'fewer records than it signed',
    )
    const [last] = await partners.contradictions()
    t.equal(parseCheckpoint(last!.known_note).size, 16)
    t.equal(parseCheckpoint(last!.seen_note).size, 11)
    held = 100
    for (let i = 0; i < 30; i++) await hear(log.checkpoint(40 + i, 'two'))
    t.ok((await partners.contradictions()).length <= 16, 'what is kept is bounded')
    log = createTestLog(NAME)
    t.match(
      await hear(log.checkpoint(20, 'two')),
      { heads: [{ size: 16 }] },
      'a new key opens no new history',
    )
  }),
)

t.test('what waits is bounded', async (t) => {
  const heads = createHeardHeads()
  for (let i = 0; i < 50; i++) heads.heard(PARTNER, `head ${i}`)
  heads.heard(PARTNER, 'head 49')
  heads.heard(PARTNER, undefined)
  heads.heard(PARTNER, 'x'.repeat(5000))
  const taken = heads.take().get(NAME)!
  t.same([taken.length, taken[0], taken.at(-1)], [8, 'head 0', 'head 49'])
  t.equal(heads.take().size, 0)
  for (let i = 0; i < 1100; i++) heads.heard({ ...PARTNER, serverCode: `s${i}` }, 'head')
  t.equal(heads.take().size, 1000)
})

t.test('the routes of the peer listener', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  let isPeer = true
  const log = createTestLog(NAME)
  peerWitnessRoutes(app, {
    witness: undefined,
    statement: async () => Buffer.from('statement'),
    proveConsistency: async (first, second) => {
      if (second > 50) throw new Fault('not_found')
      return parseSubmission(await log.submission(first, second)).proof
    },
    guard: () => {
      if (!isPeer) throw new Fault('unknown_peer')
    },
  })
  const get = (url: string) => app.inject({ url: `/witness${url}` })
  t.equal((await get('/log-key')).body, 'statement')
  const proof = await get('/consistency-proof?first=3&second=9')
  t.same(parseProof(proof.rawPayload), parseSubmission(await log.submission(3, 9)).proof)
  t.equal((await get('/consistency-proof?first=3&second=99')).statusCode, 404)
  for (const query of [
    '',
    '?first=1',
    '?first=01&second=2',
    '?first=-1&second=2',
    '?first=1&first=2&second=3',
    '?first=x&second=1',
  ])
    t.equal((await get(`/consistency-proof${query}`)).statusCode, 400, query)
  t.equal(
    (await app.inject({ method: 'POST', url: '/witness/add-checkpoint', payload: 'x' })).statusCode,
    404,
  )
  isPeer = false
  for (const url of ['/log-key', '/consistency-proof?first=1&second=2'])
    t.match((await get(url)).json(), { type: 'unknown_peer' })
  for (const text of ['x', 'AAAA\n', `${Buffer.alloc(32).toString('base64')}`, '\n'])
    t.throws(() => parseProof(Buffer.from(text)), { code: 'invalid_proof' })
  t.throws(() => parseProof(writeProof(Array.from({ length: 64 }, () => Buffer.alloc(32)))), {
    code: 'invalid_proof',
  })
  t.same(parseProof(Buffer.from('')), [])
})
