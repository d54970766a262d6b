/** Where a CA gives certificates by ACME: said by two people, since servers order there by themselves. */
import { Act } from '../../kit/act.tsx'
import type { Facts } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { type TextKey, text } from '../../kit/text.ts'

export type AcmeServer = {
  directoryUrl: string
  ipAddress?: string
  authenticationCertificateProfileId?: string
  signingCertificateProfileId?: string
}

/** Where the CA gives certificates, and what else is published of that. */
export function acmeFacts(of: AcmeServer | undefined): Parameters<typeof Facts>[0]['of'] {
  if (of === undefined) return [['trust.acme', text('trust.acmeNone')]]
  const all: [TextKey, string | undefined][] = [
    ['trust.acme', of.directoryUrl],
    ['trust.acmeIp', of.ipAddress],
    ['trust.acmeAuthenticationProfile', of.authenticationCertificateProfileId],
    ['trust.acmeSigningProfile', of.signingCertificateProfileId],
  ]
  const said = all.filter(([, value]) => value !== undefined)
  return said.map(([title, value]) => [title, <bdi class="id">{value}</bdi>])
}

export function SetAcmeServer({ id, name, of }: { id: number; name: string; of: AcmeServer | undefined }) {
  const optional = { required: false } as const
  const fields: Field[] = [
    {
      ...{ name: 'directoryUrl', title: 'trust.acmeUrl', hint: 'trust.acmeUrlHint', maxLength: 500 },
      ...{ initial: of?.directoryUrl ?? '', ...optional },
    },
    {
      ...{ name: 'ipAddress', title: 'trust.acmeIp', hint: 'trust.acmeIpHint', maxLength: 400 },
      ...{ initial: of?.ipAddress ?? '', ...optional },
    },
    {
      ...{ name: 'authenticationCertificateProfileId', title: 'trust.acmeAuthenticationProfile' },
      ...{ maxLength: 255, initial: of?.authenticationCertificateProfileId ?? '', ...optional },
    },
    {
      ...{ name: 'signingCertificateProfileId', title: 'trust.acmeSigningProfile' },
      ...{ maxLength: 255, initial: of?.signingCertificateProfileId ?? '', ...optional },
    },
  ]
  return (
    <Act
      operation="setAcmeServer"
      button={text('trust.setAcme')}
      label={text('trust.setAcmeOf', { name })}
      title={text('trust.setAcmeOf', { name })}
      consequence={<p>{text('trust.acmeConsequence')}</p>}
      fields={fields}
      send={(values, call) => {
        const given = Object.entries(values).filter(([, value]) => typeof value === 'string' && value !== '')
        const body = values['directoryUrl'] ? { acmeServer: Object.fromEntries(given) } : {}
        return call('setAcmeServer', { params: { id: String(id) }, body })
      }}
      result={() => <p>{text('trust.acmeSet')}</p>}
    />
  )
}
