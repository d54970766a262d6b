/** One succession: what was taken over, what people still must do, and its completion. */
import { Act } from '../../kit/act.tsx'
import { BASE } from '../../kit/api.ts'
import { Done } from '../../kit/done.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { OpenProposals } from '../../kit/open-proposals.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { History } from '../history.tsx'
import { ClientLink } from '../links.tsx'
import { type Succession, SuccessionState } from './page.tsx'
import { Contracts, type Plan, Taken } from './plan.tsx'

export function OneSuccession({ params }: { params: Record<string, string> }) {
  const succession = useAnswer<Succession & Plan>('getSuccession', { params: { id: params['id']! } })
  return (
    <Show of={succession} page="successions.one">
      {(data) => <Known of={data} />}
    </Show>
  )
}

function Known({ of }: { of: Succession & Plan }) {
  const { id, predecessor, successor, state, begunAt, begunBy, completedAt, completedBy = '' } = of
  const isOpen = state === 'begun'
  return (
    <>
      <Head
        title={text('successions.titled', { successor, predecessor })}
        lead={<SuccessionState state={state} />}
        acts={
          isOpen && (
            <Act
              operation="completeSuccession"
              button={text('successions.complete')}
              title={text('successions.completeTitle', { name: predecessor })}
              consequence={<p>{text('successions.completeConsequence')}</p>}
              nameToType={predecessor}
              send={(_, call) => call('completeSuccession', { params: { id: String(id) } })}
              result={() => <p>{text('successions.completeDone')}</p>}
            />
          )
        }
      />
      {isOpen && <p class="note part">{text('successions.waits')}</p>}
      {isOpen && (
        <OpenProposals target={`${BASE}/successions/${id}/complete`} words="successions.completionProposed" />
      )}
      {isOpen && <ToDo of={of} />}
      <Part title={text('common.facts')}>
        <Facts
          of={[
            ['successions.predecessor', <ClientLink key="old" id={predecessor} />],
            ['successions.successor', <ClientLink key="new" id={successor} />],
            ['successions.begunAt', <Done key="begun" at={begunAt} by={begunBy} />],
            ...(completedAt === undefined
              ? []
              : ([
                  ['successions.completedAt', <Done key="completed" at={completedAt} by={completedBy} />],
                ] as [never, object][])),
          ]}
        />
      </Part>
      <Part title={text('successions.taken')}>
        <Taken of={isOpen ? { ...of, contracts: [], byPeople: [] } : of} />
      </Part>
      <History of="successions" id={String(id)} />
    </>
  )
}

/** What has to happen before the old names may end: contracts by their links, the rest in words. */
function ToDo({ of: { contracts, byPeople } }: { of: Plan }) {
  if (contracts.length + byPeople.length === 0) return null
  return (
    <Part title={text('successions.toDo')}>
      {contracts.length > 0 && <Contracts of={contracts} />}
      {byPeople.length > 0 && <h3>{text('successions.byPeople')}</h3>}
      <ul class="plain-list">
        {byPeople.map((line) => (
          <li key={line}>
            <bdi class="wrap">{line}</bdi>
          </li>
        ))}
      </ul>
    </Part>
  )
}
