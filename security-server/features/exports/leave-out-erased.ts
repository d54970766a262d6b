/**
 * Guarantees that an export shows no record that was erased down to its leaf since the export was made: who
 * called whom is gone with the rest. How many rows are left out is counted among what was erased in the
 * range.
 */
import { Readable } from 'node:stream'
import type { FoundRecord } from '#schemas/found-record.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import { type ExportLines, textsOf } from './lines.ts'
import type { ExportRow } from './store.ts'

export type ShownExport = {
  row: ExportRow
  lines: ExportLines
  /** The indexes of the records that are left out. */
  gone: ReadonlySet<number>
}

const AT_ONCE = 500

export async function leaveOutErased(
  { row, lines }: { row: ExportRow; lines: ExportLines },
  log: Pick<MessageLog, 'leavesAmong' | 'erasedBelow'>,
): Promise<ShownExport> {
  const gone = new Set<number>()
  let some: number[] = []
  const look = async (): Promise<void> => {
    for (const index of await log.leavesAmong(some)) gone.add(index)
    some = []
  }
  for await (const text of textsOf(lines)) {
    some.push(indexOf(text))
    if (some.length === AT_ONCE) await look()
  }
  await look()
  if (gone.size === 0) return { row, lines, gone }
  const erased = await log.erasedBelow(Number(row.size))
  return {
    row: { ...row, records: Number(row.records) - gone.size, erased },
    lines: { ...lines, read: () => Readable.from(without(lines, gone), { objectMode: false }) },
    gone,
  }
}

async function* without(lines: ExportLines, gone: ReadonlySet<number>): AsyncGenerator<string> {
  for await (const text of textsOf(lines)) if (!gone.has(indexOf(text))) yield `${text}\n`
}

function indexOf(text: string): number {
  return (JSON.parse(text) as FoundRecord).index
}
