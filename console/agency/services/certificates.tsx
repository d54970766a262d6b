/** The TLS certificates of a service: with any of them there, its system is known by them alone. */
import { Act } from '../../kit/act.tsx'
import { Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { Empty } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Service, type SystemCertificate, serviceName } from './shapes.ts'
import { CERTIFICATE_COLUMNS, DeleteCertificate } from './system-certificates.tsx'

export function ServiceCertificates({ of }: { of: Service }) {
  return (
    <Part title={text('services.certificates')} acts={<AddCertificate of={of} />}>
      <p>{text('services.certificatesLead')}</p>
      {!of.verifyTls && of.tlsCertificates.length > 0 && (
        <p class="note">{text('services.certificatesUnused')}</p>
      )}
      {of.tlsCertificates.length === 0 ? (
        <Empty>
          <p>{text('services.noCertificate')}</p>
        </Empty>
      ) : (
        <HeldTable<SystemCertificate>
          caption={text('services.certificates')}
          name="certificates"
          rows={of.tlsCertificates}
          rowKey={({ sha256 }) => sha256}
          words={({ sha256, subject }) => `${sha256} ${subject}`}
          columns={[
            ...CERTIFICATE_COLUMNS,
            {
              title: 'common.acts',
              acts: ['deleteServiceTlsCertificate'],
              cell: (one) => (
                <DeleteCertificate
                  of={one}
                  operation="deleteServiceTlsCertificate"
                  params={{ id: String(of.id) }}
                  consequence="services.deleteCertificateConsequence"
                />
              ),
            },
          ]}
          empty={null}
        />
      )}
    </Part>
  )
}

function AddCertificate({ of }: { of: Service }) {
  return (
    <Act<SystemCertificate>
      operation="addServiceTlsCertificate"
      button={text('clients.addCertificate')}
      title={text('services.addCertificateTo', { name: serviceName(of) })}
      consequence={<p>{text('services.addCertificateConsequence')}</p>}
      fields={[{ name: 'file', title: 'certificate.file', hint: 'certificate.fileHint', type: 'file' }]}
      send={({ file }, call) =>
        call('addServiceTlsCertificate', { params: { id: String(of.id) }, body: file as File })
      }
      result={({ notAfter }) => (
        <p>
          {text('clients.certificateAdded')} {notAfter !== undefined && <Time at={notAfter} relative />}
        </p>
      )}
    />
  )
}
