/**
 * The index by person for the person: the exchanges about them in which a subsystem took part. The key holder evaluates the identifier;
 * it is kept nowhere here. The features that answer people get this from the list of features.
 */
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { monthsAfter } from '#core/subject/months.ts'
import { Fault } from '#schemas/fault.ts'
import type { SubjectLookUp } from '#schemas/subject-keys.ts'
import type { SubjectKeysClient } from './client.ts'
import { subjectEntry } from './log/entry.ts'
import type { SubjectCoverage, SubjectMethods } from './log/part.ts'
import type { DeclaredPlace, PlacesStore } from './log/places-store.ts'
import type { UsesPage, UsesPageQuestion } from './log/read-uses.ts'
import type { MassCount } from './log/uses-store.ts'

const [FIRST_MONTH, LAST_MONTH] = ['2000-01', '2099-11']

export type PersonUses = {
  /** Throws `conflict` where no key holder is configured, `subject_searches_used_up`, `subject_keys_unavailable`, `invalid_input`. */
  page(person: Omit<SubjectLookUp, 'from' | 'to'>, q: Omit<UsesPageQuestion, 'entries'>): Promise<UsesPage>
  massUses(q: Parameters<SubjectMethods['subjectMassUses']>[0]): Promise<MassCount[]>
  coverage(): Promise<SubjectCoverage>
  servicesCalledBy(subsystem: string): Promise<string[]>
  /** Whether the key holder answers trackers. */
  isAnswering(): Promise<boolean>
  places: {
    list(service?: string): Promise<DeclaredPlace[]>
    add: PlacesStore['add']
    delete: PlacesStore['delete']
  }
}

export function personUses(q: {
  parts: Pick<SubjectMethods, 'subjectUses' | 'subjectMassUses' | 'servicesCalledBy'>
  log: { coverage(days: object): Promise<SubjectCoverage> }
  places: PersonUses['places']
  keys: Pick<SubjectKeysClient, 'evaluateLookUp' | 'state'> | undefined
}): PersonUses {
  const { parts, log, places, keys } = q
  return {
    places,
    page: async (person, asked) => {
      if (keys === undefined)
        throw new Fault('conflict', {
          what: 'the settings have no `subjectKeys`: name the holder and start again (docs/data-subjects.md)',
        })
      if (normaliseIdentifier(person.identifier) === undefined)
        throw new Fault('invalid_input', { what: 'the code of the person is empty, too long or unreadable' })
      const { months } = await keys.evaluateLookUp({ ...person, ...monthsOf(asked) })
      return parts.subjectUses({
        ...asked,
        entries: months.map(({ month, hash }) => subjectEntry(month, hash)),
      })
    },
    massUses: (asked) => parts.subjectMassUses(asked),
    coverage: () => log.coverage({}),
    servicesCalledBy: (subsystem) => parts.servicesCalledBy(subsystem),
    isAnswering: async () => {
      try {
        await keys?.state('tracker')
        return keys !== undefined
      } catch {
        return false
      }
    },
  }
}

/** The months of a period, in which an answer of its last day may come a month later. */
function monthsOf({ from, to }: { from?: string | undefined; to?: string | undefined }) {
  return {
    ...(from !== undefined && { from: monthWithin(from) }),
    ...(to !== undefined && { to: monthsAfter(monthWithin(to), 1) }),
  }
}

/** The holder knows the months of this century. */
function monthWithin(time: string): string {
  const month = time.slice(0, 7)
  if (month < FIRST_MONTH) return FIRST_MONTH
  if (month > LAST_MONTH) return LAST_MONTH
  return month
}
