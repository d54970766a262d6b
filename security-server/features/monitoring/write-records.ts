/**
 * The job that writes what has ended: a row a second, whatever the number of exchanges, so that it costs each
 * of them little.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import type { RecordBuffer, WaitingRecord } from './buffer.ts'
import type { OperationalStore, RecordRow } from './store.ts'

const AT_ONCE = 2000
const LINES_IN_ROW = 200
const DAY_S = 86_400

type Rooms = {
  clock: Clock
  buffer: RecordBuffer
  store: Pick<OperationalStore, 'add'>
  /** How secret the relation of two members is; it looks at all contracts. */
  secrecyBetween(a: string, b: string): number
}

type RecordWriter = {
  /**
   * Writes what was there when it began. When the database fails it throws, and what was to be written stays
   * in memory.
   */
  write(): Promise<void>
  /** The number of records that are not written yet. */
  waiting(): number
}

export function createRecordWriter({ clock, buffer, store, secrecyBetween }: Rooms): RecordWriter {
  /**
   * Rows that the database did not confirm: they keep their ids, since it may have taken them before the
   * connection broke.
   */
  let unconfirmed: RecordRow[] = []
  const confirm = async (): Promise<void> => {
    if (unconfirmed.length === 0) return
    // The time is that of the attempt: at an earlier one whoever asks has looked already.
    await store.add(Math.floor(clock() / 1000), unconfirmed)
    unconfirmed = []
  }
  return {
    async write() {
      await confirm()
      const isSecret = judge(secrecyBetween)
      for (let left = buffer.size(); left > 0; left -= AT_ONCE) {
        unconfirmed = rowsOf(buffer.take(AT_ONCE), isSecret)
        await confirm()
      }
    },
    waiting: () => buffer.size() + unconfirmed.reduce((sum, { lines }) => sum + lines.length, 0),
  }
}

/**
 * Asks once for each two members: exchanges without a contract are many, and the answer goes through all
 * contracts.
 */
function judge(secrecyBetween: Rooms['secrecyBetween']): (record: WaitingRecord) => boolean {
  const known = new Map<string, boolean>()
  // What cannot be said is told to its parties alone.
  const isSecretBetween = ([client, provider]: readonly [string, string]): boolean => {
    try {
      return secrecyBetween(client, provider) > 0
    } catch {
      return true
    }
  }
  return ({ secret }) => {
    if (typeof secret === 'boolean') return secret
    const key = secret.join(' ')
    const found = known.get(key) ?? isSecretBetween(secret)
    known.set(key, found)
    return found
  }
}

function rowsOf(records: WaitingRecord[], isSecret: (record: WaitingRecord) => boolean): RecordRow[] {
  const lines: Record<'open' | 'secret', string[]> = { open: [], secret: [] }
  for (const record of records) lines[isSecret(record) ? 'secret' : 'open'].push(record.line)
  return (['open', 'secret'] as const).flatMap((kind) =>
    Array.from({ length: Math.ceil(lines[kind].length / LINES_IN_ROW) }, (_, row) => ({
      ...{ id: randomUUID(), secret: kind === 'secret' },
      lines: lines[kind].slice(row * LINES_IN_ROW, (row + 1) * LINES_IN_ROW),
    })),
  )
}

export async function forgetOld(q: {
  clock: Clock
  store: Pick<OperationalStore, 'forgetBefore'>
  keepDays: number
}): Promise<void> {
  await q.store.forgetBefore(Math.floor(q.clock() / 1000) - q.keepDays * DAY_S)
}
