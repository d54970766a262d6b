/** One record: what it says, whether its proof is valid, and the link to its content. */
import type { ComponentChildren } from 'preact'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import type { Loaded } from '../../kit/load.ts'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { AT_END } from '../retention/words.ts'
import { directionText, ExchangeLink, kindText, NamedId, Outcome, ServerId } from '../words.tsx'
import { AttachmentList } from './attachments.tsx'
import { Content } from './content.tsx'
import { type ExchangeRecord, shown, type Verdicts } from './records.ts'

const LEVELS: Record<string, TextKey> = { full: 'level.full', digest: 'level.digest', none: 'level.none' }
/** The names of known extra metadata; unknown ones keep their own name. */
const EXTRA: Record<string, TextKey> = {
  method: 'extra.method',
  userId: 'extra.userId',
  issue: 'extra.issue',
  representedParty: 'extra.representedParty',
  representation: 'extra.representation',
  representationBy: 'extra.representationBy',
  representationId: 'extra.representationId',
  representationAnswer: 'extra.representationAnswer',
  representationAt: 'extra.representationAt',
  consent: 'extra.consent',
  consentDigest: 'extra.consentDigest',
  preview: 'extra.preview',
  previewDigest: 'extra.previewDigest',
  previewReleasedAt: 'extra.previewReleasedAt',
  previewAt: 'extra.previewAt',
  graceSince: 'extra.graceSince',
  status: 'extra.status',
  removedFields: 'extra.removedFields',
  removedPlaces: 'extra.removedPlaces',
  fieldRule: 'extra.fieldRule',
  detail: 'extra.detail',
}
const COPIED: Record<string, TextKey> = {
  fieldRule: 'extra.fieldRule',
  representationId: 'extra.representationId',
  representationAnswer: 'extra.representationAnswer',
  consent: 'extra.consent',
  consentDigest: 'extra.consentDigest',
  preview: 'extra.preview',
  previewDigest: 'extra.previewDigest',
}
const REPRESENTATION: Record<string, TextKey> = { asserted: 'extra.asserted', checked: 'extra.checked' }
/** The names of the facts in an erasure: why it took place, and where the content is kept. */
const ERASURE: Record<string, TextKey> = {
  reason: 'why.reason',
  case: 'why.case',
  reference: 'erasure.reference',
  class: 'retention.class',
  archive: 'record.archive',
}
/** Long and for machines: the evidence bundle has it. */
const HIDDEN = ['treeHead']

export function RecordPart({ record, verdicts }: { record: ExchangeRecord; verdicts: Loaded<Verdicts> }) {
  const { index, form, metadata, erased } = record
  const title = text('record.title', { index: String(index), kind: kindText(form.kind) })
  return (
    <Part title={title} acts={record.messageBytes !== null && <Content index={index} />}>
      {erased !== null && (
        <p class="note">
          {text('record.erasedAt')} <Time at={erased} exact />
        </p>
      )}
      <Facts of={factsOf(record)} />
      {form.direction !== '' && <Verdict of={record} verdicts={verdicts} />}
      <details>
        <summary>{text('record.more')}</summary>
        <Facts
          of={[
            ['record.leaf', <Copyable key="leaf" value={record.leaf} label={text('record.leaf')} />],
            ...Object.entries(form.kind === 'erasure' ? {} : (metadata?.extra ?? {}))
              .filter(([name]) => EXTRA[name] === undefined && !HIDDEN.includes(name))
              .map(([name, value]): [{ given: string }, ComponentChildren] => [
                { given: name },
                <bdi key={name}>{value}</bdi>,
              ]),
          ]}
        />
      </details>
    </Part>
  )
}

function factsOf(record: ExchangeRecord): [TextKey, ComponentChildren][] {
  const { form, metadata, messageBytes, bodyBytes, attachments } = record
  const time = <Time key="time" at={form.time} exact />
  if (form.kind === 'erasure') return [['record.time', time], ...erasureFacts(metadata)]
  if (form.direction === '') return [['record.time', time]]
  const extra = metadata?.extra ?? {}
  return [
    ['record.time', time],
    ['search.direction', directionText(form.direction)],
    ...(form.outcome === ''
      ? []
      : ([['search.state', <Outcome key="outcome" {...form} />]] as [TextKey, ComponentChildren][])),
    ...(metadata === null
      ? []
      : ([
          ['search.client', <NamedId key="client" of={shown(metadata.client)} />],
          ['search.service', <NamedId key="service" of={shown(metadata.service)} />],
          ['search.peer', <ServerId key="peer" of={shown(metadata.peer)} />],
          [
            'search.requestId',
            <Copyable key="id" value={metadata.requestId} label={text('search.requestId')} />,
          ],
        ] as [TextKey, ComponentChildren][])),
    ...Object.entries(EXTRA)
      .filter(([name]) => extra[name] !== undefined)
      .map(([name, key]): [TextKey, ComponentChildren] => [key, extraOf(name, extra[name]!)]),
    [
      'record.contract',
      form.contract === '' ? text('record.noContract') : <bdi key="contract">{form.contract}</bdi>,
    ],
    ['record.level', text(LEVELS[form.logLevel] ?? 'level.full')],
    ['record.message', bytesText(messageBytes)],
    ['record.body', bodyBytes === null ? text('record.noBody') : bytesText(bodyBytes)],
    ...(attachments.length === 0
      ? []
      : ([['content.attachments', <AttachmentList key="attachments" of={attachments} />]] as [
          TextKey,
          ComponentChildren,
        ][])),
  ]
}

function extraOf(name: string, value: string): ComponentChildren {
  const copied = COPIED[name]
  if (copied !== undefined) return <Copyable key={name} value={value} label={text(copied)} />
  if (name === 'representationAt' || name === 'graceSince') return <Time key={name} at={value} exact />
  if (name === 'representation' && Object.hasOwn(REPRESENTATION, value)) return text(REPRESENTATION[value]!)
  if (name !== 'removedFields') return <bdi key={name}>{value}</bdi>
  const names = namesIn(value)
  if (names.length === 0) return text('extra.nothingRemoved')
  return (
    <ul key={name} class="plain-list">
      {names.map((one) => (
        <li key={one}>
          <bdi>{one}</bdi>
        </li>
      ))}
    </ul>
  )
}

/** A record of another program may say it in another form. */
function namesIn(value: string): string[] {
  try {
    const names: unknown = JSON.parse(value)
    if (Array.isArray(names)) return names.map(String)
  } catch {}
  return [value]
}

function erasureFacts(metadata: ExchangeRecord['metadata']): [TextKey, ComponentChildren][] {
  const { answers, extra = {} } = metadata ?? {}
  const { effective, mode } = extra
  return [
    ...(answers === undefined
      ? []
      : [['record.erases', <ExchangeLink key="of" index={answers} />] as [TextKey, ComponentChildren]]),
    ...Object.entries(ERASURE)
      .filter(([name]) => extra[name] !== undefined)
      .map(([name, key]): [TextKey, ComponentChildren] => [
        key,
        <bdi class="wrap" key={name}>
          {extra[name]}
        </bdi>,
      ]),
    ...(effective === undefined
      ? []
      : [
          ['record.effective', <Time key="effective" at={effective} exact />] as [TextKey, ComponentChildren],
        ]),
    ...(mode === 'PROOF_KEPT' || mode === 'LEAF_ONLY'
      ? [['retention.atEnd', text(AT_END[mode])] as [TextKey, ComponentChildren]]
      : []),
  ]
}

function bytesText(bytes: number | null): string {
  return bytes === null
    ? text('record.notKept')
    : text('record.bytes', { count: bytes, bytes: number(bytes) })
}

function Verdict({ of: { index }, verdicts }: { of: ExchangeRecord; verdicts: Loaded<Verdicts> }) {
  const found =
    verdicts.state === 'there' ? verdicts.data.records.find((one) => one.index === index) : undefined
  if (found === undefined) return null
  return (
    <div class="verdict">
      <p class="wrap">
        <strong>{found.verdict}</strong>
        {found.subIndication !== null && <span class="id"> {found.subIndication}</span>}: {found.reason}
      </p>
      {found.signer !== null && (
        <p class="wrap">
          {text('record.signer')} <bdi>{found.signer.subject}</bdi>{' '}
          <Copyable value={found.signer.certificate} label={text('record.certificate')} />
        </p>
      )}
    </div>
  )
}
