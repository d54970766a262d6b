/**
 * Removes what renewals put out of use, once nothing can need it: a certificate that ended a day ago, or that
 * its CA revoked and the registry does not list, with its key. Otherwise each renewal would leave a key,
 * until the token takes no more.
 */
import type { RenewalRooms } from './rooms.ts'
import { retiredBy } from './rules.ts'
import type { Renewal } from './store.ts'

/** Clocks of peers may be behind. */
const AFTER_END_MS = 24 * 3600_000

export async function removeEnded({ keys, clock, store }: RenewalRooms, row: Renewal): Promise<void> {
  const all = keys.tokens().flatMap((token) => token.keys)
  for (const sha256 of retiredBy(row)) {
    const key = all.find(({ certificates }) => certificates.some((one) => one.sha256 === sha256))
    if (key === undefined) continue
    const { active, notAfter, ocsp, state } = keys.certificate(sha256)
    const hasEnded = Date.parse(notAfter) + AFTER_END_MS < clock()
    if (active || !(hasEnded || (ocsp.state === 'revoked' && state !== 'registered'))) continue
    const isAlone = key.certificates.length === 1 && key.requests.length <= 1
    await (isAlone ? keys.deleteKey(key.id) : keys.deleteCertificate(sha256))
    await store.note(row.id, {
      at: new Date(clock()).toISOString(),
      ...{ step: 'REMOVED', detail: sha256 },
    })
  }
}
