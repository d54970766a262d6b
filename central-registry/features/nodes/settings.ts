/** Which settings of a registry its nodes compare. */

/** Where a registry publishes. */
export type PublishedAt = { publicUrl: string; configuration: { otherUrls?: string[] | undefined } }

/** What the rows that nodes share are bound to: an instance has no name before its first start. */
export const SCOPE = 'central registry'

/** Settings that each machine has for itself. */
export const OF_A_MACHINE: ReadonlySet<string> = new Set([
  ...['directory', 'database', 'public', 'admin', 'signingToken', 'nodes'],
  ...['logLevel', 'backups', 'pinFile', 'redisUrlFile'],
])

/**
 * Each node names the others, so all of them have to name the same ones together: under `publicUrl` stand all
 * addresses.
 */
export function comparedSettings(settings: PublishedAt) {
  const { otherUrls = [], ...configuration } = settings.configuration
  return { ...settings, publicUrl: [...new Set([settings.publicUrl, ...otherUrls])].sort(), configuration }
}
