/**
 * The index by person for the person: the exchanges about them in which a subsystem took part. The key holder evaluates the identifier;
 * it is kept nowhere here. The features that answer people get this from the list of features.
 */
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { Fault } from '#schemas/fault.ts'
import type { SubjectLookUp } from '#schemas/subject-keys.ts'
import type { SubjectKeysClient } from './client.ts'
import { subjectEntry } from './log/entry.ts'
import type { SubjectCoverage, SubjectMethods } from './log/part.ts'
import type { DeclaredPlace, PlacesStore } from './log/places-store.ts'
import type { UsesPage, UsesPageQuestion } from './log/read-uses.ts'
import type { MassCount } from './log/uses-store.ts'

export type PersonUses = {
  /** Throws `conflict` where no key holder is configured, `subject_searches_used_up`, `subject_keys_unavailable`, `invalid_input`. */
  page(person: SubjectLookUp, q: Omit<UsesPageQuestion, 'entries'>): Promise<UsesPage>
  massUses(q: Parameters<SubjectMethods['subjectMassUses']>[0]): Promise<MassCount[]>
  coverage(): Promise<SubjectCoverage>
  servicesCalledBy(subsystem: string): Promise<string[]>
  /** Whether the key holder answers; its last answer is at most about a minute old. */
  isAnswering(): boolean
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
  keys: Pick<SubjectKeysClient, 'evaluateLookUp'> | undefined
  holder(): object | undefined
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
      const { months } = await keys.evaluateLookUp(person)
      return parts.subjectUses({
        ...asked,
        entries: months.map(({ month, hash }) => subjectEntry(month, hash)),
      })
    },
    massUses: (asked) => parts.subjectMassUses(asked),
    coverage: () => log.coverage({}),
    servicesCalledBy: (subsystem) => parts.servicesCalledBy(subsystem),
    isAnswering: () => q.holder() !== undefined,
  }
}
