/** Says what is wrong with the shape of what was sent, and quotes no value of it. */
import type { ErrorObject } from 'ajv'
import { Fault } from '#schemas/fault.ts'

/** Throws `invalid_input` for what a check of a shape found. */
export function refuse(errors: readonly ErrorObject[] | null | undefined): never {
  const [error] = errors ?? []
  const where = error?.instancePath.slice(0, 100) ?? ''
  throw new Fault('invalid_input', { what: `reconciliation${where}: ${error?.message ?? 'another shape'}` })
}
