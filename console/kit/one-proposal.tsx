/**
 * One proposal: what it would change, who proposed it and why, its exact content with its hash, and the
 * decision.
 */
import type { ComponentType } from 'preact'
import { Link } from './address.tsx'
import { useConsole } from './context.ts'
import { Copyable } from './copyable.tsx'
import { Decide } from './decide-proposal.tsx'
import { ExactContent } from './exact-content.tsx'
import { Facts, Head, Part } from './facts.tsx'
import { useAnswer } from './load.ts'
import { operations } from './operations.ts'
import { Show } from './placeholders.tsx'
import { operationName, ProposalState, Proposer, type WholeProposal } from './proposal.tsx'
import { ProposalSubject } from './proposal-subject.tsx'
import { roleName } from './roles.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'
import { type Event, Timeline } from './timeline.tsx'

/** What a proposal would change, in words; each console knows its own acts. */
type Content = ComponentType<{ of: WholeProposal }>

/** The page of one proposal. */
export function OneProposal({ id, content }: { id: string; content: Content }) {
  const proposal = useAnswer<WholeProposal>('getProposal', { params: { id } })
  return (
    <Show of={proposal} page="proposals.one">
      {(data) => <Known of={data} content={content} />}
    </Show>
  )
}

function Known({ of, content: Content }: { of: WholeProposal; content: Content }) {
  const { session } = useConsole()
  const isMine = of.proposedBy.id === session.id
  return (
    <>
      <Head
        title={operationName(of.operation)}
        lead={
          <>
            <ProposalSubject of={of} /> <ProposalState of={of} />
          </>
        }
        acts={<Decide of={of} />}
      />
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
