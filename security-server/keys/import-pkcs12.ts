/**
 * Imports the software token of an X-Road security server: the PKCS#12 file of each key and, if available,
 * the keyconf.xml that states the usage of each key. One import may contain keys of several members.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { isSigningCertificate } from '#core/certificate/usage.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type KeyUsage, keyId } from './key-file.ts'
import { type KeyconfKey, readKeyconf } from './read-keyconf.ts'
import { readPkcs12 } from './read-pkcs12.ts'
import type { SoftwareToken } from './software-token.ts'

type Import = {
  files: Buffer[]
  password: string
  keyconf?: Buffer | undefined
  /** Used when neither keyconf.xml nor a certificate states the usage. */
  usage?: KeyUsage | undefined
}

type Into = {
  token: SoftwareToken
  store(certificate: Certificate, active: boolean): Promise<void>
}

const MAX_FILES = 100

/**
 * The ids of the imported keys, in the order in which they were stored. A key that exists already is left as
 * it is. Throws `token_not_active`, `pin_incorrect`, `invalid_input`, `invalid_xml`, and what importing a
 * certificate throws.
 */
export async function importPkcs12(q: Import, { token, store }: Into): Promise<string[]> {
  if (!token.unlocked()) throw new Fault('token_not_active')
  if (q.files.length > MAX_FILES) throw new Fault('invalid_input', { what: say`at most ${MAX_FILES} files` })
  const described = q.keyconf === undefined ? [] : await readKeyconf(q.keyconf)
  // All files are read before the first key is stored: a wrong password in the last one changes nothing.
  const contents = await Promise.all(q.files.map((file) => readPkcs12(file, q.password)))
  const ids: string[] = []
  for (const { privateKeys, certificates } of contents) {
    for (const privateKey of privateKeys) {
      ids.push(await importOne(privateKey, certificates, described))
    }
  }
  return ids

  async function importOne(
    privateKey: KeyObject,
    enclosed: Certificate[],
    keyconf: KeyconfKey[],
  ): Promise<string> {
    const spki = spkiOf(createPublicKey(privateKey))
    const known = keyconf.find((key) => key.publicKey.equals(spki))
    const own = enclosed
      // X-Road's files contain a self-signed placeholder certificate (CN=KeyHolder) with the key.
      .filter((each) => spkiOf(publicKeyOf(each)).equals(spki) && !each.issuer.der.equals(each.subject.der))
      .map((certificate) => ({ certificate, active: true }))
    const certificates = known?.certificates ?? own
    const usage = known?.usage ?? usageBy(certificates[0]?.certificate) ?? q.usage
    if (usage === undefined)
      throw new Fault('invalid_input', { what: say`say what the key is for: its usage` })
    const id = keyId(spki)
    if (!token.keys().some((key) => key.id === id)) {
      await token.addKey({ privateKey, usage, label: known?.label || 'imported' })
    }
    const present = new Set(token.key(id).certificates.map((each) => each.certificate.sha256))
    for (const { certificate, active } of certificates) {
      if (!present.has(certificate.sha256)) await store(certificate, active)
    }
    return id
  }
}

function usageBy(certificate: Certificate | undefined): KeyUsage | undefined {
  if (certificate === undefined) return undefined
  return isSigningCertificate(certificate) ? 'SIGNING' : 'AUTHENTICATION'
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' })
}
