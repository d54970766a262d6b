/** Trusts an issuer of credentials, or changes what it is trusted for. */
import { Act } from '../../kit/act.tsx'
import { certificateText } from '../../kit/certificate.tsx'
import type { Field, Values } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'

export type Issuer = {
  name: string
  purpose: string
  types: string[]
  claims?: string[][]
  anchors: { certificate: string; trustedFrom?: string; trustedUntil?: string }[]
  signers?: Record<string, string>[]
  requiresStatus?: boolean | string
  statusHosts?: string[]
}

const linesOf = (value: Values[string] | undefined): string[] =>
  String(value ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

/** `now` is the issuer that is changed: its CAs stay unless another is given. */
export function TrustIssuer({ now }: { now?: Issuer }) {
  const title = now === undefined ? text('issuers.add') : text('issuers.changeThis', { name: now.name })
  return (
    <Act
      operation="putTrustedIssuer"
      button={text(now === undefined ? 'issuers.add' : 'issuers.change')}
      label={title}
      title={title}
      consequence={<p>{text('issuers.addConsequence')}</p>}
      fields={fieldsOf(now)}
      send={async (values, call) => {
        const name = now?.name ?? String(values['name'])
        return call('putTrustedIssuer', { params: { name }, body: await issuerOf(name, values, now) })
      }}
      result={() => <p>{text('issuers.kept')}</p>}
    />
  )
}

function fieldsOf(now: Issuer | undefined): Field[] {
  const lines = (of: string[] | undefined) => ({
    type: 'long' as const,
    maxLength: 8000,
    initial: of?.join('\n') ?? '',
  })
  const file: Field = { name: 'certificate', title: 'issuers.ca', type: 'file' }
  return [
    ...(now === undefined
      ? [{ name: 'name', title: 'common.name', hint: 'issuers.nameHint', maxLength: 100 } as Field]
      : []),
    {
      name: 'purpose',
      title: 'issuers.purpose',
      hint: 'issuers.purposeHint',
      maxLength: 500,
      initial: now?.purpose ?? '',
    },
    { name: 'types', title: 'issuers.types', hint: 'issuers.typesHint', ...lines(now?.types) },
    {
      ...{ name: 'claims', title: 'issuers.claims', hint: 'issuers.claimsHint', required: false },
      ...lines(now?.claims?.map((one) => one.join(' '))),
    },
    now === undefined
      ? { ...file, hint: 'certificate.fileHint' }
      : { ...file, hint: 'issuers.caChangeHint', required: false },
    {
      ...{
        name: 'subject',
        title: 'issuers.subject',
        hint: 'issuers.subjectHint',
        required: false,
        maxLength: 1000,
      },
      initial: now?.signers?.[0]?.['subject'] ?? '',
    },
    {
      name: 'hosts',
      title: 'issuers.hosts',
      hint: 'issuers.hostsHint',
      required: false,
      ...lines(now?.statusHosts),
    },
    {
      ...{ name: 'status', title: 'issuers.status', type: 'select' },
      initial: now === undefined || now.requiresStatus ? 'needed' : 'optional',
      options: (['needed', 'optional'] as const).map((value) => ({
        value,
        title: text(`issuers.status.${value}`),
      })),
    },
  ]
}

/** Trust that ended does not begin again by a change: the CA has to be given. */
const isOver = (time: string | undefined): boolean => time !== undefined && Date.parse(time) <= Date.now()

async function issuerOf(name: string, values: Values, now: Issuer | undefined): Promise<Issuer> {
  const { certificate, subject = '', status } = values
  const claims = linesOf(values['claims']).map((line) => line.split(/\s+/))
  const hosts = linesOf(values['hosts'])
  // Marks that this form does not know stay as they are.
  const others = (now?.signers ?? []).slice(1)
  const [first] = now?.signers ?? []
  const mark = subject === '' ? undefined : { ...first, subject: String(subject) }
  const signers =
    mark === undefined
      ? first?.['subject'] === undefined && first !== undefined
        ? [first, ...others]
        : others
      : [mark, ...others]
  return {
    ...{ name, purpose: String(values['purpose']), types: linesOf(values['types']) },
    ...(claims.length === 0 ? {} : { claims }),
    anchors:
      certificate instanceof File
        ? [{ certificate: await certificateText(certificate) }]
        : (now?.anchors ?? []).filter(({ trustedUntil }) => !isOver(trustedUntil)),
    ...(signers.length === 0 ? {} : { signers }),
    requiresStatus:
      status === 'needed' ? (typeof now?.requiresStatus === 'string' ? now.requiresStatus : true) : false,
    ...(hosts.length === 0 ? {} : { statusHosts: hosts }),
  }
}
