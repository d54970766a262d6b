/** Trusts an issuer of credentials, or changes what it is trusted for. */
import { Act } from '../../kit/act.tsx'
import { type Certificate, certificateText } from '../../kit/certificate.tsx'
import type { Field, Find, Values } from '../../kit/field.tsx'
import { text } from '../../kit/text.ts'
import { dayText } from '../../kit/time.tsx'
import { goingOf, type Issuer, issuerOf, MARKS, typedOf } from './issuer.ts'

/** As core/presentation bounds them. */
const MOST = { claims: 100, marks: 100, text: 255 }

/**
 * `now` is the issuer that is changed, `cas` what its anchors say, in their order. `all`: what others have is
 * offered.
 */
export function TrustIssuer({ now, cas = [], all }: { now?: Issuer; cas?: Certificate[]; all: Issuer[] }) {
  const title = now === undefined ? text('issuers.add') : text('issuers.changeThis', { name: now.name })
  return (
    <Act
      operation="putTrustedIssuer"
      button={text(now === undefined ? 'issuers.add' : 'issuers.change')}
      label={title}
      title={title}
      consequence={<p>{text('issuers.addConsequence')}</p>}
      fields={fieldsOf(now, cas, all)}
      send={async (values, call) => {
        const name = now?.name ?? String(values['name']).trim()
        return call('putTrustedIssuer', { params: { name }, body: await bodyOf(name, values, now) })
      }}
      result={() => <p>{text('issuers.kept')}</p>}
    />
  )
}

/** Each has the name of its member in the body, or says it: what the server refuses is told at its field. */
function fieldsOf(now: Issuer | undefined, cas: Certificate[], all: Issuer[]): Field[] {
  const typed = typedOf(now, Date.now())
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
    ...caFields(now, cas, typed.cas),
    {
      ...{ name: 'signers', title: 'issuers.subject', hint: 'issuers.subjectHint', type: 'rows' },
      ...{ required: false, initial: typed.signers },
      rows: { ...MARK_ROWS, each: 'issuers.mark', add: 'issuers.addMark' },
    },
    {
      ...{ name: 'statusSigners', title: 'issuers.statusSigners', hint: 'issuers.statusSignersHint' },
      ...{ type: 'rows', required: false, initial: typed.statusSigners },
      rows: { ...MARK_ROWS, each: 'issuers.listMark', add: 'issuers.addListMark' },
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

const MARK_ROWS = {
  most: MOST.marks,
  columns: MARKS.map((name) => ({
    ...{ name, title: `issuers.mark.${name}` as const },
    maxLength: name === 'subject' ? 1000 : MOST.text,
  })),
}

/** Which CAs stay, and one that comes to them; the first, where trust in none goes on. */
function caFields(now: Issuer | undefined, cas: Certificate[], initial: string): Field[] {
  const going = goingOf(now, Date.now())
  const file = { name: 'certificate', partOf: 'anchors', type: 'file' } as const
  if (going.length === 0) return [{ ...file, title: 'issuers.ca', hint: 'certificate.fileHint' }]
  const options = going.map((place) => {
    const { subject = '', notAfter = '' } = cas[place] ?? {}
    return {
      value: String(place),
      title: text('issuers.caOf', { name: subject, day: dayText(notAfter.slice(0, 10)) }),
    }
  })
  return [
    {
      ...{ name: 'cas', partOf: 'anchors', title: 'issuers.cas', hint: 'issuers.casHint', type: 'checks' },
      ...{ required: false, initial, options },
    },
    { ...file, title: 'issuers.anotherCa', hint: 'issuers.anotherCaHint', required: false },
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
      ...{ cas: said('cas'), signers: said('signers'), statusSigners: said('statusSigners') },
      ...{ hosts: said('hosts'), status: said('status') },
    },
    {
      certificate: certificate instanceof File ? await certificateText(certificate) : undefined,
      ...{ now, at: Date.now() },
    },
  )
}
