/**
 * The index by person for the person: the exchanges about them in which a subsystem took part. The key holder
 * evaluates the identifier; it is kept nowhere here. The features that answer people get this from the list
 * of features.
 */
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { monthsAfter } from '#core/subject/months.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { SubjectLookUp, SubjectMonths } from '#schemas/subject-keys.ts'
import type { HolderState, SubjectKeysClient } from './client.ts'
import { latePlaces } from './late-places.ts'
import type { ServiceGap } from './log/count-store.ts'
import { subjectEntry } from './log/entry.ts'
import type { JudgedUse, NewEntries } from './log/new-uses-store.ts'
import type { SubjectCoverage, SubjectMethods } from './log/part.ts'
import type { DeclaredPlace, PlacesStore } from './log/places-store.ts'
import type { UsesPage, UsesPageQuestion } from './log/read-uses.ts'
import type { IndexedMonth } from './log/store.ts'
import type { MassCount } from './log/uses-store.ts'

const [FIRST_MONTH, LAST_MONTH] = ['2000-01', '2099-11']

type Person = Omit<SubjectLookUp, 'from' | 'to'>

export type PersonUses = {
  /**
   * Throws `subject_searches_used_up`, `subject_keys_unavailable` (also where none is configured),
   * `invalid_input`.
   */
  page(person: Person, q: Omit<UsesPageQuestion, 'entries'>): Promise<UsesPage & { entries: string[] }>
  /** The person, as each month of the index has them, the newest last; throws what `page` throws. */
  entriesOf(person: Person): Promise<string[]>
  /**
   * The person's entries from a month on, to be kept under the month and the key that made them. Counted as a
   * question. Throws as `page`.
   */
  entriesByMonth(person: Omit<SubjectLookUp, 'to'> & { from: string }): Promise<PersonEntry[]>
  /** What was indexed since a position; `to` is the next one. */
  since(from: number): Promise<NewEntries>
  /** Which of these requests are told today, by the code that answers questions. */
  judge(q: Parameters<SubjectMethods['judgeUses']>[0]): Promise<JudgedUse[]>
  massUses(q: Parameters<SubjectMethods['subjectMassUses']>[0]): Promise<MassCount[]>
  coverage(): Promise<SubjectCoverage>
  /** What a subsystem's answers cover, whoever asks. */
  coverageOf(q: { subsystem: string; type: string }): Promise<CoverageOfSubsystem>
  servicesCalledBy(subsystem: string): Promise<string[]>
  /** Whether the key holder answers trackers. */
  isAnswering(): Promise<boolean>
  places: {
    list(service?: string): Promise<DeclaredPlace[]>
    add: PlacesStore['add']
    delete: PlacesStore['delete']
  }
}

/** `entry`: hexadecimal, as the index has it. */
type PersonEntry = { month: string; keyId: string; entry: string }

type CoverageOfSubsystem = Pick<SubjectCoverage, 'months' | 'backlog'> & {
  gaps: ServiceGap[]
  /** Whether more gaps or late places than these were found. */
  more: boolean
  /**
   * Indexed months of which questions find nothing, or not all: their key is gone, is another one, or is not
   * known.
   */
  lostMonths: string[]
  /** Services with a place that was declared after calls of them had been indexed. */
  declaredLater: string[]
}

export function personUses(q: {
  parts: Pick<
    SubjectMethods,
    'subjectUses' | 'subjectMassUses' | 'servicesCalledBy' | 'subjectGapsOf' | 'subjectsSince' | 'judgeUses'
  >
  log: { coverage(days: object): Promise<SubjectCoverage> } & Parameters<
    typeof latePlaces
  >[0]['subjects']['log']
  places: PersonUses['places']
  keys: Pick<SubjectKeysClient, 'evaluateLookUp' | 'state'> | undefined
  holder(): HolderState | undefined
}): PersonUses {
  const { parts, log, places, keys } = q
  const evaluate = async (asked: SubjectLookUp): Promise<SubjectMonths> => {
    if (keys === undefined)
      throw new Fault('subject_keys_unavailable', {
        what: 'the settings have no `subjectKeys`: name the holder and start again (docs/data-subjects.md)',
      })
    if (normaliseIdentifier(asked.identifier) === undefined)
      throw new Fault('invalid_input', { what: say`the code of the person is empty, too long or unreadable` })
    return keys.evaluateLookUp(asked)
  }
  const entriesOf = async (person: SubjectLookUp): Promise<string[]> => {
    const { months } = await evaluate(person)
    return months.map(({ month, hash }) => subjectEntry(month, hash))
  }
  return {
    places,
    entriesByMonth: async (person) => {
      const { months } = await evaluate(person)
      return months.map(({ month, hash, keyId }) => ({ month, keyId, entry: subjectEntry(month, hash) }))
    },
    since: (from) => parts.subjectsSince(from),
    judge: (asked) => parts.judgeUses(asked),
    page: async (person, asked) => {
      const entries = await entriesOf({ ...person, ...monthsOf(asked) })
      return { ...(await parts.subjectUses({ ...asked, entries })), entries }
    },
    entriesOf: (person) => entriesOf(person),
    massUses: (asked) => parts.subjectMassUses(asked),
    coverage: () => log.coverage({}),
    coverageOf: async ({ subsystem, type }) => {
      const { months, backlog } = await log.coverage({})
      const { gaps, more } = await parts.subjectGapsOf(subsystem)
      const called = new Set(await parts.servicesCalledBy(subsystem))
      const of = (service: string): boolean => service.startsWith(`${subsystem}/`) || called.has(service)
      const late = await latePlaces({ subjects: { places, log } }, { type, of })
      return {
        ...{ months, backlog, gaps, more: more || late.more },
        lostMonths: lostMonths(months, q.holder()),
        declaredLater: [...new Set(late.places.map(({ serviceId }) => serviceId))],
      }
    },
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

/**
 * A month is asked for with one key: what was indexed with another one is not found. What is known of the
 * holder may be a minute old, so that the newest month's key may not be among them yet.
 */
function lostMonths(indexed: IndexedMonth[], holder: HolderState | undefined): string[] {
  const kept = new Set(
    holder?.months.filter(({ destroyedAt }) => destroyedAt === null).map(({ month }) => month),
  )
  const newest = [...kept].sort().at(-1) ?? ''
  const lost = [...Map.groupBy(indexed, ({ month }) => month)].filter(
    ([month, keys]) =>
      !keys.some(({ isForgotten }) => isForgotten) &&
      (keys.length > 1 || keys[0]!.keyId === '' || (month < newest && !kept.has(month))),
  )
  return lost.map(([month]) => month)
}
