/**
 * What the central registry said last, how long exchange can go on with it, and whether the registry answers
 * now.
 */
import type { ComponentChildren } from 'preact'
import { Act } from '../../kit/act.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type State = {
  attempt: { lastSuccess?: string; lastError?: { code: string; message: string; at: string } }
  own?: {
    expiresAt: string
    graceUntil?: string
    hasSuspensionList: boolean
    suspensionList?: { expiresAt: string }
  }
}
type Contracts = { asOf?: string; goodUntil?: string; required: boolean }

export function Registry({ now }: { now: string }) {
  const state = useAnswer<State>('getGlobalConfiguration')
  return (
    <Part
      title={text('outage.title')}
      acts={
        <Act
          operation="refreshGlobalConfiguration"
          button={text('outage.fetch')}
          title={text('outage.fetch')}
          consequence={<p>{text('outage.fetchConsequence')}</p>}
          send={(_, call) => call('refreshGlobalConfiguration')}
          result={() => <p>{text('outage.fetched')}</p>}
        />
      }
    >
      <Show of={state}>
        {(of) => (
          <>
            <Outlook of={of} now={now} />
            <Facts
              of={[
                [
                  'outage.heard',
                  of.attempt.lastSuccess === undefined ? (
                    text('outage.notSinceStart')
                  ) : (
                    <Time at={of.attempt.lastSuccess} relative />
                  ),
                ],
                [
                  'outage.goodUntil',
                  of.own === undefined ? text('outage.none') : <Time at={of.own.expiresAt} relative />,
                ],
                ...(of.own?.graceUntil === undefined
                  ? []
                  : ([['outage.graceUntil', <Time key="grace" at={of.own.graceUntil} relative />]] as [
                      TextKey,
                      ComponentChildren,
                    ][])),
                ...(of.own?.suspensionList === undefined
                  ? []
                  : ([
                      [
                        'outage.suspensionsUntil',
                        <Time key="suspensions" at={of.own.suspensionList.expiresAt} relative />,
                      ],
                    ] as [TextKey, ComponentChildren][])),
              ]}
            />
          </>
        )}
      </Show>
      <ContractsGood now={now} />
    </Part>
  )
}

/** Exchange stops when the first of configuration and suspension list expires. */
function Outlook({ of: { attempt, own }, now }: { of: State; now: string }) {
  const ends = own === undefined ? [] : [own.expiresAt, own.suspensionList?.expiresAt ?? own.expiresAt]
  const until = ends.toSorted()[0]
  const hasNoList = own?.hasSuspensionList === true && own.suspensionList === undefined
  const isOver = until === undefined || until <= now || hasNoList
  const grace = isOver && !hasNoList && own?.graceUntil !== undefined && own.graceUntil > now
  if (attempt.lastError === undefined && !isOver) return <p>{text('outage.answers')}</p>
  return (
    <div class={isOver && !grace ? 'state refused' : 'note'}>
      {attempt.lastError !== undefined && (
        <>
          <p>
            <strong>{text('outage.silent')}</strong> <Time at={attempt.lastError.at} relative />
          </p>
          {/* When nobody answered, a general text says so. Otherwise the fault's message is shown. */}
          {attempt.lastError.code !== 'network_error' && <p class="wrap">{attempt.lastError.message}</p>}
        </>
      )}
      {grace ? (
        <p>
          {text('outage.graceGoesOn')} <Time at={own.graceUntil!} relative />
        </p>
      ) : isOver || until === undefined ? (
        <p>
          <strong>{text('outage.stopped')}</strong> {text('outage.stoppedWhy')}
        </p>
      ) : (
        <p>
          {text('outage.goesOn')} <Time at={until} relative />
        </p>
      )}
    </div>
  )
}

/** Contracts are valid for a while after the last list, and longer when a contract says so. */
function ContractsGood({ now }: { now: string }) {
  const list = useAnswer<Contracts>('getContracts', { query: { limit: '1' } })
  if (list.state !== 'there' || !list.data.required || list.data.goodUntil === undefined) return null
  const { goodUntil } = list.data
  return (
    <p>
      {text(goodUntil <= now ? 'outage.contractsOver' : 'outage.contractsUntil')}{' '}
      <Time at={goodUntil} relative />
    </p>
  )
}
