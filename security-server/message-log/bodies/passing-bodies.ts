/**
 * Large bodies that no record keeps because the log level leaves content out: their files are deleted once
 * they were passed on. The body of a request may be sent until its exchange is closed; that of a reply is
 * opened once. After a crash the next start deletes the remaining files.
 */

import type { RecordInput } from '../record-input.ts'
import type { BodyFolder } from './body-folder.ts'

/** A caller that has not begun to read a reply by then is gone. */
const REPLY_WAITS_MS = 10 * 60_000

type PassingBodies = {
  /** Call when the record is durable under this index, without the body. */
  logged(record: RecordInput, index: number): void
  /** The exchanges whose request body may still be sent. */
  waiting(): number[]
  /** Call when exchanges were closed by records that did not come from `append`. */
  closed(indexes: number[]): void
}

export function createPassingBodies(
  folder: Pick<BodyFolder, 'release' | 'openOnce'>,
  onFault: (cause: unknown) => void,
): PassingBodies {
  const requests = new Map<number, string>()
  const release = (name: string): void => void folder.release(name).catch(onFault)
  const close = (index: number): void => {
    const name = requests.get(index)
    if (name === undefined) return
    requests.delete(index)
    // A reader that has the file open can read it to the end.
    release(name)
  }

  return {
    logged({ kind, outcome, logLevel, body, answers }, index) {
      if (answers !== undefined) close(answers)
      const name = body?.file?.name
      if (name === undefined || logLevel === undefined || logLevel === 'full') return
      if (kind === 'request' && outcome === '') {
        requests.set(index, name)
      } else if (kind === 'reply') {
        folder.openOnce(name)
        setTimeout(release, REPLY_WAITS_MS, name).unref()
      } else release(name)
    },
    waiting: () => [...requests.keys()],
    closed: (indexes) => indexes.forEach(close),
  }
}
