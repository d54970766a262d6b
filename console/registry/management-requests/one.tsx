/** One management request with everything needed to decide on it, and the decision. */
import { Link } from '../../kit/address.tsx'
import { BASE } from '../../kit/api.ts'
import { useMay } from '../../kit/context.ts'
import { Head } from '../../kit/facts.tsx'
import type { Page } from '../../kit/frame.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/states.tsx'
import { text } from '../../kit/text.ts'
import { History } from '../history.tsx'
import type { Proposal } from '../proposals/proposal.tsx'
import { DecideRequest } from './decide.tsx'
import { RequestParts } from './parts.tsx'
import { isUndecided, kindName, RequestState, type WholeRequest } from './request.tsx'

function OneRequest({ params }: { params: Record<string, string> }) {
  const id = params['id']!
  const request = useAnswer<WholeRequest>('getManagementRequest', { params: { id } })
  return (
    <Show of={request} page="requests.one">
      {(data) => (
        <>
          <Head
            title={text('requests.titled', { kind: kindName(data.kind), number: String(data.id) })}
            lead={<RequestState state={data.state} />}
            acts={<DecideRequest of={data} />}
          />
          {isUndecided(data) && <ProposedApproval id={id} />}
          <RequestParts of={data} />
          <History of="management-requests" id={id} />
        </>
      )}
    </Show>
  )
}

/** That somebody has proposed to approve it: what waits then is the proposal. */
function ProposedApproval({ id }: { id: string }) {
  return useMay('getProposals') ? <Proposed target={`${BASE}/management-requests/${id}/approve`} /> : null
}

function Proposed({ target }: { target: string }) {
  const proposals = useAnswer<Proposal[]>('getProposals', { query: { q: target, limit: '500' } })
  if (proposals.state !== 'there') return null
  const open = proposals.data.filter((one) => one.target === target && one.state === 'proposed')
  return (
    <>
      {open.map(({ id, proposedBy }) => (
        <p class="note part" key={id}>
          <Link to={`/proposals/${id}`}>{text('requests.proposed', { name: proposedBy.name })}</Link>
        </p>
      ))}
    </>
  )
}

export const managementRequest: Page = {
  path: '/management-requests/:id',
  title: 'requests.one',
  listed: false,
  operation: 'getManagementRequest',
  View: OneRequest,
}
