/**
 * Two servers compare the receipts of one-way messages that their logs hold, and the events that one fetched
 * from a room of the other; a server of an earlier version compares less.
 */
import { hash, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { readReceipt, signerOf, writeReceipt } from '#core/delivery/receipt.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseClientId, parseServiceId } from '#schemas/identifiers.ts'
import type { Statement } from '#schemas/reconciliation.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql } from '#test/postgresql.ts'
import { createMessageSigner } from '../../peer/sign-message.ts'
import type { IndexTables as LogTables } from '../../reading/index/tables.ts'
import { openStatement } from './conclude.ts'
import { reconcile } from './initiate.ts'
import { createTwoServers, type Side, type TwoServers } from './reconciliation-fixture.ts'

const CLIENT = 'DEV/GOV/1000/tax'
const PERSONS = 'DEV/GOV/2000/population/persons'
const INBOX = 'DEV/GOV/2000/population/assessments'
type Kind = 'consumed' | 'abandoned' | 'accepted'

/** A receipt in the log of each of `sides`, signed once; resolves to the id of its delivery. */
async function receipt(
  two: TwoServers,
  sides: Side[],
  q: { kind?: Kind; delivery?: string; eventId?: string; arrived?: 'no' } = {},
): Promise<string> {
  const { kind = 'consumed', delivery = `DEV-${randomUUID()}`, eventId = 'E-1', arrived } = q
  const giver = kind === 'accepted' || arrived === 'no' ? two.tax : two.population
  const message = writeReceipt({
    ...{ kind, delivery, client: CLIENT, service: INBOX, server: idText(giver.server.id) },
    ...{ eventSource: '/tax', eventId, eventDigest: hash('sha512', eventId, 'base64') },
    ...{
      time: new Date(two.world.clock()).toISOString(),
      arrived: kind === 'accepted' ? 'no' : (arrived ?? 'yes'),
    },
    ...{ means: kind === 'consumed' ? 'pull' : '', reason: kind === 'abandoned' ? 'delivery_expired' : '' },
  })
  const sign = createMessageSigner({ keys: giver.server.keys, clock: two.world.clock })
  const digests = { message, messageSha512: hash('sha512', message, 'buffer'), body: undefined }
  const { signature } = await sign(signerOf(readReceipt(message)), digests)
  for (const side of sides) {
    const other = side === two.tax ? two.population : two.tax
    await side.log.append({
      ...{ kind, direction: side === giver ? 'out' : 'in', ids: { id: delivery, requestId: '' } },
      ...{ client: parseClientId(CLIENT), service: parseServiceId(INBOX), peer: other.server.id },
      ...{ time: new Date(two.world.clock()), outcome: 'ok', message, body: undefined, signature },
    })
  }
  return delivery
}

function sequence(n: number): string {
  return String(n).padStart(16, '0')
}

/** An event as a room gives it out, after the one before. */
function given(n: number, event: object = {}): object {
  const after = n === 1 ? {} : { sequenceafter: sequence(n - 1) }
  return {
    ...{ id: sequence(n), sequence: sequence(n), leasedUntil: new Date().toISOString() },
    event: { sequence: sequence(n), ...after, id: `M-${n}`, source: '/r', type: 'moved', ...event },
  }
}

/** The tax agency fetches; the register's system answers in the place of a room. */
async function fetched(two: TwoServers, ...items: object[]): Promise<void> {
  await pulls(two, { path: '/pull/v1/moved?limit=2' }, items)
}

async function confirmed(two: TwoServers, n: number): Promise<void> {
  const id = sequence(n)
  await pulls(two, { method: 'DELETE', path: `/pull/v1/moved/${id}` }, { id, state: 'confirmed' })
}

async function pulls(two: TwoServers, q: { method?: string; path: string }, answer: object): Promise<void> {
  two.system.answer = (request, response) => {
    request.resume()
    response.setHeader('Content-Type', 'application/json')
    request.on('end', () => response.end(JSON.stringify(answer)))
  }
  const { failed } = await two.ask(q)
  if (failed !== undefined) throw failed
}

async function lastReply(side: Side): Promise<number> {
  await side.log.maintain()
  const database = await openDatabase(side.logUrl)
  const { idx } = await tablesOf<LogTables>(database)
    .selectFrom('search')
    .select('idx')
    .where('kind', '=', 'reply')
    .orderBy('idx', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  await database.close()
  return Number(idx)
}

async function compare(t: Test, two: TwoServers, day: string): Promise<Statement> {
  await two.settle(day)
  t.equal(await reconcile(two.pairOf(two.tax, day), two.tax.rooms), 'concluded')
  const rows = await Promise.all(
    [two.tax, two.population].map((side) => side.rooms.store.find(two.pairOf(side, day))),
  )
  t.equal(rows[0]?.statement, rows[1]?.statement, 'both keep the same')
  return openStatement(rows[0]!.statement, ['DEV/GOV/1000', 'DEV/GOV/2000'], two.tax.rooms)
}

/** `of`: the query id of the records, or the index of one. */
async function lose(side: Side, of: string | number): Promise<void> {
  await side.log.maintain()
  const database = await openDatabase(side.logUrl)
  const tables = tablesOf<LogTables>(database)
  const column = typeof of === 'number' ? 'idx' : 'query_id'
  for (const { idx } of await tables.selectFrom('search').select('idx').where(column, '=', of).execute())
    for (const table of ['search', 'record_key', 'record'] as const)
      await tables.deleteFrom(table).where('idx', '=', idx).execute()
  await database.close()
}

async function act(t: Test, two: TwoServers): Promise<void> {
  const { tax, population } = two
  const both = [tax, population]

  await t.test(
    'receipts that both logs have match; what one side alone ever has is not compared',
    async (t) => {
      const day = await two.nextDay()
      await two.ask()
      await receipt(two, both)
      await receipt(two, both, { kind: 'abandoned' })
      await receipt(two, [tax], { kind: 'accepted' })
      await receipt(two, [tax], { kind: 'abandoned', arrived: 'no' })
      const twice = await receipt(two, both)
      await receipt(two, [population], { delivery: twice })
      const statement = await compare(t, two, day)
      t.match(statement, {
        version: 3,
        counts: { matched: 4, unconfirmed: 0, differing: 0 },
        reasons: {},
        findings: [],
      })
      t.equal(statement.first.exchanges, 4)
    },
  )

  await t.test(
    'a receipt that its own giver has lost is a discrepancy; one that has not come is none',
    async (t) => {
      const day = await two.nextDay()
      const lost = await receipt(two, both)
      const late = await receipt(two, [population])
      const other = await receipt(two, [tax], { eventId: 'one' })
      await receipt(two, [population], { delivery: other, eventId: 'another' })
      await lose(population, lost)
      const statement = await compare(t, two, day)
      t.match(statement, {
        version: 3,
        reasons: {
          'missing_at_second.receipt': 1,
          'unconfirmed.receipt_not_received': 1,
          'differing.receipt': 1,
        },
      })
      const named = statement.findings.map(({ requestId, reason }) => [requestId, reason])
      t.match(
        new Set(named.map(([id]) => id)),
        new Set([`receipt:consumed:${lost}`, `receipt:consumed:${other}`]),
      )
      t.notOk(JSON.stringify(statement).includes(late))
      for (const side of both) {
        const cases = (await side.cases.listCases({ day, limit: 50, clearance: 0 })).map(({ found }) => found)
        t.equal(cases.length, 2)
        const held = cases.find(({ request_id: id }) => id.endsWith(lost))!
        t.match(JSON.parse(held.finding), { class: 'missing', at: 'second', reason: 'receipt' })
        t.equal(
          Number(held.peer_proof_holds),
          side === population ? 1 : 0,
          'the sender proves that it has it',
        )
      }
    },
  )

  await t.test('an event that its giver lost is a discrepancy, proved by the reply', async (t) => {
    const day = await two.nextDay()
    const { answer } = two.system
    await fetched(two, given(7))
    two.system.answer = answer
    await lose(population, await lastReply(population))
    const statement = await compare(t, two, day)
    t.match(statement.reasons, { 'missing_at_second.event': 1, 'missing_at_second.reply': 1 })
    const held = (await population.cases.listCases({ day, limit: 50, clearance: 0 }))
      .map(({ found }) => found)
      .find(({ request_id: id }) => id === `given:${PERSONS}/moved/${sequence(7)}`)!
    t.match(JSON.parse(held.finding), { class: 'missing', at: 'second', reason: 'event' })
    t.equal(Number(held.peer_proof_holds), 1, 'the subscriber proves that it was given')
  })

  await t.test('events that were fetched match by what they are, however often they came', async (t) => {
    const day = await two.nextDay()
    const { answer } = two.system
    const long = 'x'.repeat(100_000)
    await fetched(two, given(1), given(2))
    await fetched(two, given(2, { data: long }))
    await fetched(two, given(3))
    await confirmed(two, 1)
    // Its reply is lost on the way back.
    await fetched(two, given(4))
    two.system.answer = answer
    const id = `given:${PERSONS}/moved/${sequence(4)}`
    await lose(tax, await lastReply(tax))
    const statement = await compare(t, two, day)
    t.match(statement, {
      version: 3,
      counts: { matched: 8, missingAtFirst: 0, missingAtSecond: 0, differing: 0 },
      reasons: { 'unconfirmed.reply_not_received': 1, 'unconfirmed.event_not_received': 1 },
      fetched: { given: 3, confirmed: 1 },
    })
    t.notOk(JSON.stringify(statement).includes(id))
  })

  await t.test('with a server of an earlier version less is compared', async (t) => {
    const day = await two.nextDay()
    const { answer } = two.system
    await fetched(two, given(1))
    two.system.answer = answer
    await receipt(two, both)
    const { respond } = population
    population.respond = (peer, question) => {
      if ('version' in question && question.version === 3)
        throw new Fault('invalid_input', { what: 'no such version' })
      return respond(peer, question)
    }
    const statement = await compare(t, two, day)
    population.respond = respond
    t.match(statement, { version: 2, counts: { matched: 2 }, reasons: {}, findings: [] })
    t.notOk('fetched' in statement)
  })

  await t.test('with one of the first version exchanges alone are compared', async (t) => {
    const day = await two.nextDay()
    await two.ask()
    await receipt(two, [tax])
    const { respond } = population
    population.respond = (peer, question) => {
      if ('version' in question) throw new Fault('invalid_input', { what: 'no such member' })
      return respond(peer, question)
    }
    const statement = await compare(t, two, day)
    population.respond = respond
    t.match(statement, { version: 1, counts: { matched: 1, missingAtSecond: 0 }, reasons: {}, findings: [] })
  })
}

await t.test('receipts on sqlite', async (t) => act(t, await createTwoServers(t, 'sqlite')))
await t.test('receipts on postgresql', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  await act(t, await createTwoServers(t, 'postgresql'))
})
