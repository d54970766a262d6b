/**
 * Whose time-stamps counted: a bundle says it by its log, a container leaves it to the reader's own instance,
 * which is told or is not.
 */
import { parseServerId } from '#schemas/identifiers.ts'
import type { Facts } from './checks-of.ts'
import { text } from './texts.ts'

/** None when nothing was judged by a configuration, or for evidence without time-stamps of its own. */
export function stampersInWords({ log, proved, configuration }: Facts): string[] {
  const instance = instanceOf(log ?? proved?.log)
  if (instance !== undefined) return [text('stampedByLog', { instance })]
  const own = configuration?.own
  if (own === undefined) return []
  return [own === null ? text('ownNotNamed') : text('ownNamed', { instance: own })]
}

function instanceOf(log: string | undefined): string | undefined {
  try {
    return log === undefined ? undefined : parseServerId(log).instance
  } catch {
    return undefined
  }
}
