/** API keys: made with roles, their secret shown once, revoked for ever. */
import { Act } from './act.tsx'
import { useConsole } from './context.ts'
import { Copyable } from './copyable.tsx'
import { Head } from './facts.tsx'
import { roleField, roleName } from './roles.tsx'
import { Status } from './status.tsx'
import { Table } from './table.tsx'
import { type TextKey, text } from './text.ts'
import { Time } from './time.tsx'

type Key = {
  id: string
  name: string
  roles: string[]
  createdAt: string
  expiresAt: string | null
  revokedAt: string | null
  createdBy: string | null
  addresses: string[] | null
  /** Whether its secret has been shown. */
  issued: boolean
}

/** Splits addresses that people separate with commas or spaces. */
function listOf(addresses: string): { addresses?: string[] } {
  const all = addresses.split(/[\s,]+/).filter((one) => one !== '')
  return all.length === 0 ? {} : { addresses: all }
}

/** Texts and operations that differ between the consoles. */
type ApiKeyTexts = {
  /** An operation that every role may call. */
  everybody: string
  empty: TextKey
}

/** The page of API keys. */
export function ApiKeys({ everybody, empty }: ApiKeyTexts) {
  const { session } = useConsole()
  return (
    <>
      <Head
        title={text('keys.title')}
        lead={
          <>
            {text('keys.lead')} <a href="/console/api.html">{text('keys.reference')}</a>
          </>
        }
        acts={
          <Act<{ id: string; secret: string }>
            operation="addApiKey"
            shows
            button={text('keys.add')}
            look="primary"
            title={text('keys.add')}
            consequence={<p>{text('keys.addConsequence')}</p>}
            fields={[
              { name: 'name', title: 'keys.name', hint: 'keys.nameHint', maxLength: 255 },
              roleField(everybody, 'keys.roles'),
              {
                name: 'expiresAt',
                title: 'keys.expiresAt',
                hint: 'keys.expiresAtHint',
                type: 'time',
                required: false,
              },
              {
                name: 'addresses',
                title: 'keys.addresses',
                hint: 'keys.addressesHint',
                maxLength: 2500,
                required: false,
              },
            ]}
            send={({ name, roles: chosen, expiresAt, addresses }, call) =>
              call('addApiKey', {
                body: {
                  name,
                  roles: String(chosen).split(','),
                  ...(expiresAt === '' ? {} : { expiresAt: new Date(String(expiresAt)).toISOString() }),
                  ...listOf(String(addresses)),
                },
              })
            }
            result={({ secret }) => <Secret of={secret} />}
          />
        }
      />
      <Table<Key>
        operation="getApiKeys"
        caption={text('keys.title')}
        search="keys.search"
        rowKey={({ id }) => id}
        columns={[
          {
            title: 'keys.name',
            cell: ({ name, addresses }) => (
              <>
                <bdi>{name}</bdi>
                {addresses !== null && <p>{text('keys.onlyFrom', { addresses: addresses.join(', ') })}</p>}
              </>
            ),
          },
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
            acts: ['revokeApiKey', 'issueApiKeySecret'],
            cell: ({ id, name, revokedAt, createdBy, issued }) =>
              revokedAt === null && (
                <div class="acts">
                  {!issued && createdBy === session.id && (
                    <Act<{ secret: string }>
                      operation="issueApiKeySecret"
                      shows
                      button={text('keys.collect')}
                      label={text('keys.collectThis', { name })}
                      look="primary"
                      title={text('keys.collectThis', { name })}
                      consequence={<p>{text('keys.collectConsequence')}</p>}
                      send={(_, call) => call('issueApiKeySecret', { params: { id } })}
                      result={({ secret }) => <Secret of={secret} />}
                    />
                  )}
                  <Act
                    operation="revokeApiKey"
                    button={text('keys.revoke')}
                    label={text('keys.revokeThis', { name })}
                    title={text('keys.revokeTitle', { name })}
                    consequence={
                      <p>{text(session.name === name ? 'keys.revokeOwn' : 'keys.revokeConsequence')}</p>
                    }
                    nameToType={name}
                    send={(_, call) => call('revokeApiKey', { params: { id } })}
                    result={() => <p>{text('keys.revoked')}</p>}
                  />
                </div>
              ),
          },
        ]}
        empty={<p>{text(empty)}</p>}
      />
    </>
  )
}

function Secret({ of }: { of: string }) {
  return (
    <>
      <p>
        <strong>{text('keys.secretOnce')}</strong>
      </p>
      <Copyable value={of} label={text('keys.secret')} />
    </>
  )
}

function State({ of: { revokedAt, expiresAt, issued } }: { of: Key }) {
  if (revokedAt !== null) return <Status tone="quiet" word="status.revoked" />
  if (expiresAt !== null && Date.parse(expiresAt) <= Date.now())
    return <Status tone="bad" word="status.expired" />
  if (!issued) return <Status tone="warn" word="keys.notIssued" />
  return <Status tone="good" word="status.valid" />
}
