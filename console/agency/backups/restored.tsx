/**
 * Shows that this server was restored, from which backup, and the present state of the people whom the backup
 * could have let in again.
 */
import { useMay } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { type Person, PersonState } from '../../kit/person.tsx'
import { Show } from '../../kit/placeholders.tsx'
import { roleName } from '../../kit/roles.tsx'
import { Rows } from '../../kit/rows.tsx'
import { number, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Back = Pick<Person, 'id' | 'name' | 'roles' | 'state' | 'lastLoginAt'> & {
  outcome: 'letIn' | 'locked' | 'removed'
}
type Restored = {
  state: 'restored'
  restoredAt: string
  madeAt: string
  backupSha256: string
  signer: string
  endedApiKeys: number
  /** Restores by earlier versions say nothing of keys. */
  keysBack?: string[]
  keysLeftOut?: string[]
  isPinOfBackup?: boolean
  pinSetAt?: string | null
  peopleInAll: number
  people: Back[]
}

/** Empty when the server was never restored, and for callers who may not read it. */
export function RestoredPart() {
  return useMay('getRestoration') ? <Newest /> : null
}

function Newest() {
  const restoration = useAnswer<Restored | { state: 'none' }>('getRestoration')
  return <Show of={restoration}>{(of) => of.state === 'restored' && <Told of={of} />}</Show>
}

function Told({ of }: { of: Restored }) {
  const { people, peopleInAll } = of
  return (
    <Part title={text('restored.title')}>
      <p class="note">{text('restored.why')}</p>
      <Facts
        of={[
          ['restored.at', <Time key="at" at={of.restoredAt} relative />],
          ['restored.madeAt', <Time key="made" at={of.madeAt} relative />],
          [
            'restoration.backup',
            <Copyable key="backup" value={of.backupSha256} label={text('restoration.backup')} />,
          ],
          ['restored.signer', <Copyable key="signer" value={of.signer} label={text('restored.signer')} />],
          ['restored.keys', number(of.endedApiKeys)],
          ...(of.keysBack === undefined
            ? []
            : ([
                ['restored.pin', <Pin key="pin" of={of} />],
                ['restored.keysBack', <Keys key="back" of={of.keysBack} label={text('restored.keysBack')} />],
                [
                  'restored.keysLeftOut',
                  <Keys key="out" of={of.keysLeftOut ?? []} label={text('restored.keysLeftOut')} />,
                ],
              ] satisfies Parameters<typeof Facts>[0]['of'])),
        ]}
      />
      {[...(of.keysBack ?? []), ...(of.keysLeftOut ?? [])].length > 0 && (
        <p class="note">{text('restored.keysWhy')}</p>
      )}
      {people.length > 0 && (
        <>
          <h3>{text('restored.people')}</h3>
          {peopleInAll > people.length && (
            <p>{text('restored.more', { shown: number(people.length), all: number(peopleInAll) })}</p>
          )}
          <Rows<Back>
            caption={text('restored.people')}
            rows={people}
            rowKey={({ id }) => id}
            columns={[
              { title: 'people.name', cell: ({ name }) => <bdi>{name}</bdi> },
              { title: 'people.roles', cell: ({ roles }) => roles.map(roleName).join(', ') },
              { title: 'restored.outcome', cell: ({ outcome }) => text(`restored.${outcome}`) },
              { title: 'restored.now', cell: ({ state }) => <PersonState state={state} /> },
              {
                title: 'people.lastLogin',
                cell: ({ lastLoginAt: at }) =>
                  at === null ? text('people.never') : <Time at={at} relative />,
              },
            ]}
          />
        </>
      )}
    </Part>
  )
}

function Pin({ of: { isPinOfBackup, pinSetAt } }: { of: Restored }) {
  if (isPinOfBackup !== true) return text('restored.pinUnchanged')
  if (typeof pinSetAt !== 'string') return text('restored.pinOfBackup')
  return (
    <>
      {text('restored.pinSetAt')} <Time at={pinSetAt} relative />
    </>
  )
}

function Keys({ of, label }: { of: string[]; label: string }) {
  if (of.length === 0) return text('restored.noKeys')
  return (
    <ul>
      {of.map((id) => (
        <li key={id}>
          <Copyable value={id} label={label} />
        </li>
      ))}
    </ul>
  )
}
