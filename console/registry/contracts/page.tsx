/** The versions of all service contracts, searched by party, service, title or id. */
import { Link } from '../../kit/address.tsx'
import { ContractState, contractPath, STATES, stateName } from '../../kit/contract.tsx'
import { Head } from '../../kit/facts.tsx'
import { Table } from '../../kit/table.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { useMembers } from '../pick.ts'
import { type Contract, PartiesInRow, PartyInRow } from './contract.tsx'

export function Contracts() {
  const members = useMembers()
  return (
    <>
      <Head title={text('contracts.title')} lead={text('contracts.lead')} />
      <Table<Contract>
        operation="getContracts"
        caption={text('contracts.title')}
        search="contracts.search"
        filters={[
          {
            name: 'state',
            title: 'common.state',
            options: [
              { value: '', title: text('common.all') },
              ...STATES.map((state) => ({ value: state, title: stateName(state) })),
            ],
          },
          {
            name: 'contacts',
            title: 'contract.contacts',
            options: [
              { value: '', title: text('common.all') },
              { value: 'unconfirmed', title: text('contracts.unconfirmed') },
            ],
          },
          { name: 'member', title: 'contracts.member', pick: { find: members, parts: [3] } },
          { name: 'endsBefore', title: 'contracts.endsBefore' },
        ]}
        order="-proposedAt"
        rowKey={({ contract, version }) => `${contract} ${version}`}
        columns={[
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
            title: 'common.state',
            cell: (one) => (
              <>
                <ContractState of={one} />
                <p class="beside">{text('contract.version', { version: String(one.version) })}</p>
              </>
            ),
          },
          { title: 'contract.provider', cell: ({ provider }) => <PartyInRow id={provider} /> },
          { title: 'contract.consumers', cell: ({ consumers }) => <PartiesInRow of={consumers} /> },
          {
            title: 'contract.validUntil',
            sort: 'validUntil',
            cell: ({ validUntil }) => <Time at={validUntil} day />,
          },
          {
            title: 'contract.proposedAt',
            sort: 'proposedAt',
            cell: ({ proposedAt }) => <Time at={proposedAt} day />,
          },
        ]}
        empty={<p>{text('contracts.empty')}</p>}
      />
    </>
  )
}
