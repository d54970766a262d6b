/** One management request with everything needed to decide on it, and the decision. */
import { BASE } from '../../kit/api.ts'
import { Head } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { OpenProposals } from '../../kit/open-proposals.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { History } from '../history.tsx'
import { DecideRequest } from './decide.tsx'
import { RequestParts } from './parts.tsx'
import { isUndecided, kindName, RequestState, type WholeRequest } from './request.tsx'

export function OneRequest({ params }: { params: Record<string, string> }) {
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
          {isUndecided(data) && (
            <OpenProposals target={`${BASE}/management-requests/${id}/approve`} words="requests.proposed" />
          )}
          <RequestParts of={data} />
          <History of="management-requests" id={id} />
        </>
      )}
    </Show>
  )
}
