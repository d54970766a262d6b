/** The acts on one person; nobody can act on themselves. */
import { Act } from './act.tsx'
import { useConsole } from './context.ts'
import type { Person } from './person.tsx'
import { roleField } from './roles.tsx'
import { type TextKey, text } from './text.ts'

/** Rules and texts that differ between the consoles. */
export type PeopleRules = {
  /** An operation that every role may call. */
  everybody: string
  /** The consequence of locking somebody. */
  whenLocked: TextKey
}

export function PersonActs({ of, everybody, whenLocked }: { of: Person } & PeopleRules) {
  const { id, name, roles, state } = of
  const { session } = useConsole()
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
