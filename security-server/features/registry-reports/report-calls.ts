/**
 * Reports to the registry how many exchanges a day had, between whom and with which outcome, signed with the
 * owner's signing key. It reports the current day about every quarter of an hour, and a past day when the
 * registry says that it lacks the final counts. Exchanges under secret contracts are counted but not named.
 */
import { randomUUID } from 'node:crypto'
import { isoTime, list, pattern, plainText, record, serverId } from '#core/contract/fields.ts'
import { uuid } from '#core/contract/read-content.ts'
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
/**
 * The average time between reports of the current day. It varies by up to a half, so that servers that
 * started together do not all report at once.
 */
const EVERY_MS = 15 * 60_000
/**
 * The counts of a day are final this long after midnight: its last exchanges may still end, and clocks
 * differ.
 */
const SETTLES_MS = 10 * 60_000
/** The parts of the id of a service that no subsystem offers. */
const OF_MEMBER = 4
/** Past days that one run reports. */
const AT_ONCE = 10

type CallReports = {
  /** For the job: reports if a report is due. */
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

  /** Reports one day. Returns the days that the registry lacks. */
  async function report(day: string): Promise<string[]> {
    const { index } = globalConfiguration.current()
    const now = clock()
    // Twice as many, because a pair with both ends here has a row for each direction.
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
      // Days that are not final yet are reported later. Days before the reported period are not reported at
      // all.
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

/**
 * Names the pairs with one end here, those with the most exchanges first. All other exchanges are summed up
 * in `rest`.
 */
export function namedAndRest(
  { pairs, total }: CallsOfDay,
  isOwn: (client: string) => boolean,
): Pick<CallCounts, 'calls' | 'rest'> {
  const named = new Map<string, ReportedCalls>()
  for (const pair of pairs) {
    const { client: consumer, service, answered, failed, refused } = pair
    // What servers tell of themselves is a service of a member, and no exchange of agencies: it counts in the
    // sum.
    if (service.split('/').length <= OF_MEMBER) continue
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

/**
 * On which side the exchange counts. If only one end is here, that end decides. If both are, the direction of
 * the record that ended the exchange does: `in` counts for the consumer, `out` for the provider.
 */
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
