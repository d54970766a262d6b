/**
 * The log in numbers: its state, its tree heads, and how many exchanges there were, with whom and with which
 * outcome.
 */

import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault, textOfOutcome } from '#schemas/fault.ts'
import type { RecordQuestion } from '#schemas/found-record.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { addCounts, type LatencyCounts, percentilesOf } from '../../reading/index/latency.ts'
import { allLatencies } from '../../reading/index/latency-store.ts'
import type { TrafficQuestion } from '../../reading/index/traffic-store.ts'
import { recordLook } from '../../reading/looks.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import { isoTime, recordFilter } from '../../reading/record-filter.ts'
import { DAY_MS, days, hours, stepsOf } from './hours.ts'
import type { Needs } from './needs.ts'

const MAX_DAYS = 400
/** A period up to this length is shown by hour, a longer one by day. */
const BY_HOUR_MS = 3 * DAY_MS
const GROUPS = 20
const MOST_ASKED = 100
const ARE_IDS: ReadonlySet<string> = new Set(['peer', 'client', 'service'])

type Query = RecordQuestion & { by: TrafficQuestion['by'] }

export function trafficHandlers(rooms: Needs): Handlers {
  const { messageLog, audit, clock, server, logFor } = rooms
  return {
    async getMessageLogState({ caller }) {
      const treeHead = messageLog.treeHead()
      const now = clock()
      return {
        server: colonForm(idText(server)),
        now: new Date(now).toISOString(),
        records: messageLog.size(),
        oldestUnstamped: messageLog.oldestUnstamped() ?? null,
        treeHead: treeHead ?? null,
        ...(await counted(messageLog, logFor(caller), now)),
        ...(await waiting(rooms, caller)),
      }
    },

    async getTraffic(input) {
      const { by, ...given } = input.query as Query
      const { from, to, ...filter } = recordFilter(given)
      const end = to === undefined ? clock() : Date.parse(to)
      const start = from === undefined ? end - DAY_MS : Date.parse(from)
      if (!(start < end)) throw new Fault('invalid_input', { what: say`from does not lie before to` })
      if (end - start > MAX_DAYS * DAY_MS) {
        throw new Fault('invalid_input', { what: say`at most ${MAX_DAYS} days are counted at once` })
      }
      await recordLook(audit, 'getTraffic', 'traffic', input)
      const step = end - start <= BY_HOUR_MS ? 'hour' : 'day'
      const bounds = step === 'hour' ? hours(start, end) : days(start, end)
      const { total, steps, groups, others } = await logFor(input.caller).traffic({
        ...bounds,
        filter,
        step,
        by,
        groups: GROUPS,
      })
      const counted = new Map(steps.map(({ at, ...count }) => [at, count]))
      return {
        from: isoTime(`${bounds.from}:00Z`),
        to: isoTime(`${bounds.to}:00Z`),
        step,
        by,
        total,
        // Hours and days without exchanges are included, with zero counts.
        steps: stepsOf(bounds, step).map((at) => ({
          at: step === 'hour' ? `${at}:00:00.000Z` : `${at}T00:00:00.000Z`,
          ...(counted.get(at) ?? { exchanges: 0, failed: 0 }),
        })),
        groups: groups.map(({ value, ...count }) => ({
          value: ARE_IDS.has(by) && value !== '' ? colonForm(value) : value,
          ...(by === 'outcome' && { explanation: textOfOutcome(value) }),
          ...count,
        })),
        others,
      }
    },

    async getLastDay({ caller }) {
      const now = clock()
      const bounds = hours(now - DAY_MS, now + 1)
      const log = logFor(caller)
      const question = { ...bounds, filter: {}, step: 'hour', by: 'outcome', groups: GROUPS } as const
      const { total, steps, groups } = await log.traffic(question)
      const counts: LatencyCounts = new Map()
      for await (const rows of allLatencies(log, question))
        for (const row of rows) addCounts(counts, row.counts)
      const times = percentilesOf(counts)
      const counted = new Map(steps.map(({ at, ...count }) => [at, count]))
      return {
        now: new Date(now).toISOString(),
        total,
        hours: stepsOf(bounds, 'hour').map((at) => ({
          at: `${at}:00:00.000Z`,
          ...(counted.get(at) ?? { exchanges: 0, failed: 0 }),
        })),
        failures: groups
          .filter(({ failed }) => failed > 0)
          .map(({ value, failed }) => ({
            outcome: value,
            explanation: textOfOutcome(value),
            exchanges: failed,
          })),
        ...(times !== undefined && { p50Ms: times.p50, p95Ms: times.p95 }),
      }
    },

    async getTreeHeads({ query }) {
      const found = await messageLog.checkpoints(query['limit'] as number)
      return found.map(({ size, time, note }) => ({
        size: Number(size),
        time,
        root: parseCheckpoint(note).root.toString('base64'),
        note,
      }))
    },
  }
}

/**
 * Tasks that wait for people who look after the log. Content requests count only if somebody other than the
 * caller asked. What waits is no look at the log, unlike the lists of it.
 */
async function waiting(
  { verifications, reconciliation, auditOrders, contentRequests }: Needs,
  caller: Caller,
) {
  const orders = await auditOrders.waitingFor(caller)
  const asked = await contentRequests.store.list({ state: 'waiting', offset: 0, limit: MOST_ASKED })
  return {
    openCases: (await reconciliation.cases.open()).cases,
    ownContentRequests: asked.filter((one) => one.asked_by === caller.id && !contentRequests.isVoid(one))
      .length,
    contentRequests: asked.filter((one) => one.asked_by !== caller.id && !contentRequests.isVoid(one)).length,
    auditOrders: orders.waiting,
    overdueAuditOrders: orders.overdue,
    broken: (await verifications.health()).reason !== undefined,
  }
}

/**
 * Numbers from the log's database. If it cannot be read just now, they are null and the other numbers are
 * still returned.
 */
async function counted(messageLog: Needs['messageLog'], log: ReadableLog, now: number) {
  try {
    const [newest] = await messageLog.checkpoints(1)
    const { total } = await log.traffic({
      ...hours(now - (now % DAY_MS), now + 1),
      filter: {},
      step: 'day',
      by: 'outcome',
      groups: 0,
    })
    const checkpoint = newest === undefined ? null : { size: Number(newest.size), time: newest.time }
    const { length: contradictions } = await messageLog.witnesses.contradictions()
    return { checkpoint, today: total, contradictions }
  } catch (thrown) {
    if (thrown instanceof Fault) return { checkpoint: null, today: null, contradictions: null }
    throw thrown
  }
}
