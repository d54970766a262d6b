/**
 * The catalogue of the registry: the services for which this server's clients may ask access, and what is
 * known here of each.
 */
import { Link } from '../../kit/address.tsx'
import { segmentOf } from '../../kit/api.ts'
import { Head } from '../../kit/facts.tsx'
import { Folded } from '../../kit/folded.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { serviceName } from '../try-outs/shapes.ts'
import { type Listed, StandingWord } from './service.tsx'

export function Catalogue() {
  return (
    <>
      <Head title={text('catalogue.title')} lead={<p>{text('catalogue.agencyLead')}</p>} />
      <Table<Listed>
        operation="findCatalogueServices"
        caption={text('catalogue.title')}
        search="catalogue.agencySearch"
        rowKey={({ id }) => id}
        columns={[
          { title: 'catalogue.service', cell: (service) => <Name of={service} /> },
          { title: 'catalogue.provider', cell: (service) => <Provider of={service} /> },
          { title: 'catalogue.standing', cell: ({ standing }) => <StandingWord of={standing} /> },
          { title: 'catalogue.lastSeen', cell: ({ lastSeen }) => <Time at={lastSeen} relative /> },
        ]}
        empty={<p>{text('catalogue.agencyEmpty')}</p>}
      />
    </>
  )
}

function Name({ of }: { of: Listed }) {
  return (
    <>
      <Link to={`/catalogue/${segmentOf(of.id)}`}>
        <bdi>{of.title === '' ? serviceName(of) : of.title}</bdi>
      </Link>
      <br />
      <bdi class="beside wrap">
        {of.title !== '' && serviceName(of)} {of.version}
      </bdi>
    </>
  )
}

function Provider({ of: { provider, providerName, memberName } }: { of: Listed }) {
  return (
    <Folded
      name={<bdi>{providerName || memberName || provider}</bdi>}
      beside={providerName !== '' && <bdi class="beside">{memberName}</bdi>}
    >
      <bdi class="id beside">{provider}</bdi>
    </Folded>
  )
}
