/** The service contracts of this server's members; those that wait for them come first. */

import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useMay } from '../../kit/context.ts'
import { ContractState, contractPath, partyId, STATES, stateName } from '../../kit/contract.tsx'
import { Head } from '../../kit/facts.tsx'
import { Status } from '../../kit/status.tsx'
import { Table } from '../../kit/table.tsx'
import type { Filter } from '../../kit/table-tools.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { FoldedId } from '../words.tsx'
import { type Contract, FirstConsumers } from './contract.tsx'

type Refused = { contract: string; version: number; refusedBecause: string }
type List = { asOf?: string; required: boolean; contracts: Contract[]; refused: Refused[] }

function filters(): Filter[] {
  const all = { value: '', title: text('common.all') }
  return [
    {
      name: 'state',
      title: 'common.state',
      options: [all, ...STATES.map((state) => ({ value: state, title: stateName(state) }))],
    },
    {
      name: 'side',
      title: 'contracts.side',
      options: [
        all,
        { value: 'provider', title: text('contracts.asProvider') },
        { value: 'consumer', title: text('contracts.asConsumer') },
      ],
    },
    {
      name: 'unconfirmed',
      title: 'contract.contacts',
      options: [all, { value: 'true', title: text('contracts.unconfirmed') }],
    },
    {
      name: 'ending',
      title: 'contracts.ending',
      options: [all, { value: 'true', title: text('contracts.endingHere') }],
    },
    {
      name: 'waiting',
      title: 'contracts.waiting',
      options: [all, { value: 'true', title: text('contracts.waitingHere') }],
    },
  ]
}

export function Contracts() {
  const mayPropose = useMay('proposeContract')
  return (
    <>
      <Head
        title={text('contracts.title')}
        lead={text('contracts.leadHere')}
        acts={
          <>
            {mayPropose && (
              <Link to="/contracts/propose" class="button primary">
                {text('contracts.propose')}
              </Link>
            )}
            <Act
              operation="refreshContracts"
              button={text('contracts.refresh')}
              title={text('contracts.refresh')}
              consequence={<p>{text('contracts.refreshConsequence')}</p>}
              send={(_, call) => call('refreshContracts')}
              result={() => <p>{text('contracts.refreshed')}</p>}
            />
          </>
        }
      />
      <Table<Contract, List>
        operation="getContracts"
        caption={text('contracts.title')}
        search="contracts.searchHere"
        rowsOf={({ contracts: rows }) => rows}
        beside={(list) => <Beside of={list} />}
        filters={filters()}
        rowKey={({ contract, version }) => `${contract} ${version}`}
        columns={[
          {
            title: 'contract.titleField',
            sort: 'title',
            cell: ({ contract, version, title }) => (
              <>
                <Link to={contractPath(contract)}>
                  <bdi>{title}</bdi>
                </Link>
                {version > 1 && (
                  <>
                    {' '}
                    <span class="beside">{text('contract.version', { version: String(version) })}</span>
                  </>
                )}
              </>
            ),
          },
          {
            title: 'common.state',
            cell: (one) => (
              <>
                <ContractState of={one} />
                {one.endings.length > 0 && (
                  <>
                    <br />
                    <Status tone="warn" word="contracts.endingWaits" />
                  </>
                )}
                {one.waitsHere.length > 0 && (
                  <>
                    <br />
                    <Waits of={one} />
                  </>
                )}
              </>
            ),
          },
          { title: 'contract.provider', cell: ({ provider }) => <FoldedId of={partyId(provider)} /> },
          { title: 'contract.consumers', cell: (one) => <FirstConsumers of={one} /> },
          {
            title: 'contract.validUntil',
            sort: 'validUntil',
            cell: ({ validUntil }) => <Time at={validUntil} relative />,
          },
        ]}
        empty={<p>{text('contracts.emptyHere')}</p>}
      />
    </>
  )
}

/** Who must still agree here: two people, a second one, or a second one who is not the reader. */
function Waits({ of: { agreements, waitsHere } }: { of: Contract }) {
  const first = agreements.find(({ member }) => waitsHere.includes(member))
  if (first === undefined) return <Status tone="warn" word="contracts.waitsForTwo" />
  return (
    <Status
      tone={first.byYou ? 'quiet' : 'warn'}
      word={first.byYou ? 'contracts.waitsForAnother' : 'contracts.waitsForSecond'}
    />
  )
}

/** The age of the list, whether a contract is required, and which contracts the server refused. */
function Beside({ of: { asOf, required, refused } }: { of: List }) {
  return (
    <>
      <p>
        {text(required ? 'contracts.areRequired' : 'contracts.areNotRequired')}{' '}
        {asOf === undefined ? (
          text('contracts.neverFetched')
        ) : (
          <>
            {text('contracts.asOf')} <Time at={asOf} relative />
          </>
        )}
      </p>
      {refused.length > 0 && (
        <div class="note">
          <p>{text('contracts.refused', { count: refused.length })}</p>
          <ul class="plain-list">
            {refused.map(({ contract, version, refusedBecause }) => (
              <li key={`${contract} ${version}`}>
                <bdi class="id wrap">{contract}</bdi> <bdi class="wrap">{refusedBecause}</bdi>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  )
}
