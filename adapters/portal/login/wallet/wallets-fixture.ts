/** For tests only: wallets, the authority behind them, and a portal that asks them. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { testVerifier } from '#core/presentation/presentation-fixture.ts'
import { authorityOf, PERSON } from '#test/fakes/wallet/authority.ts'
import type { WalletSettings } from './settings.ts'

export const NOW = Date.now()
const DAY = 86_400_000
const VALID = { notBefore: new Date(NOW - DAY), notAfter: new Date(NOW + DAY) }
export const state = authorityOf('State', [PERSON], VALID)
export const stranger = authorityOf('Stranger', [PERSON], VALID)
/**
 * Another country, which the registry trusts: its credentials have the same type, and its people may have the
 * same digits.
 */
export const neighbour = authorityOf('Neighbour', [PERSON], VALID)
export const verifier = testVerifier('x509_hash', VALID)
export const holder = newKey()

export const walletOf = (personal_code: string, authority = state) => ({
  ...{ authority, holder, attributes: { personal_code, family_name: 'Mets' }, disclose: ['personal_code'] },
})

export const pemOf = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`
export const keyOf = (pair: typeof holder): string =>
  String(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }))
export const issuersOf = (...authorities: (typeof state)[]): string =>
  JSON.stringify(
    authorities.map(({ name, anchorDer }) => ({
      name,
      types: [PERSON],
      anchors: [anchorDer.toString('base64')],
    })),
  )

/** It has a code as well, and identifies nobody. */
export const CLUB_CARD: WalletSettings['credentials'][number] = {
  ...{ format: 'dc+sd-jwt', types: ['urn:example:club:1'], issuers: ['State'] },
  ...{ code: ['personal_code'], attestsOnly: true },
}

/** The files of the settings, in a folder of the test. */
export function filesIn(folder: string): WalletSettings {
  const write = (name: string, content: string): string => {
    const file = path.join(folder, name)
    writeFileSync(file, content, { mode: 0o600 })
    return file
  }
  return {
    certificateFile: write('verifier.pem', verifier.chain.map(pemOf).join('')),
    keyFile: write('verifier.key', keyOf(verifier.key)),
    trustedIssuersFile: write('issuers.json', issuersOf(state, neighbour)),
    credentials: [
      CLUB_CARD,
      { format: 'dc+sd-jwt', types: [PERSON], issuers: ['State'], code: ['personal_code'] },
    ],
    walletUrl: 'haip-vp://',
    maxStatusAgeHours: 24,
  }
}
