/**
 * Searches the approved services by page: certification services by name, profile and responders,
 * time-stamping services by name and address.
 */
import { tablesOf } from '#platform/database/open-database.ts'
import { counted, type Page, type Tabled, textContains } from '../changes/store.ts'
import type { RegisterTables } from '../register/tables.ts'

export type TrustSearch = ReturnType<typeof createTrustSearch>

export function createTrustSearch(database: Tabled) {
  const tables = tablesOf<RegisterTables>(database)

  const certification = ({ q = '' }: Pick<Page, 'q'>) =>
    tables
      .selectFrom('certification_service')
      .where(({ or, exists, selectFrom }) =>
        or([
          textContains('certification_service.name', q),
          textContains('certification_service.profile', q),
          exists(
            selectFrom('ocsp_responder')
              .innerJoin(
                'certification_authority',
                'certification_authority.sha256',
                'ocsp_responder.authority',
              )
              .select('ocsp_responder.id')
              .whereRef('certification_authority.service', '=', 'certification_service.id')
              .where(textContains('ocsp_responder.url', q)),
          ),
        ]),
      )
  const timestamping = ({ q = '' }: Pick<Page, 'q'>) =>
    tables
      .selectFrom('timestamping_service')
      .where(({ or }) => or([textContains('name', q), textContains('url', q)]))

  return {
    certificationServices: {
      list: ({ offset, limit, ...filter }: Page) =>
        certification(filter)
          .select(['id', 'name'])
          .orderBy('name')
          .orderBy('id')
          .offset(offset)
          .limit(limit)
          .execute(),
      count: (filter: Pick<Page, 'q'>) => counted(certification(filter)),
    },
    timestampingServices: {
      list: ({ offset, limit, ...filter }: Page) =>
        timestamping(filter)
          .select(['id', 'name'])
          .orderBy('name')
          .orderBy('id')
          .offset(offset)
          .limit(limit)
          .execute(),
      count: (filter: Pick<Page, 'q'>) => counted(timestamping(filter)),
    },
  }
}
