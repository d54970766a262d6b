/** The content of a certificate, and whether it is valid. */
import { Copyable } from './copyable.tsx'
import { Facts } from './facts.tsx'
import { Validity } from './status.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

export type Certificate = {
  sha256: string
  subject: string
  issuer: string
  notBefore: string
  notAfter: string
}

export function CertificateFacts({ of }: { of: Certificate }) {
  return (
    <Facts
      of={[
        ['certificate.state', <Validity key="state" notBefore={of.notBefore} notAfter={of.notAfter} />],
        ['certificate.subject', <bdi key="subject">{of.subject}</bdi>],
        ['certificate.issuer', <bdi key="issuer">{of.issuer}</bdi>],
        ['certificate.notBefore', <Time key="from" at={of.notBefore} />],
        ['certificate.notAfter', <Time key="until" at={of.notAfter} relative />],
        ['certificate.sha256', <Copyable key="hash" value={of.sha256} label={text('certificate.sha256')} />],
      ]}
    />
  )
}

const MAX_BYTES = 65_536

/** A certificate's file in the form that the API accepts in JSON: PEM unchanged, DER in base64. */
export async function certificateText(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const start = String.fromCharCode(...bytes.subarray(0, 5))
  if (start === '-----') return new TextDecoder('latin1').decode(bytes)
  // No certificate is longer: a truncated one is refused by the API.
  return btoa(String.fromCharCode(...bytes.subarray(0, MAX_BYTES)))
}
