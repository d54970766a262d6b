/** API keys: made with some roles, their secret shown once, revoked for ever. */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { Copyable } from '../../kit/copyable.tsx'
import { Head } from '../../kit/facts.tsx'
import type { Page } from '../../kit/frame.tsx'
import { useAnswer } from '../../kit/load.ts'
import { operations } from '../../kit/operations.ts'
import { Rows } from '../../kit/rows.tsx'
import { Show } from '../../kit/states.tsx'
import { Status } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'

type Key = {
  id: string
  name: string
  roles: string[]
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
}

function roleName(role: string): string {
  return text(`role.${role}` as TextKey)
}

function ApiKeys() {
  const { api, session } = useConsole()
  const keys = useAnswer<Key[]>('getApiKeys')
  const roles = operations['getSystem']?.roles ?? []
  return (
    <>
      <Head
        title={text('keys.title')}
        lead={text('keys.lead')}
        acts={
          <Act<{ id: string; secret: string }>
            operation="addApiKey"
            button={text('keys.add')}
            look="primary"
            title={text('keys.add')}
            consequence={<p>{text('keys.addConsequence')}</p>}
            fields={[
              { name: 'name', title: 'keys.name', hint: 'keys.nameHint', maxLength: 255 },
              {
                name: 'roles',
                title: 'keys.roles',
                type: 'checks',
                options: roles.map((role) => ({ value: role, title: roleName(role) })),
              },
              {
                name: 'expiresAt',
                title: 'keys.expiresAt',
                hint: 'keys.expiresAtHint',
                type: 'time',
                required: false,
              },
            ]}
            send={({ name, roles: chosen, expiresAt }) =>
              api.call('addApiKey', {
                body: {
                  name,
                  roles: String(chosen).split(','),
                  ...(expiresAt === '' ? {} : { expiresAt: new Date(String(expiresAt)).toISOString() }),
                },
              })
            }
            result={({ secret }) => (
              <>
                <p>
                  <strong>{text('keys.secretOnce')}</strong>
                </p>
                <Copyable value={secret} label={text('keys.secret')} />
              </>
            )}
          />
        }
      />
      <Show of={keys}>
        {(rows) => (
          <Rows<Key>
            rows={rows}
            caption={text('keys.title')}
            rowKey={({ id }) => id}
            columns={[
              { title: 'keys.name', cell: ({ name }) => <bdi>{name}</bdi> },
              { title: 'common.id', cell: ({ id }) => <Copyable value={id} /> },
              { title: 'keys.roles', cell: ({ roles: own }) => own.map(roleName).join(', ') },
              { title: 'keys.state', cell: (key) => <State of={key} /> },
              { title: 'common.createdAt', cell: ({ createdAt }) => <Time at={createdAt} /> },
              {
                title: 'keys.expiresAt',
                cell: ({ expiresAt }) =>
                  expiresAt === null ? text('keys.never') : <Time at={expiresAt} relative />,
              },
              {
                title: 'common.acts',
                acts: ['revokeApiKey'],
                cell: ({ id, name, revokedAt }) =>
                  revokedAt === null && (
                    <div class="acts">
                      <Act
                        operation="revokeApiKey"
                        button={text('keys.revoke')}
                        label={text('keys.revokeThis', { name })}
                        title={text('keys.revokeTitle', { name })}
                        consequence={
                          <p>{text(session.name === name ? 'keys.revokeOwn' : 'keys.revokeConsequence')}</p>
                        }
                        nameToType={name}
                        send={() => api.call('revokeApiKey', { params: { id } })}
                        result={() => <p>{text('keys.revoked')}</p>}
                      />
                    </div>
                  ),
              },
            ]}
          />
        )}
      </Show>
    </>
  )
}

function State({ of: { revokedAt, expiresAt } }: { of: Key }) {
  if (revokedAt !== null) return <Status tone="quiet" word="status.revoked" />
  if (expiresAt !== null && Date.parse(expiresAt) <= Date.now())
    return <Status tone="bad" word="status.expired" />
  return <Status tone="good" word="status.valid" />
}

export const apiKeys: Page = {
  path: '/api-keys',
  title: 'keys.title',
  listed: true,
  operation: 'getApiKeys',
  View: ApiKeys,
}
