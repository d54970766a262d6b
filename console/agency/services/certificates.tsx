/** The TLS certificates of a service: with any of them there, its system is known by them alone. */
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import { Empty } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { text } from '../../kit/text.ts'
import { type Service, serviceName } from './shapes.ts'

type ServiceCertificate = { sha256: string }

/** Nobody types a hash: its beginning is enough to show that this certificate is meant. */
const HASH_TYPED = 8

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
        <Rows<ServiceCertificate>
          caption={text('services.certificates')}
          rows={of.tlsCertificates}
          rowKey={({ sha256 }) => sha256}
          columns={[
            {
              title: 'certificate.sha256',
              cell: ({ sha256 }) => <Copyable value={sha256} label={text('certificate.sha256')} />,
            },
            {
              title: 'common.acts',
              acts: ['deleteServiceTlsCertificate'],
              cell: ({ sha256 }) => <DeleteCertificate service={of} sha256={sha256} />,
            },
          ]}
        />
      )}
    </Part>
  )
}

function AddCertificate({ of }: { of: Service }) {
  return (
    <Act<ServiceCertificate>
      operation="addServiceTlsCertificate"
      button={text('clients.addCertificate')}
      title={text('services.addCertificateTo', { name: serviceName(of) })}
      consequence={<p>{text('services.addCertificateConsequence')}</p>}
      fields={[{ name: 'file', title: 'certificate.file', hint: 'certificate.fileHint', type: 'file' }]}
      send={({ file }, call) =>
        call('addServiceTlsCertificate', { params: { id: String(of.id) }, body: file as File })
      }
      result={({ sha256 }) => (
        <p>
          {text('services.certificateAdded')} <Copyable value={sha256} label={text('certificate.sha256')} />
        </p>
      )}
    />
  )
}

function DeleteCertificate({ service, sha256 }: { service: Service; sha256: string }) {
  const name = sha256.slice(0, HASH_TYPED)
  return (
    <Act
      operation="deleteServiceTlsCertificate"
      button={text('clients.deleteCertificate')}
      label={text('clients.deleteCertificateThis', { name })}
      title={text('clients.deleteCertificateThis', { name })}
      consequence={<p>{text('services.deleteCertificateConsequence')}</p>}
      nameToType={name}
      send={(_, call) => call('deleteServiceTlsCertificate', { params: { id: String(service.id), sha256 } })}
      result={() => <p>{text('clients.certificateDeleted')}</p>}
    />
  )
}
