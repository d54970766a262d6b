/**
 * What a client may call: the services in contracts that hold for it, and those that a provider says it has
 * a right to. Rights are the provider's, who is asked for them.
 */
import { Link, useAddress } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { contractPath, partyId } from '../../kit/contract.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Contract, Party } from '../contracts/contract.tsx'
import { clientPath } from '../services/shapes.ts'
import { MayCall, tryPath } from './may-call.tsx'
import { ClientHead } from './tabs.tsx'

type List = { required: boolean; contracts: Contract[] }

export function CallsPage({ params }: { params: Record<string, string> }) {
  const id = params['id'] ?? ''
  const { query } = useAddress()
  const mayAsk = useMay('findTryOutServices')
  const isOfProvider = mayAsk && query.get('view') === 'provider'
  return (
    <>
      <ClientHead
        id={id}
        shown="calls"
        note={text(isOfProvider ? 'calls.providerLead' : 'calls.lead')}
        acts={
          <Link to={`/contracts?${new URLSearchParams({ q: id })}`} class="button">
            {text('calls.contracts')}
          </Link>
        }
      />
      {mayAsk && (
        <nav aria-label={text('calls.views')} class="switch acts">
          <Link to={callsPath(id)} class="button" current={!isOfProvider}>
            {text('calls.inContracts')}
          </Link>
          <Link to={providerPath(id)} class="button" current={isOfProvider}>
            {text('calls.atProvider')}
          </Link>
        </nav>
      )}
      {isOfProvider ? <MayCall client={id} /> : <InContracts client={id} />}
    </>
  )
}

function InContracts({ client }: { client: string }) {
  const mayAsk = useMay('findTryOutServices')
  const mayLook = useMay('findCatalogueServices')
  return (
    <Table<Contract, List>
      operation="getContracts"
      fixed={{ consumer: client, state: 'ACTIVE' }}
      caption={text('calls.title')}
      search="contracts.searchHere"
      rowsOf={({ contracts }) => contracts}
      beside={({ required }) => (
        <>
          <p>{text(required ? 'contracts.areRequired' : 'contracts.areNotRequired')}</p>
          <p>
            {text('calls.rights')} {mayAsk && <Link to={providerPath(client)}>{text('calls.ask')}</Link>}
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
          cell: ({ provider }) => (
            <Link to={tryPath(client, partyId(provider))}>{text('tryOuts.title')}</Link>
          ),
        },
      ]}
      empty={
        <>
          <p>{text('calls.none')}</p>
          {mayLook && <Link to="/catalogue">{text('calls.find')}</Link>}
        </>
      }
    />
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

function callsPath(client: string): string {
  return `${clientPath(client)}/calls`
}

function providerPath(client: string): string {
  return `${callsPath(client)}?view=provider`
}
