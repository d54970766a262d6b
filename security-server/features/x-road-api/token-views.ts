/** Tokens, keys and certificates in X-Road's words. */

import { detailsOfPem } from './certificate-details.ts'
import type { OwnCertificate, OwnKey, OwnToken } from './own-views.ts'

const OCSP = {
  good: 'OCSP_RESPONSE_GOOD',
  revoked: 'OCSP_RESPONSE_REVOKED',
  unknown: 'OCSP_RESPONSE_UNKNOWN',
  stale: 'OCSP_RESPONSE_UNKNOWN',
  none: 'OCSP_RESPONSE_UNKNOWN',
} as const

export function tokenView(token: OwnToken): object {
  const isAvailable = token.hardware === undefined || token.hardware.state !== 'away'
  return {
    ...{ id: token.id, name: token.name, type: token.type, logged_in: token.loggedIn },
    status: token.initialized ? 'OK' : 'NOT_INITIALIZED',
    keys: token.keys.map((key) => keyView(key, token.loggedIn)),
    ...{ available: isAvailable, saved_to_configuration: true, read_only: false, token_infos: [] },
    possible_actions: [
      ...(token.loggedIn ? ['LOGOUT', 'GENERATE_KEY'] : token.initialized ? ['LOGIN'] : []),
      ...(token.type === 'SOFTWARE' && token.loggedIn ? ['TOKEN_CHANGE_PIN'] : []),
    ],
  }
}

export function keyView(key: OwnKey, isAvailable: boolean): object {
  return {
    ...{ id: key.id, name: key.label, label: key.label, usage: key.usage },
    certificates: key.certificates.map(certificateView),
    certificate_signing_requests: key.requests.map(({ id, memberId = '' }) => ({
      ...{ id, owner_id: memberId, certificate_profile: '', possible_actions: ['DELETE'] },
    })),
    available: isAvailable,
    saved_to_configuration: key.certificates.length + key.requests.length > 0,
    possible_actions: keyActions(key),
    key_algorithm: key.algorithm?.startsWith('RSA') === true ? 'RSA' : 'EC',
  }
}

export function keyActions(key: Pick<OwnKey, 'usage'>): string[] {
  const request = key.usage === 'AUTHENTICATION' ? 'GENERATE_AUTH_CSR' : 'GENERATE_SIGN_CSR'
  return ['DELETE', 'EDIT_FRIENDLY_NAME', request]
}

export function certificateView(certificate: OwnCertificate): object {
  return {
    ocsp_status:
      certificate.state === 'expired'
        ? 'EXPIRED'
        : certificate.active
          ? OCSP[certificate.ocsp.state]
          : 'DISABLED',
    owner_id: certificate.memberId ?? '',
    ...{ active: certificate.active, saved_to_configuration: true },
    certificate_details: detailsOfPem(certificate.pem),
    status: certificate.state === 'registered' ? 'REGISTERED' : 'SAVED',
    possible_actions: certificateActions(certificate),
  }
}

export function certificateActions({ usage, state, active }: OwnCertificate): string[] {
  const registration =
    usage === 'SIGNING' || state === 'expired' ? [] : [state === 'saved' ? 'REGISTER' : 'UNREGISTER']
  return ['DELETE', active ? 'DISABLE' : 'ACTIVATE', ...registration]
}
