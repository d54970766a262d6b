/** What a client may call: the services in contracts that hold for it. Rights are the provider's, who is asked by trying a service. */
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { contractPath, partyId } from '../../kit/contract.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Contract, Party } from '../contracts/contract.tsx'
import { ClientHead } from './tabs.tsx'

type List = { required: boolean; contracts: Contract[] }

export function CallsPage({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const mayTry = useMay('tryService')
  const mayLook = useMay('findCatalogueServices')
  return (
    <>
      <ClientHead
        id={id}
        shown="calls"
        note={text('calls.lead')}
        acts={
          <Link to={`/contracts?${new URLSearchParams({ q: id })}`} class="button">
            {text('calls.contracts')}
          </Link>
        }
      />
      <Table<Contract, List>
        operation="getContracts"
        fixed={{ consumer: id, state: 'ACTIVE' }}
        caption={text('calls.title')}
        search="contracts.searchHere"
        rowsOf={({ contracts }) => contracts}
        beside={({ required }) => (
          <>
            <p>{text(required ? 'contracts.areRequired' : 'contracts.areNotRequired')}</p>
            <p>
              {text('calls.rights')} {mayTry && <Link to={tryPath(id)}>{text('calls.ask')}</Link>}
            </p>
          </>
        )}
        rowKey={({ contract, version }) => `${contract} ${version}`}
        columns={[
          { title: 'contract.provider', cell: ({ provider }) => <Party id={provider} /> },
          { title: 'contract.services', cell: ({ services }) => <Codes of={services} /> },
          {
            title: 'contract.titleField',
            sort: 'title',
            cell: ({ contract, title }) => (
              <Link to={contractPath(contract)}>
                <bdi>{title}</bdi>
              </Link>
            ),
          },
          {
            title: 'contract.validUntil',
            sort: 'validUntil',
            cell: ({ validUntil }) => <Time at={validUntil} relative />,
          },
          {
            title: 'common.acts',
            acts: ['tryService'],
            cell: ({ provider }) => <Link to={tryPath(id, partyId(provider))}>{text('tryOuts.title')}</Link>,
          },
        ]}
        empty={
          <>
            <p>{text('calls.none')}</p>
            {mayLook && <Link to="/catalogue">{text('calls.find')}</Link>}
          </>
        }
      />
    </>
  )
}

function Codes({ of }: { of: string[] }) {
  return (
    <ul class="plain-list">
      {of.map((code) => (
        <li key={code}>
          <bdi class="id wrap">{code}</bdi>
        </li>
      ))}
    </ul>
  )
}

function tryPath(client: string, provider?: string): string {
  return `/try-outs?${new URLSearchParams({ client, ...(provider !== undefined && { provider }) })}`
}
