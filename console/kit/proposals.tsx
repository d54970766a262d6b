/** Proposals: those that wait for this person first, then all. */
import { Link, useAddress } from './address.tsx'
import { useConsole } from './context.ts'
import { Head, Part } from './facts.tsx'
import { totalOf, useAnswer } from './load.ts'
import { LongText } from './long-text.tsx'
import { FirstOf } from './paging.tsx'
import { Show } from './placeholders.tsx'
import { operationName, type Proposal, ProposalState, Proposer } from './proposal.tsx'
import { ProposalSubject } from './proposal-subject.tsx'
import { type Column, Rows } from './rows.tsx'
import { Table } from './table.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

const SHOWN = '50'

const WHAT: Column<Proposal> = {
  title: 'proposals.what',
  cell: (proposal) => (
    <>
      <Link to={`/proposals/${proposal.id}`}>{operationName(proposal.operation)}</Link>
      <br />
      <span class="beside">
        <ProposalSubject of={proposal} brief />
      </span>
    </>
  ),
}
const BY: Column<Proposal> = {
  title: 'proposals.by',
  cell: ({ proposedBy, proposedAt }) => (
    <>
      <Proposer of={proposedBy} />
      <br />
      <Time at={proposedAt} />
    </>
  ),
}
const WHY: Column<Proposal> = {
  title: 'proposals.reason',
  cell: ({ reason }) => <LongText of={reason} />,
}

export function Proposals() {
  const { session } = useConsole()
  const { query } = useAddress()
  // A reader who searches or filters wants something else, or sees the same proposals in the list.
  const isFiltered = query.get('view') !== null || query.get('q') !== null
  return (
    <>
      <Head title={text('proposals.title')} lead={text('proposals.lead')} />
      {session.kind === 'person' && !isFiltered && <WaitingForMe />}
      <Part title={text('proposals.all')}>
        <Table<Proposal>
          operation="getProposals"
          caption={text('proposals.all')}
          search="proposals.search"
          filters={[
            {
              name: 'view',
              title: 'proposals.view',
              options: [
                { value: '', title: text('common.all') },
                { value: 'waiting', title: text('proposals.viewWaiting') },
                { value: 'mine', title: text('proposals.viewMine') },
              ],
            },
          ]}
          rowKey={({ id }) => id}
          columns={[
            WHAT,
            WHY,
            BY,
            {
              title: 'proposals.state',
              cell: (proposal) => (
                <>
                  <ProposalState of={proposal} />
                  {proposal.decidedBy !== null && (
                    <p class="beside">
                      <bdi>{proposal.decidedBy.name}</bdi>
                    </p>
                  )}
                </>
              ),
            },
          ]}
          empty={<p>{text('proposals.empty')}</p>}
        />
      </Part>
    </>
  )
}

function WaitingForMe() {
  const waiting = useAnswer<Proposal[]>('getProposals', { query: { view: 'waiting', limit: SHOWN } })
  return (
    <Part title={text('overview.forYou')}>
      <Show of={waiting}>
        {(rows) =>
          rows.length === 0 ? (
            <p>{text('overview.nothingForYou')}</p>
          ) : (
            <>
              <Rows<Proposal>
                caption={text('overview.forYou')}
                rows={rows}
                rowKey={({ id }) => id}
                columns={[
                  WHAT,
                  WHY,
                  BY,
                  { title: 'proposals.until', cell: ({ expiresAt }) => <Time at={expiresAt} relative /> },
                ]}
              />
              <FirstOf shown={rows.length} total={totalOf(waiting)} all="/proposals?view=waiting" />
            </>
          )
        }
      </Show>
    </Part>
  )
}
