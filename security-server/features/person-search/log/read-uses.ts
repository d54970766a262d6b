/** Reads a page of the exchanges about a person, in the log's thread: what is withheld is left out before anything is counted. */
import type { SearchTerms, TermsStore } from '../../../reading/index/terms-store.ts'
import type { FoundUse, UsesQuestion, UsesStore } from './uses-store.ts'

export type UsesPageQuestion = Omit<UsesQuestion, 'most'> & {
  /** Query ids and contracts (without version) that are withheld. */
  withheld: { messages: string[]; contracts: string[] }
  /** Only requests that this server's systems were to answer and that were not refused. */
  givenOnly: boolean
  /** The service, in text form, that asks for the person; as a consumer each service with its code. */
  tracker: string
  offset: number
  /** The index of the last row of the page before. */
  before?: number | undefined
  limit: number
}

type PersonUse = FoundUse &
  SearchTerms & { leaf: Buffer | undefined; answer: { index: number; outcome: string } | undefined }

/** `first` and `last` are times. */
type FoundLook = { client: string; count: number; first: string; last: string }

export type UsesPage = {
  /** Of the period, on all pages. */
  total: number
  rows: PersonUse[]
  looks: FoundLook[]
  isMore: boolean
}

/** No person has more uses in a period; who has is told of the newest ones, and asks for an earlier period. */
const MOST_USES = 20_000
const MOST_LOOKS = 50

export async function readUses(
  { uses, terms }: { uses: UsesStore; terms: Pick<TermsStore, 'withTerms'> },
  q: UsesPageQuestion,
): Promise<UsesPage> {
  const found = await terms.withTerms(await uses.uses({ ...q, most: MOST_USES }))
  const shown = found.filter(isShownBy(q))
  const [looks, rest] = [shown.filter(isLookOf(q)), shown.filter((row) => !isLookOf(q)(row))]
  const of = q.givenOnly
    ? rest.filter(({ direction, outcome }) => direction === 'in' && outcome === '')
    : rest
  const left = of.filter(({ idx }) => q.before === undefined || idx < q.before)
  const rows = left.slice(q.offset, q.offset + q.limit)
  const indexes = rows.map(({ idx }) => idx)
  const [leaves, answers] = [await uses.leaves(indexes), await uses.answers(indexes)]
  return {
    total: of.length,
    rows: rows.map((row) => ({ ...row, leaf: leaves.get(row.idx), answer: answers.get(row.idx) })),
    looks: q.givenOnly ? [] : looksIn(looks),
    isMore: left.length > q.offset + rows.length,
  }
}

function isShownBy({ withheld }: UsesPageQuestion): (row: FoundUse & SearchTerms) => boolean {
  const messages = new Set(withheld.messages)
  const contracts = new Set(withheld.contracts)
  return ({ secrecy, query_id, contract }) =>
    secrecy === 0 && !messages.has(query_id) && !contracts.has(contract.split('/')[0]!)
}

function isLookOf({ tracker }: UsesPageQuestion): (row: FoundUse) => boolean {
  const code = `/${tracker.split('/').at(-1)}`
  return ({ direction, service }) =>
    service === tracker || service === `${tracker}/v1` || (direction === 'out' && service.endsWith(code))
}

function looksIn(rows: FoundUse[]): FoundLook[] {
  const looks = Map.groupBy(rows, ({ client }) => client)
  return [...looks].slice(0, MOST_LOOKS).map(([client, of]) => ({
    ...{ client, count: of.length, first: of.at(-1)!.time, last: of[0]!.time },
  }))
}
