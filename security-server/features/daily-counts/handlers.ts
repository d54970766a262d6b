/**
 * The daily counts of the message log: how many records of which parties, and between which indexes. Readers
 * see what their clearance allows.
 */
import type { CountRow } from '#core/log-export/daily-counts.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { recordLook } from '../../reading/looks.ts'
import type { Needs } from './needs.ts'

/** The answer names so many pairs of parties, those with the most records. An export contains all pairs. */
const MOST_NAMED = 100
const FINE = ['', 'ok']

export function dailyCountHandlers({ audit, logFor }: Needs): Handlers {
  return {
    async getDailyCounts(input) {
      const { limit, before } = input.query as { limit: number; before?: number }
      await recordLook(audit, 'getDailyCounts', 'daily counts', input)
      const log = logFor(input.caller)
      const days = await log.countedDays({ before: before ?? Number.MAX_SAFE_INTEGER, limit })
      return days.map(({ figures, octets: _octets, ...day }) => {
        const messages = sumOf(figures.messages.slice(0, log.clearance + 1))
        /** Records under contracts that the caller may not see. */
        const hidden = sumOf(figures.messages) - messages
        return { ...day, messages, aboutLog: figures.aboutLog, hidden }
      })
    },

    async getDailyCount(input) {
      const index = Number(input.params['index'])
      await recordLook(audit, 'getDailyCount', `daily counts in record ${index}`, input)
      const counts = await logFor(input.caller).countsOf(index)
      if (counts === undefined) throw new Fault('not_found', { what: say`record ${index} counts nothing` })
      const shown = counts.rows.filter((row) => row.startsWith('{')).map((row) => JSON.parse(row) as CountRow)
      const pairs = pairsOf(shown.filter(({ direction }) => direction !== ''))
      return {
        index,
        pairs: pairs.slice(0, MOST_NAMED),
        others: sumOf(pairs.slice(MOST_NAMED).map(({ records }) => records)),
      }
    },
  }
}

function sumOf(numbers: number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0)
}

type Pair = {
  clientId: string | null
  serviceId: string | null
  peer: string | null
  records: Whole
  failed: Whole
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

/** Null when the record names no such party, or when the party is not shown. */
function idOf(id: string): string | null {
  return id.includes('/') ? colonForm(id) : null
}
