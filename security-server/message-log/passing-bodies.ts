/**
 * Large bodies that no record keeps, because the log level leaves content out: their files go as soon as they were passed on.
 * A request's may be sent until its exchange is closed, a reply's is opened once. After a crash the next start deletes the rest.
 */
import type { BodyFolder } from './body-folder.ts'
import type { RecordInput } from './record-input.ts'

/** Whoever waited for a reply and has not begun to take it by then has gone. */
const REPLY_WAITS_MS = 10 * 60_000

type PassingBodies = {
  /** The record is durable under this index, without the body. */
  logged(record: RecordInput, index: number): void
  /** The exchanges whose request's body may still be sent. */
  waiting(): number[]
  /** These exchanges are closed by a record that another hand wrote. */
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
    // Who has it open still reads it to its end.
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
