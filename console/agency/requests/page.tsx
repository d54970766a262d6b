/** What this server asked of the registry, and how each request stands. */
import { useEffect, useState } from 'preact/hooks'
import { Act } from '../../kit/act.tsx'
import { Head } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Named } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { FILED_STATES, type Filed, FiledStateOf, isOpen, kindText } from './filed.tsx'

/** Who decides is another server, which is not asked more often. */
const AGAIN_MS = 15_000
/** Half an hour: a session ends when nobody is there, also that of a page that looks by itself. */
const MOST_LOOKS = 120

export function RequestsPage() {
  const [turn, setTurn] = useState(0)
  const filed = useAnswer<Filed[]>('getManagementRequests', {}, turn)
  const mayChange =
    filed.state === 'there' && !filed.stale && filed.outdated === undefined && filed.data.some(isOpen)
  useEffect(() => {
    if (!mayChange || turn >= MOST_LOOKS) return
    const timer = setInterval(() => {
      // What is decided takes its act away, so nobody is interrupted who reads what it would do.
      if (document.hidden || document.querySelector('dialog[open]') !== null) return
      clearInterval(timer)
      setTurn((before) => before + 1)
    }, AGAIN_MS)
    return () => clearInterval(timer)
  }, [filed])
  return (
    <>
      <Head title={text('filed.title')} lead={text('filed.lead')} />
      <Show of={filed}>{(all) => <List of={all} />}</Show>
    </>
  )
}

function List({ of }: { of: Filed[] }) {
  const kinds = [...new Set(of.map(({ kind }) => kind))]
  return (
    <HeldTable<Filed>
      caption={text('filed.title')}
      rows={of}
      rowKey={({ request }) => request}
      search="filed.search"
      words={({ request, kind, clientId = '', reason = '' }) =>
        `${request} ${kindText(kind)} ${clientId} ${reason}`
      }
      filters={[
        {
          ...{ name: 'state', title: 'common.state' },
          options: [
            { value: '', title: text('common.all') },
            ...FILED_STATES.map((value) => ({ value, title: text(`request.${value}`) })),
          ],
          fits: ({ state }, value) => state === value,
        },
        {
          ...{ name: 'kind', title: 'requests.kind' },
          options: [
            { value: '', title: text('common.all') },
            ...kinds.map((value) => ({ value, title: kindText(value) })),
          ],
          fits: ({ kind }, value) => kind === value,
        },
      ]}
      columns={[
        { title: 'requests.number', number: true, cell: ({ request }) => String(request) },
        {
          title: 'requests.kind',
          cell: ({ kind, clientId }) => (
            <>
              {kindText(kind)}
              {clientId !== undefined && (
                <p class="beside">
                  <Named id={clientId} />
                </p>
              )}
            </>
          ),
        },
        {
          title: 'common.state',
          cell: (one) => (
            <>
              <FiledStateOf of={one} />
              {one.reason !== undefined && <p class="wrap">{one.reason}</p>}
              {one.state !== undefined && isOpen(one) && (
                <p class="beside">{text(`filed.next.${one.state}`)}</p>
              )}
            </>
          ),
        },
        { title: 'requests.filedAt', cell: ({ filedAt }) => <Time at={filedAt} relative /> },
        {
          title: 'requests.decidedAt',
          cell: ({ decidedAt }) => decidedAt !== undefined && <Time at={decidedAt} relative />,
        },
        {
          title: 'common.acts',
          acts: ['revokeManagementRequest'],
          cell: (one) => isOpen(one) && <TakeBack of={one} />,
        },
      ]}
      empty={<p>{text('filed.empty')}</p>}
    />
  )
}

function TakeBack({ of: { request, kind } }: { of: Filed }) {
  const title = text('filed.takeBackThis', { number: String(request), kind: kindText(kind) })
  return (
    <Act<Filed>
      operation="revokeManagementRequest"
      button={text('filed.takeBack')}
      label={title}
      title={title}
      consequence={<p>{text('filed.takeBackConsequence')}</p>}
      send={(_, call) => call('revokeManagementRequest', { params: { request: String(request) } })}
      result={() => <p>{text('filed.takenBack')}</p>}
    />
  )
}
