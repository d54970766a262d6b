/**
 * Signs a document for security servers with the active configuration signing key; the configuration has its
 * certificate.
 */
import { readCertificate } from '#core/certificate/certificate.ts'
import { signJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { PrivateKeys } from './private-keys.ts'
import type { SigningKeyStore } from './store.ts'

/**
 * Returns a JWS in general serialization; `type` states its purpose. Throws `cannot_sign` while there is no
 * active key.
 */
export type SignDocument = (document: object, type: string) => Promise<string>

export function createSignDocument(q: {
  keys: Pick<SigningKeyStore, 'list'>
  privateKeys: Pick<PrivateKeys, 'open'>
}): SignDocument {
  return async (document, type) => {
    const active = (await q.keys.list()).find((key) => Number(key.is_active) === 1)
    if (active === undefined)
      throw new Fault('cannot_sign', { what: say`no configuration signing key is active` })
    const key = await q.privateKeys.open(active.id)
    return signJson(document, type, [
      { certificates: [readCertificate(active.certificate)], ocspResponses: [], key },
    ])
  }
}
