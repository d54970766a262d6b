/**
 * Whose time-stamps count in a bundle: a server stamps with authorities of its own instance, and another
 * one's registry has no say in that.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import type { BundleQuestion } from './bundle.ts'

/**
 * The instance of the log, whose time-stamping authorities count; none for a log that names no known
 * instance.
 */
export function stampersOf({
  bundle,
  configuration,
}: Pick<BundleQuestion, 'bundle' | 'configuration'>): ConfigurationIndex[] {
  try {
    const found = configuration.get(parseServerId(bundle.manifest.log).instance)
    return found === undefined ? [] : [found]
  } catch {
    return []
  }
}
