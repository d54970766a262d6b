/** The fleet: the state of each security server, the worst first. */
import { Link } from '../../kit/address.tsx'
import { segmentOf } from '../../kit/api.ts'
import { Head } from '../../kit/facts.tsx'
import { NamedServerInRow } from '../../kit/named.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { lasting, Time } from '../../kit/time.tsx'
import { type FleetServer, TROUBLES, troubleName, Worst } from './trouble.tsx'

export function Fleet() {
  return (
    <>
      <Head title={text('fleet.title')} lead={text('fleet.lead')} />
      <Table<FleetServer>
        operation="getFleet"
        caption={text('fleet.title')}
        search="servers.search"
        filters={[
          {
            name: 'trouble',
            title: 'fleet.troubles',
            options: [
              { value: '', title: text('common.all') },
              { value: 'any', title: text('fleet.anyTrouble') },
              ...TROUBLES.map((kind) => ({ value: kind, title: troubleName(kind) })),
            ],
          },
          {
            name: 'reporting',
            title: 'fleet.reports',
            options: [
              { value: '', title: text('common.all') },
              { value: 'yes', title: text('fleet.reporting') },
              { value: 'never', title: text('fleet.never') },
            ],
          },
        ]}
        order="-worst"
        rowKey={({ id }) => id}
        columns={[
          { title: 'servers.one', sort: 'id', cell: (server) => <Server of={server} /> },
          { title: 'fleet.state', sort: 'worst', cell: (server) => <Worst of={server} /> },
          { title: 'fleet.troubles', cell: ({ troubles }) => <Troubles of={troubles} /> },
          {
            title: 'fleet.version',
            sort: 'version',
            cell: ({ version }) => <bdi>{version ?? text('fleet.notKnown')}</bdi>,
          },
          {
            title: 'fleet.configuration',
            cell: ({ configuration }) =>
              configuration?.fetchedAt === undefined ? (
                text('fleet.notKnown')
              ) : (
                <Time at={configuration.fetchedAt} />
              ),
          },
          {
            title: 'fleet.reportedAt',
            sort: 'reportedAt',
            cell: ({ reportedAt }) => (reportedAt === null ? text('fleet.never') : <Time at={reportedAt} />),
          },
        ]}
        empty={<p>{text('servers.empty')}</p>}
      />
    </>
  )
}

function Server({ of: { id, address, maintenance } }: { of: FleetServer }) {
  return (
    <>
      <Link to={`/fleet/${segmentOf(id)}`}>
        <NamedServerInRow id={id} />
      </Link>
      <p class="beside">
        <bdi class="wrap">{address}</bdi>
        {maintenance && ` · ${text('fleet.maintenance')}`}
      </p>
    </>
  )
}

function Troubles({ of }: { of: FleetServer['troubles'] }) {
  if (of.length === 0) return <>{text('common.none')}</>
  return (
    <ul class="plain-list">
      {of.map(({ kind, since }) => (
        <li key={kind}>
          {troubleName(kind)}
          <span class="beside">
            {' '}
            {text('fleet.troubleFor', { time: lasting(Date.now() - Date.parse(since)) })}
          </span>
        </li>
      ))}
    </ul>
  )
}
