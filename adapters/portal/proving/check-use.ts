/**
 * Checks one use: asks both systems again what they tell of it, fetches the proof of each, and has them
 * judged by the configuration of the own security server. Nothing of an address is believed but which entry
 * is meant, and nothing is kept.
 */

import type { SaidUse } from '#core/evidence-bundle/judge-use.ts'
import type { SavedSide } from '#core/evidence-bundle/saved-use.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { askProof } from '../asking/ask-proof.ts'
import type { Systems } from '../asking/find-systems.ts'
import { gatherAll } from '../joining/gathered.ts'
import { shownRow, type Use } from '../joining/join.ts'
import type { Answered, Failed, Row } from '../joining/row.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import type { JudgedSides, Question } from './judge-worker.ts'

/** Which entry of the list is meant. */
type MeantUse = { at: number; sides: { system: string; record: number }[] }

export type CheckedUse = { use: Use; sides: SavedSide[]; judged: JudgedSides }

/** A whole configuration is read each time; a large country's takes some seconds. */
const LIMITS: ThreadLimits = { timeMs: 20_000, oldGenerationMb: 768 }
const RECORD = /^\d{1,15}$/

/** The query of an address that means this use; undefined where no side names a record. */
export function meaningUse({ provider, consumer, time }: Use): string | undefined {
  const query = new URLSearchParams({ at: time })
  for (const row of [provider, consumer])
    if (row?.proof !== undefined && row.leaf !== undefined) {
      query.append('system', row.told.id)
      query.append('record', String(row.proof))
    }
  return query.has('record') ? query.toString() : undefined
}

/** Undefined for an address that means none. */
export function meantUse(query: URLSearchParams): MeantUse | undefined {
  const at = Date.parse(query.get('at') ?? '')
  const [systems, records] = [query.getAll('system'), query.getAll('record')]
  const isMeant = !Number.isNaN(at) && systems.length === records.length && [1, 2].includes(systems.length)
  if (!isMeant || !records.every((one) => RECORD.test(one))) return undefined
  return { at, sides: systems.map((system, one) => ({ system, record: Number(records[one]) })) }
}

/** Undefined where the systems tell of no such use now. Throws `source_busy`. */
export async function checkUse(visit: Visit, rooms: Rooms, meant: MeantUse): Promise<CheckedUse | undefined> {
  const systems = await rooms.systems.offering(rooms.settings.asking.serviceCode)
  const asked = systems.asked.filter(({ id }) => meant.sides.some(({ system }) => system === id))
  const use = await findUse(visit, rooms, { ...systems, asked }, meant)
  if (use === undefined) return undefined
  const rows = [use.provider, use.consumer].filter(
    (row) => row?.proof !== undefined && row.leaf !== undefined,
  )
  const sides = await rooms.asking.inTurn(() =>
    Promise.all(rows.map((row) => withProof(row as Row, visit, rooms))),
  )
  return { use, sides, judged: await judge(sides, rooms) }
}

async function findUse(
  { reader, gone }: Visit,
  { asking, settings }: Rooms,
  systems: Systems,
  { at, sides }: MeantUse,
): Promise<Use | undefined> {
  // A time of a second has uses within it.
  const span = { from: at, until: at + 1_000 }
  const results: (Answered | Failed)[] = []
  for await (const one of asking.answersFor(reader.session, { systems, span, gone })) results.push(one)
  const { uses } = gatherAll(results, systems, { own: settings.securityServer.client, span })
  const isMeant = (row: Row | undefined): boolean =>
    row !== undefined && sides.some(({ system, record }) => system === row.told.id && record === row.proof)
  return uses.find(({ provider, consumer }) => isMeant(provider) || isMeant(consumer))
}

async function withProof(row: Row, { reader, gone }: Visit, rooms: Rooms): Promise<SavedSide> {
  const { asking, settings, server } = rooms
  const { session } = reader
  const proof = await askProof(server, {
    ...{ system: row.told, record: row.proof!, userCode: asking.userCode(session), ...settings.asking },
    asker: asking.askerOf(session),
    signal: AbortSignal.any([gone, session.ended]),
  })
  return { said: saidIn(row), more: moreIn(row), proof }
}

function saidIn({ role, told, proof, leaf, time, contract, outcome }: Row): SaidUse {
  const agreed = contract === undefined ? '' : `${contract.id}/${contract.version}`
  return {
    ...{ role, system: told.id, time, contract: agreed, outcome },
    record: { index: proof!, leaf: leaf! },
  }
}

function moreIn({ messageId, requestId, client, service }: Row): SavedSide['more'] {
  return { messageId, requestId, client: client?.id ?? '', service: service?.id ?? '' }
}

async function judge(
  sides: readonly SavedSide[],
  { server, clock }: Pick<Rooms, 'server' | 'clock'>,
): Promise<JudgedSides> {
  const none = { sides: sides.map(() => undefined), tie: undefined }
  if (sides.every(({ proof }) => proof === undefined)) return none
  const configuration = await server.verificationConfiguration().catch(() => undefined)
  const question: Question = { configuration, sides: [...sides], now: clock() }
  try {
    return (await askThread({
      ...{ script: new URL('./judge-worker.ts', import.meta.url), question, limits: LIMITS },
      refuse: (what, cause) => new Fault('service_unavailable', { what, cause }),
    })) as JudgedSides
  } catch (thrown) {
    // Whoever sends what cannot be judged within the bounds proves nothing.
    if (asFault(thrown).code === 'internal_error') throw thrown
    const unreadable = { doubt: 'unreadable', log: '', signatures: { request: '', answer: '' } } as const
    return { sides: sides.map(({ proof }) => proof && unreadable), tie: undefined }
  }
}

/** For the name of a file. */
export function nameOf({ use }: CheckedUse): string {
  return shownRow(use).proof === undefined ? 'use' : `use-${shownRow(use).proof}`
}
