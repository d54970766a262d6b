/**
 * The readers of fields were made for contracts and throw `invalid_contract`: elsewhere such a fault is one
 * of the input.
 */
import { Fault } from '#schemas/fault.ts'

/** Returns what `read` returns; throws `invalid_input` where it throws `invalid_contract`. */
export function asInput<R>(read: () => R): R {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_contract')
      throw new Fault('invalid_input', { what: thrown.what })
    throw thrown
  }
}
