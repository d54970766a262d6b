/** The acts on one person; nobody can act on themselves. */
import { Act } from './act.tsx'
import { ApiFault } from './api.ts'
import { useConsole } from './context.ts'
import { Copyable } from './copyable.tsx'
import type { Passkey } from './my-passkeys.tsx'
import type { Person } from './person.tsx'
import { roleField } from './roles.tsx'
import { type TextKey, text } from './text.ts'
import { dayText, Time } from './time.tsx'

/** Rules and texts that differ between the consoles. */
export type PeopleRules = {
  /** An operation that every role may call. */
  everybody: string
  /** The consequence of locking somebody. */
  whenLocked: TextKey
}

type PasskeyCode = { code: string; endsAt: string }

/** Two passkeys of a person may have one name: its day and the start of its id tell one from the other. */
function wordsOf({ id, name, createdAt }: Passkey): string {
  return `${name} (${dayText(createdAt.slice(0, 10))}, ${id.slice(0, 8)})`
}

export function PersonActs({ of, everybody, whenLocked }: { of: Person } & PeopleRules) {
  const { id, name, roles, state } = of
  const { api, session } = useConsole()
  if (id === session.id || state === 'removed') return null
  const params = { id }
  return (
    <div class="acts">
      <Act
        operation="changePersonRoles"
        button={text('people.changeRoles')}
        label={text('people.changeRolesOf', { name })}
        title={text('people.changeRolesOf', { name })}
        consequence={<p>{text('people.changeRolesConsequence')}</p>}
        fields={[roleField(everybody, 'people.roles', roles)]}
        send={({ roles: chosen }, call) =>
          call('changePersonRoles', { params, body: { roles: String(chosen).split(',') } })
        }
        result={() => <p>{text('people.rolesChanged')}</p>}
      />
      {state === 'active' && (
        <Act
          operation="lockPerson"
          button={text('people.lock')}
          label={text('people.lockThis', { name })}
          title={text('people.lockThis', { name })}
          consequence={<p>{text(whenLocked)}</p>}
          send={(_, call) => call('lockPerson', { params })}
          result={() => <p>{text('people.locked')}</p>}
        />
      )}
      {state === 'locked' && (
        <Act
          operation="unlockPerson"
          button={text('people.unlock')}
          label={text('people.unlockThis', { name })}
          title={text('people.unlockThis', { name })}
          consequence={<p>{text('people.unlockConsequence')}</p>}
          send={(_, call) => call('unlockPerson', { params })}
          result={() => <p>{text('people.unlocked')}</p>}
        />
      )}
      {session.passkeys === true && state !== 'invited' && (
        <Act
          operation="removePasskeyOf"
          button={text('people.passkey')}
          label={text('people.passkeyOf', { name })}
          title={text('people.passkeyOf', { name })}
          consequence={<p>{text('people.passkeyConsequence')}</p>}
          fields={[
            {
              ...{ name: 'passkey', title: 'people.passkeyField', type: 'pick', maxLength: 160 },
              find: async (typed) => {
                const { data } = await api.call<Passkey[]>('getPasskeysOf', { params })
                const wanted = typed.trim().toLowerCase()
                return data
                  .filter((one) => one.name.toLowerCase().includes(wanted))
                  .map((one) => ({ value: wordsOf(one), title: wordsOf(one) }))
              },
            },
          ]}
          send={async ({ passkey }, call) => {
            const { data } = await call<Passkey[]>('getPasskeysOf', { params })
            const [found, ...more] = data.filter((one) => wordsOf(one) === String(passkey).trim())
            if (found === undefined || more.length > 0)
              throw new ApiFault(400, { message: text('people.passkeyNone') })
            return call('removePasskeyOf', { params: { id, passkey: found.id } })
          }}
          result={() => <p>{text('people.passkeyRemoved')}</p>}
        />
      )}
      {session.passkeyForActs === true && state !== 'locked' && (
        <Act<PasskeyCode>
          operation="givePasskeyCode"
          shows
          button={text('people.code')}
          label={text('people.codeOf', { name })}
          title={text('people.codeOf', { name })}
          consequence={<p>{text('people.codeConsequence', { name })}</p>}
          send={(_, call) => call('givePasskeyCode', { params })}
          result={({ code, endsAt }) => (
            <>
              <p>{text('people.codeGiven', { name })}</p>
              <Copyable value={code} label={text('people.code')} />
              <p>
                {text('people.codeEnds')} <Time at={endsAt} relative />
              </p>
            </>
          )}
        />
      )}
      <Act
        operation="removePerson"
        button={text('common.remove')}
        label={text('common.removeThis', { what: name })}
        title={text('common.removeThis', { what: name })}
        consequence={<p>{text('people.removeConsequence')}</p>}
        nameToType={name}
        send={(_, call) => call('removePerson', { params })}
        result={() => <p>{text('people.removed')}</p>}
      />
    </div>
  )
}
