/**
 * Stores a statement that the other side has but this side does not, because the last answer was lost. Our
 * member signed it too, so this side had agreed to its content.
 */
import { randomBytes } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Statement } from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import { isSame, keep, openStatement, summarise } from './conclude.ts'
import { type Progress, sidesOf } from './progress.ts'
import type { ReconciliationRooms } from './rooms.ts'
import { secrecyOf } from './secrecy.ts'
import type { DayPair, NewCase, StoredReconciliation } from './store.ts'

/**
 * Finishes the session with the entries that it compared, including their proofs. Returns false when they are
 * no longer stored or do not match the statement.
 */
export async function finish(
  pair: DayPair,
  seen: StoredReconciliation,
  jws: string,
  rooms: ReconciliationRooms,
): Promise<boolean> {
  if (seen.role !== 'asking' || seen.progress === '') return false
  const progress = JSON.parse(seen.progress) as Progress
  const agreed = check(pair, jws, rooms)
  if (agreed.session !== progress.wire || progress.peer?.buckets === undefined) return false
  const state = { session: seen.session, pair, progress }
  const { statement, cases } = await summarise(state, rooms)
  if (!isSame(agreed, statement)) return false
  await keep({ ...state, jws, statement, cases }, rooms)
  return true
}

/**
 * Stores the statement without the session's entries: its cases have the findings of the statement, but no
 * proofs.
 */
export async function adopt(
  pair: DayPair,
  seen: StoredReconciliation,
  jws: string,
  rooms: ReconciliationRooms,
): Promise<void> {
  const statement = check(pair, jws, rooms)
  const session = randomBytes(16).toString('hex')
  const progress: Progress = { wire: statement.session, nonce: '' }
  const now = new Date(rooms.clock()).toISOString()
  const secrecy = seen?.secrecy ?? (await secrecyOf(pair, rooms))
  await rooms.store.begin(pair, { seen, session, role: 'asking', progress, now, secrecy })
  await keep({ session, pair, progress, jws, statement, cases: casesOf(statement) }, rooms)
}

function check(pair: DayPair, jws: string, rooms: ReconciliationRooms): Statement {
  const statement = openStatement(jws, [pair.own, pair.peer], rooms)
  const { session } = sidesOf(rooms.server, pair)
  const isOurs =
    statement.day === pair.day &&
    (['first', 'second'] as const).every(
      (side) =>
        statement[side].server === session[side].server && statement[side].member === session[side].member,
    )
  if (!isOurs)
    throw new Fault('invalid_input', { what: say`a statement of somebody else for ${idText(rooms.server)}` })
  return statement
}

function casesOf({ findings }: Statement): NewCase[] {
  const cases = findings.filter(({ class: name }) => name !== 'not_comparable')
  return cases.map(({ requestId, ...finding }) => ({
    request_id: requestId,
    finding: JSON.stringify(finding),
    own_proof: '{}',
    peer_proof: '{}',
    peer_proof_holds: 0,
  }))
}
