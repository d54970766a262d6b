/** Withholds uses for a time: of one message or of a contract, on a ground in law, for which somebody answers by name. */
import { randomUUID } from 'node:crypto'
import { colonForm, subsystemIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { clientIn } from '../../local-systems/manage.ts'
import type { TrackerRooms } from './rooms.ts'
import type { ExceptionRow } from './store.ts'

export type NewException = {
  clientId: string
  messageId?: string
  contractId?: string
  ground: string
  owner: string
  endsAt: string
}

const DAY_MS = 86_400_000
/** No exception is for ever. Who needs a longer one decides again. */
const MOST_DAYS = 366

/** Throws `invalid_input` for another ground than the settings have, and an end that is past or too far. */
export async function withhold(given: NewException, by: string, rooms: TrackerRooms): Promise<ExceptionRow> {
  const subsystem = subsystemIdOf(given.clientId)
  clientIn(rooms.localSystems.view(), subsystem)
  const { messageId, contractId, ground, owner } = given
  const refused = (what: string): Fault => new Fault('invalid_input', { what })
  if ((messageId === undefined) === (contractId === undefined))
    throw refused('an exception is of one message or of one contract: messageId or contractId')
  const { grounds } = rooms.settings
  if (!grounds.some(({ code }) => code === ground))
    throw refused(
      `ground is one of those in the settings (tracker.grounds): ${grounds.map(({ code }) => code).join(', ')}`,
    )
  const now = rooms.clock()
  const end = Date.parse(given.endsAt)
  if (Number.isNaN(end) || end <= now || end > now + MOST_DAYS * DAY_MS)
    throw refused(`endsAt is in the future, and at most ${MOST_DAYS} days away`)
  const row: ExceptionRow = {
    ...{ id: randomUUID(), subsystem: idText(subsystem), ground, owner: owner.trim() },
    ...(messageId === undefined
      ? { scope: 'contract', target: contractId!.toLowerCase() }
      : { scope: 'message', target: messageId }),
    ...{ set_by: by, set_at: new Date(now).toISOString(), ends_at: new Date(end).toISOString() },
    ...{ ended_at: null, ended_by: null },
  }
  await rooms.store.add(row)
  return row
}

export function exceptionView(row: ExceptionRow, now: string) {
  const { id, subsystem, scope, target, ground, owner } = row
  return {
    ...{ id, clientId: colonForm(subsystem), ground, owner },
    ...(scope === 'message' ? { messageId: target } : { contractId: target }),
    ...{ setBy: row.set_by, setAt: row.set_at, endsAt: row.ends_at },
    ...{ endedAt: row.ended_at, endedBy: row.ended_by },
    isInForce: row.ended_at === null && row.ends_at > now,
  }
}
