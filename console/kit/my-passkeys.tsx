/** The page of one's own passkeys: with what the person can sign in beside the login provider. */
import { Act } from './act.tsx'
import { useConsole } from './context.ts'
import { Head } from './facts.tsx'
import type { Field } from './field.tsx'
import { HeldTable } from './held-table.tsx'
import { useAnswer } from './load.ts'
import { hasPasskeys, makePasskey, type NewPasskeyOptions } from './passkeys.ts'
import { Show } from './placeholders.tsx'
import { Status } from './status.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

export type Passkey = {
  id: string
  name: string
  createdAt: string
  lastUsedAt: string | null
  usableUntil: string
  blockedAt: string | null
}

export function MyPasskeys() {
  const { session } = useConsole()
  if (session.kind === 'key' || session.passkeys !== true || !hasPasskeys())
    return (
      <>
        <Head title={text('passkeys.title')} lead={text('passkeys.lead')} />
        <p>
          {text(
            session.kind === 'key'
              ? 'passkeys.byKey'
              : session.passkeys === true
                ? 'passkeys.notHere'
                : 'passkeys.notSet',
          )}
        </p>
      </>
    )
  return <Mine />
}

function Mine() {
  const { session } = useConsole()
  const list = useAnswer<Passkey[]>('getPasskeys')
  const forActs = session.passkeyForActs === true
  return (
    <>
      <Head
        title={text('passkeys.title')}
        lead={text('passkeys.lead')}
        acts={list.state === 'there' ? <Add needsCode={forActs && !list.data.some(serves)} /> : undefined}
      />
      <Show of={list}>
        {(passkeys) => (
          <HeldTable<Passkey>
            caption={text('passkeys.title')}
            rows={passkeys}
            rowKey={({ id }) => id}
            columns={[
              { title: 'passkeys.name', cell: ({ name }) => <bdi>{name}</bdi> },
              { title: 'passkeys.state', cell: (passkey) => <State {...passkey} /> },
              { title: 'passkeys.added', cell: ({ createdAt }) => <Time at={createdAt} relative /> },
              {
                title: 'passkeys.lastUsed',
                cell: ({ lastUsedAt: at }) =>
                  at === null ? text('passkeys.never') : <Time at={at} relative />,
              },
              {
                title: 'common.acts',
                acts: ['removePasskey'],
                cell: (passkey) => <Remove {...passkey} />,
              },
            ]}
            empty={<p>{text('passkeys.empty')}</p>}
          />
        )}
      </Show>
    </>
  )
}

function serves({ blockedAt, usableUntil }: Passkey): boolean {
  return blockedAt === null && Date.parse(usableUntil) >= Date.now()
}

function State({ blockedAt, usableUntil }: Passkey) {
  if (blockedAt !== null)
    return (
      <>
        <Status tone="bad" word="passkeys.blocked" />
        <p class="beside">{text('passkeys.blockedWhy')}</p>
      </>
    )
  if (Date.parse(usableUntil) < Date.now())
    return (
      <>
        <Status tone="warn" word="passkeys.unconfirmed" />
        <p class="beside">{text('passkeys.unconfirmedWhy')}</p>
      </>
    )
  return (
    <>
      <Status tone="good" word="passkeys.usable" />
      <p class="beside">
        {text('passkeys.until')} <Time at={usableUntil} relative />
      </p>
    </>
  )
}

/** `needsCode`: acts need a passkey, and none of the person's would confirm this one. */
function Add({ needsCode }: { needsCode: boolean }) {
  const name: Field = { name: 'name', title: 'passkeys.nameField', hint: 'passkeys.nameHint', maxLength: 60 }
  const code: Field = { name: 'code', title: 'passkeys.code', hint: 'passkeys.codeHint', maxLength: 100 }
  return (
    <Act<Passkey>
      operation="addPasskey"
      button={text('passkeys.add')}
      look="primary"
      title={text('passkeys.add')}
      consequence={<p>{text('passkeys.addConsequence')}</p>}
      fields={needsCode ? [name, code] : [name]}
      send={async (given, call) => {
        const { data } = await call<NewPasskeyOptions>('getPasskeyOptions')
        return call('addPasskey', { body: { ...given, ...(await makePasskey(data)) } })
      }}
      result={() => <p>{text('passkeys.isAdded')}</p>}
    />
  )
}

function Remove({ id, name }: Passkey) {
  return (
    <Act
      operation="removePasskey"
      button={text('common.remove')}
      label={text('common.removeThis', { what: name })}
      title={text('common.removeThis', { what: name })}
      consequence={<p>{text('passkeys.removeConsequence')}</p>}
      // A session that began with it ends, and the page with what happened on it.
      shows
      send={(_, call) => call('removePasskey', { params: { passkey: id } })}
      result={() => <p>{text('passkeys.removed')}</p>}
    />
  )
}
