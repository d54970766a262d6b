/**
 * A side that lies, or asks about exchanges of other parties: it learns nothing, and no statement is signed.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import t from 'tap'
import { commitTo, differingBuckets, MIN_BITS } from '#core/reconciliation/buckets.ts'
import { jointSalt, nonceCommitment } from '#core/reconciliation/entry.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import { idText, parseMemberId } from '#schemas/identifiers.ts'
import type {
  CommitAnswer,
  OpenAnswer,
  ReconciliationQuestion,
  RevealAnswer,
  Statement,
} from '#schemas/reconciliation.ts'
import { until } from '#test/until.ts'
import { createPeerClient } from '../../peer/client.ts'
import { POPULATION, TAX } from '../../peer/peer-fixture.ts'
import { createPeerVerifier } from '../../peer/verify-peer.ts'
import { PORTS } from '../../peer/wire-fixture.ts'
import { ask } from './ask.ts'
import { reconcile } from './initiate.ts'
import { createTwoServers } from './reconciliation-fixture.ts'
import type { Respond } from './respond.ts'
import type { ReconciliationRooms } from './rooms.ts'

const two = await createTwoServers(t, 'sqlite')
const { tax, population, world } = two
const SERVER = idText(population.server.id)
const MEMBERS = { own: 'DEV/GOV/1000', peer: 'DEV/GOV/2000' }
const _log = createLog({ name: 'test', level: 'silent' })
const b64 = (bytes: Buffer): string => bytes.toString('base64')

/** Asks as another program might. Returns the answer or throws the fault. */
async function put<T>(question: ReconciliationQuestion, rooms: ReconciliationRooms = tax.rooms): Promise<T> {
  return ask<T>(SERVER, question, rooms)
}
async function refused(question: ReconciliationQuestion, rooms?: ReconciliationRooms): Promise<string> {
  return put(question, rooms).then(
    () => 'it was answered',
    (cause: unknown) => asFault(cause).received?.type ?? asFault(cause).code,
  )
}

/**
 * Opens a session in which the other side has committed to one exchange of this day, while this side claims
 * to have none.
 */
async function opened(day: string) {
  const nonce = randomBytes(32)
  const open = { step: 'open', day, members: MEMBERS, nonceCommitment: b64(nonceCommitment(nonce)) } as const
  const { session, nonce: theirs } = (await put<OpenAnswer>(open)) as { session: string; nonce: string }
  const parties = {
    day,
    first: { server: idText(tax.server.id), member: MEMBERS.own },
    second: { server: SERVER, member: MEMBERS.peer },
  }
  const salt = jointSalt(parties, { first: nonce, second: Buffer.from(theirs, 'base64') })
  const blind = randomBytes(32)
  const buckets = Buffer.alloc(32 << MIN_BITS)
  const treeHead = (await tax.log.checkpointNow())!
  const commitment = b64(commitTo({ salt, blind, buckets, count: 0, server: idText(tax.server.id) }))
  const commit = {
    step: 'commit',
    session,
    nonce: b64(nonce),
    bits: MIN_BITS,
    count: 0,
    commitment,
    treeHead,
  } as const
  const reveal = { step: 'reveal', session, blind: b64(blind), buckets: b64(buckets) } as const
  const ready = (): Promise<boolean> =>
    until('the commitment of the other side', async (saw) => saw(await put<CommitAnswer>(commit)).ready)
  return { session, open, commit, reveal, ready, salt }
}

async function settledDay(exchanges = 1): Promise<string> {
  const day = await two.nextDay()
  for (let i = 0; i < exchanges; i++) t.equal((await two.ask({ path: `/${i}` })).failed, undefined)
  await two.settle(day)
  return day
}

t.test('who asks for what is not its own is told nothing', async (t) => {
  const day = await settledDay()
  const { open, commit, reveal, ready, session } = await opened(day)
  t.equal(await refused({ ...open, members: { ...MEMBERS, own: 'DEV/GOV/3000' } }), 'unknown_member')
  t.equal(await refused({ ...open, members: { own: MEMBERS.peer, peer: MEMBERS.own } }), 'unknown_member')
  t.equal(await refused({ ...open, members: { ...MEMBERS, peer: 'DEV/GOV/3000' } }), 'unknown_member')
  t.equal(await refused({ ...open, members: { ...MEMBERS, own: 'x'.repeat(3000) } }), 'invalid_input')
  const now = new Date(world.clock()).toISOString().slice(0, 10)
  t.equal(await refused({ ...open, day: now }), 'conflict', 'a day that has not settled')
  t.equal(await refused({ ...open, day: '2020-01-01' }), 'conflict')
  t.equal(await refused({ ...open, day: '2026-02-31' }), 'invalid_input')

  t.equal(await refused(reveal), 'conflict', 'before anybody has committed')
  t.equal(await refused({ ...commit, session: 'f'.repeat(32) }), 'conflict', 'a session that is none')
  t.equal(await refused({ ...commit, nonce: b64(randomBytes(32)) }), 'invalid_proof', 'another nonce')
  t.equal(await refused({ ...commit, bits: 0 }), 'invalid_input', 'one bucket for all')
  const ofOthers = (await population.log.checkpointNow())!
  t.equal(await refused({ ...commit, treeHead: ofOthers }), 'invalid_proof', "another log's tree head")
  t.equal(await refused({ ...commit, treeHead: 'x' }), 'malformed_checkpoint')
  await ready()
  const show = { step: 'show' as const, session, page: 0, shown: [{ key: b64(randomBytes(32)) }] }
  t.equal(
    await refused({ step: 'entries', session, bucket: 0, page: 0, entries: [], last: true }),
    'conflict',
  )
  t.equal(await refused(show), 'invalid_input', 'a key that nobody has')
  t.equal(await refused({ ...reveal, blind: b64(randomBytes(32)) }), 'invalid_proof', 'other buckets')
  t.equal(
    await refused({ ...reveal, buckets: b64(Buffer.alloc(64 << MIN_BITS)) }),
    'invalid_proof',
    'more buckets',
  )

  const third = createPeerClient(
    {
      keys: world.second.keys,
      globalConfiguration: world.globalConfiguration,
      verifyPeer: createPeerVerifier(),
      xroadTlsPeers: new Set(),
      clock: world.clock,
    },
    {
      ...PORTS,
      connectTimeoutMs: 60_000,
      replyTimeoutMs: 60_000,
      idleTimeoutMs: 5000,
      connectionsPerPeer: 4,
    },
  )
  const stranger = { ...tax.rooms, keys: world.second.keys, peerClient: third }
  t.equal(await refused(reveal, stranger), 'conflict', "another server with somebody's session")
  t.equal(await refused(open, stranger), 'unknown_member', 'and with his member')
  const borrowed = { ...tax.rooms, peerClient: third }
  t.equal(await refused(open, borrowed), 'incorrect_validation_info', 'the status of another certificate')
  await third.close()

  const { buckets } = await put<RevealAnswer>(reveal)
  t.equal(Buffer.from(buckets, 'base64').length, 32 << MIN_BITS)
  const [differs = 0] = differingBuckets(Buffer.from(buckets, 'base64'), Buffer.alloc(32 << MIN_BITS))
  const page = { step: 'entries', session, bucket: differs, page: 0, last: true } as const
  t.equal(
    await refused({ ...page, entries: [b64(Buffer.alloc(129, 1))] }),
    'invalid_proof',
    'more than committed to',
  )
  t.equal(await refused({ ...page, entries: ['x'] }), 'invalid_input')
  t.equal(
    await refused({ ...page, bucket: differs === 7 ? 8 : 7, entries: [] }),
    'invalid_input',
    'no such bucket',
  )
  const large = Array.from({ length: 1001 }, () => b64(Buffer.alloc(129)))
  t.equal(await refused({ ...page, entries: large }), 'invalid_input', 'a page that is too large')
  const huge = Array.from({ length: 8000 }, () => b64(Buffer.alloc(129)))
  t.equal(await refused({ ...page, entries: huge }), 'body_too_large')
  const foreign = await tax.rooms.keys.signJson({
    document: { version: 1 },
    type: 'concordat-reconciliation-statement',
    member: parseMemberId(MEMBERS.own),
  })
  t.equal(await refused({ step: 'conclude', session, statement: foreign }), 'invalid_input')
  t.equal(await refused({ step: 'conclude', session, statement: 'x' }), 'malformed_json')
  const shape = { ...reveal, more: 1 } as unknown as ReconciliationQuestion
  t.equal(await refused(shape), 'invalid_input')
  const registered = world.globalConfiguration.current().index.shared
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) =>
      one.id.serverCode === 'ss1' ? { ...one, authCertHashes: [] } : one,
    ),
  }))
  t.match(await refused(reveal), /unknown_peer|connection_lost/, 'who left is no peer')
  world.reconfigure(() => registered)
  t.equal((await population.rooms.store.find(two.pairOf(population, day)))?.statement, '')
  world.skew += 120_000
  t.equal(
    await reconcile(two.pairOf(tax, day), tax.rooms),
    'concluded',
    'and the day is compared all the same',
  )
})

t.test('exchanges with others, and by other servers, are not even counted', async (t) => {
  const day = await two.nextDay()
  await two.ask()
  const [request] = await population.log.list({ limit: 2, kind: 'request' })
  const { message, signatures } = await population.log.read(request!.idx)
  const other = { instance: 'DEV', memberClass: 'GOV', memberCode: '3000', subsystemCode: 'x' }
  const base = {
    kind: 'request' as const,
    direction: 'in' as const,
    client: TAX,
    service: { ...POPULATION, serviceCode: 'persons' },
    peer: tax.server.id,
    time: new Date(world.clock()),
    outcome: '',
    message,
    body: undefined,
    signature: { signatures: signatures! },
  }
  const foreign = [
    { client: other },
    { service: { ...other, serviceCode: 'persons' } },
    { peer: world.second.id },
    { direction: 'out' as const, peer: undefined },
  ]
  for (const change of foreign)
    await population.log.append({ ...base, ids: { id: 'q', requestId: randomUUID() }, ...change })
  await two.settle(day)
  t.equal(await reconcile(two.pairOf(tax, day), tax.rooms), 'concluded')
  const row = await population.rooms.store.find(two.pairOf(population, day))
  t.match(row?.counts, /"matched":1/)
  t.match(row?.counts, /"missingAtFirst":0/)
  const jws = JSON.parse(row!.statement) as { payload: string }
  const statement = JSON.parse(Buffer.from(jws.payload, 'base64url').toString()) as Statement
  t.equal(statement.second.exchanges, 1)
  const ours = { ...base, ids: { id: 'q', requestId: randomUUID() } }
  const next = await two.nextDay()
  await two.ask()
  await population.log.append({ ...ours, signature: { signatures: (await newest()).signatures! } })
  await two.settle(next)
  t.equal(await reconcile(two.pairOf(tax, next), tax.rooms), 'concluded')
  t.match(
    (await tax.rooms.store.find(two.pairOf(tax, next)))?.counts,
    /"missingAtFirst":1/,
    'the same of this pair is',
  )

  async function newest() {
    const [found] = await population.log.list({ limit: 1, kind: 'request' })
    return population.log.read(found!.idx)
  }
})

t.test('a statement that does not say what the entries say is not signed', async (t) => {
  const day = await settledDay()
  const honest = tax.rooms.keys
  const rooms = {
    ...tax.rooms,
    keys: {
      ...honest,
      signJson: (q: Parameters<typeof honest.signJson>[0]) => {
        const statement = q.document as { counts: object }
        return honest.signJson({
          ...q,
          document: { ...statement, counts: { ...statement.counts, matched: 9 } },
        })
      },
    },
  }
  t.equal(await reconcile(two.pairOf(tax, day), rooms), 'unanswered')
  t.equal((await population.rooms.store.find(two.pairOf(population, day)))?.statement, '')
})

/** How a lying server changes an answer. */
type Lie = (question: ReconciliationQuestion, answer: Record<string, unknown>) => Record<string, unknown>

t.test('who answers with what it has not is found out', async (t) => {
  const lies: [string, Lie, RegExp][] = [
    [
      "the asking side's commitment",
      (q, a) =>
        q.step === 'commit' && a['ready'] === true
          ? { ...a, commitment: q.commitment }
          : q.step === 'reveal'
            ? { blind: q.blind, buckets: q.buckets }
            : a,
      /invalid_proof/,
    ],
    [
      "the asking side's buckets",
      (q, a) => (q.step === 'reveal' ? { ...a, buckets: q.buckets } : a),
      /invalid_proof/,
    ],
    [
      "the asking side's entries",
      (q, a) => (q.step === 'entries' ? { entries: q.entries, last: true } : a),
      /invalid_proof/,
    ],
    ['no entries', (q, a) => (q.step === 'entries' ? { entries: [], last: true } : a), /invalid_proof/],
    ['no end of entries', (q, a) => (q.step === 'entries' ? { entries: [], last: false } : a), /last one/],
    [
      'more entries',
      (q, a) =>
        q.step === 'entries' ? { ...a, entries: [...(a['entries'] as []), b64(Buffer.alloc(129, 1))] } : a,
      /invalid_proof/,
    ],
    [
      'pages that are too large',
      (q, a) => (q.step === 'entries' ? { ...a, entries: Array(1001).fill(b64(Buffer.alloc(129))) } : a),
      /invalid_input/,
    ],
    [
      'an answer without end',
      (q, a) => (q.step === 'entries' ? { ...a, more: 'x'.repeat(2_000_000) } : a),
      /too large/,
    ],
    [
      'another difference',
      (q, a) => (q.step === 'show' ? { shown: [{ key: b64(Buffer.alloc(32)) }] } : a),
      /something else/,
    ],
    [
      'another statement',
      (q, a) => (q.step === 'conclude' ? { statement: q.statement } : a),
      /missing_signature/,
    ],
  ]
  const day = await two.nextDay()
  await two.ask()
  const append = two.provider.messageLog
  two.provider.messageLog = {
    ...append,
    append: (entry) =>
      append.append(
        entry.kind === 'reply'
          ? { ...entry, message: Buffer.concat([entry.message!, Buffer.from('x')]) }
          : entry,
      ),
  }
  await two.ask()
  two.provider.messageLog = append
  await two.settle(day)
  const honest = population.respond
  const pair = two.pairOf(tax, day)
  for (const [what, lie, error] of lies) {
    const respond: Respond = async (peer, question) =>
      lie(question, (await honest(peer, question)) as Record<string, unknown>)
    population.respond = respond
    t.equal(await reconcile(pair, tax.rooms), 'unanswered', what)
    const row = await tax.rooms.store.find(pair)
    t.match(row?.error, error, what)
    t.equal(row?.statement, '', what)
    // The last answer was true, so the other side may have concluded.
    world.skew += 120_000
  }
  population.respond = honest
  t.equal(await reconcile(pair, tax.rooms), 'concluded')
  t.match(await tax.rooms.store.find(pair), { counts: /"differing":1/ })
  t.equal((await tax.cases.listCases({ day, limit: 9, clearance: 0 })).length, 1, 'with its case')
})
