/** Guarantees that validation is on only where messages can be held against a document. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { ServiceDescription } from '../view.ts'
import { checkDescription } from './try-description.ts'

/**
 * Throws `conflict` for a description without a document, `invalid_input` that says what in it cannot be
 * compiled.
 */
export async function checkCompiles({ type, services }: ServiceDescription): Promise<void> {
  const text = services[0]?.service.documentText
  if (type === 'REST' || text === undefined)
    throw new Fault('conflict', {
      what: say`this service has no document that messages could be held against`,
    })
  await checkDescription({ type, text })
}

/**
 * Whether a new document, as clients get it, can take the place of one that messages are held against. Throws
 * as `checkCompiles`.
 */
export async function checkStillValidates(
  { type, services }: ServiceDescription,
  text: string,
): Promise<void> {
  const isValidated = services.some(({ service }) => service.validate !== 'NONE')
  if (isValidated && type !== 'REST') await checkDescription({ type, text })
}
