/**
 * The certificates of peers that verdicts rest on. Between two OCSP responses of its owner only the CA knows
 * that a certificate is revoked; so their CAs are asked about these in the background, and what one says
 * revoked is refused at once.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationSnapshot } from '../global-configuration/global-configuration.ts'
import { certificateIn } from '../global-configuration/snapshot.ts'

/** Hears that a verdict rests on these certificates of an instance until a time (ms). */
export type Rely = (certificates: Certificate[], instance: string, until: number) => void

export type ReliedOn = { certificate: Certificate; instance: string; until: number }

/**
 * Peers show few certificates; more than this are attempts to fill the memory. The longest unused one makes
 * room.
 */
const MOST = 20_000
/** A peer that comes back soon is still known, so that it need not be asked about anew. */
const KEPT_MS = 2 * 60 * 60_000

export function createReliedOn(clock: Clock): { rely: Rely; list(): ReliedOn[] } {
  const known = new Map<string, ReliedOn>()
  return {
    rely(certificates, instance, until) {
      const kept = Math.max(until, clock() + KEPT_MS)
      for (const certificate of certificates) {
        const name = certificateIn(instance, certificate.sha256)
        known.delete(name)
        if (known.size >= MOST) known.delete(known.keys().next().value!)
        known.set(name, { certificate, instance, until: kept })
      }
    },
    list() {
      const now = clock()
      for (const [name, { until }] of known) if (until <= now) known.delete(name)
      return [...known.values()]
    },
  }
}

/**
 * Throws `incorrect_validation_info` when one of them is revoked by what its CA, as this instance approves
 * it, said last.
 */
export function checkNotRevoked(
  certificates: readonly Certificate[],
  instance: string,
  { isRevoked }: Pick<ConfigurationSnapshot, 'isRevoked'>,
): void {
  for (const { sha256 } of certificates)
    if (isRevoked(sha256, instance))
      throw new Fault('incorrect_validation_info', {
        what: `its CA says that certificate ${sha256.slice(0, 16)} is revoked`,
      })
}
