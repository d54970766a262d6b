/** What holds for approved certification services and time-stamping services; pure. */
import { type Certificate, isIssuedBy, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'

/** A CA certificate that is valid at `at`. */
export function checkCa(bytes: Buffer, at: Date): Certificate {
  const certificate = readCertificate(bytes)
  if (certificate.extensions.basicConstraints?.ca !== true) {
    throw new Fault('incorrect_certificate', {
      what: 'it is not the certificate of a certification authority',
    })
  }
  if (at < certificate.notBefore || at > certificate.notAfter)
    throw new Fault('cert_validation', { what: 'it is not valid now' })
  return certificate
}

/** An intermediate CA that one of `authorities` issued. */
export function checkIntermediate(bytes: Buffer, authorities: Certificate[], at: Date): Certificate {
  const certificate = checkCa(bytes, at)
  if (!authorities.some((authority) => isIssuedBy(certificate, authority))) {
    throw new Fault('invalid_cert_path', { what: 'no authority of this certification service issued it' })
  }
  return certificate
}

/** An http or https URL without credentials or fragment. */
export function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    url.hash === ''
  if (!plain || text.length > 500)
    throw new Fault('invalid_input', { what: 'an http or https URL is needed' })
  return text
}

/** A certificate class name of X-Road's profiles, as shared-params carries it. */
export function checkProfile(name: string): string {
  if (!/^[A-Za-z][\w.]{0,254}$/.test(name))
    throw new Fault('invalid_input', { what: 'the certificate profile is a Java class name' })
  return name
}
