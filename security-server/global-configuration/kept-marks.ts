/** The marks in memory and on disk. They are only raised, except by `forget`. */

import { raiseMark } from '#core/configuration/high-water.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { DurableFiles } from './durable-files.ts'
import type { InstanceCopy } from './instance-copy.ts'
import type { KeptSuspensionList } from './kept-suspension-lists.ts'
import { type InstanceMarks, type Marks, marksBytes, readMarks, writeMarks } from './marks.ts'

type KeptMarks = {
  all: Marks
  of(instance: string): InstanceMarks | undefined
  /** Raises the marks to accepted copies and learns the certificates that these name. */
  raise(copies: InstanceCopy[]): void
  /** How late it was when it was noted last; 0 when nothing is noted. */
  passed(): number
  notePassed(ms: number | undefined): void
  raiseByLists(listOf: (instance: string) => KeptSuspensionList | undefined): void
  /** Forgets all learned certificates, and the whole mark of the instance `historyOf`. */
  forget(historyOf: string | undefined): void
  /** Writes the marks to disk when they have changed. */
  persist(): Promise<void>
}

/** Throws `io_error` when the marks on disk are damaged. */
export async function createKeptMarks(q: { directory: string; files: DurableFiles }): Promise<KeptMarks> {
  const stored = await readMarks(q.directory)
  const marks = new Map<string, InstanceMarks>(stored.marks)
  let { passed } = stored
  let persisted = marksBytes(stored)
  const inTurn = createTurn()
  return {
    all: marks,
    of: (instance) => marks.get(instance),
    passed: () => passed ?? 0,
    notePassed(ms) {
      passed = ms
    },
    raise(copies) {
      for (const copy of copies) {
        marks.set(copy.instance, {
          mark: raiseMark(marks.get(copy.instance)?.mark, copy.directory, copy),
          learnedCertificates: copy.packed.few.sources.flatMap((source) => [
            ...source.internalVerificationCerts,
            ...source.externalVerificationCerts,
          ]),
        })
      }
    },
    raiseByLists(listOf) {
      for (const [instance, { mark, learnedCertificates }] of marks) {
        const suspensions = listOf(instance)?.mark
        if (suspensions !== undefined && suspensions.number > (mark.suspensions?.number ?? 0))
          marks.set(instance, { mark: { ...mark, suspensions }, learnedCertificates })
      }
    },
    forget(historyOf) {
      for (const [instance, { mark }] of marks) {
        if (instance === historyOf) marks.delete(instance)
        else marks.set(instance, { mark, learnedCertificates: [] })
      }
    },
    persist: () =>
      inTurn(async () => {
        const now = { marks, passed }
        const bytes = marksBytes(now)
        if (bytes.equals(persisted)) return
        await writeMarks(q.directory, now, q.files)
        persisted = bytes
      }),
  }
}
