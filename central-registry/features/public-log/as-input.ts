/** Faults of what a security server tells of this log are faults of input: the readers of fields were made for contracts. */
import { Fault } from '#schemas/fault.ts'

export function asInput<R>(read: () => R): R {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_contract')
      throw new Fault('invalid_input', { what: thrown.what })
    throw thrown
  }
}
