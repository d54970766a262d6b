/** Describes what is wrong with the shape of received data, without quoting any of its values. */
import type { ErrorObject } from 'ajv'
import { Fault } from '#schemas/fault.ts'

/** Throws `invalid_input` for the first error of a shape check. */
export function refuse(errors: readonly ErrorObject[] | null | undefined): never {
  const [error] = errors ?? []
  const where = error?.instancePath.slice(0, 100) ?? ''
  throw new Fault('invalid_input', { what: `reconciliation${where}: ${error?.message ?? 'another shape'}` })
}
