/**
 * Makes uses of rows: an exchange has two sides, and each server's log has its own record of it. Guarantees
 * that a use says which of the two told it, and whether they tell the same. No proof is verified here: a
 * person has one use checked (proving/), or does that without the portal.
 */
import { subsystemOf } from '../asking/read-usages.ts'
import type { Row } from './row.ts'

/**
 * `both`: two systems say the same of it, each with a record that a proof can be held against. `one` also
 * where two rows lack what it takes to compare them.
 */
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

type Difference = 'time' | 'contract' | 'law' | 'outcome' | 'fields'

/** Two servers' clocks, and the time that a request waits in between. */
export const SAME_TIME_MS = 5 * 60_000
const MOST_LOOKED_AT = 20

/** All uses, newest first. */
export function joinRows(rows: readonly Row[]): Use[] {
  const byExchange = Map.groupBy(rows, exchangeOf)
  const uses = [...byExchange].flatMap(([key, told]) => (key === '' ? told.map(useOf) : usesOf(told)))
  return uses.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0))
}

/**
 * What the rows of both sides have in common; '' where a row names no exchange. Who asked whom belongs to it:
 * anybody can write the message id of others into a row, and must not make them differ by it.
 */
function exchangeOf({ messageId, client, service }: Row): string {
  return messageId === '' ? '' : JSON.stringify([messageId, client?.id, service?.id])
}

/** What rows of one exchange tell: a client chooses message ids, so two calls may have the same. */
function usesOf(rows: readonly Row[]): Use[] {
  const providers = new Set(rows.filter(({ role }) => role === 'provider'))
  const consumers = new Set(rows.filter(({ role }) => role === 'consumer'))
  const uses: Use[] = []
  const pairAll = (
    candidatesOf: (consumer: Row) => Iterable<Row>,
    fits: (provider: Row, consumer: Row) => boolean,
  ): void => {
    for (const consumer of consumers) {
      const provider = firstOf(candidatesOf(consumer), (one) => providers.has(one) && fits(one, consumer))
      if (provider === undefined) continue
      providers.delete(provider)
      consumers.delete(consumer)
      uses.push(pairOf(provider, consumer))
    }
  }
  const byRequest = Map.groupBy(providers, ({ requestId }) => requestId)
  const sameRequest = ({ requestId }: Row): Row[] =>
    requestId === '' ? [] : (byRequest.get(requestId) ?? [])
  const isSame = (provider: Row, consumer: Row): boolean => differencesOf(provider, consumer).length === 0
  pairAll(sameRequest, isSame)
  pairAll(sameRequest, () => true)
  // Two numbers of a request are two requests. Where a side gives none, both rows may tell of one.
  const unnumbered = ({ requestId }: Row): Iterable<Row> =>
    requestId === '' ? providers : (byRequest.get('') ?? [])
  pairAll(unnumbered, isSame)
  return [...uses, ...[...providers, ...consumers].map(useOf)]
}

/** Honest systems have few calls of one id, so only some are looked at. */
function firstOf(rows: Iterable<Row>, fits: (row: Row) => boolean): Row | undefined {
  let looked = 0
  for (const row of rows) {
    if (looked++ >= MOST_LOOKED_AT) return undefined
    if (fits(row)) return row
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
    proven: differing.length > 0 ? 'differing' : isTwofold(provider, consumer) ? 'both' : 'one',
  }
}

/**
 * Whether two rows without a difference are the words of two, of one request, each with a record in its log
 * and of one end.
 */
function isTwofold(provider: Row, consumer: Row): boolean {
  const isRequest = provider.requestId !== '' && provider.requestId === consumer.requestId
  const areProvable = [provider, consumer].every(
    ({ proof, leaf }) => proof !== undefined && leaf !== undefined,
  )
  return !isOneSystem(provider, consumer) && isRequest && areProvable && provider.outcome === consumer.outcome
}

/** A system that asked itself is no second side. */
export function isOneSystem(provider: Row, consumer: Row): boolean {
  return provider.told.id === consumer.told.id
}

function differencesOf(provider: Row, consumer: Row): Difference[] {
  const apart = Math.abs(Date.parse(provider.time) - Date.parse(consumer.time))
  const found: [Difference, boolean][] = [
    ['time', !(apart <= SAME_TIME_MS)],
    ['contract', contractOf(provider) !== contractOf(consumer)],
    ['law', provider.legalBasis !== consumer.legalBasis],
    // An answer that is still open may have got lost on its way.
    [
      'outcome',
      provider.outcome !== consumer.outcome && ![provider.outcome, consumer.outcome].includes('open'),
    ],
    ['fields', fieldsOf(provider) !== fieldsOf(consumer)],
  ]
  return found.flatMap(([difference, differs]) => (differs ? [difference] : []))
}

function contractOf({ contract }: Row): string {
  return contract === undefined ? '' : `${contract.version} ${contract.id}`
}

function fieldsOf({ fields }: Row): string {
  return JSON.stringify(fields.toSorted())
}

/** The row whose words are shown: the provider's, who gave the data, else the consumer's. */
export function shownRow(use: Use): Row {
  return (use.provider ?? use.consumer)!
}

/** The subsystem of the side of which there is no row; undefined where there are both, or nobody can tell. */
export function otherSide(use: Use): string | undefined {
  if (use.provider !== undefined && use.consumer !== undefined) return undefined
  const { role, client, service } = shownRow(use)
  return role === 'provider' ? client?.id : subsystemOf(service)
}
