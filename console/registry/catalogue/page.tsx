/** The catalogue: the services that providers offer, in their own description. */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { segmentOf } from '../../kit/api.ts'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientLink } from '../links.tsx'
import { accessText, type Service, ServiceStatus } from './service.tsx'

export function Catalogue() {
  return (
    <>
      <Head
        title={text('catalogue.title')}
        lead={text('catalogue.lead')}
        acts={
          <Act
            operation="collectCatalogue"
            button={text('catalogue.collect')}
            title={text('catalogue.collect')}
            consequence={<p>{text('catalogue.collectConsequence')}</p>}
            send={(_, call) => call('collectCatalogue')}
            result={() => <p>{text('catalogue.collected')}</p>}
          />
        }
      />
      <Table<Service>
        operation="getCatalogue"
        caption={text('catalogue.title')}
        search="catalogue.search"
        filters={[
          {
            name: 'status',
            title: 'catalogue.status',
            options: [
              { value: '', title: text('common.all') },
              { value: 'offered', title: text('catalogue.offered') },
              { value: 'withdrawn', title: text('catalogue.withdrawn') },
            ],
          },
        ]}
        order="title"
        rowKey={({ id }) => id}
        columns={[
          { title: 'catalogue.service', sort: 'title', cell: (service) => <Name of={service} /> },
          { title: 'catalogue.provider', cell: ({ provider }) => <ClientLink id={provider} /> },
          { title: 'catalogue.status', cell: ({ status }) => <ServiceStatus of={status} /> },
          {
            title: 'catalogue.access',
            cell: ({ access }) => <bdi class="wrap">{accessText(access)}</bdi>,
          },
          {
            title: 'catalogue.lastSeen',
            sort: 'lastSeen',
            cell: ({ lastSeen }) => <Time at={lastSeen} relative />,
          },
          {
            title: 'catalogue.changedAt',
            sort: 'changedAt',
            cell: ({ changedAt }) => <Time at={changedAt} relative />,
          },
        ]}
        empty={<p>{text('catalogue.empty')}</p>}
      />
    </>
  )
}

function Name({ of: { id, title, serviceCode, version } }: { of: Service }) {
  return (
    <>
      <Link to={`/catalogue/${segmentOf(id)}`}>
        <bdi>{title === '' ? serviceCode : title}</bdi>
      </Link>
      <br />
      <bdi class="beside wrap">
        {serviceCode} {version}
      </bdi>
    </>
  )
}
