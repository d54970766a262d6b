/** Tokens, keys and certificates as the API shows them: ids in its form. */
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { CertificateInfo, KeyInfo, TokenInfo } from '../../keys/keys.ts'

export function tokenView(token: TokenInfo) {
  return { ...token, keys: token.keys.map(keyView) }
}

export function keyView(key: KeyInfo) {
  return {
    ...key,
    requests: key.requests.map(({ member, ...request }) => ({ ...request, memberId: colonOrNone(member) })),
    certificates: key.certificates.map(certificateView),
  }
}

export function certificateView({ member, ...certificate }: CertificateInfo) {
  return { ...certificate, memberId: colonOrNone(member) }
}

function colonOrNone(text: string | undefined): string | undefined {
  return text === undefined ? undefined : colonForm(text)
}
