/** Operations on certificates of existing keys: import, activate or deactivate, delete. */
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { checkCertificate, keyOf } from './check-certificate.ts'
import { type CertificateInfo, type Describe, describeCertificate } from './describe.ts'
import type { CertificateTrust } from './identity.ts'
import type { StoredCertificate, StoredKey } from './key-file.ts'
import type { Tokens } from './tokens.ts'

/** Throws unless the caller may have a certificate for a key of this usage. */
type CheckUsage = (usage: StoredKey['usage']) => void

export function createCertificateActs(q: {
  tokens: Pick<Tokens, 'keys' | 'update'>
  /** Awaits a change, then calls the listeners. */
  change<T>(act: Promise<T>): Promise<T>
  view(): Describe
  configuration(): CertificateTrust
  refreshOcsp(): Promise<void>
  now(): Date
}) {
  const { tokens, change, view, configuration, now } = q

  function find(sha256: string): { key: StoredKey; stored: StoredCertificate } {
    for (const key of tokens.keys()) {
      const stored = key.certificates.find((each) => each.certificate.sha256 === sha256.toLowerCase())
      if (stored !== undefined) return { key, stored }
    }
    throw new Fault('cert_not_found', { what: sha256.slice(0, 64) })
  }

  function info(sha256: string): CertificateInfo {
    const { key, stored } = find(sha256)
    return describeCertificate(key, stored, view())
  }

  async function store(certificate: Certificate, active: boolean, check?: CheckUsage): Promise<void> {
    const key = keyOf(certificate, tokens.keys())
    check?.(key.usage)
    const member = checkCertificate(certificate, key, configuration(), now())
    const stored = { certificate, member, active, importedAt: now().toISOString() }
    await tokens.update(key.id, (present) => {
      if (present.certificates.some((each) => each.certificate.sha256 === certificate.sha256)) {
        throw new Fault('conflict', { what: say`the certificate is imported already` })
      }
      return { ...present, certificates: [...present.certificates, stored] }
    })
  }

  /**
   * Fetches the OCSP status of a new certificate now instead of in the next round. A failure shows in the
   * certificate's state.
   */
  async function askStatus(): Promise<void> {
    await q.refreshOcsp().catch((thrown: unknown) => asFault(thrown))
  }

  return {
    find,
    info,
    store,
    askStatus,
    async add(
      bytes: Buffer,
      { activate = true, check }: { activate?: boolean; check?: CheckUsage } = {},
    ): Promise<CertificateInfo> {
      const certificate = readCertificate(bytes)
      await change(store(certificate, activate, check))
      await askStatus()
      return info(certificate.sha256)
    },
    async setActive(sha256: string, active: boolean): Promise<CertificateInfo> {
      const { key, stored } = find(sha256)
      const same = (each: StoredCertificate) => each.certificate.sha256 === stored.certificate.sha256
      const update = (present: StoredKey): StoredKey => ({
        ...present,
        certificates: present.certificates.map((each) => (same(each) ? { ...each, active } : each)),
      })
      await change(tokens.update(key.id, update))
      if (active) await askStatus()
      return info(sha256)
    },
    async delete(sha256: string): Promise<void> {
      const { key, stored } = find(sha256)
      const others = (present: StoredKey): StoredKey => ({
        ...present,
        certificates: present.certificates.filter(
          (each) => each.certificate.sha256 !== stored.certificate.sha256,
        ),
      })
      await change(tokens.update(key.id, others))
    },
  }
}
