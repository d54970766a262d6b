/**
 * Approving, rejecting and withdrawing a proposal: each shows its consequence before and its result after.
 */
import { Act } from './act.tsx'
import { useConsole } from './context.ts'
import { operationName, type WholeProposal } from './proposal.tsx'
import { text } from './text.ts'

export function Decide({ of }: { of: WholeProposal }) {
  const { session } = useConsole()
  const params = { id: of.id }
  const name = operationName(of.operation)
  return (
    <>
      {of.mayDecide && (
        <>
          <Act<WholeProposal>
            operation="approveProposal"
            button={text('proposals.approve')}
            look="primary"
            title={text('proposals.approveTitle', { name })}
            consequence={
              <>
                <p>{text('proposals.approveConsequence', { name: of.proposedBy.name })}</p>
                <p>
                  {text('proposals.sha256')} <span class="id">{of.contentSha256}</span>
                </p>
              </>
            }
            send={(_, call) => call('approveProposal', { params, body: { contentSha256: of.contentSha256 } })}
            result={({ state, failure }) => (
              <>
                <p>
                  <strong>
                    {text(state === 'failed' ? 'proposals.failedNow' : 'proposals.approvedNow')}
                  </strong>
                </p>
                {failure !== null && (
                  <p class="wrap">
                    <bdi>{failure}</bdi>
                  </p>
                )}
              </>
            )}
          />
          <Act
            operation="rejectProposal"
            button={text('proposals.reject')}
            title={text('proposals.rejectTitle', { name })}
            consequence={<p>{text('proposals.rejectConsequence')}</p>}
            fields={[
              {
                name: 'reason',
                title: 'proposals.rejectReason',
                hint: 'proposals.rejectReasonHint',
                type: 'long',
                maxLength: 500,
              },
            ]}
            send={(body, call) => call('rejectProposal', { params, body })}
            result={() => <p>{text('proposals.rejectedNow')}</p>}
          />
        </>
      )}
      {of.state === 'proposed' && of.proposedBy.id === session.id && (
        <Act
          operation="withdrawProposal"
          button={text('proposals.withdraw')}
          title={text('proposals.withdrawTitle', { name })}
          consequence={<p>{text('proposals.withdrawConsequence')}</p>}
          send={(_, call) => call('withdrawProposal', { params })}
          result={() => <p>{text('proposals.withdrawnNow')}</p>}
        />
      )}
    </>
  )
}
