/**
 * Withholds uses for a time: of one message or of a contract, on a ground in law, for which somebody answers
 * by name.
 */
import { randomUUID } from 'node:crypto'
import { consentedServices } from '#core/contract/read-consent.ts'
import { previewedServices } from '#core/contract/read-preview.ts'
import { colonForm, subsystemIdOf } from '#schemas/colon-identifiers.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Time } from '#schemas/sent-values.ts'
import { clientIn } from '../../local-systems/manage.ts'
import type { TrackerRooms } from './rooms.ts'
import type { ExceptionRow } from './store.ts'

export type NewException = {
  clientId: string
  messageId?: string
  /** The index of the request, where several have this message id. */
  record?: number
  contractId?: string
  ground: string
  owner: string
  endsAt: Time
}

const DAY_MS = 86_400_000
/** No exception is for ever. Who needs a longer one decides again. */
const MOST_DAYS = 366
/** Of one message or contract in all, from the first day on. */
const MOST_DAYS_IN_ALL = 3 * MOST_DAYS
/** The person sees each use under their consent, and may take it back for what they see. */
export const AGREED =
  'people have agreed to these uses and see each of them with their consent: nothing of them is withheld'
/** Records of one query id that are looked through. */
const MOST_RECORDS = 500

/**
 * Throws `invalid_input` for another ground than the settings have, uses under people's consents, an end that
 * is past or too far, and a message id that several requests have; `not_found` for a message that the
 * subsystem had no part in.
 */
export async function withhold(
  given: NewException,
  { by, agreedBy }: { by: string; agreedBy: string },
  rooms: TrackerRooms,
): Promise<ExceptionRow> {
  const subsystem = subsystemIdOf(given.clientId)
  clientIn(rooms.localSystems.view(), subsystem)
  const { messageId, contractId, ground } = given
  const owner = given.owner.trim()
  const refused = (what: string): Fault => new Fault('invalid_input', { what })
  if ((messageId === undefined) === (contractId === undefined))
    throw refused('an exception is of one message or of one contract: messageId or contractId')
  if (owner === '') throw refused('owner names who answers for it')
  const { grounds } = rooms.settings
  if (!grounds.some(({ code }) => code === ground))
    throw refused(
      `ground is one of those in the settings (tracker.grounds): ${grounds.map(({ code }) => code).join(', ')}`,
    )
  const id = contractId?.toLowerCase()
  if (
    rooms
      .contracts()
      .some(({ contract, consent, preview }) => contract === id && (consent ?? preview) !== undefined)
  )
    throw refused(AGREED)
  const now = rooms.clock()
  const end = Date.parse(given.endsAt)
  if (Number.isNaN(end) || end <= now || end > now + MOST_DAYS * DAY_MS)
    throw refused(`endsAt is in the future, and at most ${MOST_DAYS} days away`)
  const row: ExceptionRow = {
    ...{ id: randomUUID(), subsystem: idText(subsystem), ground, owner },
    ...(messageId === undefined
      ? { scope: 'contract', target: id!, message_id: null }
      : {
          ...{ scope: 'message', message_id: messageId },
          target: String(await requestOf(idText(subsystem), { messageId, record: given.record }, rooms)),
        }),
    ...{
      set_by: by,
      agreed_by: agreedBy,
      set_at: new Date(now).toISOString(),
      ends_at: new Date(end).toISOString(),
    },
    ...{ ended_at: null, ended_by: null },
  }
  await rooms.store.add(row, { mostDays: MOST_DAYS_IN_ALL })
  return row
}

/** The index of the one request that is meant. It is in the log: what is withheld lies in the past. */
async function requestOf(
  subsystem: string,
  q: { messageId: string; record: number | undefined },
  { log, contractOf }: Pick<TrackerRooms, 'log' | 'contractOf'>,
): Promise<number> {
  const rows = await log.list({ queryId: q.messageId, limit: MOST_RECORDS })
  const own = rows.filter(
    ({ kind, direction, client, service }) =>
      kind === 'request' &&
      (direction === 'out' ? client === subsystem : service.startsWith(`${subsystem}/`)),
  )
  const indexes = own.map(({ idx }) => Number(idx))
  const meant = q.record === undefined ? indexes : indexes.filter((one) => one === q.record)
  const [found] = meant
  if (found === undefined)
    throw new Fault('not_found', { what: 'the subsystem has no request with this messageId in the log' })
  if (meant.length > 1)
    throw new Fault('invalid_input', {
      what: `several requests have this messageId: say which by record (${indexes
        .toSorted((a, b) => a - b)
        .slice(0, 10)
        .join(', ')})`,
    })
  const { contract, service } = own.find(({ idx }) => Number(idx) === found)!
  const content = contract === '' ? undefined : await contractOf(contract)
  if (content !== undefined && demandsConsent(content, service))
    throw new Fault('invalid_input', { what: AGREED })
  return found
}

/**
 * `service` in text form: whether calls of it under this contract need the consent of their person, or the
 * person releases the answer.
 */
export function demandsConsent(content: ContractContent, service: string): boolean {
  return [...consentedServices(content), ...previewedServices(content)].some(({ serviceCode }) => {
    const code = `${content.provider}/${serviceCode}`
    return service === code || service.startsWith(`${code}/`)
  })
}

export function exceptionView(row: ExceptionRow, now: string) {
  const { id, subsystem, scope, target, ground, owner } = row
  return {
    ...{ id, clientId: colonForm(subsystem), ground, owner },
    ...(scope === 'message' ? { messageId: row.message_id, record: Number(target) } : { contractId: target }),
    ...{ setBy: row.set_by, agreedBy: row.agreed_by, setAt: row.set_at, endsAt: row.ends_at },
    ...{ endedAt: row.ended_at, endedBy: row.ended_by },
    isInForce: row.ended_at === null && row.ends_at > now,
  }
}
