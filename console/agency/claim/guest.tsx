/**
 * For a person who has logged in at a new server and has no role yet: the claim code makes them its first
 * administrator.
 */
import { useState } from 'preact/hooks'
import { useConsole } from '../../kit/context.ts'
import { Head, Part } from '../../kit/facts.tsx'
import { Form } from '../../kit/form.tsx'
import { roleName } from '../../kit/roles.tsx'
import { text } from '../../kit/text.ts'

/** Those that set a server up, in the order of its first steps; auditors and signatories are invited. */
const ROLES = [
  'XROAD_SYSTEM_ADMINISTRATOR',
  'XROAD_SECURITY_OFFICER',
  'XROAD_REGISTRATION_OFFICER',
  'XROAD_SERVICE_ADMINISTRATOR',
]

export function Guest() {
  const { api } = useConsole()
  const [isClaimed, setClaimed] = useState(false)
  if (isClaimed) {
    return (
      <>
        <Head title={text('claim.done')} />
        <Part title={text('installation.next')}>
          <p>{text('claim.next')}</p>
          <p>{text('installation.again')}</p>
          <p>
            <a class="button primary" href="/login">
              {text('signIn.button')}
            </a>
          </p>
        </Part>
      </>
    )
  }
  return (
    <>
      <Head title={text('claim.title')} lead={text('installation.lead')} />
      <Part title={text('claim.code')}>
        <p>{text('claim.codeWhy')}</p>
        <Form
          fields={[
            {
              ...({ name: 'code', title: 'claim.code', hint: 'installation.codeHint' } as const),
              ...({ type: 'secret', maxLength: 100 } as const),
            },
            {
              ...({ name: 'roles', title: 'claim.roles', hint: 'claim.rolesHint', type: 'checks' } as const),
              initial: ROLES.join(','),
              options: ROLES.map((role) => ({ value: role, title: roleName(role) })),
              check: (value) => (value.split(',').includes(ROLES[0]!) ? undefined : text('claim.rolesNeed')),
            },
          ]}
          submit={text('claim.act')}
          send={async ({ code, roles }) => {
            const body = { code: String(code).trim(), roles: String(roles).split(',') }
            await api.call('claimServer', { body })
            setClaimed(true)
          }}
        />
      </Part>
    </>
  )
}
