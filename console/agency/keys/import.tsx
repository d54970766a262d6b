/** Importing a certificate: the server finds the key that it belongs to. */
import { Act } from '../../kit/act.tsx'
import { goTo } from '../../kit/address.tsx'
import { text } from '../../kit/text.ts'
import { type Certificate, keyPath, subjectText } from './shapes.ts'
import { CertificateState } from './words.tsx'

/** `stay`: the page shows what comes next itself. */
export function ImportCertificate({ stay = false }: { stay?: boolean }) {
  return (
    <Act<Certificate>
      operation="importCertificate"
      button={text('certs.import')}
      title={text('certs.import')}
      consequence={<p>{text('certs.importConsequence')}</p>}
      fields={[{ name: 'file', title: 'certificate.file', hint: 'certificate.fileHint', type: 'file' }]}
      send={({ file }, call) => call('importCertificate', { body: file as File })}
      result={(one) => (
        <>
          <p>{text('certs.imported')}</p>
          <p>
            <CertificateState of={one} /> <bdi>{subjectText(one.subject)}</bdi>
          </p>
          {one.remedy !== undefined && <p class="wrap">{one.remedy}</p>}
        </>
      )}
      then={({ keyId }) => !stay && goTo(keyPath(keyId))}
    />
  )
}
