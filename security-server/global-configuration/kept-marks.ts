/** The marks in memory and on disk. They are only raised, except by `forget`. */

import { createHash } from 'node:crypto'
import { raiseMark } from '#core/configuration/high-water.ts'
import { certificatesOf, learnedUnder } from '#platform/configuration-documents/candidates.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { DurableFiles } from './durable-files.ts'
import type { InstanceCopy } from './instance-copy.ts'
import type { KeptSuspensionList } from './kept-suspension-lists.ts'
import { type InstanceMarks, type Marks, marksBytes, readMarks, type Stored, writeMarks } from './marks.ts'
import { SHARED_MARKS_FILE, toShare, withShared } from './shared-marks.ts'

type KeptMarks = {
  of(instance: string): InstanceMarks | undefined
  /**
   * As this node itself wrote them: what it has on disk may be older than what another node has seen since.
   */
  onDisk(): Marks
  /**
   * Certificates that were learned under another anchor are forgotten as `forget` does: it was replaced on
   * another node while this one was stopped.
   */
  learnUnder(anchor: ConfigurationAnchor): void
  /** Raises the marks to accepted copies and learns the certificates that these name. */
  raise(copies: InstanceCopy[]): void
  /** How late it was when it was noted last; 0 when nothing is noted. */
  passed(): number
  notePassed(ms: number | undefined): void
  raiseByLists(listOf: (instance: string) => KeptSuspensionList | undefined): void
  /** Those that the instance announced. */
  learnedOf(instance: string): Buffer[]
  /**
   * Forgets the learned certificates unless `learnedUnder` the new anchor they go on; `withHistory` forgets
   * them in any case, and the whole mark of the anchor's instance.
   */
  forget(anchor: ConfigurationAnchor, o: { withHistory: boolean }): void
  /** Writes the marks to disk when they have changed. */
  persist(): Promise<void>
  /** For other nodes: the file of shared marks, raised to these marks; undefined when it has all of them. */
  toShare(): Promise<Buffer | undefined>
  /** The file of shared marks for an operator's command to forget a history. */
  toShareWithout(historyOf: string): Promise<Buffer>
  /** Whether another node was told to forget a history, and this one was not. */
  mustForget(): Promise<boolean>
  /** Takes over how often nodes were told so, and marks that another node has raised. */
  follow(): Promise<void>
}

/** Throws `io_error` when the marks on disk are damaged. */
export async function createKeptMarks(q: { directory: string; files: DurableFiles }): Promise<KeptMarks> {
  const own = await readMarks(q.directory)
  const shared = (): Promise<Stored> => readMarks(q.directory, SHARED_MARKS_FILE)
  const atStart = await shared()
  const mustForgetNow = atStart.forgotten > own.forgotten
  // Apart: what this node itself has had is what its copies on disk are judged by, however often it starts
  // while no registry answers.
  const marks = new Map<string, InstanceMarks>(mustForgetNow ? [] : own.marks)
  let others: Stored = own.forgotten > atStart.forgotten ? { ...atStart, marks: new Map() } : atStart
  let { passed, anchor } = own
  let forgotten = Math.max(own.forgotten, atStart.forgotten)
  let before = mustForgetNow ? atStart.marks : own.marks
  const stored = (): Stored => ({ marks, passed, forgotten, anchor })
  const all = (): Marks => withShared({ ...stored(), forgotten: others.forgotten }, others).marks
  let persisted = marksBytes(own)
  const inTurn = createTurn()
  return {
    of: (instance) => all().get(instance),
    onDisk: () => before,
    learnUnder(anchorNow) {
      const digest = digestOf(certificatesOf(anchorNow))
      if (anchor !== undefined && anchor !== digest) {
        if (!countsUnder(anchorNow, before)) before = withoutLearned(before)
        if (!countsUnder(anchorNow, marks))
          for (const [instance, one] of withoutLearned(marks)) marks.set(instance, one)
      }
      anchor = digest
    },
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
    learnedOf: (instance) => all().get(instance)?.learnedCertificates ?? [],
    forget(anchorNow, { withHistory }) {
      if (withHistory)
        others = {
          ...others,
          marks: new Map([...others.marks].filter(([instance]) => instance !== anchorNow.instance)),
        }
      if (!withHistory && countsUnder(anchorNow, marks)) return
      for (const [instance, { mark }] of marks) {
        if (withHistory && instance === anchorNow.instance) marks.delete(instance)
        else marks.set(instance, { mark, learnedCertificates: [] })
      }
    },
    persist: () =>
      inTurn(async () => {
        const now = stored()
        const bytes = marksBytes(now)
        if (bytes.equals(persisted)) return
        await writeMarks(q.directory, now, q.files)
        persisted = bytes
      }),
    async toShare() {
      const there = await shared()
      const raised = marksBytes(toShare(withShared(stored(), there)))
      return raised.equals(marksBytes(there)) ? undefined : raised
    },
    async toShareWithout(historyOf) {
      const kept = new Map([...all()].filter(([instance]) => instance !== historyOf))
      const times = Math.max(forgotten, (await shared()).forgotten) + 1
      return marksBytes(toShare({ ...stored(), marks: kept, forgotten: times }))
    },
    mustForget: async () => (await shared()).forgotten > forgotten,
    async follow() {
      const there = await shared()
      if (there.forgotten < forgotten) return
      others = there.forgotten > forgotten ? there : withShared({ ...others, forgotten }, there)
      forgotten = there.forgotten
    },
  }
}

/** Whether what was learned for the anchor's instance counts under this anchor. */
function countsUnder(anchor: ConfigurationAnchor, marks: Marks): boolean {
  return learnedUnder(anchor, marks.get(anchor.instance)?.learnedCertificates ?? []).length > 0
}

function withoutLearned(marks: Marks): Map<string, InstanceMarks> {
  return new Map([...marks].map(([instance, { mark }]) => [instance, { mark, learnedCertificates: [] }]))
}

function digestOf(certificates: readonly Buffer[]): string {
  const digests = certificates.map((der) => createHash('sha256').update(der).digest('hex'))
  return createHash('sha256').update(digests.sort().join(' ')).digest('hex')
}
