/** One client: how it stands at the registry, and the descriptions of its services. */
import { Link } from '../../kit/address.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Table } from '../../kit/table.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientActs } from '../clients/acts.tsx'
import { ClientLead, ClientTabs } from '../clients/tabs.tsx'
import { AddDescriptions } from './add.tsx'
import { ClientState } from './clients.tsx'
import { SourceOf } from './kept-here.tsx'
import {
  type Client,
  clientName,
  type Description,
  descriptionName,
  descriptionPath,
  isSubsystem,
} from './shapes.ts'
import { DescriptionState } from './words.tsx'

export function ClientPage({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const found = useAnswer<Client>('getClient', { params: { clientId: id } })
  return (
    <Show of={found} page="clients.one">
      {(client) => (
        <>
          <Head
            title={clientName(client)}
            lead={<ClientLead of={client} />}
            acts={<ClientActs of={client} />}
          />
          <ClientTabs id={client.id} shown="services" />
          <Part
            title={text('common.facts')}
            acts={<Link to={`/requests?q=${encodeURIComponent(client.id)}`}>{text('clients.requests')}</Link>}
          >
            <Facts
              of={[
                ['common.state', <ClientState key="state" of={client.status} />],
                ['clients.connectBy', text(`clients.connection.${client.connectionType}`)],
                ['clients.certificates', number(client.tlsCertificates)],
              ]}
            />
            {client.status !== 'REGISTERED' && <p class="inner">{text(`clients.why.${client.status}`)}</p>}
          </Part>
          {isSubsystem(client.id) && (
            <Part title={text('services.descriptions')} acts={<AddDescriptions client={client.id} />}>
              <Descriptions client={id} />
            </Part>
          )}
        </>
      )}
    </Show>
  )
}

function Descriptions({ client }: { client: string }) {
  return (
    <Table<Description>
      operation="getClientServiceDescriptions"
      params={{ clientId: client }}
      caption={text('services.descriptions')}
      search="services.searchDescriptions"
      rowKey={({ id }) => id}
      columns={[
        {
          title: 'services.one',
          cell: (one) => (
            <>
              <Link to={descriptionPath(one.id)}>
                <bdi>{descriptionName(one)}</bdi>
              </Link>
              <p class="beside">{text(`services.type.${one.type}`)}</p>
            </>
          ),
        },
        { title: 'common.state', cell: (one) => <DescriptionState of={one} /> },
        {
          title: 'services.source',
          cell: (one) => <SourceOf of={one} />,
        },
        { title: 'clients.services', number: true, cell: ({ services }) => number(services.length) },
        { title: 'services.updated', cell: ({ updatedAt }) => <Time at={updatedAt} relative /> },
      ]}
      empty={<p>{text('services.noDescription')}</p>}
    />
  )
}
