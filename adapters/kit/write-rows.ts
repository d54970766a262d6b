/** Turns rows into the JSON of an answer, by the types of the mapping alone and within a number of bytes. */
import { Fault } from '#schemas/fault.ts'
import { type FieldType, outputValue } from './field-types.ts'

type Field = { name: string; type: FieldType; nullable: boolean }

export type JsonValue = string | number | boolean | null
type Writing = {
  /**
   * The values of a row in the order of the fields. Throws `source_failed`, which names the field and not the
   * value.
   */
  read(row: unknown[]): JsonValue[]
  /** The row as a JSON object. */
  write(values: JsonValue[]): string
}

export function writing(fields: Field[]): Writing {
  const names = fields.map(({ name }, at) => `${at === 0 ? '{' : ','}${JSON.stringify(name)}:`)
  return {
    read: (row) => fields.map((field, at) => readValue(field, row[at])),
    write: (values) => {
      let text = ''
      for (let at = 0; at < names.length; at++) text += names[at]! + JSON.stringify(values[at])
      return `${text}}`
    },
  }
}

function readValue({ name, type, nullable }: Field, given: unknown): JsonValue {
  if (given === null || given === undefined) {
    if (nullable) return null
    throw new Fault('source_failed', { what: `${name} has no value` })
  }
  const value = outputValue(type, given)
  if (value === undefined)
    throw new Fault('source_failed', { what: `${name} holds something that is no ${type}` })
  return value
}
