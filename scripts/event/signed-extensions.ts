/** The extensions that a signature has to cover, as `--extension NAME[=TYPE]` names them. */
import type { ExtensionType } from '#core/dsse/event-digests.ts'
import { wrongUsage } from './surroundings.ts'

const TYPES: readonly ExtensionType[] = ['Boolean', 'Integer', 'String', 'Binary', 'Timestamp']

type SignedExtensions = { names: string[]; types: Map<string, ExtensionType> }

/**
 * Names in their order, and the types of those that have one. Throws `wrong_usage` for a type that there is
 * not.
 */
export function signedExtensions(given: readonly string[]): SignedExtensions {
  const names: string[] = []
  const types = new Map<string, ExtensionType>()
  for (const one of given) {
    const [name = '', ...rest] = one.split('=')
    names.push(name)
    if (rest.length === 0) continue
    const type = TYPES.find((known) => known === rest.join('='))
    if (type === undefined) throw wrongUsage(`--extension ${name}= wants one of ${TYPES.join(', ')}`)
    types.set(name, type)
  }
  return { names, types }
}
