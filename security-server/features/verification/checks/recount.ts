/**
 * Counts a range of records again and compares the result with the rows of its daily counts. This detects a
 * log that counted an exchange for another partner or for none.
 */
import { type CountRow, NOT_TOLD, readCountRow, readCountsDocument } from '#core/log-export/daily-counts.ts'
import { say } from '#schemas/said.ts'
import type { Metadata } from '../../../message-log/record-input.ts'
import { openRecord, openRemainder } from '../../../message-log/records/open-record.ts'
import type { StoredRecord } from '../../../message-log/records/store.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource } from './source.ts'

type Facts = { kind: string; direction: string; outcome: string }

/**
 * Throws `log_inconsistent` and names the first record that is in no row. The sums of the rows must have been
 * checked before.
 */
export async function recount(
  { document, rows }: { document: string; rows: string[] },
  source: Pick<LogSource, 'records' | 'remainder' | 'findKey'>,
): Promise<void> {
  const { first, last } = readCountsDocument(document)
  const left = createRows(rows.map(readCountRow))
  // Records whose parties cannot be read. Each may belong to any row that the other records leave.
  const unread: (Facts & { idx: number })[] = []
  for await (const record of source.records(first)) {
    const idx = Number(record.idx)
    if (idx > last) break
    const facts = JSON.parse(record.form) as Facts
    const metadata = facts.direction === '' ? undefined : await metadataOf(record, source)
    if (facts.direction !== '' && metadata === undefined) {
      const { kind, direction, outcome } = facts
      unread.push({ idx, kind, direction, outcome })
    } else if (!left.take(facts, metadata)) throw inUnknownRow(idx, facts)
  }
  for (const one of unread) if (!left.takeAny(one)) throw inUnknownRow(one.idx, one)
}

async function metadataOf(
  record: StoredRecord,
  { remainder, findKey }: Pick<LogSource, 'remainder' | 'findKey'>,
): Promise<Metadata | undefined> {
  const opened = openRecord(record, findKey)
  if (opened !== undefined || record.seed !== undefined) return opened?.metadata
  return openRemainder(await remainder(record.idx), findKey)?.metadata
}

function createRows(rows: CountRow[]) {
  const told = new Map<string, number>()
  const untold = new Map<string, number>()
  /** The names of all rows with parties, by the fields that a leaf form contains. */
  const byForm = new Map<string, string[]>()
  const formOf = ({ kind, direction, outcome }: Facts): string => JSON.stringify([kind, direction, outcome])
  for (const row of rows) {
    const form = formOf(row)
    if (row.client === NOT_TOLD) {
      untold.set(form, (untold.get(form) ?? 0) + row.records)
      continue
    }
    const name = nameOf(form, row)
    told.set(name, (told.get(name) ?? 0) + row.records)
    byForm.set(form, [...(byForm.get(form) ?? []), name])
  }
  const take = (from: Map<string, number>, name: string): boolean => {
    const count = from.get(name) ?? 0
    if (count === 0) return false
    from.set(name, count - 1)
    return true
  }
  const takeUntold = (facts: Facts): boolean =>
    take(untold, formOf(facts)) || take(untold, formOf({ ...facts, outcome: NOT_TOLD }))
  return {
    take: (facts: Facts, metadata: Partial<Metadata> = {}): boolean => {
      const { client = '', service = '', peer = '' } = metadata
      const name = nameOf(formOf(facts), { client, service, peer, secrecy: metadata.secrecy ?? 0 })
      return take(told, name) || takeUntold(facts)
    },
    takeAny: (facts: Facts): boolean => {
      const names = byForm.get(formOf(facts)) ?? []
      while (names.length > 0 && (told.get(names.at(-1)!) ?? 0) === 0) names.pop()
      return (names.length > 0 && take(told, names.at(-1)!)) || takeUntold(facts)
    },
  }
}

function nameOf(form: string, parties: Pick<CountRow, 'client' | 'service' | 'peer' | 'secrecy'>): string {
  const { client, service, peer, secrecy } = parties
  return `${form}${JSON.stringify([client, service, peer, Number(secrecy)])}`
}

function inUnknownRow(idx: number, { kind }: Facts): Error {
  return inconsistent(say`the daily counts leave out record ${idx} (${kind}) or count it as others'`)
}
