/** What the log counted after each day, for who may see it: how many records of whom, between which indexes. */
import { type CountRow, readCountRow, readCountsDocument } from '#core/log-export/daily-counts.ts'
import type { StoredCounts } from '../message-log/daily-counts/store.ts'
import { colonForm } from './ids.ts'
import { recordLook } from './looks.ts'
import type { AdminRooms, Handlers } from './rooms.ts'

/** Pairs of parties that are named, those with the most records; an export holds all of them. */
const MOST_NAMED = 100
const FINE = ['', 'ok']

export function dailyCountHandlers({ audit, logFor }: AdminRooms): Handlers {
  return {
    async getDailyCounts(input) {
      const { limit, before } = input.query as { limit: number; before?: number }
      await recordLook(audit, 'getDailyCounts', 'daily counts', input)
      const size = before ?? Number.MAX_SAFE_INTEGER
      const found = await logFor(input.caller).dailyCounts({ after: -1, size, limit, newest: true })
      return found.map(countsView)
    },
  }
}

function countsView({ index, document, rows }: StoredCounts): object {
  const { first, last, from, to } = readCountsDocument(document)
  const shown = rows.filter((row) => row.startsWith('{')).map(readCountRow)
  // Records of the log about itself have no parties.
  const messages = shown.filter(({ direction }) => direction !== '')
  const pairs = pairsOf(messages)
  const sum = (some: { records: number }[]): number => some.reduce((all, { records }) => all + records, 0)
  return {
    index,
    first,
    last,
    from,
    to,
    messages: sum(messages),
    aboutLog: sum(shown) - sum(messages),
    /** Of contracts that the caller may not see. */
    hidden: last - first + 1 - sum(shown),
    pairs: pairs.slice(0, MOST_NAMED),
    others: sum(pairs.slice(MOST_NAMED)),
  }
}

type Pair = {
  clientId: string | null
  serviceId: string | null
  peer: string | null
  records: number
  failed: number
}

function pairsOf(rows: CountRow[]): Pair[] {
  const pairs = new Map<string, Pair>()
  for (const { client, service, peer, outcome, records } of rows) {
    const name = JSON.stringify([client, service, peer])
    const known = pairs.get(name) ?? {
      ...{ clientId: idOf(client), serviceId: idOf(service), peer: idOf(peer) },
      ...{ records: 0, failed: 0 },
    }
    known.records += records
    if (!FINE.includes(outcome)) known.failed += records
    pairs.set(name, known)
  }
  return [...pairs.values()].sort((a, b) => b.records - a.records)
}

/** Null where a record names none, or it is not told. */
function idOf(id: string): string | null {
  return id.includes('/') ? colonForm(id) : null
}
