/**
 * Finds out who requested the data of a person: an index by person, filled after the exchanges, and searches
 * in it.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { ClockCheck } from '#platform/health/clock-check.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { lookApart } from '#platform/jobs/looks.ts'
import type { Services } from '#platform/services.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { RecordFilter } from '../../reading/index/search-filter.ts'
import type { SubjectKeysClient } from './client.ts'
import { subjectHandlers } from './handlers.ts'
import { subjectMigrations } from './migrations.ts'
import type { Needs } from './needs.ts'
import { openPersonSearch, watchSubjects } from './open-person-search.ts'
import { type PersonUses, personUses } from './person-uses.ts'
import { grantedSearch, ownSearch, searchFilter, searchTarget } from './searches.ts'
import type { SubjectKeysSettings } from './settings.ts'

type Ground = Omit<Needs, 'subjects'> &
  Pick<Services, 'database' | 'metrics'> & {
    messageLog: Parameters<typeof openPersonSearch>[0]['messageLog']
    settings: { subjectKeys?: SubjectKeysSettings | undefined; tracker: { countryPrefix: string } }
    contracts: Pick<Contracts, 'view' | 'contentsInForce'>
    clockCheck: Pick<ClockCheck, 'signedTime'>
    /** A key holder that a test supplies. */
    subjectKeys?: Omit<SubjectKeysClient, 'close'> | undefined
  }

type Offers = { subjectSearches: SubjectSearches; personUses: PersonUses }

type SubjectSearches = {
  /**
   * The search, if the caller ordered it and may see its results now. Throws `not_found`, `forbidden`,
   * `content_not_granted`.
   */
  granted(
    id: string,
    caller: Caller,
  ): Promise<{ id: string; case_number: string; reason: string; filter: RecordFilter }>
}

/** Not more often: while the key holder does not answer, each run fails. */
const LOOK_MS = 2000

export const personSearch: FeatureModule<Ground, Offers> = {
  name: 'person-search',
  migrations: subjectMigrations,
  open: async (ground) => {
    const { settings, database, clock, messageLog, contracts } = ground
    const subjects = await openPersonSearch({
      ...{ settings: settings.subjectKeys, database, clock, messageLog, contracts },
      countryPrefix: settings.tracker.countryPrefix,
      signedTime: ground.clockCheck.signedTime,
      ...(ground.subjectKeys && { keys: ground.subjectKeys }),
    })
    watchSubjects(subjects, messageLog, ground.metrics)
    const needs: Needs = { ...ground, subjects }
    ground.contentRequests.register('searchId', async (id, caller, asked) => {
      const search = await ownSearch(needs, id, caller)
      if (search.case_number === asked.case) return searchTarget(id)
      throw new Fault('invalid_input', { what: say`the search is of case ${search.case_number}` })
    })
    return {
      operations: subjectHandlers(needs),
      // Runs after the exchanges, and only while the key holder answers.
      jobs: [
        {
          ...{ kind: 'index-subjects', everySeconds: 30 },
          isDue: lookApart(LOOK_MS, clock, subjects.isBehind),
          run: ({ signal }) => subjects.index(signal),
        },
      ],
      offers: {
        personUses: personUses({ ...subjects, parts: messageLog.parts }),
        subjectSearches: {
          granted: async (id, caller) => {
            const row = await grantedSearch(needs, id, caller)
            return { ...row, filter: searchFilter(row) }
          },
        },
      },
      close: subjects.close,
    }
  },
}
