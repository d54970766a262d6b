/**
 * Judges what an export proves about its range. Each leaf form must be at its index below the tree head, and
 * each row must agree with its form and match the filter. For a record that is not shown there are three
 * cases: it is proved not to match; it is in a stretch for which the log counted the matches beforehand; or
 * it is open.
 */
import { readForm } from '#core/evidence-bundle/read-form.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { say } from '#schemas/said.ts'
import { fits, mayFit } from './filter.ts'
import { readHiddenForm } from './hidden-form.ts'
import { type CountsVerdict, judgeCounts, shownBetween } from './judge-counts.ts'
import type { LogExport } from './read-export.ts'

export type RangeVerdict = {
  /** Contradictions with the tree head, with the filter or within the export; empty if there are none. */
  wrong: string[]
  /** Whether the leaf forms of the whole range lead to the tree head. */
  covered: boolean
  shown: number
  /**
   * The number of records of secret contracts: their leaves are in the tree, but nothing else is shown. They
   * are open.
   */
  hidden: number
  /** The number of records that are not shown and, by the public members of their forms, do not match. */
  ruledOut: number
  /** Stretches of indexes that are not shown and might match. */
  open: { first: number; last: number }[]
  openCount: number
  /**
   * The number of records that are not shown in stretches where nothing was left out, by the counts to which
   * the log committed the day after.
   */
  counted: number
  counts: CountsVerdict
  forms: (LeafFields | undefined)[]
}

/**
 * Throws `malformed_checkpoint`, `malformed_json` and similar faults for a form or tree head that cannot be
 * read.
 */
export function judgeRange(read: LogExport): RangeVerdict {
  const { head, rows, forms: texts } = read
  const wrong: string[] = []
  const { size, root, origin } = parseCheckpoint(head.treeHead)
  if (origin !== head.log)
    wrong.push(String(say`the signed state is that of ${origin}, and not of ${head.log}`))
  if (size !== head.range.last + 1) wrong.push(String(say`the range is not that of the signed state`))
  if (rows.length !== head.records)
    wrong.push(String(say`there are ${rows.length} rows, not ${head.records}`))
  const leaves = (texts ?? []).map(readHiddenForm)
  const forms = (texts ?? []).map((text, index) => (leaves[index] === undefined ? readForm(text) : undefined))
  const covered = texts !== undefined
  const hashes = (texts ?? []).map((text, index) => leaves[index] ?? leafHash(Buffer.from(text)))
  if (covered) {
    const range = createCompactRange()
    for (const hash of hashes) range.append(hash)
    if (texts.length !== size || !range.root().equals(root))
      wrong.push(String(say`the leaf forms are not those of the signed state of ${origin}`))
  }
  let before = -1
  for (const row of rows) {
    if (row.index <= before || row.index > head.range.last)
      wrong.push(String(say`row ${row.index} is out of order or range`))
    before = row.index
    if (!fits(head.filter, row)) wrong.push(String(say`row ${row.index} does not fit the filter`))
    const form = forms[row.index]
    if (leaves[row.index] !== undefined)
      wrong.push(String(say`row ${row.index} is shown, and its leaf form is hidden`))
    const names = ['time', 'kind', 'direction', 'outcome'] as const
    const isOther =
      names.some((name) => form?.[name] !== row[name]) ||
      (row.contract !== undefined && (row.contract ?? '') !== form?.contract)
    if (form !== undefined && isOther)
      wrong.push(String(say`row ${row.index} is not what the log committed to`))
  }
  const hidden = leaves.filter((leaf) => leaf !== undefined).length
  const counts = judgeCounts(read, covered ? { forms, erased: erasedIndexes(hashes, forms) } : undefined)
  wrong.push(...counts.wrong)
  const left = covered ? leftOut(head.filter, rows, forms, counts) : leftUnseen(rows, size, counts)
  return { wrong, covered, hidden, shown: rows.length, ...left, counts, forms }
}

type LeftOut = Pick<RangeVerdict, 'ruledOut' | 'open' | 'openCount' | 'counted'>

/** The indexes of records that erasures in the range name by their leaves, including hidden ones. */
function erasedIndexes(hashes: Buffer[], forms: (LeafFields | undefined)[]): Set<number> {
  const erased = new Set(forms.flatMap((form) => (form?.kind === 'erasure' ? [form.answers] : [])))
  if (erased.size === 0) return new Set()
  return new Set(hashes.flatMap((hash, index) => (erased.has(hash.toString('base64')) ? [index] : [])))
}

/**
 * For a range without forms: except in counted stretches, only the server's word says that nothing lies
 * between the rows.
 */
function leftUnseen(rows: LogExport['rows'], size: number, { settled }: CountsVerdict): LeftOut {
  const whole = settled.filter(({ hidden }) => !hidden)
  const counted = whole.reduce(
    (sum, { first, last }) => sum + last - first + 1 - shownBetween(rows, first, last),
    0,
  )
  return { ruledOut: 0, open: [], openCount: size - rows.length - counted, counted }
}

function leftOut(
  filter: LogExport['head']['filter'],
  rows: LogExport['rows'],
  forms: (LeafFields | undefined)[],
  { settled }: CountsVerdict,
): LeftOut {
  const shown = new Set(rows.map(({ index }) => index))
  const open: RangeVerdict['open'] = []
  let [ruledOut, openCount, counted] = [0, 0, 0]
  let at = 0
  for (const [index, form] of forms.entries()) {
    while (at < settled.length && settled[at]!.last < index) at++
    if (shown.has(index)) continue
    if (form !== undefined && !mayFit(filter, form)) {
      ruledOut += 1
      continue
    }
    // Rows of secret contracts are hidden, as are their forms; the counts say nothing about these records.
    if (form !== undefined && at < settled.length && settled[at]!.first <= index) {
      counted += 1
      continue
    }
    openCount += 1
    const last = open.at(-1)
    if (last?.last === index - 1) last.last = index
    else open.push({ first: index, last: index })
  }
  return { ruledOut, open, openCount, counted }
}
