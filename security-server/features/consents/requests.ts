/**
 * A consumer asks a person for consent. Guarantees that the url serves the one person, until it is answered
 * or over, and that only the consumer that asked learns how it stands.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type {
  AskedConsent,
  ConsentRequest,
  ConsentRequested,
  ConsentRequestMade,
  ConsentRequestState,
} from '#schemas/consents.ts'
import { Fault } from '#schemas/fault.ts'
import { demandsOf, partyOf } from './demands.ts'
import { refuseKeptElsewhere } from './keeper.ts'
import type { Sender } from './question.ts'
import type { ConsentRooms } from './rooms.ts'
import { stateOf } from './state-of.ts'
import type { RequestRow } from './tables.ts'
import { personIn, refused } from './who-acts.ts'

type Rooms = ConsentRooms
type Asker = Pick<Sender, 'client' | 'subsystem'>

const OPEN_MS = 7 * 86_400_000

/** Throws `invalid_request`, `not_found`, `too_many_requests`. */
export async function requestConsent(
  { contract, userCode, returnUrl }: ConsentRequested,
  { client, subsystem }: Asker,
  rooms: Rooms,
  /** Kept, sealed, for who asked in a form whose answers have it. */
  code?: string,
): Promise<ConsentRequestMade> {
  const { portalUrl } = rooms.settings
  if (portalUrl === undefined)
    throw refused('no portal is named in the settings of this server (consents.portalUrl)')
  const demand = demandsOf(subsystem, rooms).find(({ view }) => view.contract.id === contract)
  if (demand?.clients.includes(client) !== true)
    throw new Fault('not_found', { what: 'no contract in force asks for this consent to this client' })
  const { rule } = demand.view
  refuseKeptElsewhere({ subsystem, rule }, rooms, 'conflict')
  const person = personIn(userCode, rooms.countryPrefix)
  if (person === undefined) throw refused('userCode is no code of a person with the letters of the country')
  const now = rooms.clock()
  const at = new Date(now).toISOString()
  const token = randomBytes(32).toString('base64url')
  const request = randomUUID()
  const row: RequestRow = {
    ...{ request, token_hash: hashOf(token), subsystem, client, contract },
    ...{ person: await rooms.nameOf(person), return_url: returnUrl, asked_at: at },
    ...{ valid_until: new Date(now + OPEN_MS).toISOString(), state: 'REQUESTED', number: null },
    code: code === undefined ? null : await rooms.codes.seal(request, code),
  }
  await rooms.requests.add(row)
  // The portal has to ask this server, whichever it would reach by itself.
  const path = [subsystem, token, ...(rule.keptAt === undefined ? [] : [rule.keptAt])].join('/')
  return { ...(await requestView(row, rooms)), url: `${portalUrl.replace(/\/$/, '')}/${inAddress(path)}` }
}

/** For the consumer. Throws `not_found`. */
export async function requestOf(request: string, sender: Asker, rooms: Rooms): Promise<ConsentRequest> {
  const row = await rooms.requests.byId(request)
  if (row?.client !== sender.client || row.subsystem !== sender.subsystem) throw gone()
  return requestView(row, rooms)
}

/** The request of the url, if it is for this person and open. Throws `not_found`, `conflict`. */
export async function askedBy(
  token: string,
  person: string,
  subsystem: string,
  rooms: Rooms,
): Promise<RequestRow> {
  const row = await rooms.requests.byToken(hashOf(token))
  if (row?.person !== person || row.subsystem !== subsystem) throw gone()
  if (requestState(row, rooms.clock()) !== 'REQUESTED')
    throw new Fault('conflict', { what: 'the request for consent was answered before, or its time is over' })
  return row
}

/** For the portal. Throws `not_found`, `conflict`. */
export async function askedConsent(
  token: string,
  person: string,
  subsystem: string,
  rooms: Rooms,
): Promise<AskedConsent> {
  const row = await askedBy(token, person, subsystem, rooms)
  const demand = demandsOf(subsystem, rooms).find(({ view }) => view.contract.id === row.contract)
  if (demand === undefined) throw gone()
  return {
    ...(await requestView(row, rooms)),
    ...{ client: partyOf(row.client, rooms), demand: demand.view, returnUrl: row.return_url },
  }
}

/** Throws `not_found`, `conflict`. */
export async function declineConsent(
  token: string,
  person: string,
  subsystem: string,
  rooms: Rooms,
): Promise<ConsentRequest> {
  const row = await askedBy(token, person, subsystem, rooms)
  await rooms.requests.decline(row.request)
  return requestView((await rooms.requests.byId(row.request)) ?? row, rooms)
}

async function requestView(row: RequestRow, rooms: Pick<Rooms, 'store' | 'clock'>): Promise<ConsentRequest> {
  const now = rooms.clock()
  const given = row.number === null ? undefined : await rooms.store.byNumber(row.number)
  return {
    ...{ request: row.request, state: requestState(row, now), validUntil: row.valid_until },
    ...(given && {
      consent: { number: given.number, state: stateOf(given, now), validUntil: given.valid_until },
    }),
  }
}

function requestState({ state, valid_until }: RequestRow, now: number): ConsentRequestState {
  return state === 'REQUESTED' && Date.parse(valid_until) <= now ? 'EXPIRED' : state
}

/**
 * Of an identifier's text, which has more signs in the open than a portal takes in an address that people
 * come by.
 */
export function inAddress(path: string): string {
  return path.replace(/[$&+,;=:@]/g, encodeURIComponent)
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function gone(): Fault {
  return new Fault('not_found', { what: 'there is no such request for consent' })
}
