/**
 * Reads a page of the exchanges about a person, in the log's thread: what is withheld is left out before
 * anything is counted.
 */
import type { SearchTerms, TermsStore } from '../../../reading/index/terms-store.ts'
import type { FoundUse, UsesQuestion, UsesStore } from './uses-store.ts'

export type UsesPageQuestion = UsesQuestion & {
  /**
   * Indexes of requests and contracts (without version) that are withheld; `agreed`: versions of these whose
   * uses people agreed to, `<id>/<version> <service>`, which are not.
   */
  withheld: { records: number[]; contracts: string[]; agreed: string[] }
  /** Services, in text form, whose uses have the first moment of the month as their time. */
  general: string[]
  /** This request alone, if it is among the uses. */
  only?: { record: number } | { messageId: string; requestId: string } | undefined
  offset: number
  /** Where the page before ended. */
  after?: UsesPosition | undefined
  limit: number
}

/**
 * The last row that has its own time, if there was one, and how many in general terms came after it. Both
 * were told already.
 */
type UsesPosition = { row: { time: string; idx: number } | undefined; general: number }

/** `told`: the time that is told, by which rows are ordered and a period chooses. */
type Shown = FoundUse & SearchTerms & { told: string; isGeneral: boolean }

type PersonUse = Shown & { leaf: Buffer | undefined; answer: { index: number; outcome: string } | undefined }

/** `first` and `last` are times. */
type FoundLook = { client: string; count: number; first: string; last: string }

export type UsesPage = {
  /** Of the period, on all pages. */
  total: number
  /** Whether there are older uses that are not told: ask for an earlier period. */
  isCut: boolean
  rows: PersonUse[]
  looks: FoundLook[]
  /** Where the next page begins; undefined on the last one. */
  next: UsesPosition | undefined
}

/**
 * No person has more uses in a period; who has is told of the newest ones, and asks for an earlier period.
 */
const MOST_USES = 20_000
const MOST_LOOKS = 50

export async function readUses(
  { uses, terms }: { uses: UsesStore; terms: Pick<TermsStore, 'withTerms'> },
  q: UsesPageQuestion,
  most = MOST_USES,
): Promise<UsesPage> {
  const [found, looks]: [Shown[], Shown[]] = [[], []]
  let isCut = false
  for await (const some of uses.about(q)) {
    isCut = some.isCut
    const rows = (await terms.withTerms(some.rows)).filter(isShownBy(q)).map(toldBy(q)).filter(isWithin(q))
    for (const row of rows) (row.isLook ? looks : found).push(row)
    if (found.length > most) break
  }
  const all = found.sort(newestFirst).slice(0, most)
  const of = q.only === undefined ? all : all.filter(isMeantBy(q.only))
  const start = startOf(of, q.after) + q.offset
  const rows = of.slice(start, start + q.limit)
  // Who wants what was given alone is told nothing else of it.
  const indexes = q.givenOnly ? [] : rows.map(({ idx }) => idx)
  const [leaves, answers] = [await uses.leaves(indexes), await uses.answers(indexes)]
  return {
    total: of.length,
    isCut: isCut || found.length > most,
    rows: rows.map((row) => ({ ...row, leaf: leaves.get(row.idx), answer: answers.get(row.idx) })),
    looks: q.givenOnly ? [] : looksIn(looks),
    next: of.length > start + rows.length ? endOf(of.slice(0, start + rows.length)) : undefined,
  }
}

/** Whether nothing forbids to tell it now. */
export function isShownBy({
  withheld,
}: Pick<UsesPageQuestion, 'withheld'>): (row: FoundUse & SearchTerms) => boolean {
  const records = new Set(withheld.records)
  const contracts = new Set(withheld.contracts)
  const agreed = new Set(withheld.agreed)
  return ({ secrecy, idx, contract, service }) => {
    if (secrecy !== 0 || records.has(idx)) return false
    if (!contracts.has(contract.split('/')[0]!)) return true
    return agreed.has(`${contract} ${service.split('/').slice(0, 5).join('/')}`)
  }
}

function isMeantBy(only: NonNullable<UsesPageQuestion['only']>): (row: Shown) => boolean {
  if ('record' in only) return ({ idx }) => idx === only.record
  return (row) => row.query_id === only.messageId && row.request_id === only.requestId
}

/** With the time that is told. */
export function toldBy(q: Pick<UsesPageQuestion, 'general'>): (row: FoundUse & SearchTerms) => Shown {
  const services = new Set(q.general)
  return (row) => {
    const isGeneral = services.has(row.service)
    return { ...row, isGeneral, told: isGeneral ? `${row.time.slice(0, 7)}-01T00:00:00.000Z` : row.time }
  }
}

/** A period chooses by what is told: a narrow one would say the time of a row that has its month alone. */
function isWithin({ from, to }: UsesPageQuestion): (row: Shown) => boolean {
  return ({ told }) => (from === undefined || told >= from) && (to === undefined || told < to)
}

/** Rows in general terms stand at the end of their month, in an order that says nothing of their time. */
function newestFirst(a: Shown, b: Shown): number {
  if (a.told !== b.told) return a.told < b.told ? 1 : -1
  if (a.isGeneral !== b.isGeneral) return a.isGeneral ? 1 : -1
  if (!a.isGeneral || a.request_id === b.request_id) return b.idx - a.idx
  return a.request_id < b.request_id ? -1 : 1
}

function startOf(rows: Shown[], after: UsesPosition | undefined): number {
  if (after === undefined) return 0
  const { row, general } = after
  const isBehind = ({ told, idx, isGeneral }: Shown): boolean =>
    row === undefined || told < row.time || (told === row.time && (isGeneral || idx < row.idx))
  const at = rows.findIndex(isBehind)
  return (at < 0 ? rows.length : at) + general
}

function endOf(rows: Shown[]): UsesPosition {
  const last = rows.findLastIndex(({ isGeneral }) => !isGeneral)
  const row = rows[last]
  return { row: row && { time: row.time, idx: row.idx }, general: rows.length - 1 - last }
}

function looksIn(rows: Shown[]): FoundLook[] {
  const looks = Map.groupBy(rows.sort(newestFirst), ({ client }) => client)
  return [...looks].slice(0, MOST_LOOKS).map(([client, of]) => ({
    ...{ client, count: of.length, first: of.at(-1)!.time, last: of[0]!.time },
  }))
}
