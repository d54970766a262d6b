/**
 * What an export proves about its range: each leaf form stands at its index below the tree head, each row says what its form
 * says and fits the filter, and a record that is not shown is proved not to fit, or stands in a stretch of which the log counted before
 * how many fit, or is open.
 */
import { readForm } from '#core/evidence-bundle/read-form.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import type { LeafFields } from '#core/merkle/leaf-form.ts'
import { fits, mayFit } from './filter.ts'
import { readHiddenForm } from './hidden-form.ts'
import { type CountsVerdict, judgeCounts, shownBetween } from './judge-counts.ts'
import type { LogExport } from './read-export.ts'

export type RangeVerdict = {
  /** What contradicts the tree head, the filter or itself; empty when nothing does. */
  wrong: string[]
  /** Whether the leaf forms of the whole range lead to the tree head. */
  covered: boolean
  shown: number
  /** Of secret contracts: their leaves stand in the tree, and nothing is told of them. They are open. */
  hidden: number
  /** Not shown, and proved not to fit by what their forms say openly. */
  ruledOut: number
  /** Stretches of indexes that are not shown and might fit. */
  open: { first: number; last: number }[]
  openCount: number
  /** Not shown, and nothing left out of the stretch in which they are: by counts that the log committed to the day after. */
  counted: number
  counts: CountsVerdict
  forms: (LeafFields | undefined)[]
}

/** Throws `malformed_checkpoint`, `malformed_json` and the like for a form or tree head that cannot be read. */
export function judgeRange(read: LogExport): RangeVerdict {
  const { head, rows, forms: texts } = read
  const wrong: string[] = []
  const { size, root, origin } = parseCheckpoint(head.treeHead)
  if (origin !== head.log) wrong.push(`the tree head is that of ${origin}, and not of ${head.log}`)
  if (size !== head.range.last + 1) wrong.push('the range is not that of the tree head')
  if (rows.length !== head.records) wrong.push(`there are ${rows.length} rows, not ${head.records}`)
  const leaves = (texts ?? []).map(readHiddenForm)
  const forms = (texts ?? []).map((text, index) => (leaves[index] === undefined ? readForm(text) : undefined))
  const covered = texts !== undefined
  const hashes = (texts ?? []).map((text, index) => leaves[index] ?? leafHash(Buffer.from(text)))
  if (covered) {
    const range = createCompactRange()
    for (const hash of hashes) range.append(hash)
    if (texts.length !== size || !range.root().equals(root))
      wrong.push(`the leaf forms are not those of the tree head of ${origin}`)
  }
  let before = -1
  for (const row of rows) {
    if (row.index <= before || row.index > head.range.last)
      wrong.push(`row ${row.index} is out of order or range`)
    before = row.index
    if (!fits(head.filter, row)) wrong.push(`row ${row.index} does not fit the filter`)
    const form = forms[row.index]
    if (leaves[row.index] !== undefined) wrong.push(`row ${row.index} is shown, and its leaf form is hidden`)
    const names = ['time', 'kind', 'direction', 'outcome'] as const
    const isOther =
      names.some((name) => form?.[name] !== row[name]) ||
      (row.contract !== undefined && (row.contract ?? '') !== form?.contract)
    if (form !== undefined && isOther) wrong.push(`row ${row.index} is not what the log committed to`)
  }
  const hidden = leaves.filter((leaf) => leaf !== undefined).length
  const counts = judgeCounts(read, covered ? { forms, erased: erasedIndexes(hashes, forms) } : undefined)
  wrong.push(...counts.wrong)
  const left = covered ? leftOut(head.filter, rows, forms, counts) : leftUnseen(rows, size, counts)
  return { wrong, covered, hidden, shown: rows.length, ...left, counts, forms }
}

type LeftOut = Pick<RangeVerdict, 'ruledOut' | 'open' | 'openCount' | 'counted'>

/** The records that erasures of the range name by their leaves, hidden ones too. */
function erasedIndexes(hashes: Buffer[], forms: (LeafFields | undefined)[]): Set<number> {
  const erased = new Set(forms.flatMap((form) => (form?.kind === 'erasure' ? [form.answers] : [])))
  if (erased.size === 0) return new Set()
  return new Set(hashes.flatMap((hash, index) => (erased.has(hash.toString('base64')) ? [index] : [])))
}

/** A range without forms: what lies between the rows is the server's word, but for what was counted. */
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
    // A hidden form is that of a hidden row: of these nothing is told.
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
