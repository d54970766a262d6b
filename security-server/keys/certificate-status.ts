/**
 * OCSP responses for our own certificates, kept in memory and on disk. A response is returned only while it
 * verifies as fresh and `good` under the current configuration. A response that says revoked takes effect at
 * once.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Certificate } from '#core/certificate/certificate.ts'
import { parseOcspResponse } from '#core/certificate/ocsp-parse.ts'
import { type OcspVerdict, verifyOcspResponse } from '#core/certificate/ocsp-response.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { CertificateTrust } from './identity.ts'
import type { WriteFile } from './write-durably.ts'

type FreshStatus = { response: Buffer; validUntil: Date }

/** The status of a certificate as administrators see it. */
export type StatusReport = {
  state: 'good' | 'revoked' | 'unknown' | 'stale' | 'none'
  validUntil?: Date | undefined
  thisUpdate?: Date | undefined
  checkedAt?: Date | undefined
  error?: string | undefined
}

type Entry = {
  response?: Buffer
  verdict?: OcspVerdict
  /** The configuration under which `verdict` was reached. */
  trust?: CertificateTrust
  refusal?: { state: 'revoked' | 'unknown'; at: Date }
  checkedAt?: Date
  error?: string
}

export type CertificateStatuses = {
  /** The fresh response; throws `incorrect_validation_info` when there is none. */
  fresh(certificate: Certificate, trust: CertificateTrust, at: Date): FreshStatus
  /**
   * Verifies a response that was just fetched and keeps it. Resolves to true when anything changed. Throws
   * when the response does not verify or is older than the known one.
   */
  accept(certificate: Certificate, response: Buffer, trust: CertificateTrust, at: Date): Promise<boolean>
  /** Records that no response could be fetched. */
  failed(certificate: Certificate, fault: Fault, at: Date): void
  report(certificate: Certificate, at: Date): StatusReport
  /** The fresh response for a certificate, found by the SHA-1 or SHA-256 of its DER (lower-case hex). */
  byHash(hex: string, at: Date): Buffer | undefined
}

/** Reads the responses that earlier runs kept in `directory`. A damaged file counts as absent. */
export async function openCertificateStatuses(q: {
  directory: string
  write: WriteFile
}): Promise<CertificateStatuses> {
  await mkdir(q.directory, { recursive: true, mode: 0o700 })
  const entries = new Map<string, Entry>()
  const bySha1 = new Map<string, string>()
  const hashed = new WeakSet<Certificate>()
  for (const name of await readdir(q.directory)) {
    const sha256 = /^([0-9a-f]{64})\.der$/.exec(name)?.[1]
    if (sha256 !== undefined) entries.set(sha256, { response: await readFile(join(q.directory, name)) })
  }

  function entryOf(certificate: Certificate): Entry {
    if (!hashed.has(certificate)) {
      bySha1.set(createHash('sha1').update(certificate.der).digest('hex'), certificate.sha256)
      hashed.add(certificate)
    }
    const known = entries.get(certificate.sha256)
    if (known !== undefined) return known
    const made: Entry = {}
    entries.set(certificate.sha256, made)
    return made
  }

  function fileOf(certificate: Certificate): string {
    return join(q.directory, `${certificate.sha256}.der`)
  }

  return {
    fresh(certificate, trust, at) {
      const entry = entryOf(certificate)
      if (entry.refusal !== undefined) throw notGood(certificate, entry.refusal.state)
      if (entry.response === undefined) throw notGood(certificate, 'there is no OCSP answer yet')
      if (entry.verdict === undefined || entry.trust !== trust) {
        entry.verdict = verify(certificate, entry.response, trust, at)
        entry.trust = trust
      }
      if (at >= entry.verdict.validUntil) throw notGood(certificate, 'the OCSP answer is no longer fresh')
      return { response: entry.response, validUntil: entry.verdict.validUntil }
    },
    async accept(certificate, response, trust, at) {
      const entry = entryOf(certificate)
      entry.checkedAt = at
      try {
        const verdict = verify(certificate, response, trust, at)
        // An older response could be a replay that hides a revocation.
        const known = entry.refusal?.at ?? entry.verdict?.thisUpdate
        if (known !== undefined && verdict.thisUpdate < known) {
          throw notGood(certificate, 'the OCSP answer is older than one seen before')
        }
        const same = entry.response?.equals(response) === true && entry.refusal === undefined
        // Keeps the same Buffer object while its bytes are the same.
        const kept = same ? entry.response : response
        Object.assign(entry, { response: kept, verdict, trust, refusal: undefined, error: undefined })
        if (same) return false
        await q.write(fileOf(certificate), response)
        return true
      } catch (thrown) {
        const fault = asFault(thrown)
        entry.error = fault.message
        const state = refusalIn(fault)
        if (state !== undefined) {
          const since = parseOcspResponse(response).responses[0]!.thisUpdate
          Object.assign(entry, { refusal: { state, at: since }, response: undefined, verdict: undefined })
          await unlink(fileOf(certificate)).catch(() => undefined)
        }
        throw fault
      }
    },
    failed(certificate, fault, at) {
      Object.assign(entryOf(certificate), { checkedAt: at, error: fault.message })
    },
    report(certificate, at) {
      const { refusal, verdict, checkedAt, error } = entryOf(certificate)
      const times = { validUntil: verdict?.validUntil, thisUpdate: verdict?.thisUpdate, checkedAt, error }
      if (refusal !== undefined) return { state: refusal.state, ...times }
      if (verdict === undefined) return { state: 'none', ...times }
      return { state: at < verdict.validUntil ? 'good' : 'stale', ...times }
    },
    byHash(hex, at) {
      const entry = entries.get(hex.length === 40 ? (bySha1.get(hex) ?? '') : hex)
      if (entry?.verdict === undefined || entry.refusal !== undefined) return undefined
      return at < entry.verdict.validUntil ? entry.response : undefined
    },
  }
}

function verify(certificate: Certificate, response: Buffer, trust: CertificateTrust, at: Date): OcspVerdict {
  const issuer = trust.caOf(certificate)
  if (issuer === undefined) {
    throw new Fault('invalid_cert_path', { what: say`the issuer of a certificate of ours is not approved` })
  }
  return verifyOcspResponse({
    response,
    certificate,
    issuer: issuer.ca,
    responders: issuer.responders,
    at,
    freshnessSeconds: trust.ocspFreshnessSeconds,
  })
}

function notGood(certificate: Certificate, why: string): Fault {
  return new Fault('incorrect_validation_info', {
    what: `certificate ${certificate.sha256.slice(0, 16)}: ${why}`,
  })
}

/**
 * The status of the certificate in a valid response that does not say good; undefined when the response
 * itself is invalid.
 */
function refusalIn(fault: Fault): 'revoked' | 'unknown' | undefined {
  if (fault.code !== 'incorrect_validation_info') return undefined
  const said = /the certificate is (revoked|unknown)$/.exec(fault.what ?? '')
  return said?.[1] as 'revoked' | 'unknown' | undefined
}
