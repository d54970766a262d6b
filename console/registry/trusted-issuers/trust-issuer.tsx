/** Trusts an issuer of credentials, or changes what it is trusted for. */
import { Act } from '../../kit/act.tsx'
import { certificateText } from '../../kit/certificate.tsx'
import type { Field, Find, Values } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'
import { type Issuer, issuerOf, MARKS, typedOf } from './issuer.ts'

/** As core/presentation bounds them. */
const MOST = { claims: 100, marks: 100, text: 255 }

/** `now` is the issuer that is changed: its CAs stay unless another is given. `all`: what others have is offered. */
export function TrustIssuer({ now, all }: { now?: Issuer; all: Issuer[] }) {
  const title = now === undefined ? text('issuers.add') : text('issuers.changeThis', { name: now.name })
  return (
    <Act
      operation="putTrustedIssuer"
      button={text(now === undefined ? 'issuers.add' : 'issuers.change')}
      label={title}
      title={title}
      consequence={<p>{text('issuers.addConsequence')}</p>}
      fields={fieldsOf(now, all)}
      send={async (values, call) => {
        const name = now?.name ?? String(values['name']).trim()
        return call('putTrustedIssuer', { params: { name }, body: await bodyOf(name, values, now) })
      }}
      result={() => <p>{text('issuers.kept')}</p>}
    />
  )
}

/** Each has the name of its member in the body, or says it: what the server refuses is told at its field. */
function fieldsOf(now: Issuer | undefined, all: Issuer[]): Field[] {
  const typed = typedOf(now)
  const file: Field = { name: 'certificate', partOf: 'anchors', title: 'issuers.ca', type: 'file' }
  return [
    ...(now === undefined
      ? [{ name: 'name', title: 'common.name', hint: 'issuers.nameHint', maxLength: 100 } as Field]
      : []),
    {
      ...{ name: 'purpose', title: 'issuers.purpose', hint: 'issuers.purposeHint', maxLength: 500 },
      initial: typed.purpose,
    },
    {
      ...{ name: 'types', title: 'issuers.types', hint: 'issuers.typesHint', type: 'picks' },
      ...{ maxLength: MOST.text, initial: typed.types, find: typesOf(all) },
    },
    {
      ...{ name: 'claims', title: 'issuers.claims', hint: 'issuers.claimsHint', type: 'rows' },
      ...{ required: false, initial: typed.claims },
      rows: {
        ...{ each: 'issuers.claim', add: 'issuers.addClaim', most: MOST.claims },
        columns: [{ name: 'claim', title: 'issuers.claims', maxLength: MOST.text }],
      },
    },
    now === undefined
      ? { ...file, hint: 'certificate.fileHint' }
      : { ...file, hint: 'issuers.caChangeHint', required: false },
    {
      ...{ name: 'signers', title: 'issuers.subject', hint: 'issuers.subjectHint', type: 'rows' },
      ...{ required: false, initial: typed.signers },
      rows: {
        ...{ each: 'issuers.mark', add: 'issuers.addMark', most: MOST.marks },
        columns: MARKS.map((name) => ({
          ...{ name, title: `issuers.mark.${name}` as const },
          maxLength: name === 'subject' ? 1000 : MOST.text,
        })),
      },
    },
    {
      ...{ name: 'hosts', partOf: 'statusHosts', title: 'issuers.hosts', hint: 'issuers.hostsHint' },
      ...{ type: 'picks', required: false, maxLength: MOST.text, initial: typed.hosts },
      find: among(all.flatMap(({ statusHosts = [] }) => statusHosts).map((value) => ({ value, title: '' }))),
    },
    {
      ...{ name: 'status', partOf: 'requiresStatus', title: 'issuers.status', type: 'select' },
      initial: typed.status,
      options: (['needed', 'optional'] as const).map((value) => ({
        value,
        title: text(`issuers.status.${value}`),
      })),
    },
  ]
}

/** Those of the EU's wallets, and what other issuers are trusted for. */
function typesOf(all: Issuer[]): Find {
  return among([
    { value: 'urn:eudi:pid:1', title: text('issuers.type.pid') },
    { value: 'eu.europa.ec.eudi.pid.1', title: text('issuers.type.pid') },
    { value: 'org.iso.18013.5.1.mDL', title: text('issuers.type.licence') },
    ...all.flatMap(({ name, types }) => types.map((value) => ({ value, title: name }))),
  ])
}

function among(options: { value: string; title: string }[]): Find {
  const each = [...new Map(options.map((one) => [one.value, one])).values()]
  return async (typed) =>
    each.filter(({ value, title }) => `${value} ${title}`.toLowerCase().includes(typed.trim().toLowerCase()))
}

async function bodyOf(name: string, values: Values, now: Issuer | undefined): Promise<Issuer> {
  const { certificate } = values
  const said = (field: string): string => String(values[field] ?? '')
  return issuerOf(
    name,
    {
      ...{ purpose: said('purpose'), types: said('types'), claims: said('claims') },
      ...{ signers: said('signers'), hosts: said('hosts'), status: said('status') },
    },
    {
      certificate: certificate instanceof File ? await certificateText(certificate) : undefined,
      ...{ now, at: Date.now() },
    },
  )
}
