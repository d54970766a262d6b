/** The authentication certificates of a server, by which other servers know it. */
import { Act } from '../../kit/act.tsx'
import { type Certificate, CertificateFacts } from '../../kit/certificate.tsx'
import { Part } from '../../kit/facts.tsx'
import { Empty } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Consequences } from '../consequences.tsx'
import { SuspendedNow, SuspendOrLift } from '../suspensions/of-subject.tsx'

export function Certificates({ server, of }: { server: string; of: Certificate[] }) {
  const params = { id: server }
  return (
    <Part
      title={text('servers.certificates')}
      acts={
        <Act
          operation="addAuthenticationCertificate"
          button={text('servers.addCertificate')}
          title={text('servers.addCertificate')}
          consequence={<p>{text('servers.addCertificateConsequence')}</p>}
          fields={[{ name: 'file', title: 'certificate.file', hint: 'certificate.fileHint', type: 'file' }]}
          send={({ file }, call) => call('addAuthenticationCertificate', { params, body: file as File })}
          result={() => <p>{text('servers.certificateAdded')}</p>}
        />
      }
    >
      {of.length === 0 && (
        <Empty>
          <p>{text('servers.noCertificate')}</p>
        </Empty>
      )}
      <ul class="plain-list ruled">
        {of.map((certificate) => (
          <li key={certificate.sha256}>
            <CertificateFacts of={certificate} />
            <SuspendedNow kind="certificate" subject={certificate.sha256} />
            <div class="acts">
              <SuspendOrLift kind="certificate" subject={certificate.sha256} />
              <Act
                operation="deleteAuthenticationCertificate"
                button={text('servers.deleteCertificate')}
                label={text('servers.deleteCertificateOf', { hash: certificate.sha256 })}
                title={text('servers.deleteCertificate')}
                consequence={
                  <>
                    <p>{text('servers.deleteCertificateConsequence')}</p>
                    <Consequences
                      operation="deleteAuthenticationCertificate"
                      params={{ ...params, sha256: certificate.sha256 }}
                    />
                  </>
                }
                nameToType={server.split(':').at(-1)!}
                send={(_, call) =>
                  call('deleteAuthenticationCertificate', {
                    params: { ...params, sha256: certificate.sha256 },
                  })
                }
                result={() => <p>{text('servers.certificateDeleted')}</p>}
              />
            </div>
          </li>
        ))}
      </ul>
    </Part>
  )
}
