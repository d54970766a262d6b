/** One client: the descriptions of its services, and who has rights to them. */
import { Link } from '../../kit/address.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import type { Page } from '../../kit/frame.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Table } from '../../kit/table.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Id } from '../words.tsx'
import { AddDescriptions } from './add.tsx'
import { ClientState } from './clients.tsx'
import { type Client, clientPath, type Description, descriptionName, descriptionPath } from './shapes.ts'
import { DescriptionState } from './words.tsx'

function ClientPage({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const found = useAnswer<Client>('getClient', { params: { clientId: id } })
  return (
    <Show of={found} page="clients.one">
      {(client) => (
        <>
          <Head
            title={client.memberName ?? client.id}
            lead={<Copyable value={client.id} label={text('clients.one')} />}
            acts={<AddDescriptions client={client.id} />}
          />
          <Part
            title={text('common.facts')}
            acts={<Link to={`${clientPath(id)}/service-clients`}>{text('rights.whoMay')}</Link>}
          >
            <Facts
              of={[
                ['common.state', <ClientState key="state" of={client.status} />],
                ['clients.connection', text(`clients.connection.${client.connectionType}`)],
                ['clients.certificates', number(client.tlsCertificates)],
              ]}
            />
          </Part>
          <Part title={text('services.descriptions')}>
            <Descriptions client={id} />
          </Part>
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
          cell: ({ url }) => (url === '' ? text('services.fromFile') : <Id of={url} />),
        },
        { title: 'clients.services', number: true, cell: ({ services }) => number(services.length) },
        { title: 'services.updated', cell: ({ updatedAt }) => <Time at={updatedAt} relative /> },
      ]}
      empty={<p>{text('services.noDescription')}</p>}
    />
  )
}

export const client: Page = {
  path: '/clients/:id',
  title: 'clients.one',
  listed: false,
  operation: 'getClient',
  View: ClientPage,
}
