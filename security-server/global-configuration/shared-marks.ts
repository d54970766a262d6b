/**
 * The marks that all nodes of a server have in common: a file in this room's folder that reaches every node.
 * A node that is new, or comes back with an old disk, starts with the highest mark that any node had. It
 * holds no certificates: what a configuration taught is learned anew.
 */
import type { HighWaterMark } from '#core/configuration/high-water.ts'
import type { InstanceMarks, Stored } from './marks.ts'

export const SHARED_MARKS_FILE = 'shared-marks.json'

/** For each instance the higher of both; what was forgotten on purpose on another node is forgotten here. */
export function withShared(own: Stored, shared: Stored): Stored {
  if (own.forgotten > shared.forgotten) return own
  const { passed } = own
  if (shared.forgotten > own.forgotten) return { ...shared, passed, anchor: own.anchor }
  const marks = new Map(own.marks)
  for (const [instance, there] of shared.marks) marks.set(instance, higher(marks.get(instance), there))
  return { ...own, marks }
}

/** What the other nodes have to know. */
export function toShare({ marks, forgotten }: Stored): Stored {
  const known = [...marks].map(([instance, { mark }]): [string, InstanceMarks] => [
    instance,
    { mark, learnedCertificates: [] },
  ])
  return { marks: new Map(known), passed: undefined, forgotten, anchor: undefined }
}

function higher(own: InstanceMarks | undefined, there: InstanceMarks): InstanceMarks {
  if (own === undefined) return there
  return { ...own, mark: higherMark(own.mark, there.mark) }
}

function higherMark(a: HighWaterMark, b: HighWaterMark): HighWaterMark {
  const [newer, older] = (b.statement?.index ?? -1) > (a.statement?.index ?? -1) ? [b, a] : [a, b]
  const times = [a.publishedAt, b.publishedAt].filter((time) => time !== undefined)
  return {
    publishedAt: times.length === 0 ? undefined : Math.max(...times),
    statement: newer.statement,
    logHead: newer.logHead ?? older.logHead,
    suspensions:
      (b.suspensions?.number ?? -1) > (a.suspensions?.number ?? -1) ? b.suspensions : a.suspensions,
  }
}
