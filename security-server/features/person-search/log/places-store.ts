/**
 * Stores the places of identifiers in the server's database. This server's administrators declare them, for
 * services of their own and of others.
 */
import type { Generated } from 'kysely'
import { checkPlace, type SubjectPlace } from '#core/subject/place.ts'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type DeclaredPlace = SubjectPlace & {
  id: Whole
  /** The service's identifier. */
  service: string
  declaredBy: string
  declaredAt: Time
  /**
   * The first record for which the place was used. Null before the next run of the index, and for a
   * declaration of an older version.
   */
  countsFrom: Whole | null
  /** False before the next run of the index: the place was not used yet. */
  hasBegun: boolean
}

type Row = {
  id: Generated<Whole>
  service: string
  method: string
  path: string
  place: string
  name: string
  type: string
  declared_by: string
  declared_at: Time
  from_index: Whole | null
}

/** In place of the index, for declarations of an older version. */
const NOT_NOTED = -1

export type PlacesStore = ReturnType<typeof createPlacesStore>

const MOST_OF_A_SERVICE = 50
const MOST = 5000

export function createPlacesStore(database: Database) {
  const tables = tablesOf<{ subject_place: Row }>(database)
  const list = async (service?: string): Promise<DeclaredPlace[]> => {
    const query = tables.selectFrom('subject_place').selectAll().orderBy('service').orderBy('id')
    const rows = await (service === undefined ? query : query.where('service', '=', service)).execute()
    return rows.map(
      ({ id, service: of, method, path, place, name, type, declared_by, declared_at, from_index }) => ({
        ...{ id: Number(id), service: of, method, path, in: place as SubjectPlace['in'], name, type },
        ...{ declaredBy: declared_by, declaredAt: declared_at },
        hasBegun: from_index !== null,
        countsFrom: from_index === null || Number(from_index) === NOT_NOTED ? null : Number(from_index),
      }),
    )
  }
  return {
    list,
    /**
     * Throws `invalid_input` for a place that no message can have. Throws `conflict` for a place that is
     * already declared, and when there are too many.
     */
    add: (service: string, place: SubjectPlace, q: { by: string; at: string }): Promise<Whole> =>
      inTransaction(tables, async (transaction) => {
        const { method, path, in: where, name, type } = checkPlace(place)
        await lockFor(transaction, 'subject places')
        const rows = await transaction
          .selectFrom('subject_place')
          .select(['service', 'method', 'path', 'place', 'name', 'type'])
          .limit(MOST)
          .execute()
        const same = rows.filter((row) => row.service === service)
        const isThere = same.some(
          (row) =>
            row.method === method &&
            row.path === path &&
            row.place === where &&
            row.name === name &&
            row.type === type,
        )
        if (isThere) throw new Fault('conflict', { what: say`this place is declared already` })
        if (same.length >= MOST_OF_A_SERVICE || rows.length >= MOST)
          throw new Fault('conflict', { what: say`${MOST_OF_A_SERVICE} places of a service, ${MOST} in all` })
        const row = { service, method, path, place: where, name, type, declared_by: q.by, declared_at: q.at }
        const { id } = await transaction
          .insertInto('subject_place')
          .values({ ...row, from_index: null })
          .returning('id')
          .executeTakeFirstOrThrow()
        return Number(id)
      }),
    /**
     * A run of the index that has read these places starts at record `index`: places that are new count from
     * there.
     */
    begin: async (places: readonly Pick<DeclaredPlace, 'id'>[], index: number): Promise<void> => {
      if (places.length === 0) return
      const last = Math.max(...places.map(({ id }) => id))
      const begun = tables
        .updateTable('subject_place')
        .set({ from_index: index })
        .where('from_index', 'is', null)
      await begun.where('id', '<=', last).execute()
    },
    /** Throws `not_found`. */
    delete: async (id: number): Promise<void> => {
      const gone = await tables.deleteFrom('subject_place').where('id', '=', id).executeTakeFirst()
      if (gone.numDeletedRows === 0n) throw new Fault('not_found', { what: say`the place ${id}` })
    },
  }
}
