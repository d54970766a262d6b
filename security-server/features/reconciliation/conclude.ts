/**
 * Guarantees that a statement is stored only if it matches our own entries, both members signed it, and the
 * audit log has recorded it. Each discrepancy becomes a case with the records that both sides showed.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { keyOf, type Side } from '#core/reconciliation/entry.ts'
import { type FinalVerdict, finalVerdict, proofHolds } from '#core/reconciliation/shown.ts'
import { createStatement, readStatement } from '#core/reconciliation/statement.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import { type Shown, STATEMENT_TYPE, type Statement, type StatementParty } from '#schemas/reconciliation.ts'
import { outOfOrder, type Progress, saltOf, sidesOf } from './progress.ts'
import type { ReconciliationRooms } from './rooms.ts'
import type { DayPair, NewCase } from './store.ts'
import { type Compared, isDifference, walk } from './walk.ts'

/** The most cases of one day. A day with more has a common cause, and the statement counts them all. */
const MAX_CASES = 1000

export type SessionState = { session: string; pair: DayPair; progress: Progress }

/**
 * Makes the statement of the day from our entries and from what was shown, and the cases that follow from it.
 */
export async function summarise(
  q: SessionState,
  rooms: Pick<ReconciliationRooms, 'server' | 'entries'>,
): Promise<{ statement: Statement; cases: NewCase[] }> {
  const { session, pair, progress } = q
  const sides = sidesOf(rooms.server, pair)
  const salt = saltOf(rooms.server, pair, progress)
  const writer = createStatement()
  const cases: NewCase[] = []
  for await (const compared of walk(q, rooms)) {
    if (!isDifference(compared.verdict)) {
      writer.add(compared.verdict, { asks: asksOf(compared), requestId: '' })
      continue
    }
    const { key } = compared.pair
    const [own, peer] = await Promise.all([
      readShown(rooms, session, 'shown-own', key),
      readShown(rooms, session, 'shown-peer', key),
    ])
    const shown = { [sides.own]: own, [sides.other]: peer } as { [side in Side]: Shown }
    const verdict = finalVerdict(compared.verdict, shown)
    const of = { asks: asksOf(compared), requestId: requestIdOf(salt, asksOf(compared), key, shown) }
    writer.add(verdict, of)
    if (!isDifference(verdict) || cases.length === MAX_CASES) continue
    cases.push(
      caseOf({ verdict, of, own, peer, holds: peerProofHolds({ compared, peer, salt, sides, pair }) }),
    )
  }
  const statement = writer.end({
    ...{ version: progress.version ?? 1, day: pair.day, session: progress.wire },
    ...partiesOf(q, rooms),
  })
  return { statement, cases }
}

/** The statement with the signature of our member alone. */
export function signStatement(
  statement: Statement,
  pair: DayPair,
  { keys }: ReconciliationRooms,
): Promise<string> {
  return keys.signJson({ document: statement, type: STATEMENT_TYPE, member: parseMemberId(pair.own) })
}

/** Reads a statement that all of `members` must have signed, and verifies their signatures as of now. */
export function openStatement(jws: string, members: string[], rooms: ReconciliationRooms): Statement {
  const snapshot = rooms.globalConfiguration.current()
  const at = new Date(rooms.clock())
  const document = readStatement({ jws, members, configurationOf: snapshot.indexFor, at })
  return rooms.shapes.statement(document)
}

/** Writes the audit record first, then the statement and the cases in one commit. */
export async function keep(
  q: SessionState & { jws: string; statement: Statement; cases: NewCase[] },
  rooms: ReconciliationRooms,
): Promise<void> {
  const { session, pair, jws, statement, cases } = q
  const { counts } = statement
  await rooms.audit({
    target: `reconciliation ${pair.day} ${pair.own} ${pair.peer} ${pair.server}`,
    data: { statementSha256: hash('sha256', jws, 'hex'), counts },
  })
  const now = new Date(rooms.clock()).toISOString()
  await rooms.store.conclude({ session, statement: jws, counts, cases, now })
}

export function isSame(a: Statement, b: Statement): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

function partiesOf(
  { pair, progress }: SessionState,
  rooms: Pick<ReconciliationRooms, 'server'>,
): { first: StatementParty; second: StatementParty } {
  const { own, peer } = progress
  if (own === undefined || peer === undefined) throw outOfOrder()
  const sides = sidesOf(rooms.server, pair)
  const of = (side: Side): StatementParty => {
    const { count, treeHead } = side === sides.own ? own : peer
    return { ...sides.session[side], exchanges: count, treeHead }
  }
  return { first: of('first'), second: of('second') }
}

async function readShown(
  { entries }: Pick<ReconciliationRooms, 'entries'>,
  session: string,
  side: 'shown-own' | 'shown-peer',
  key: Buffer,
): Promise<Shown> {
  const row = await entries.get(session, side, key)
  if (row === undefined) throw outOfOrder()
  return JSON.parse(row.facts) as Shown
}

function asksOf({ pair }: Compared): Side {
  return (pair.first ?? pair.second)!.asks
}

/** An id is accepted only if the entry's key can be computed from it. */
function requestIdOf(salt: Buffer, asks: Side, key: Buffer, shown: { [side in Side]: Shown }): string {
  const ids = [shown.first.requestId, shown.second.requestId]
  return (
    ids.find((requestId) => requestId !== undefined && keyOf(salt, { asks, requestId }).equals(key)) ?? ''
  )
}

function peerProofHolds(q: {
  compared: Compared
  peer: Shown
  salt: Buffer
  sides: ReturnType<typeof sidesOf>
  pair: DayPair
}): boolean {
  const entry = q.compared.pair[q.sides.other]
  if (entry === undefined) return false
  return proofHolds({ shown: q.peer, entry, server: q.pair.server, salt: q.salt })
}

function caseOf(q: {
  verdict: FinalVerdict
  of: { asks: Side; requestId: string }
  own: Shown
  peer: Shown
  holds: boolean
}): NewCase {
  return {
    request_id: q.of.requestId,
    finding: JSON.stringify({ ...q.verdict, asks: q.of.asks }),
    own_proof: JSON.stringify(withoutKey(q.own)),
    peer_proof: JSON.stringify(withoutKey(q.peer)),
    peer_proof_holds: q.holds ? 1 : 0,
  }
}

function withoutKey({ key: _, ...rest }: Shown): object {
  return rest
}
