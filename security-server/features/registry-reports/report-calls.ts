/**
 * Tells the registry how many exchanges there were on a day, with whom and with what end, signed by our owner's signing key: of
 * the running day now and then, of days that are over once, and again where the registry says that it has them not. What is under
 * secret contracts is counted and never named.
 */
import { randomUUID } from 'node:crypto'
import { isoTime, list, pattern, plainText, record } from '#core/contract/fields.ts'
import { uuid } from '#core/contract/read-content.ts'
import { serverId } from '#core/contract/verify-seal.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import {
  CALL_DAYS,
  type CallCounts,
  type CallCountsAnswer,
  FLEET_DOCUMENT,
  MOST_CALL_ID,
  MOST_CALLS,
  type ReportedCalls,
} from '#schemas/fleet.ts'
import { idText, memberOf, parseClientId, type ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { PostDocument } from '../../global-configuration/registration/client.ts'
import { takesDocuments, verifyAnswer } from '../../global-configuration/registration/verify-answer.ts'
import type { Keys } from '../../keys/keys.ts'
import type { CallsOfDay, CallsOfPair } from '../../reading/index/traffic-store.ts'

const PATH = '/registration/v1/call-counts'
const MAX_ANSWER_BYTES = 64 * 1024
const DAY_MS = 86_400_000
/** Of the running day; half of it more or less, so that servers that started together do not all tell together. */
const EVERY_MS = 15 * 60_000
/** After midnight exchanges of the day before may still end, and clocks differ. */
const SETTLES_MS = 10 * 60_000
/** Days that are told in one go. */
const AT_ONCE = 10

type CallReports = {
  /** The job's part: reports when it is time. */
  reportWhenDue(): Promise<void>
}

type Rooms = {
  server: ServerId
  clock: Clock
  /** From 0 to below 1. */
  random(): number
  keys: Pick<Keys, 'signJson'>
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  messageLog: { callsOf(q: { day: string; pairs: number }): Promise<CallsOfDay> }
  post: PostDocument
}

const readAnswer = record<CallCountsAnswer>({
  instance: plainText(255),
  server: serverId,
  answers: uuid,
  generatedAt: isoTime,
  missing: list(pattern(/^\d{4}-\d\d-\d\d$/, 'a day'), 0, CALL_DAYS),
})

export function createCallReports(rooms: Rooms): CallReports {
  const { clock, globalConfiguration, messageLog } = rooms
  const server = idText(rooms.server)
  const owner = memberOf(rooms.server)
  let toldAt = Number.NEGATIVE_INFINITY
  let restMs = 0

  /** Says which days the registry has not. */
  async function report(day: string): Promise<string[]> {
    const { index } = globalConfiguration.current()
    const now = clock()
    // One more for each pair whose two ends are both here.
    const counted = await messageLog.callsOf({ day, pairs: 2 * MOST_CALLS })
    const isOwn = (client: string): boolean => index.isClientOf(rooms.server, parseClientId(client))
    const document: CallCounts = {
      ...{ id: randomUUID(), createdAt: new Date(now).toISOString(), signer: idText(owner), server },
      ...{ day, settled: now >= Date.parse(day) + DAY_MS + SETTLES_MS },
      ...namedAndRest(counted, isOwn),
    }
    const signed = await rooms.keys.signJson({ document, type: FLEET_DOCUMENT.calls, member: owner })
    const bytes = await rooms.post(PATH, signed, MAX_ANSWER_BYTES)
    const form = {
      ...{ type: FLEET_DOCUMENT.callsAnswer, what: 'answer to counts of exchanges' },
      ...{ maxBytes: MAX_ANSWER_BYTES, read: readAnswer },
    }
    const question = { configuration: index, server, question: document.id, now: clock() }
    return verifyAnswer(bytes, form, question).missing
  }

  return {
    async reportWhenDue() {
      const now = clock()
      if (!hasPassed(now, toldAt, restMs) || !takesDocuments(globalConfiguration.current())) return
      const missing = await report(dayOf(now))
      // One that is not settled yet waits; one that no log of ours can know of is not told.
      const known = missing.filter(
        (day) => day >= dayOf(now - CALL_DAYS * DAY_MS) && day <= dayOf(now - DAY_MS - SETTLES_MS),
      )
      for (const day of known.slice(0, AT_ONCE)) await report(day)
      if (known.length > AT_ONCE) return
      toldAt = now
      restMs = EVERY_MS / 2 + Math.floor(rooms.random() * EVERY_MS)
    },
  }
}

/** Pairs with one end here, those with the most exchanges; all else is counted together. */
export function namedAndRest(
  { pairs, total }: CallsOfDay,
  isOwn: (client: string) => boolean,
): Pick<CallCounts, 'calls' | 'rest'> {
  const named = new Map<string, ReportedCalls>()
  for (const pair of pairs) {
    const { client: consumer, service, answered, failed, refused } = pair
    const side = sideOf(pair, isOwn)
    if (side === undefined || Math.max(consumer.length, service.length) > MOST_CALL_ID) continue
    const key = JSON.stringify([side, consumer, service])
    const known = named.get(key)
    if (known === undefined) {
      if (named.size < MOST_CALLS) named.set(key, { side, consumer, service, answered, failed, refused })
      continue
    }
    known.answered += answered
    known.failed += failed
    known.refused += refused
  }
  const calls = [...named.values()]
  const left = (outcome: 'answered' | 'failed' | 'refused'): number =>
    total[outcome] - calls.reduce((sum, one) => sum + one[outcome], 0)
  return { calls, rest: { answered: left('answered'), failed: left('failed'), refused: left('refused') } }
}

/** A refusal that came in was the peer's and one that left may be ours: where one end is here, that tells; where both are, the direction. */
function sideOf(
  { client, service, direction }: CallsOfPair,
  isOwn: (client: string) => boolean,
): ReportedCalls['side'] | undefined {
  const isConsumers = isOwn(client)
  const isProviders = isOwn(service.split('/').slice(0, 4).join('/'))
  if (isConsumers && isProviders) return direction === 'in' ? 'consumer' : 'provider'
  if (isConsumers) return 'consumer'
  return isProviders ? 'provider' : undefined
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
