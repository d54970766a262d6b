/** The request that a proposal would approve, and whether it is still the one that the proposer read. */
import { Link } from '../../kit/address.tsx'
import { Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'
import { RequestParts } from './parts.tsx'
import { kindName, RequestState, type WholeRequest } from './request.tsx'

export function RequestOfProposal(q: { id: string; hash: string; state: string }) {
  const request = useAnswer<WholeRequest>('getManagementRequest', { params: { id: q.id } })
  return (
    <Show of={request}>
      {(data) => (
        <>
          <Part title={text('requests.one')}>
            <p>
              <Link to={`/management-requests/${data.id}`}>
                {text('requests.titled', { kind: kindName(data.kind), number: String(data.id) })}
              </Link>{' '}
              <RequestState state={data.state} />
            </p>
            {q.state === 'proposed' && (
              <p>
                <Status
                  tone={data.contentHash === q.hash ? 'good' : 'bad'}
                  word={data.contentHash === q.hash ? 'requests.unchanged' : 'requests.changedSince'}
                />
              </p>
            )}
          </Part>
          <RequestParts of={data} />
        </>
      )}
    </Show>
  )
}
