/**
 * getSecurityServerOperationalData: records of exchanges in a time, as a compressed attachment (pr-opmon).
 */

import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import { isOf } from './may-see.ts'
import type { OperationalQuestion } from './read-question.ts'
import { type Field, isField, type OperationalRecord, partsOf } from './record-fields.ts'
import type { OperationalStore, Written } from './store.ts'

export const ATTACHMENT = 'operational-monitoring-data.json.gz'

type Limits = {
  /** Of one answer, as X-Road's; the second in which it is reached is told whole. */
  records: number
  /** Looked at for one answer to somebody who sees only some of them. */
  looked: number
  /** Younger ones are not told yet: another node may still write records of the same second. */
  offsetSeconds: number
}

export const LIMITS: Limits = { records: 10_000, looked: 50_000, offsetSeconds: 60 }

/** Who asks, and whether it sees more than its own exchanges. */
type Asker = { client: ClientId; seesAll: boolean }

type Told = { records: number; attachment: Buffer; nextRecordsFrom: number | undefined }

const compress = promisify(gzip)

/** Throws `invalid_request`. */
export async function answerOperationalData(
  question: OperationalQuestion,
  asker: Asker,
  q: { store: Pick<OperationalStore, 'between'>; clock: Clock; limits: Limits },
): Promise<Told> {
  const before = Math.floor(q.clock() / 1000) - q.limits.offsetSeconds
  const fields = checkQuestion(question, before)
  const isCut = question.to >= before
  const to = isCut ? before - 1 : question.to
  const { lines, next } = await collect({ ...question, to, fields, asker }, q)
  return {
    records: lines.length,
    attachment: await compress(`{"records":[${lines.join(',')}]}`),
    nextRecordsFrom: next ?? (isCut ? before : undefined),
  }
}

function checkQuestion({ from, to, fields }: OperationalQuestion, before: number): ReadonlySet<Field> {
  if (from < 0) throw invalid('recordsFrom is a negative number')
  if (to < 0) throw invalid('recordsTo is a negative number')
  if (to < from) throw invalid('recordsTo is earlier than recordsFrom')
  if (from >= before) throw invalid(`records are not available from ${from} yet`)
  const unknown = fields.find((field) => !isField(field))
  if (unknown !== undefined) throw invalid(`there is no output field ${JSON.stringify(unknown.slice(0, 60))}`)
  return new Set(fields.filter(isField))
}

type Wanted = {
  from: number
  to: number
  provider: ClientId | undefined
  fields: ReadonlySet<Field>
  asker: Asker
}

/** The records as lines. `next` is where the others begin, when there are more than one answer tells. */
async function collect(
  wanted: Wanted,
  { store, limits }: { store: Pick<OperationalStore, 'between'>; limits: Limits },
): Promise<{ lines: string[]; next: number | undefined }> {
  const lines: string[] = []
  let looked = 0
  let last: number | undefined
  for await (const row of store.between(wanted.from, wanted.to)) {
    const isFull = lines.length >= limits.records || looked >= limits.looked
    if (isFull && last !== undefined && row.at !== last) return { lines, next: last + 1 }
    last = row.at
    looked += row.lines.length
    lines.push(...linesOf(row, wanted))
    // So that exchanges go on while a long answer is made.
    await setImmediate()
  }
  return { lines, next: undefined }
}

function linesOf({ at, secret, lines }: Written, { provider, fields, asker }: Wanted): string[] {
  const { client, seesAll } = asker
  // What is secret is told to its parties, whatever else they may see.
  const isOfAll = seesAll && !secret
  const isWhole = isOfAll && provider === undefined && fields.size === 0
  if (isWhole) return lines.map((line) => `{"monitoringDataTs":${at},${line.slice(1)}`)
  return lines.flatMap((line) => {
    const record: OperationalRecord = { monitoringDataTs: at, ...(JSON.parse(line) as OperationalRecord) }
    const isWanted =
      (isOfAll || isOf(client, record, ['client', 'service'])) &&
      (provider === undefined || isOf(provider, record, ['service']))
    return isWanted ? [JSON.stringify(partsOf(record, fields, seesAll))] : []
  })
}

function invalid(what: string): Fault {
  return new Fault('invalid_request', { what })
}
