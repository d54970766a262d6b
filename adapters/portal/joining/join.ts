/**
 * Makes uses of rows: an exchange has two sides, and each server's log has its own record of it. Guarantees that a use says which of the
 * two told it, and whether they tell the same.
 */
import { subsystemOf } from '../asking/read-usages.ts'
import type { Row } from './row.ts'

/** `both`: the logs of both sides hold it, and say the same of it. */
type Proven = 'both' | 'one' | 'differing'

export type Use = {
  /** ISO 8601; of a use that is told in general terms the month. */
  time: string
  provider?: Row
  consumer?: Row
  proven: Proven
  /** In what the two sides differ. */
  differing: Difference[]
}

type Difference = 'client' | 'service' | 'time' | 'contract' | 'request'

/** Two servers' clocks, and the time that a request waits in between. */
const SAME_TIME_MS = 5 * 60_000
const MOST_LOOKED_AT = 20

/** All uses, newest first. */
export function joinRows(rows: readonly Row[]): Use[] {
  const byMessage = Map.groupBy(rows, (row) => row.messageId)
  const uses = [...byMessage].flatMap(([id, told]) => (id === '' ? told.map(useOf) : usesOf(told)))
  return uses.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0))
}

/** What rows of one message id tell: a client chooses these ids, so two calls may have the same. */
function usesOf(rows: readonly Row[]): Use[] {
  const left = new Set(rows.filter(({ role }) => role === 'provider'))
  const byRequest = new Map([...left].map((row) => [row.requestId, row]))
  const uses: Use[] = []
  for (const consumer of rows.filter(({ role }) => role === 'consumer')) {
    const provider = partnerOf(consumer, byRequest.get(consumer.requestId), left)
    if (provider !== undefined) left.delete(provider)
    uses.push(provider === undefined ? useOf(consumer) : pairOf(provider, consumer))
  }
  return [...uses, ...[...left].map(useOf)]
}

/**
 * The best partner of those that are left: `same`, of the same request, else one that tells the same, else the only one. Honest systems
 * have few calls of one id, so only some are looked at.
 */
function partnerOf(consumer: Row, same: Row | undefined, left: ReadonlySet<Row>): Row | undefined {
  if (same !== undefined && same.requestId !== '' && left.has(same)) return same
  let looked = 0
  for (const provider of left) {
    if (looked++ >= MOST_LOOKED_AT) return undefined
    if (left.size === 1 || differencesOf(provider, consumer).length === 0) return provider
  }
  return undefined
}

function useOf(row: Row): Use {
  return { time: row.time, [row.role]: row, proven: 'one', differing: [] }
}

function pairOf(provider: Row, consumer: Row): Use {
  const differing = differencesOf(provider, consumer)
  return {
    // When it was given, which is what matters to the person.
    ...{ time: provider.time, provider, consumer, differing },
    proven: differing.length === 0 ? 'both' : 'differing',
  }
}

function differencesOf(provider: Row, consumer: Row): Difference[] {
  const apart = Math.abs(Date.parse(provider.time) - Date.parse(consumer.time))
  const found: [Difference, boolean][] = [
    ['client', provider.client?.id !== consumer.client?.id],
    ['service', provider.service?.id !== consumer.service?.id],
    ['time', !(apart <= SAME_TIME_MS)],
    ['contract', isOther(provider.contract?.id, consumer.contract?.id)],
    ['request', isOther(provider.requestId, consumer.requestId)],
  ]
  return found.flatMap(([difference, differs]) => (differs ? [difference] : []))
}

/** What one side does not say is no difference. */
function isOther(one: string | undefined = '', other: string | undefined = ''): boolean {
  return one !== '' && other !== '' && one !== other
}

/** The row whose words are shown: the provider's, who gave the data, else the consumer's. */
export function shownRow(use: Use): Row {
  return (use.provider ?? use.consumer)!
}

/** The subsystem of the side of which there is no row; undefined where there are both, or nobody can tell. */
export function otherSide(use: Use): string | undefined {
  if (use.proven !== 'one') return undefined
  const { role, client, service } = shownRow(use)
  return role === 'provider' ? client?.id : subsystemOf(service)
}
