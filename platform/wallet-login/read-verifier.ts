/** As whom wallets are asked: a certificate with its chain, and signatures of the key that belongs to it. */
import { sign, verify } from 'node:crypto'
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { sameName } from '#core/certificate/name.ts'
import type { Verifier } from '#core/presentation/make-request.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { readPem } from '#platform/http-service/listener-tls.ts'
import { Fault } from '#schemas/fault.ts'

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

/**
 * Throws `invalid_configuration` for a certificate that HAIP 1.0 refuses, or a key that is not the
 * certificate's.
 */
export async function readVerifier(q: {
  certificateFile: string
  keyFile: string
}): Promise<Verifier & { leaf: Certificate }> {
  const text = (await readPem(q.certificateFile)).toString('latin1')
  const chain = [...text.matchAll(PEM)].map(([, base64 = '']) => Buffer.from(base64, 'base64'))
  const wrong = (why: string): Fault => new Fault('invalid_configuration', { what: `wallets: ${why}` })
  const [leaf, ...others] = chain.map(parseCertificate)
  if (leaf === undefined) throw wrong(`${q.certificateFile} has no certificate`)
  if ([leaf, ...others].some(({ subject, issuer }) => sameName(subject, issuer)))
    throw wrong(`${q.certificateFile} must neither be nor contain a certificate that signed itself`)
  const publicKey = publicKeyOf(leaf)
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw wrong(`${q.certificateFile} is not for a P-256 key`)
  const key = await readSecret(q.keyFile)
  const signed = (bytes: Buffer): Buffer => sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
  const probe = Buffer.from('concordat')
  try {
    const signature = signed(probe)
    if (!verify('sha256', probe, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)) throw undefined
  } catch {
    throw wrong(`${q.keyFile} is not the key of ${q.certificateFile}`)
  }
  return { chain, prefix: 'x509_hash', leaf, sign: async (bytes) => signed(bytes) }
}
