/** The keys of the public log as verifiers know them: those that are accepted now, the newest first. */
import { writeVerifierKey } from '#core/merkle/verifier-key.ts'
import type { Clock } from '#platform/clock.ts'
import type { PublishedLogKeys } from '#schemas/log-cosignature.ts'
import type { IdentityKeys } from './identity-keys.ts'

/** Undefined without a public log. */
export async function publishedLogKeys(q: {
  identityKeys: Pick<IdentityKeys, 'log'> | undefined
  origin: string | undefined
  clock: Clock
}): Promise<PublishedLogKeys | undefined> {
  const { identityKeys, origin } = q
  if (identityKeys === undefined || origin === undefined) return undefined
  const accepted = await identityKeys.log.accepted(q.clock())
  return {
    origin,
    keys: accepted.map(({ publicKey }) => writeVerifierKey({ name: origin, publicKey }, 'log')),
  }
}
