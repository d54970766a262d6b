/**
 * Files to take away: a certificate request for its authority, a certificate for somebody who has to trust
 * it.
 */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import type { Field } from '../../kit/field.tsx'
import { Saved } from '../../kit/saved.tsx'
import { text } from '../../kit/text.ts'
import { pemFile } from './files.ts'
import { type Certificate, subjectName } from './shapes.ts'

export const FORMAT: Field = {
  ...{ name: 'format', title: 'certs.format', hint: 'certs.formatHint', type: 'select', initial: 'PEM' },
  options: ['PEM', 'DER'].map((value) => ({ value, title: value })),
}

export function DownloadRequest({ params }: { params: { keyId: string; csrId: string } }) {
  const { api } = useConsole()
  return (
    <Act<File>
      operation="downloadCsr"
      button={text('certs.download')}
      title={text('certs.downloadRequest')}
      consequence={<p>{text('certs.downloadRequestConsequence')}</p>}
      fields={[FORMAT]}
      reads
      send={({ format }) => api.download('downloadCsr', { params, query: { format: String(format) } })}
      result={(file) => <Saved file={file} />}
    />
  )
}

/** The page has the certificate already: nothing is asked of the server. */
export function DownloadCertificate({ of }: { of: Certificate }) {
  return (
    <Act<File>
      operation="getCertificate"
      button={text('certs.download')}
      title={text('certs.downloadCertificate')}
      consequence={<p>{text('certs.downloadCertificateConsequence')}</p>}
      reads
      send={async () => ({
        data: pemFile(subjectName(of.subject).replace(/[^\w.-]+/g, '-'), of.pem),
        headers: new Headers(),
      })}
      result={(file) => <Saved file={file} />}
    />
  )
}
