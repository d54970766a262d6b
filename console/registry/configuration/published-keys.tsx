/**
 * The keys that others know by their public halves, those of the log and of credentials, with their
 * replacement; and who cosigns the log.
 */
import { Act } from '../../kit/act.tsx'
import { useMay } from '../../kit/context.ts'
import { type Contradiction, Contradictions } from '../../kit/contradictions.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { useAnswer } from '../../kit/load.ts'
import { NamedServerInRow } from '../../kit/named.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Key = {
  number: number
  name: string
  madeAt: string | null
  acceptedUntil: string | null
  publicKey: string
  isAccepted: boolean
}
type Of = 'log' | 'credentials'
type Published = { configured: false } | { configured: true; log: Key[]; credentials: Key[] }

export function PublishedKeysPart() {
  return useMay('getPublishedKeys') ? <Keys /> : null
}

/** Verifiers that pinned the key of the log have to hear of the new one; a credential lives for a day. */
const DAYS: Record<Of, number[]> = { log: [90, 30, 365], credentials: [2, 30] }

const days = (of: Of): Field[] => [
  {
    name: 'acceptedDays',
    title: 'publishedKeys.accepted',
    type: 'select',
    options: [
      ...DAYS[of].map((count) => ({ value: String(count), title: text('publishedKeys.days', { count }) })),
      { value: '0', title: text('publishedKeys.stolen') },
    ],
  },
]

function Keys() {
  const answer = useAnswer<Published>('getPublishedKeys')
  // Without a public log there are no such keys, and nothing is shown.
  if (answer.state === 'there' && !answer.data.configured) return null
  return (
    <Show of={answer}>
      {(keys) =>
        keys.configured && (
          <>
            <KeysOf of="log" keys={keys.log} />
            <KeysOf of="credentials" keys={keys.credentials} />
          </>
        )
      }
    </Show>
  )
}

function KeysOf({ of, keys }: { of: Of; keys: Key[] }) {
  const title = text(of === 'log' ? 'publishedKeys.log' : 'publishedKeys.credentials')
  return (
    <Part
      title={title}
      acts={
        <Act<Key>
          operation="replacePublishedKey"
          button={text('identityKey.replace')}
          title={`${title}: ${text('identityKey.replace')}`}
          consequence={<p>{text('publishedKeys.consequence')}</p>}
          fields={days(of)}
          send={({ acceptedDays }, call) =>
            call('replacePublishedKey', { params: { key: of }, body: { acceptedDays: Number(acceptedDays) } })
          }
          result={() => <p>{text('publishedKeys.replaced')}</p>}
        />
      }
    >
      <Rows<Key>
        caption={title}
        rows={keys}
        rowKey={({ name }) => name}
        columns={[
          { title: 'identityKey.number', number: true, cell: (key) => number(key.number) },
          { title: 'publishedKeys.state', cell: (key) => <State of={key} /> },
          {
            title: 'publishedKeys.until',
            cell: ({ acceptedUntil, isAccepted }) =>
              acceptedUntil === null || !isAccepted ? '–' : <Time at={acceptedUntil} />,
          },
          {
            title: 'publishedKeys.key',
            cell: ({ publicKey }) => <Copyable value={publicKey} label={text('publishedKeys.key')} />,
          },
        ]}
      />
    </Part>
  )
}

function State({ of: { acceptedUntil, isAccepted } }: { of: Key }) {
  if (acceptedUntil === null) return <Status tone="good" word="publishedKeys.signs" />
  return isAccepted ? (
    <Status tone="warn" word="publishedKeys.stillAccepted" />
  ) : (
    <Status tone="quiet" word="publishedKeys.ended" />
  )
}

type Witnesses =
  | { configured: false }
  | {
      configured: true
      size: number
      policy: { name: string; size: number; cosignedAt: string | null }[]
      servers: {
        server: string
        name: string
        verifierKey: string
        size: number
        cosignedAt: string
        isInPolicy: boolean
      }[]
      contradictions: Contradiction[]
    }

export function LogWitnessesPart() {
  const answer = useAnswer<Witnesses>('getPublicLogWitnesses')
  if (answer.state === 'there' && !answer.data.configured) return null
  return (
    <>
      <Part title={text('logWitnesses.title')}>
        <Show of={answer}>{(found) => (found.configured ? <Found of={found} /> : null)}</Show>
      </Part>
      <Part title={text('witnesses.contradictions')}>
        <Show of={answer} quiet>
          {(found) =>
            found.configured ? (
              <Contradictions of={found.contradictions} none="witnesses.noContradiction" />
            ) : null
          }
        </Show>
      </Part>
    </>
  )
}

function Found({ of }: { of: Extract<Witnesses, { configured: true }> }) {
  const others = of.policy.filter(({ name }) => !of.servers.some((one) => one.name === name))
  const rows = [
    ...others.map((one) => ({ ...one, server: '', verifierKey: '', isInPolicy: true })),
    ...of.servers,
  ]
  return (
    <>
      <p>{text('logWitnesses.lead', { count: of.size })}</p>
      {rows.length === 0 ? (
        <p>{text('logWitnesses.none')}</p>
      ) : (
        <Rows
          caption={text('logWitnesses.title')}
          rows={rows}
          rowKey={({ name }) => name}
          columns={[
            {
              title: 'witnesses.witness',
              cell: ({ server, name }) =>
                server === '' ? <bdi class="id wrap">{name}</bdi> : <NamedServerInRow id={server} />,
            },
            { title: 'witnesses.cosigned', number: true, cell: ({ size }) => number(size) },
            {
              title: 'witnesses.last',
              cell: ({ cosignedAt }) => (cosignedAt === null ? '–' : <Time at={cosignedAt} relative />),
            },
            {
              title: 'logWitnesses.policy',
              cell: ({ isInPolicy }) => (
                <Status
                  tone={isInPolicy ? 'good' : 'quiet'}
                  word={isInPolicy ? 'logWitnesses.counts' : 'logWitnesses.beside'}
                />
              ),
            },
            {
              title: 'publishedKeys.key',
              cell: ({ verifierKey }) =>
                verifierKey === '' ? '–' : <Copyable value={verifierKey} label={text('publishedKeys.key')} />,
            },
          ]}
        />
      )}
    </>
  )
}
