/**
 * Exchanges, failures and times of answers by client and service, as an answer of the API and as a CSV file.
 */
import { Readable } from 'node:stream'
import { csvCell } from '#core/log-export/csv-cell.ts'
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import type { RecordQuestion } from '#schemas/found-record.ts'
import { say } from '#schemas/said.ts'
import { addCounts, LATENCY_ERROR, type LatencyCounts, percentilesOf } from '../../reading/index/latency.ts'
import { allLatencies, type Latencies } from '../../reading/index/latency-store.ts'
import { recordLook } from '../../reading/looks.ts'
import { isoTime, recordFilter } from '../../reading/record-filter.ts'
import { DAY_MS, hours, stepsOf } from './hours.ts'
import type { Needs } from './needs.ts'

const USUAL_DAYS = 7
/** Times of answers are kept a little longer. */
const MAX_DAYS = 31
const PAIRS = 100

type Pair = { client: string; service: string; direction: string }

export function byServiceHandlers({ audit, clock, logFor }: Needs): Handlers {
  const questionOf = (given: RecordQuestion) => {
    const { from, to, ...filter } = recordFilter(given)
    const end = to === undefined ? clock() : Date.parse(to)
    const start = from === undefined ? end - USUAL_DAYS * DAY_MS : Date.parse(from)
    if (!(start < end)) throw new Fault('invalid_input', { what: say`from does not lie before to` })
    if (end - start > MAX_DAYS * DAY_MS)
      throw new Fault('invalid_input', { what: say`at most ${MAX_DAYS} days are counted at once` })
    return { ...hours(start, end), filter }
  }

  return {
    async getServiceTraffic(input) {
      const question = questionOf(input.query as RecordQuestion)
      await recordLook(audit, 'getServiceTraffic', 'traffic', input)
      const log = logFor(input.caller)
      const counted = await log.trafficOfPairs({ ...question, pairs: PAIRS })
      const shownPairs = new Set(counted.pairs.map(nameOf))
      const [ofAll, ofHours, ofPairs] = await sumsBy(allLatencies(log, question), [
        () => '',
        ({ hour }) => hour,
        (row) => (shownPairs.has(nameOf(row)) ? nameOf(row) : undefined),
      ])
      const hoursThere = new Map(counted.hours.map(({ at, ...count }) => [at, count]))
      const shown = counted.pairs.reduce((sum, { exchanges }) => sum + exchanges, 0)
      return {
        from: isoTime(`${question.from}:00Z`),
        to: isoTime(`${question.to}:00Z`),
        latencyError: LATENCY_ERROR,
        total: { ...counted.total, ...timesOf(ofAll?.get('')) },
        // Hours without exchanges are included, with zero counts.
        hours: stepsOf(question, 'hour').map((at) => ({
          at: `${at}:00:00.000Z`,
          ...(hoursThere.get(at) ?? { exchanges: 0, failed: 0 }),
          ...timesOf(ofHours?.get(at)),
        })),
        pairs: counted.pairs.map((pair) => ({
          ...idsOf(pair),
          ...countsOf(pair),
          ...timesOf(ofPairs?.get(nameOf(pair))),
        })),
        notShown: counted.total.exchanges - shown,
        clients: counted.clients.map(colonForm),
        services: counted.services.map(colonForm),
      }
    },

    async exportServiceTraffic(input) {
      const question = questionOf(input.query as RecordQuestion)
      await recordLook(audit, 'exportServiceTraffic', 'traffic', input)
      const lines = csvLines(logFor(input.caller), question)
      return answer(Readable.from(lines), {
        headers: { 'content-disposition': 'attachment; filename="traffic-by-service.csv"' },
      })
    },
  }
}

type Log = ReturnType<Needs['logFor']>
type Question = Omit<Parameters<Log['hoursOfPairs']>[0], 'pairs'>
type HourOfPair = Awaited<ReturnType<Log['hoursOfPairs']>>[number]

/**
 * A row for each hour, client and service, newest hours first: an hour at a time, so that a file of any size
 * takes little memory.
 */
async function* csvLines(log: Log, { from, to, filter }: Question): AsyncGenerator<string> {
  yield 'hour,clientId,serviceId,direction,exchanges,failed,p50Ms,p95Ms,p99Ms\r\n'
  const starts = stepsOf({ from, to }, 'hour')
  for (const [at, start] of [...starts.entries()].reverse()) {
    const hour = { from: start, to: starts[at + 1] ?? to, filter }
    const rows = await log.hoursOfPairs({ ...hour, pairs: Number.MAX_SAFE_INTEGER })
    if (rows.length === 0) continue
    const [times] = await sumsBy(allLatencies(log, hour), [nameOf])
    yield rows.map((row) => csvLine(row, timesOf(times?.get(nameOf(row))))).join('')
  }
}

function csvLine(row: HourOfPair, { p50Ms, p95Ms, p99Ms }: ReturnType<typeof timesOf>): string {
  const { clientId, serviceId, direction } = idsOf(row)
  const ids = [`${row.at}:00:00Z`, clientId ?? '', serviceId ?? '', direction]
  const numbers = [row.exchanges, row.failed, p50Ms ?? '', p95Ms ?? '', p99Ms ?? '']
  return `${[...ids, ...numbers.map(String)].map(csvCell).join(',')}\r\n`
}

function nameOf({ client, service, direction }: Pair): string {
  return JSON.stringify([client, service, direction])
}

function idsOf({ client, service, direction }: Pair) {
  const id = (text: string): string | null => (text === '' ? null : colonForm(text))
  return { clientId: id(client), serviceId: id(service), direction }
}

function countsOf({ exchanges, failed }: { exchanges: number; failed: number }) {
  return { exchanges, failed }
}

/**
 * The sums of all rows, for each of these ways to name what a row counts to; undefined counts to nothing.
 * Only the sums are kept, which are as many as is shown.
 */
async function sumsBy(
  latencies: AsyncIterable<Latencies>,
  ways: ((row: Latencies[number]) => string | undefined)[],
): Promise<Map<string, LatencyCounts>[]> {
  const sums = ways.map(() => new Map<string, LatencyCounts>())
  for await (const rows of latencies)
    for (const row of rows)
      for (const [at, nameOf] of ways.entries()) {
        const name = nameOf(row)
        if (name === undefined) continue
        const sum = sums[at]!.get(name) ?? new Map<number, number>()
        sums[at]!.set(name, sum)
        addCounts(sum, row.counts)
      }
  return sums
}

function timesOf(counts: LatencyCounts | undefined): { p50Ms?: number; p95Ms?: number; p99Ms?: number } {
  const found = counts === undefined ? undefined : percentilesOf(counts)
  return found === undefined ? {} : { p50Ms: found.p50, p95Ms: found.p95, p99Ms: found.p99 }
}
