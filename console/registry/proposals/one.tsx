/** One proposal: what it would change, who proposed it and why, its exact content with its hash, and the decision. */
import { Link } from '../../kit/address.tsx'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { operations } from '../../kit/operations.ts'
import { Show } from '../../kit/placeholders.tsx'
import { roleName } from '../../kit/roles.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { type Event, Timeline } from '../../kit/timeline.tsx'
import { Content } from './content.tsx'
import { Decide } from './decide.tsx'
import { ExactContent } from './exact-content.tsx'
import { operationName, ProposalState, Proposer, type WholeProposal } from './proposal.tsx'

export function OneProposal({ params }: { params: Record<string, string> }) {
  const proposal = useAnswer<WholeProposal>('getProposal', { params: { id: params['id']! } })
  return (
    <Show of={proposal} page="proposals.one">
      {(data) => <Known of={data} />}
    </Show>
  )
}

function Known({ of }: { of: WholeProposal }) {
  const { session } = useConsole()
  const isMine = of.proposedBy.id === session.id
  return (
    <>
      <Head title={operationName(of.operation)} lead={<ProposalState of={of} />} acts={<Decide of={of} />} />
      {of.state === 'proposed' && !of.mayDecide && <p class="note part">{whyNot(of, session, isMine)}</p>}
      {of.failure !== null && (
        <Part title={text('proposals.whyFailed')}>
          <p class="wrap">
            <bdi>{of.failure}</bdi>
          </p>
        </Part>
      )}
      {of.operation === 'addApiKey' && of.result !== null && isMine && (
        <p class="note part">
          <Link to="/api-keys">{text('proposals.collect')}</Link>
        </p>
      )}
      <Part title={text('proposals.why')}>
        <Facts
          of={[
            ['proposals.by', <Proposer key="by" of={of.proposedBy} />],
            [
              'proposals.reason',
              <bdi key="why" class="wrap">
                {of.reason}
              </bdi>,
            ],
            ['proposals.at', <Time key="at" at={of.proposedAt} relative />],
            ...(of.state === 'proposed'
              ? [
                  ['proposals.until', <Time key="until" at={of.expiresAt} relative />] as [
                    'proposals.until',
                    object,
                  ],
                ]
              : []),
            ['common.id', <Copyable key="id" value={of.id} />],
          ]}
        />
      </Part>
      <Content of={of} />
      <ExactContent of={of} />
      <Part title={text('proposals.course')}>
        <Timeline events={courseOf(of)} />
      </Part>
    </>
  )
}

function whyNot(
  { operation }: WholeProposal,
  session: { kind: string; roles: string[] },
  isMine: boolean,
): string {
  const roles = operations[operation]?.roles ?? []
  if (isMine) return text('proposals.mine')
  if (session.kind === 'key') return text('proposals.notByKey')
  if (!roles.some((role) => session.roles.includes(role)))
    return text('proposals.notYourRole', { roles: roles.map(roleName).join(', ') })
  return text('proposals.notYou')
}

/** The events of a proposal, newest first. */
function courseOf(of: WholeProposal): Event[] {
  const { proposedAt, proposedBy, decidedAt, decidedBy, decisionReason, finishedAt, state } = of
  const events: Event[] = [
    { key: 'proposed', at: proposedAt, what: text('proposals.courseProposed'), who: proposedBy.name },
  ]
  if (decidedAt !== null) {
    const done = state === 'failed' ? 'approved' : state
    events.unshift({
      key: 'decided',
      at: decidedAt,
      what: (
        <>
          {text(`proposals.course.${done as 'approved' | 'rejected' | 'withdrawn'}`)}
          {decisionReason !== null && (
            <>
              {': '}
              <bdi class="wrap">{decisionReason}</bdi>
            </>
          )}
        </>
      ),
      who: decidedBy?.name ?? '',
    })
  }
  if (finishedAt !== null)
    events.unshift({
      key: 'finished',
      at: finishedAt,
      what: text(state === 'failed' ? 'proposals.courseFailed' : 'proposals.courseDone'),
    })
  return events
}
