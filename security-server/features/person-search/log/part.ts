/** The part of the log's thread that serves the index by person. */

import type { Whole } from '#schemas/sent-values.ts'
import type { LogPart } from '../../../message-log/part.ts'
import { createSearchStore } from '../../../reading/index/store.ts'
import { createTermsStore } from '../../../reading/index/terms-store.ts'
import {
  type CountedSubjects,
  countErased,
  createSubjectCountStore,
  type Looked,
  type LookedQuestion,
  type ServiceGap,
} from './count-store.ts'
import type { LookedAt } from './looked-at.ts'
import { subjectMigrations } from './migrations/all.ts'
import { createNewUses, type JudgedUse, judgeUses, type NewEntries } from './new-uses-store.ts'
import { openSources, readRange, readRequest, type SubjectRange, type SubjectSource } from './read-sources.ts'
import { readUses, type UsesPage, type UsesPageQuestion } from './read-uses.ts'
import { createSubjectStore, type IndexedMonth, SUBJECTS } from './store.ts'
import { createUsesStore, type MassCount } from './uses-store.ts'

type Days = { from?: string | undefined; to?: string | undefined }

/** What the index covers of a period (UTC days, both included), and how far it is behind the log. */
export type SubjectCoverage = {
  /** Numbers of records by reason. */
  totals: { reason: string; records: number }[]
  /** Records that are not covered, the newest day first. `more`: some were left out. */
  gaps: CountedSubjects[]
  more: boolean
  /** The indexed records of the period's months, as whole months, and the keys that were used. */
  months: IndexedMonth[]
  /** Records that are not indexed yet, and the time of the oldest of them. */
  backlog: { records: number; since: string | null }
  mark: Whole
}

/** The methods that the main thread may call. */
export type SubjectMethods = {
  subjectRange(): Promise<SubjectRange>
  /** Opens the first of these records, as many as fit in one answer. */
  subjectSources(indexes: number[]): Promise<SubjectSource[]>
  /** The message of a request, if it is stored. */
  subjectRequest(idx: number): Promise<Buffer | undefined>
  putSubjects(q: { from: number; to: number; records: LookedAt[] }): Promise<void>
  subjectCoverage(days: Days): Promise<SubjectCoverage>
  /** What is not covered of the services that a subsystem has or called. `more`: some were left out. */
  subjectGapsOf(subsystem: string): Promise<{ gaps: ServiceGap[]; more: boolean }>
  subjectsLooked(q: LookedQuestion): Promise<Looked | undefined>
  subjectMark(): Promise<number>
  /** How many records are not indexed yet. */
  subjectBacklog(): Promise<number>
  /** A page of the exchanges about a person, for the person. */
  subjectUses(q: UsesPageQuestion): Promise<UsesPage>
  /** What was indexed since a position. */
  subjectsSince(from: number): Promise<NewEntries>
  /** Which of these requests a tracker tells today. */
  judgeUses(q: Parameters<typeof judgeUses>[1]): Promise<JudgedUse[]>
  /** Counts of messages about many people. */
  subjectMassUses(q: MassQuestion): Promise<MassCount[]>
  /** The services that a subsystem called. */
  servicesCalledBy(subsystem: string): Promise<string[]>
  /** Deletes one batch of a month's entries and returns their number. */
  forgetSubjects(month: string): Promise<number>
}

type MassQuestion = {
  subsystem: string
  from?: string | undefined
  to?: string | undefined
  limit: number
}

const MAX_GAPS = 500

export const subjectPart: LogPart<SubjectMethods> = {
  migrations: subjectMigrations,
  open: ({ log: { database, records, circumstances }, ring, inTurn }) => {
    const subjects = createSubjectStore(database)
    const subjectCounts = createSubjectCountStore(database)
    const search = createSearchStore(database)
    const uses = createUsesStore(database)
    const terms = createTermsStore(database, circumstances)
    const newUses = createNewUses(database)
    const methods: SubjectMethods = {
      subjectRange: () => readRange(records, search),
      subjectSources: (indexes) => openSources(records, ring.find, indexes),
      subjectRequest: (idx) => readRequest(records, ring.find, idx),
      putSubjects: (some) => inTurn(() => subjects.add(some)),
      subjectCoverage: async (days) => {
        const gaps = await subjectCounts.gaps({ ...days, limit: MAX_GAPS + 1 })
        const mark = (await records.mark(SUBJECTS)) ?? 0
        const { size } = await records.head()
        const [oldest] = await records.forms(mark, 1)
        return {
          totals: [...(await subjectCounts.totals(days))].map(([reason, count]) => ({
            reason,
            records: count,
          })),
          gaps: gaps.slice(0, MAX_GAPS),
          more: gaps.length > MAX_GAPS,
          months: await subjects.months(days),
          backlog: {
            records: Math.max(0, size - mark),
            since: oldest === undefined ? null : (JSON.parse(oldest.form) as { time: string }).time,
          },
          mark,
        }
      },
      subjectGapsOf: async (subsystem) => {
        const gaps = await subjectCounts.gapsOf({ subsystem, limit: MAX_GAPS + 1 })
        return { gaps: gaps.slice(0, MAX_GAPS), more: gaps.length > MAX_GAPS }
      },
      subjectsLooked: (asked) => subjectCounts.looked(asked),
      subjectMark: async () => (await records.mark(SUBJECTS)) ?? 0,
      subjectBacklog: async () => {
        const { size } = await records.head()
        return Math.max(0, size - ((await records.mark(SUBJECTS)) ?? 0))
      },
      subjectUses: (q) => readUses({ uses, terms }, q),
      subjectsSince: async (from) => newUses({ from, mark: (await records.mark(SUBJECTS)) ?? 0 }),
      judgeUses: (q) => judgeUses({ uses, terms }, q),
      subjectMassUses: (q) => uses.massUses(q),
      servicesCalledBy: (subsystem) => uses.servicesCalledBy(subsystem),
      forgetSubjects: (month) => inTurn(() => subjects.forgetMonth(month)),
    }
    return {
      methods,
      erased: ({ keepsProof, ...erased }) =>
        keepsProof
          ? []
          : [
              ...countErased(erased),
              { text: 'delete from subject where idx = ?', values: [erased.idx] },
              { text: 'delete from subject_mass where idx = ?', values: [erased.idx] },
              { text: 'delete from subject_look where idx = ?', values: [erased.idx] },
              {
                text: 'delete from subject_answer where idx = ? or answer_idx = ?',
                values: [erased.idx, erased.idx],
              },
            ],
    }
  },
}
