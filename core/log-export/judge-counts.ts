/**
 * Judges the daily counts in an export. Before anybody asked, the log committed to how many records of a
 * stretch of indexes match. If the export shows that many, nothing was left out.
 */
import { hash } from 'node:crypto'
import { checkOpening, readForm } from '#core/evidence-bundle/read-form.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { leafHash } from '#core/merkle/hash.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import type { FoundRecord } from '#schemas/found-record.ts'
import { say } from '#schemas/said.ts'
import {
  type CountRow,
  type CountsDocument,
  countRowDigest,
  type DailyCounts,
  NOT_TOLD,
  readCountRow,
  readCountsDocument,
} from './daily-counts.ts'
import { type ExportFilter, fits } from './filter.ts'
import { colons } from './is-row-of.ts'
import type { LogExport } from './read-export.ts'

export type CountsVerdict = {
  wrong: string[]
  /** How many stretches of indexes are counted, one after the other. */
  stretches: number
  /**
   * Stretches of which every matching record is shown. `hidden`: rows of secret contracts in them are not
   * shown.
   */
  settled: { first: number; last: number; hidden: boolean }[]
  /** The number of records that were counted as matching and are not shown: erased since, or left out. */
  missing: number
}

type Counted = { document: CountsDocument; rows: CountRow[]; hidden: boolean }

/** The leaf forms of a whole range; undefined for a hidden form. */
type SeenForms = {
  forms: (LeafFields | undefined)[]
  /** The indexes of the records that erasures in the range name. */
  erased: ReadonlySet<number>
}

/** Never throws: contradictions are listed in `wrong`. */
export function judgeCounts(
  { head, rows, counts }: Pick<LogExport, 'head' | 'rows' | 'counts'>,
  seen: SeenForms | undefined,
): CountsVerdict {
  const verdict: CountsVerdict = { wrong: [], stretches: counts.length, settled: [], missing: 0 }
  let next = 0
  for (const one of counts) {
    try {
      const counted = openCounts(one, head.treeHead)
      const { first, last } = counted.document
      // Nobody counted the records between two stretches, so they stay open.
      if (last >= one.index || first < next)
        throw new Error('they count what others count too, or themselves')
      next = last + 1
      if (seen !== undefined) compareForms(counted, seen.forms)
      settle(counted, { filter: head.filter, rows, erased: seen?.erased, verdict })
    } catch (thrown) {
      verdict.wrong.push(String(say`the daily counts in record ${one.index}: ${(thrown as Error).message}`))
    }
  }
  if (seen === undefined && verdict.missing > head.erasedInRange)
    verdict.wrong.push(
      String(say`the log counted ${verdict.missing} more that fit, and names no erasure of them`),
    )
  return verdict
}

/** Throws unless the log committed to these counts under this tree head. */
function openCounts({ index, form, path, opening, document, rows }: DailyCounts, treeHead: string): Counted {
  const { size, root } = parseCheckpoint(treeHead)
  const proof = path.map((node) => Buffer.from(node, 'base64'))
  verifyInclusion({ size, index, leaf: leafHash(Buffer.from(form)), proof, root })
  const fields = readForm(form)
  checkOpening(fields, 'message', opening)
  if (fields.kind !== 'daily-counts' || hash('sha512', document, 'base64') !== opening.digest)
    throw new Error('they are not what the log committed to')
  const counted = readCountsDocument(document)
  const texts = rows.filter((row) => row.startsWith('{'))
  const digests = rows.map((row) => (row.startsWith('{') ? countRowDigest(row) : row)).sort()
  if (digests.length !== counted.rows.length || digests.some((one, at) => one !== counted.rows[at]))
    throw new Error('their rows are not those that the log committed to')
  const shown = texts.map(readCountRow)
  const hidden = shown.length < rows.length
  const sum = sumOf(shown)
  const all = counted.last - counted.first + 1
  if (sum > all || (!hidden && sum !== all)) throw new Error('their rows do not add up')
  return { document: counted, rows: shown, hidden }
}

/**
 * Throws unless the shown rows count every record whose leaf form is shown. So a row that is hidden, or
 * counts messages as another kind, cannot hide records whose forms are there.
 */
function compareForms({ document, rows }: Counted, forms: (LeafFields | undefined)[]): void {
  const [from, to] = [Date.parse(document.from), Date.parse(document.to)]
  const left = new Map<string, number>()
  const nameOf = (one: { kind: string; direction: string }, outcome: string): string =>
    JSON.stringify([one.kind, one.direction, outcome])
  for (const row of rows) {
    const name = nameOf(row, row.outcome)
    left.set(name, (left.get(name) ?? 0) + row.records)
  }
  for (const form of forms.slice(document.first, document.last + 1)) {
    if (form === undefined) continue
    const time = Date.parse(form.time)
    if (!(time >= from && time < to)) throw new Error('they name days in which not all of their records are')
    const name = [form.outcome, NOT_TOLD]
      .map((outcome) => nameOf(form, outcome))
      .find((one) => (left.get(one) ?? 0) > 0)
    if (name === undefined)
      throw new Error(`they leave out a record of kind ${form.kind} whose form is shown`)
    left.set(name, left.get(name)! - 1)
  }
}

function settle(
  { document, rows: counted, hidden }: Counted,
  q: {
    filter: ExportFilter
    rows: FoundRecord[]
    erased: ReadonlySet<number> | undefined
    verdict: CountsVerdict
  },
): void {
  const { first, last } = document
  const {
    from,
    to,
    queryId,
    requestId,
    subjectSearch,
    contract,
    purpose,
    endpoint,
    userId,
    representedParty,
    ...filter
  } = q.filter
  // Counts do not distinguish records by any of these.
  const untold = [queryId, requestId, subjectSearch, contract, purpose, endpoint, userId, representedParty]
  const ids = untold.some((one) => one !== undefined)
  const [begin, end] = [Date.parse(document.from), Date.parse(document.to)]
  const isOutside =
    (to !== undefined && begin >= Date.parse(to)) || (from !== undefined && end <= Date.parse(from))
  const isInside =
    (from === undefined || begin >= Date.parse(from)) && (to === undefined || end <= Date.parse(to))
  if (ids || !(isOutside || isInside)) return
  const shown = shownBetween(q.rows, first, last)
  const fitting = isOutside ? 0 : sumOf(counted.filter((row) => fits(filter, asFound(row, document))))
  const unknown = isOutside ? 0 : sumOf(counted.filter((row) => mayBe(filter, row, document)))
  if (shown > fitting + unknown)
    throw new Error(`they count ${fitting + unknown} records that may fit, and ${shown} are shown`)
  const missing = Math.max(0, fitting - shown)
  q.verdict.missing += missing
  const isIn = (index: number): boolean => index >= first && index <= last
  const gone = q.erased === undefined ? missing : [...q.erased].filter(isIn).length
  if (missing > gone)
    throw new Error(`they count ${fitting} records that fit: ${shown} are shown, ${gone} were erased`)
  if (missing === 0 && unknown === 0) q.verdict.settled.push({ first, last, hidden })
}

/** Whether it is unknown if records of this row match. */
function mayBe(filter: ExportFilter, row: CountRow, document: CountsDocument): boolean {
  const { partyId, clientId, serviceId, peerId, upkeep, outcome, ...others } = filter
  const asked = { partyId, clientId, serviceId, peerId, upkeep }
  const parties = Object.values(asked).some((one) => one !== undefined)
  const isUnknown =
    (parties && row.client === NOT_TOLD) || (outcome !== undefined && row.outcome === NOT_TOLD)
  if (!isUnknown) return false
  const rest = row.outcome === NOT_TOLD || outcome === undefined ? others : { ...others, outcome }
  const told = row.client === NOT_TOLD ? rest : { ...rest, ...only(asked) }
  return fits(told, asFound(row, document))
}

function only(parties: Record<string, string | boolean | undefined>): ExportFilter {
  return Object.fromEntries(Object.entries(parties).filter(([, id]) => id !== undefined)) as ExportFilter
}

function sumOf(rows: CountRow[]): number {
  return rows.reduce((sum, { records }) => sum + records, 0)
}

function asFound(
  { client, service, peer, kind, direction, outcome }: CountRow,
  { from }: CountsDocument,
): FoundRecord {
  const parties = { clientId: colons(client), serviceId: colons(service), peer: colons(peer) }
  const ids = { index: 0, queryId: '', requestId: '', answers: null }
  return { ...ids, ...parties, kind, direction, outcome, time: from }
}

/** How many of the rows, which are in log order, have an index from `first` to `last`. */
export function shownBetween(rows: FoundRecord[], first: number, last: number): number {
  return placeOf(rows, last + 1) - placeOf(rows, first)
}

/** How many rows come before this index. */
function placeOf(rows: FoundRecord[], index: number): number {
  let [low, high] = [0, rows.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle]!.index < index) low = middle + 1
    else high = middle
  }
  return low
}
