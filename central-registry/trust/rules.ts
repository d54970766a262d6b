/** What holds for approved certification services and time-stamping services; pure. */
import { type Certificate, isIssuedBy, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'

/** A certificate that is valid at `at`, in DER or PEM. */
export function checkValid(bytes: Buffer, at: Date): Certificate {
  const certificate = readCertificate(bytes)
  if (at < certificate.notBefore || at > certificate.notAfter)
    throw new Fault('cert_validation', { what: 'it is not valid now' })
  return certificate
}

/** A CA certificate that is valid at `at`. */
export function checkCa(bytes: Buffer, at: Date): Certificate {
  const certificate = checkValid(bytes, at)
  const { basicConstraints, keyUsage } = certificate.extensions
  if (basicConstraints?.ca !== true || keyUsage?.has('keyCertSign') === false) {
    throw new Fault('incorrect_certificate', {
      what: 'it is not the certificate of a certification authority',
    })
  }
  return certificate
}

/** Throws unless one of the `authorities` (DER) of its certification service issued the intermediate CA. */
export function checkIssued(intermediate: Certificate, authorities: Buffer[]): void {
  if (!authorities.some((authority) => isIssuedBy(intermediate, readCertificate(authority)))) {
    throw new Fault('invalid_cert_path', { what: 'no authority of this certification service issued it' })
  }
}

/** An http or https URL without credentials or fragment. */
export function checkUrl(text: string): string {
  // Only what stands in a URL as it is: the parser drops line breaks and trims.
  const url = /^[\x21-\x7e]{1,500}$/.test(text) ? URL.parse(text) : null
  const isPlain =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    !text.includes('#')
  if (!isPlain) throw new Fault('invalid_input', { what: 'an http or https URL is needed' })
  return text
}

/** A certificate class name of X-Road's profiles, as shared-params carries it. */
export function checkProfile(name: string): string {
  if (!/^[A-Za-z][\w.]{0,254}$/.test(name))
    throw new Fault('invalid_input', { what: 'the certificate profile is a Java class name' })
  return name
}

/** Throws `conflict` for a top CA: without it there is no certification service. */
export function checkWithdrawal({ isTop }: { isTop: boolean }): void {
  if (isTop)
    throw new Fault('conflict', {
      what: 'it is the top CA of its certification service: withdraw the service',
    })
}
