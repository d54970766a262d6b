/**
 * What a person does with answers about them that wait: sees them, releases or stops them. Those of others
 * are not there.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { type PreviewDocument, previewDigest } from '#core/consent/preview-document.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type {
  Preview,
  PreviewAnswer,
  PreviewReleased,
  PreviewShown,
  PreviewState,
  Previews,
} from '#schemas/previews.ts'
import { partyOf } from '../demands.ts'
import { serversOf } from '../keeper.ts'
import { placeAfter, placeIn } from '../pages.ts'
import type { Own, Sender } from '../question.ts'
import type { ConsentRooms } from '../rooms.ts'
import { hashOf } from './hold-answers.ts'
import type { PreviewRow, PreviewWords } from './tables.ts'

const PAGE = 50
const MINUTE_MS = 60_000

/** Who decides: for themself, or for whom they represent. */
export type Deciding = { own: Own; byRepresentative: boolean; sender: Sender }

export async function previewsOf(
  own: Own,
  cursor: string | undefined,
  rooms: ConsentRooms,
): Promise<Previews> {
  const rows = await rooms.previews.ofPerson({ ...own, after: placeIn(cursor), limit: PAGE + 1 })
  const last = rows[PAGE - 1]
  const elsewhere = rooms.showsFirst(own.subsystem) ? othersOf(own.subsystem, rooms) : []
  return {
    previews: rows.slice(0, PAGE).map((row) => viewOf(row, rooms)),
    ...(elsewhere.length > 0 && { elsewhere, toldBy: idText(rooms.server) }),
    ...(rows.length > PAGE && last && { next: placeAfter({ at: last.asked_at, id: last.number }) }),
  }
}

/** Throws `not_found`. */
export async function previewOf(own: Own, number: string, rooms: ConsentRooms): Promise<PreviewShown> {
  return shown(await rowOf(own, number, rooms), rooms)
}

/** The one of the url, while it waits. Throws `not_found`. */
export async function previewByToken(own: Own, token: string, rooms: ConsentRooms): Promise<PreviewShown> {
  const row = await rooms.previews.byToken(hashOf(token))
  if (row?.person !== own.person || row.subsystem !== own.subsystem || stateOf(row, rooms) !== 'WAITING')
    throw gone()
  return shown(row, rooms)
}

/** Throws `not_found`, `forbidden`, `conflict`. */
export async function releasePreview(
  { own, byRepresentative, sender }: Deciding,
  { number, released }: { number: string; released: PreviewReleased },
  rooms: ConsentRooms,
): Promise<Preview> {
  const row = await rowOf(own, number, rooms)
  // Whoever gets the answer would speak for the person.
  if (memberIn(row.client) === memberIn(sender.client))
    throw new Fault('forbidden', { what: 'no member releases answers to itself' })
  if (row.answer !== released.answer)
    throw new Fault('conflict', { what: 'this is not the answer that waits: show it anew' })
  const now = rooms.clock()
  const [at, until] = [now, now + row.minutes * MINUTE_MS].map((one) => new Date(one).toISOString())
  const decided = { decidedAt: at!, byRepresentative, record: sender.record }
  const isDone = await rooms.previews.change(
    number,
    { states: ['WAITING'], after: at! },
    {
      ...{ state: 'RELEASED', valid_until: until!, content: null },
      ...decidedAs(row, { ...decided, decision: 'released', shown: released.shown }, rooms),
    },
  )
  if (!isDone) throw over()
  return viewOf(await rowOf(own, number, rooms), rooms)
}

/** Also while a call is under way that would bring it to the consumer. Throws `not_found`, `conflict`. */
export async function stopPreview(
  { own, byRepresentative, sender }: Deciding,
  number: string,
  rooms: ConsentRooms,
): Promise<Preview> {
  const row = await rowOf(own, number, rooms)
  const at = new Date(rooms.clock()).toISOString()
  const decided = { decidedAt: at, byRepresentative, record: sender.record }
  const isDone = await rooms.previews.change(
    number,
    { states: ['WAITING', 'RELEASED', 'TAKEN'], after: at },
    { state: 'STOPPED', content: null, ...decidedAs(row, { ...decided, decision: 'stopped' }, rooms) },
  )
  if (!isDone) throw over()
  return viewOf(await rowOf(own, number, rooms), rooms)
}

function decidedAs(
  row: PreviewRow,
  q: Pick<PreviewDocument, 'decision' | 'decidedAt' | 'shown'> & {
    byRepresentative: boolean
    record: number
  },
  { server }: Pick<ConsentRooms, 'server'>,
): Pick<PreviewRow, 'decided_at' | 'document' | 'digest'> {
  const { contract, consent } = wordsOf(row)
  const document: PreviewDocument = {
    ...{ version: 1, number: row.number, server: idText(server), person: row.person, client: row.client },
    ...{ service: row.service, contract: { id: contract.id, version: contract.version } },
    ...{ answer: row.answer, askedAt: row.asked_at, decision: q.decision, decidedAt: q.decidedAt },
    ...(consent !== undefined && { consent }),
    ...(q.shown !== undefined && { shown: q.shown }),
    ...(q.byRepresentative && { byRepresentative: true as const }),
    decidedRecord: q.record,
  }
  return { decided_at: q.decidedAt, document: canonicalJson(document), digest: previewDigest(document) }
}

async function shown(row: PreviewRow, rooms: ConsentRooms): Promise<PreviewShown> {
  const view = viewOf(row, rooms)
  if (view.state !== 'WAITING' || row.content === null) return view
  const kept = JSON.parse(await rooms.previewSeals.open(row.number, row.content)) as Omit<
    PreviewAnswer,
    'digest'
  >
  return { ...view, answer: { ...kept, digest: row.answer } }
}

function viewOf(row: PreviewRow, rooms: ConsentRooms): Preview {
  const { contract, purpose, legalBasis } = wordsOf(row)
  return {
    ...{ number: row.number, state: stateOf(row, rooms) },
    ...{ client: partyOf(row.client, rooms), service: partyOf(row.service, rooms) },
    ...{ contract, purpose, legalBasis, askedAt: row.asked_at, validUntil: row.valid_until },
    ...(row.decided_at !== null && { decidedAt: row.decided_at }),
    ...(row.given_at !== null && { givenAt: row.given_at }),
    ...(othersOf(row.subsystem, rooms).length > 0 && { keptAt: idText(rooms.server) }),
  }
}

/** The other servers of the subsystem, each of which keeps the answers to the calls that it got. */
function othersOf(subsystem: string, rooms: ConsentRooms): string[] {
  const here = idText(rooms.server)
  return serversOf(subsystem, rooms)
    .map((id) => idText(id))
    .filter((id) => id !== here)
}

function stateOf({ state, valid_until }: PreviewRow, { clock }: Pick<ConsentRooms, 'clock'>): PreviewState {
  if (state === 'GIVEN' || state === 'STOPPED') return state
  if (state === 'VOID' || Date.parse(valid_until) <= clock()) return 'OVER'
  return state === 'WAITING' ? 'WAITING' : 'RELEASED'
}

function wordsOf({ words }: Pick<PreviewRow, 'words'>): PreviewWords {
  return JSON.parse(words) as PreviewWords
}

/** Throws `not_found`. */
async function rowOf(own: Own, number: string, rooms: ConsentRooms): Promise<PreviewRow> {
  const row = await rooms.previews.byNumber(number)
  if (row?.person !== own.person || row.subsystem !== own.subsystem) throw gone()
  return row
}

function memberIn(client: string): string {
  return client.split('/').slice(0, 3).join('/')
}

function gone(): Fault {
  return new Fault('not_found', { what: 'no answer about this person waits here' })
}

function over(): Fault {
  return new Fault('conflict', {
    what: 'it was decided or given before, its time is over, or the consumer asked anew',
  })
}
