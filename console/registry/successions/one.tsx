/** One succession: what was taken over, what people still must do, and its completion. */
import { Act } from '../../kit/act.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientLink } from '../links.tsx'
import { type Succession, SuccessionState } from './page.tsx'
import { type Plan, Taken } from './plan.tsx'

export function OneSuccession({ params }: { params: Record<string, string> }) {
  const succession = useAnswer<Succession & Plan>('getSuccession', { params: { id: params['id']! } })
  return (
    <Show of={succession} page="successions.one">
      {(data) => <Known of={data} />}
    </Show>
  )
}

function Known({ of }: { of: Succession & Plan }) {
  const { id, predecessor, successor, state, begunAt, begunBy, completedAt } = of
  return (
    <>
      <Head
        title={`${text('successions.one')} ${id}`}
        lead={<SuccessionState state={state} />}
        acts={
          state === 'begun' && (
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
      <Part title={text('common.facts')}>
        <Facts
          of={[
            ['successions.predecessor', <ClientLink key="old" id={predecessor} />],
            ['successions.successor', <ClientLink key="new" id={successor} />],
            ['successions.begunAt', <Time key="begun" at={begunAt} />],
            ['successions.begunBy', <bdi key="by">{begunBy}</bdi>],
            [
              'successions.completedAt',
              completedAt === undefined ? text('common.no') : <Time key="completed" at={completedAt} />,
            ],
          ]}
        />
      </Part>
      <Part title={text('successions.taken')}>
        <Taken of={of} />
      </Part>
    </>
  )
}
