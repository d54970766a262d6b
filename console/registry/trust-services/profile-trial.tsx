/**
 * Tries out a certificate profile: what requests would contain, and whom a certificate names. Nothing is
 * stored.
 */
import { Act } from '../../kit/act.tsx'
import { certificateText } from '../../kit/certificate.tsx'
import type { Field } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'

type Subject = { type: string; value: string }[]
type Tried = {
  signing: Subject
  authentication: Subject
  certificate?: {
    subject: string
    member?: string
    server?: { instance: string; serverCode: string } | null
    refusal?: { message: string }
  }
}

const VALUES: Field[] = [
  { name: 'instance', title: 'profiles.instance', maxLength: 255 },
  { name: 'memberClass', title: 'profiles.memberClass', maxLength: 255 },
  { name: 'memberCode', title: 'profiles.memberCode', maxLength: 255 },
  { name: 'memberName', title: 'profiles.memberName', maxLength: 255 },
  { name: 'serverCode', title: 'profiles.serverCode', maxLength: 255 },
  { name: 'dnsName', title: 'profiles.dnsName', maxLength: 255 },
  { name: 'country', title: 'profiles.country', maxLength: 255, initial: 'FI' },
]

export function TryProfile({ profile, label }: { profile: object; label?: string }) {
  return (
    <Act<Tried>
      operation="tryCertificateProfile"
      shows
      button={text('profiles.try')}
      {...(label === undefined ? {} : { label })}
      title={text('profiles.tryTitle')}
      reads
      look="quiet"
      consequence={<p>{text('profiles.tryConsequence')}</p>}
      fields={[
        ...VALUES,
        { name: 'certificate', title: 'profiles.certificate', type: 'file', required: false },
      ]}
      send={async ({ certificate, ...values }, call) =>
        call('tryCertificateProfile', {
          body: {
            ...{ profile, values },
            ...(certificate instanceof File ? { certificate: await certificateText(certificate) } : {}),
          },
        })
      }
      result={(tried) => <Result of={tried} />}
    />
  )
}

function Result({ of: { signing, authentication, certificate } }: { of: Tried }) {
  return (
    <>
      <SubjectOf title={text('profiles.signing')} of={signing} />
      <SubjectOf title={text('profiles.authentication')} of={authentication} />
      {certificate !== undefined && (
        <>
          <h3>{text('profiles.read')}</h3>
          <p>
            <bdi>{certificate.subject}</bdi>
          </p>
          <p>
            <Reading of={certificate} />
          </p>
        </>
      )}
    </>
  )
}

function Reading({ of: { member, server, refusal } }: { of: NonNullable<Tried['certificate']> }) {
  if (refusal !== undefined)
    return (
      <>
        {text('profiles.names')} <bdi>{refusal.message}</bdi>
      </>
    )
  const named = member ?? (server == null ? undefined : `${server.instance}, ${server.serverCode}`)
  return named === undefined ? (
    text('profiles.namesNone')
  ) : (
    <>
      {text('profiles.readAs')} <bdi class="id">{named}</bdi>
    </>
  )
}

function SubjectOf({ title, of }: { title: string; of: Subject }) {
  return (
    <>
      <h3>{title}</h3>
      <ul class="plain-list">
        {of.map(({ type, value }) => (
          <li key={type}>
            <span class="beside">{type}</span> <bdi>{value}</bdi>
          </li>
        ))}
      </ul>
    </>
  )
}
