/**
 * The information systems of a client: how they prove who they are, and the certificates by which they are
 * known.
 */
import { Act } from '../../kit/act.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Client, clientName, connectionField, type SystemCertificate } from '../services/shapes.ts'
import { CERTIFICATE_COLUMNS, DeleteCertificate } from '../services/system-certificates.tsx'
import { ClientLead, ClientTabs } from './tabs.tsx'

export function SystemsPage({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const client = useAnswer<Client>('getClient', { params: { clientId: id } })
  const certificates = useAnswer<SystemCertificate[]>('getClientTlsCertificates', {
    params: { clientId: id },
  })
  return (
    <Show of={client} page="clients.tab.systems">
      {(one) => (
        <>
          <Head title={clientName(one)} lead={<ClientLead of={one} />} />
          <ClientTabs id={one.id} shown="systems" />
          <Connection of={one} />
          <Part title={text('clients.certificates')} acts={<AddCertificate of={one} />}>
            <p>{text('clients.certificatesLead')}</p>
            <Show of={certificates}>{(all) => <Certificates of={one} all={all} />}</Show>
          </Part>
        </>
      )}
    </Show>
  )
}

function Connection({ of }: { of: Client }) {
  return (
    <Part
      title={text('clients.connection')}
      acts={
        <Act<Client>
          operation="updateClient"
          button={text('clients.changeConnection')}
          title={text('clients.changeConnection')}
          consequence={<p>{text('clients.changeConnectionConsequence')}</p>}
          fields={[connectionField(of.connectionType)]}
          send={({ connectionType }, call) =>
            call('updateClient', { params: { clientId: of.id }, body: { connectionType } })
          }
          result={({ connectionType }) => (
            <p>{text('clients.connectionChanged', { how: text(`clients.connection.${connectionType}`) })}</p>
          )}
        />
      }
    >
      <Facts of={[['clients.connectBy', text(`clients.connection.${of.connectionType}`)]]} />
      <p class="inner">{text(`clients.connectionWhy.${of.connectionType}`)}</p>
      {of.connectionType === 'SSLAUTH' && of.tlsCertificates === 0 && (
        <p class="note">{text('clients.noSystemYet')}</p>
      )}
    </Part>
  )
}

function Certificates({ of, all }: { of: Client; all: SystemCertificate[] }) {
  return (
    <HeldTable<SystemCertificate>
      caption={text('clients.certificates')}
      rows={all}
      rowKey={({ sha256 }) => sha256}
      search="clients.searchCertificate"
      words={({ subject = '', sha256 }) => `${subject} ${sha256}`}
      columns={[
        ...CERTIFICATE_COLUMNS,
        {
          title: 'common.acts',
          acts: ['deleteClientTlsCertificate'],
          cell: (one) => (
            <DeleteCertificate
              of={one}
              operation="deleteClientTlsCertificate"
              params={{ clientId: of.id }}
              consequence="clients.deleteCertificateConsequence"
            />
          ),
        },
      ]}
      empty={<p>{text('clients.noCertificate')}</p>}
    />
  )
}

function AddCertificate({ of }: { of: Client }) {
  return (
    <Act<SystemCertificate>
      operation="addClientTlsCertificate"
      button={text('clients.addCertificate')}
      title={text('clients.addCertificate')}
      consequence={<p>{text('clients.addCertificateConsequence')}</p>}
      fields={[{ name: 'file', title: 'certificate.file', hint: 'certificate.fileHint', type: 'file' }]}
      send={({ file }, call) =>
        call('addClientTlsCertificate', { params: { clientId: of.id }, body: file as File })
      }
      result={({ notAfter }) => (
        <p>
          {text('clients.certificateAdded')} {notAfter !== undefined && <Time at={notAfter} relative />}
        </p>
      )}
    />
  )
}
