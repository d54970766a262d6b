/**
 * Keeps answers until the person has seen them, and lets a released one leave once. Guarantees that a
 * reference serves the one client, person and call for which it was given, and says nothing to anybody else.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { readPreviewReference, writePreviewReference } from '../../../peer/preview-reference.ts'
import {
  PreviewFault,
  type PreviewQuestion,
  type Previews,
  type TakenPreview,
} from '../../../peer/previews.ts'
import { serversOf } from '../keeper.ts'
import { inAddress } from '../requests.ts'
import type { ConsentRooms } from '../rooms.ts'
import type { PreviewRow, PreviewWords } from './tables.ts'

/** Octets of an answer: more than a person reads. */
const MOST_BYTES = 262_144
const ASK_AGAIN_SECONDS = 5
const MINUTE_MS = 60_000

type Rooms = Pick<
  ConsentRooms,
  | 'server'
  | 'clock'
  | 'settings'
  | 'nameOf'
  | 'previews'
  | 'previewSeals'
  | 'contracts'
  | 'globalConfiguration'
>

export function createPreviews(rooms: Rooms): Previews {
  const { previews, clock } = rooms
  const now = (): string => new Date(clock()).toISOString()
  return {
    mostBytes: MOST_BYTES,
    async checkRoom({ person, client }) {
      const name = await known(rooms.nameOf(person))
      if (!(await known(previews.hasRoom({ person: name, client, now: now() })))) throw full()
    },
    async hold(q, answer) {
      const { status, contentType, bytes, digest } = answer
      const subsystem = subsystemIn(q.service)
      const [reference, token] = [randomSecret(), randomSecret()]
      const number = randomUUID()
      const { person, call } = await known(namesOf(q, rooms))
      const kept = JSON.stringify({ status, contentType, content: bytes.toString('base64') })
      const validUntil = new Date(clock() + q.terms.minutes * MINUTE_MS).toISOString()
      const row: PreviewRow = {
        ...{ number, subsystem, person, client: q.client },
        ...{ service: q.service, contract: q.terms.contract, call },
        answer: await known(answerName(number, digest, rooms)),
        ...{ reference_hash: hashOf(reference), token_hash: hashOf(token), state: 'WAITING' },
        ...{ asked_at: now(), valid_until: validUntil, minutes: q.terms.minutes },
        ...{ words: JSON.stringify(wordsOf(q, rooms)), taken_by: q.ids.requestId },
        content: await known(rooms.previewSeals.seal(number, kept)),
        ...{ given_at: null, decided_at: null, document: null, digest: null, released: null },
      }
      const { server, settings } = rooms
      const { previewUrl } = settings
      // Consumer and portal have to ask this server, whichever they would reach by themselves, and how many
      // there are now.
      const path = inAddress([subsystem, token, idText(server)].join('/'))
      const at = previewUrl === undefined ? '' : `; ${previewUrl.replace(/\/$/, '')}/${path}`
      const named = writePreviewReference({ secret: reference, server })
      const what = `${q.contract}; Preview-Reference: ${named}${at}; until ${validUntil}`
      const fault = new PreviewFault('preview_required', { what }, { preview: number })
      // Last: what was added takes the place of what the same call had brought before.
      if (!(await known(previews.add(row)))) throw full()
      return fault
    },
    async checkDecided(q, reference) {
      const row = await rowOf(q, reference)
      if (row?.state !== 'WAITING' || row.valid_until <= now()) return
      if (isOfCall(row, q, await known(namesOf(q, rooms)))) throw waiting(row, q)
    },
    async take(q, reference) {
      const row = await rowOf(q, reference)
      if (row === undefined || !isOfCall(row, q, await known(namesOf(q, rooms)))) throw nothing()
      if (row.state === 'STOPPED') throw stopped(row)
      if (row.valid_until <= now()) throw nothing()
      if (row.state === 'WAITING') throw waiting(row, q)
      const { requestId } = q.ids
      const isTaken = await known(
        previews.change(
          row.number,
          { states: ['RELEASED'], after: now() },
          { state: 'TAKEN', taken_by: requestId },
        ),
      )
      if (!isTaken) throw nothing()
      return takenOf(row, requestId)
    },
  }

  /** Throws `preview_elsewhere`. */
  async function rowOf({ service }: PreviewQuestion, reference: string): Promise<PreviewRow | undefined> {
    const named = readPreviewReference(reference)
    if (named === undefined) return undefined
    const { secret, server } = named
    if (server === undefined || idText(server) === idText(rooms.server))
      return known(previews.byReference(hashOf(secret)))
    const isOfService = serversOf(subsystemIn(service), rooms).some((id) => idText(id) === idText(server))
    if (isOfService) throw elsewhere(server)
    return undefined
  }

  function takenOf(row: PreviewRow, requestId: string): TakenPreview {
    const { number, digest, decided_at: releasedAt } = row
    return {
      ...{ number, digest: digest ?? '', releasedAt: releasedAt ?? '' },
      isReleased: async (answer) => (await known(answerName(number, answer.digest, rooms))) === row.answer,
      async give() {
        const from = { states: ['TAKEN' as const], takenBy: requestId }
        if (await known(previews.change(number, from, { state: 'GIVEN', given_at: now() }))) return
        throw stopped((await known(previews.byNumber(number))) ?? row)
      },
      async giveBack() {
        const from = { states: ['TAKEN' as const, 'GIVEN' as const], takenBy: requestId }
        const to = { state: 'RELEASED' as const, taken_by: '', given_at: null }
        await previews.change(number, from, to).catch(() => undefined)
      },
    }
  }
}

type Names = Pick<PreviewRow, 'person' | 'call'>

/**
 * A call has the person's code in it, which a plain hash would let anybody guess who has a copy of the
 * database.
 */
async function namesOf({ person, call }: PreviewQuestion, { nameOf }: Pick<Rooms, 'nameOf'>): Promise<Names> {
  return {
    person: await nameOf(person),
    call: await nameOf({ type: 'a call that brings a preview', identifier: call }),
  }
}

/**
 * Hex. Few answers are possible to many questions: they could be guessed by a plain hash too, and by one that
 * is the same for two people.
 */
async function answerName(
  number: string,
  digest: string,
  { nameOf }: Pick<Rooms, 'nameOf'>,
): Promise<string> {
  const name = await nameOf({ type: 'an answer that is seen first', identifier: `${number} ${digest}` })
  return Buffer.from(name, 'base64url').toString('hex')
}

function isOfCall(row: PreviewRow, { client, service, terms }: PreviewQuestion, names: Names): boolean {
  return (
    row.person === names.person &&
    row.client === client &&
    row.service === service &&
    row.contract === terms.contract &&
    row.call === names.call
  )
}

/** As the contract has them now. Throws `preview_unknown` when it is not known. */
function wordsOf({ terms, contract, consent }: PreviewQuestion, rooms: Rooms): PreviewWords {
  const found = rooms.contracts().find(({ content }) => content.contract === terms.contract)
  if (found === undefined) throw new Fault('preview_unknown', { what: `${contract} is not at hand` })
  const { contract: id, version, title, purpose, legalBasis } = found.content
  return { contract: { id, version, title }, purpose, legalBasis, ...(consent !== undefined && { consent }) }
}

/** The provider's. */
function subsystemIn(service: string): string {
  return service.split('/').slice(0, 4).join('/')
}

export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

function waiting({ number, valid_until: until }: PreviewRow, { contract }: PreviewQuestion): PreviewFault {
  const facts = { what: `${contract}; until ${until}`, retryAfter: ASK_AGAIN_SECONDS }
  return new PreviewFault('preview_waiting', facts, { preview: number })
}

function stopped({ number, decided_at: at }: Pick<PreviewRow, 'number' | 'decided_at'>): PreviewFault {
  const record = { preview: number, ...(at !== null && { previewAt: at }) }
  return new PreviewFault('preview_stopped', { what: number }, record)
}

function elsewhere(server: ServerId): Fault {
  return new Fault('preview_elsewhere', { what: `name ${idText(server)} in X-Road-Security-Server` })
}

/** One for what is over, was used, is of another call, person or client, or never was. */
function nothing(): Fault {
  return new Fault('preview_void')
}

function full(): Fault {
  return new Fault('too_many_requests', {
    what: 'as many answers wait for people, or this person was asked as often in a day, as may be',
    retryAfter: 60,
  })
}

async function known<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked
  } catch (cause) {
    throw new Fault('preview_unknown', { cause, retryAfter: 1 })
  }
}
