/**
 * Tokens, keys and certificates as the API shows them: ids in its form, and what depends on each certificate.
 */
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { CertificateInfo, KeyInfo, TokenInfo } from '../../keys/keys.ts'
import type { Needs } from './needs.ts'
import { usesOf } from './uses.ts'

export function viewsOf(rooms: Needs) {
  function certificate(of: CertificateInfo) {
    const { member, ...more } = of
    return { ...more, memberId: colonOrNone(member), ...usesOf(of, rooms) }
  }
  const key = (of: KeyInfo) => ({
    ...of,
    requests: of.requests.map(({ member, ...request }) => ({ ...request, memberId: colonOrNone(member) })),
    certificates: of.certificates.map(certificate),
  })
  const token = (of: TokenInfo) => ({ ...of, keys: of.keys.map(key) })
  return { certificate, key, token }
}

function colonOrNone(text: string | undefined): string | undefined {
  return text === undefined ? undefined : colonForm(text)
}
