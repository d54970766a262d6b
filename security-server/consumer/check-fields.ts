/** Guarantees that what the contract does not let us ask is not signed and does not leave. */
import { discardOnFailure } from '../message/body.ts'
import { checkFields as checkRequest } from '../peer/check-fields.ts'
import type { Covered } from './check-contract.ts'
import type { Taken } from './take-body.ts'

/** Throws `outside_contract`. */
export function checkFields<T extends Covered & Pick<Taken, 'body'>>(asked: T): Promise<T> {
  return discardOnFailure(asked.body, () => checkRequest(asked))
}
