/**
 * Approves exactly the request that is shown, declines it with a reason that the requester reads, or
 * withdraws it on the requester's behalf.
 */
import { Act } from '../../kit/act.tsx'
import { text } from '../../kit/text.ts'
import { isUndecided, kindName, type WholeRequest } from './request.tsx'

export function DecideRequest({ of }: { of: WholeRequest }) {
  if (!isUndecided(of)) return null
  const params = { id: String(of.id) }
  const name = text('requests.titled', { kind: kindName(of.kind), number: String(of.id) })
  const mayApprove = of.state === 'SUBMITTED_FOR_APPROVAL' && of.conflicts.length === 0
  return (
    <>
      {mayApprove && (
        <Act
          operation="approveManagementRequest"
          button={text('requests.approve')}
          look="primary"
          title={text('requests.approveTitle', { name })}
          consequence={
            <>
              <p>{text('requests.approveConsequence')}</p>
              <p>
                {text('requests.contentHash')} <span class="id">{of.contentHash}</span>
              </p>
            </>
          }
          send={(_, call) =>
            call('approveManagementRequest', { params, body: { contentHash: of.contentHash } })
          }
          result={() => <p>{text('requests.approvedNow')}</p>}
        />
      )}
      <Act
        operation="declineManagementRequest"
        button={text('requests.decline')}
        title={text('requests.declineTitle', { name })}
        consequence={<p>{text('requests.declineConsequence')}</p>}
        fields={[
          {
            name: 'reason',
            title: 'requests.declineReason',
            hint: 'requests.declineReasonHint',
            type: 'long',
            maxLength: 1000,
          },
        ]}
        send={(body, call) => call('declineManagementRequest', { params, body })}
        result={() => <p>{text('requests.declinedNow')}</p>}
      />
      <Act
        operation="revokeManagementRequest"
        button={text('requests.revoke')}
        title={text('requests.revokeTitle', { name })}
        consequence={<p>{text('requests.revokeConsequence')}</p>}
        nameToType={String(of.id)}
        send={(_, call) => call('revokeManagementRequest', { params })}
        result={() => <p>{text('requests.revokedNow')}</p>}
      />
    </>
  )
}
