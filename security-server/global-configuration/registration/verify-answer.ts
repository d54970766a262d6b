/**
 * Guarantees that a document is the registry's answer to this question: signed with a key that the
 * configuration names, for this server, and made now. An older answer, or one for another server or by
 * another signer, is refused.
 */
import { readCertificate } from '#core/certificate/certificate.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Read } from '#core/contract/fields.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { ConfigurationSnapshot } from '../snapshot.ts'

/** What every answer contains; `answers` is the id of the question. */
type Answered = { instance: string; server: string; answers: string; generatedAt: string }

const ACCEPTED_MS = 5 * 60_000

/** Throws `invalid_global_conf_signature` with `form.what` in the text, or what `form.read` throws. */
export function verifyAnswer<T extends Answered>(
  bytes: Buffer,
  form: { type: string; what: string; read: Read<T>; maxBytes: number },
  q: { configuration: ConfigurationIndex; server: string; question: string; now: number },
): T {
  const refused = (why: string): Fault =>
    new Fault('invalid_global_conf_signature', { what: `${form.what}: ${why}` })
  const { document, signatures } = readSignedJson(bytes, form.type, form.maxBytes)
  const trusted = new Set(
    q.configuration.shared.sources
      .flatMap((source) => source.internalVerificationCerts)
      .map((der) => readCertificate(der).sha256),
  )
  if (signatures.length !== 1 || !trusted.has(signatures[0]!.certificate.sha256))
    throw refused('it is not signed by a key that signs the configuration')
  const read = form.read(document, 'answer')
  if (read.instance !== q.configuration.instance || read.server !== q.server)
    throw refused('it is for another server')
  if (read.answers !== q.question) throw refused('it answers another question')
  if (Math.abs(Date.parse(read.generatedAt) - q.now) > ACCEPTED_MS)
    throw refused('its time is not within 5 minutes of ours')
  return read
}

/**
 * Whether the registry accepts such documents: X-Road's central server does not, a Concordat registry does if
 * the configuration names its registration service.
 */
export function takesDocuments(snapshot: ConfigurationSnapshot): boolean {
  const service = snapshot.index.privateParameters?.managementService
  return snapshot.statementIndex !== undefined && service?.authCertRegServiceCert !== undefined
}
