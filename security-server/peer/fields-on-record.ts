/** What records say of the fields that a contract took out of a message: names, never values. */
import type { RemovedFields } from '#core/contract/removed-fields.ts'

/** The digest of the fields that are allowed, and the names of those that were removed. */
export type FieldsOnRecord = { rule: string; removed: RemovedFields }

/** As facts of a record. How many places were cut out stands there where not all names do. */
export function fieldsOnRecord(fields: FieldsOnRecord | undefined): Record<string, string> {
  if (fields === undefined) return {}
  const { names, count, isMore } = fields.removed
  return {
    fieldRule: fields.rule,
    removedFields: JSON.stringify(names),
    ...(isMore && { removedPlaces: `${count}` }),
  }
}
