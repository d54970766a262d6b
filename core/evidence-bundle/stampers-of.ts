/** Whose time-stamps count in a bundle: a server stamps with authorities of its own instance, and another one's registry has no say in that. */
import type { Certificate } from '#core/certificate/certificate.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import type { BundleQuestion } from './bundle.ts'

/** The certificates of the time-stamping authorities that the instance of the log approves; none for a log that names no instance. */
export function stampersOf({
  bundle,
  configuration,
}: Pick<BundleQuestion, 'bundle' | 'configuration'>): Certificate[] {
  try {
    return configuration.get(parseServerId(bundle.manifest.log).instance)?.tsaCertificates ?? []
  } catch {
    return []
  }
}
