/** What certificates of approved CAs say: X-Road's classes and the profiles of this instance, with their change and a trial before it. */
import { Act } from '../../kit/act.tsx'
import { ApiFault } from '../../kit/api.ts'
import { Part } from '../../kit/facts.tsx'
import type { Field } from '../../kit/field.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/states.tsx'
import { text } from '../../kit/text.ts'
import { certificateText } from '../certificate.tsx'

type Subject = { type: string; value: string }[]
type Listed = {
  name: string
  builtIn: boolean
  sha256: string
  usedBy: string[]
  profile: { title: string }
}
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

const MAX_DOCUMENT = 16_384

export function CertificateProfiles() {
  const profiles = useAnswer<Listed[]>('getCertificateProfiles')
  return (
    <Show of={profiles}>
      {(all) => {
        const [first] = all
        const example = first === undefined ? '' : written(first.profile)
        return (
          <Part
            title={text('profiles.title')}
            acts={
              <>
                <Try document={example} />
                <Put document={example} button={text('profiles.add')} />
              </>
            }
          >
            <p class="hint">{text('profiles.lead')}</p>
            <ul class="plain-list ruled">
              {all.map((one) => (
                <li key={one.name}>
                  <Profile of={one} />
                </li>
              ))}
            </ul>
          </Part>
        )
      }}
    </Show>
  )
}

function Profile({ of }: { of: Listed }) {
  const { name, builtIn, usedBy, profile, sha256 } = of
  const document = written(profile)
  return (
    <>
      <details>
        <summary>
          <bdi>{profile.title}</bdi> <bdi class="id wrap beside">{name}</bdi>{' '}
          <span class="beside">{text(builtIn ? 'profiles.builtIn' : 'profiles.own')}</span>
        </summary>
        <p class="hint">
          SHA-256 <bdi class="id wrap">{sha256}</bdi>
        </p>
        <textarea
          class="raw"
          readOnly
          rows={16}
          aria-label={text('profiles.documentOf', { name })}
          value={document}
        />
      </details>
      {usedBy.length > 0 && <p class="hint">{text('profiles.usedBy', { names: usedBy.join(', ') })}</p>}
      {!builtIn && (
        <div class="acts">
          <Put
            document={document}
            button={text('profiles.change')}
            label={text('profiles.changeThis', { name })}
          />
          {usedBy.length === 0 && (
            <Act
              operation="deleteCertificateProfile"
              button={text('profiles.delete')}
              label={text('profiles.deleteThis', { name })}
              title={text('profiles.deleteThis', { name })}
              consequence={<p>{text('profiles.deleteConsequence')}</p>}
              nameToType={name}
              send={(_, call) => call('deleteCertificateProfile', { params: { name } })}
              result={() => <p>{text('profiles.deleted')}</p>}
            />
          )}
        </div>
      )}
    </>
  )
}

function Put({ document, button, label }: { document: string; button: string; label?: string }) {
  return (
    <Act
      operation="putCertificateProfile"
      button={button}
      {...(label === undefined ? {} : { label })}
      title={label ?? button}
      consequence={<p>{text('profiles.consequence')}</p>}
      fields={[documentField(document)]}
      send={async ({ document: given }, call) => {
        const body = parsed(given)
        return call('putCertificateProfile', { params: { name: nameIn(body) }, body })
      }}
      result={() => <p>{text('profiles.kept')}</p>}
    />
  )
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

function Try({ document }: { document: string }) {
  return (
    <Act<Tried>
      operation="tryCertificateProfile"
      button={text('profiles.try')}
      title={text('profiles.tryTitle')}
      reads
      look="quiet"
      consequence={<p>{text('profiles.tryConsequence')}</p>}
      fields={[
        documentField(document),
        ...VALUES,
        { name: 'certificate', title: 'profiles.certificate', type: 'file', required: false },
      ]}
      send={async ({ document: given, certificate, ...values }, call) =>
        call('tryCertificateProfile', {
          body: {
            ...{ profile: parsed(given), values },
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

function documentField(initial: string): Field {
  return {
    ...{ name: 'document', title: 'profiles.document', hint: 'profiles.documentHint' },
    ...{ type: 'long', maxLength: MAX_DOCUMENT, initial },
  }
}

function written(profile: object): string {
  return JSON.stringify(profile, null, 2)
}

function parsed(given: unknown): object {
  try {
    return Object(JSON.parse(String(given))) as object
  } catch {
    throw new ApiFault(400, { message: text('profiles.noJson') })
  }
}

/** What is no name is refused by the API, with its place. */
function nameIn(body: object): string {
  const { name } = body as { name?: unknown }
  return typeof name === 'string' && name !== '' ? name : 'none'
}
