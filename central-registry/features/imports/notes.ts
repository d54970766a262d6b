/** Collects the remarks of a plan: what is left out and why, and what differs. */
import { asFault } from '#schemas/fault.ts'

export type Finding = { what: string; why: string }

export type Notes = {
  /** Whether the rule accepts it. If not, it is noted as left out, with the rule's reason. */
  allows(what: string, check: () => unknown): boolean
  leave(what: string, why: string): void
  differ(what: string, here: string, there: string): void
  /** Notes that it is imported but somebody has to do something about it. */
  warn(what: string, why: string): void
  onlyHere(what: string): void
}

/** Makes empty notes, and the two lists that they fill. */
export function createNotes(): { notes: Notes; notTaken: Finding[]; differs: Finding[] } {
  const notTaken: Finding[] = []
  const differs: Finding[] = []
  const notes: Notes = {
    allows(what, check) {
      try {
        check()
        return true
      } catch (thrown) {
        notTaken.push({ what, why: asFault(thrown).message })
        return false
      }
    },
    leave: (what, why) => void notTaken.push({ what, why }),
    differ(what, here, there) {
      if (here !== there) differs.push({ what, why: `here "${here}", in the configuration "${there}"` })
    },
    warn: (what, why) => void differs.push({ what, why }),
    onlyHere: (what) =>
      void differs.push({ what, why: 'it is in the register, the configuration does not hold it' }),
  }
  return { notes, notTaken, differs }
}
