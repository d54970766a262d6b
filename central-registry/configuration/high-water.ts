/**
 * Stores the highest index that this node knows to be published in a file apart from the database. A node
 * thereby notices a database that was restored from a backup, before it publishes an index a second time.
 */
import { readFile } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'
import { writeDurably } from './durable-file.ts'

export type HighWater = {
  /**
   * 0 before the first publication. Throws `io_error` for a damaged file, because without the mark an old
   * index would be accepted.
   */
  read(): Promise<number>
  /** Raises the mark to `index`; never lowers it, in whatever order the calls are made. Throws `io_error`. */
  raise(index: number): Promise<void>
}

export function createHighWater(file: string): HighWater {
  let queue: Promise<unknown> = Promise.resolve()

  async function read(): Promise<number> {
    const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return '0'
      throw new Fault('io_error', { what: file, cause })
    })
    const mark = Number(text)
    if (!/^\d{1,16}\s*$/.test(text) || !Number.isSafeInteger(mark))
      throw new Fault('io_error', { what: `${file} does not hold a number` })
    return mark
  }

  return {
    read,
    raise(index) {
      const done = queue.then(async () => {
        if (index > (await read())) await writeDurably(file, `${index}\n`)
      })
      queue = done.catch(() => undefined)
      return done
    },
  }
}

/**
 * Throws `global_conf_rollback` when the database's newest index is lower than the mark; `what` names another
 * number than the index.
 */
export function checkNotRestored(newest: number, mark: number, what = 'index'): void {
  if (newest >= mark) return
  throw new Fault('global_conf_rollback', {
    what: `the database is at ${what} ${newest}, this node has published ${what} ${mark}: an older database was restored, and nobody has accepted it`,
  })
}
