/**
 * Rules for external anchors; pure. An anchor is examined, then trusted until it is removed or a newer one of
 * its instance replaces it. An anchor that is not trusted can be examined again.
 */
import { createHash } from 'node:crypto'
import { publicKeyOf, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import { say, type Word } from '#schemas/said.ts'

/** The registry and every security server fetch the configuration of each anchor every 15 s. */
export const MOST_TRUSTED = 64

export type AnchorState = 'EXAMINED' | 'TRUSTED' | 'REPLACED' | 'REMOVED'
export type AnchorAct = 'examine' | 'trust' | 'replace' | 'remove'

const NEXT: Record<AnchorState, Partial<Record<AnchorAct, AnchorState>>> = {
  EXAMINED: { examine: 'EXAMINED', trust: 'TRUSTED' },
  TRUSTED: { replace: 'REPLACED', remove: 'REMOVED' },
  REPLACED: { examine: 'EXAMINED' },
  REMOVED: { examine: 'EXAMINED' },
}

/**
 * The state of a known anchor after an act. Throws `conflict`, with the reason, for an act that this state
 * does not allow.
 */
export function nextAnchorState(state: AnchorState, act: AnchorAct): AnchorState {
  const next = NEXT[state][act]
  if (next !== undefined) return next
  if (act === 'examine') throw new Fault('conflict', { what: say`exactly this anchor is trusted already` })
  const why = act === 'trust' ? 'examine it again' : `only a trusted one is ${act}d`
  throw new Fault('conflict', { what: say`the anchor is ${state}: ${why}` })
}

/**
 * Throws `anchor_not_verified` for an anchor of our own instance, or with a key that signs for another
 * instance already.
 */
export function checkApart(
  anchor: ConfigurationAnchor,
  q: { instance: string; ownCertificates: Buffer[]; others: ConfigurationAnchor[] },
): void {
  if (anchor.instance === q.instance)
    throw refused(say`it is of our own instance ${q.instance}: an external anchor is of another one`)
  const taken = new Map(q.ownCertificates.map((der) => [keyDigest(der), q.instance]))
  // A newer anchor replaces the older one of the same instance, so it may have the same keys.
  for (const other of q.others)
    if (other.instance !== anchor.instance)
      for (const der of certificatesOf(other)) taken.set(keyDigest(der), other.instance)
  for (const der of certificatesOf(anchor)) {
    const owner = taken.get(keyDigest(der))
    if (owner !== undefined)
      throw refused(say`one of its keys signs for the instance ${owner}: a key stands for one instance only`)
  }
}

export function certificatesOf(anchor: ConfigurationAnchor): Buffer[] {
  return anchor.sources.flatMap(({ verificationCerts }) => verificationCerts)
}

export function refused(what: Word, cause?: unknown): Fault {
  return new Fault('anchor_not_verified', { what, cause })
}

/** The digest of the public key, because another certificate may contain the same key. */
function keyDigest(der: Buffer): string {
  const spki = publicKeyOf(readCertificate(der)).export({ format: 'der', type: 'spki' })
  return createHash('sha256').update(spki).digest('hex')
}
