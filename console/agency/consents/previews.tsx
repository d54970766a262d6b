/** Answers that people see before a consumer gets them: in numbers, and what was decided about one. */
import type { ComponentChildren } from 'preact'
import { Act } from '../../kit/act.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useTitles } from '../../kit/named.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { Id, NamedId } from '../words.tsx'

const STATES = ['waiting', 'released', 'given', 'stopped', 'over'] as const
export type PreviewCounts = Record<(typeof STATES)[number], number>
type Counted = { clientId: string; previews: PreviewCounts }
type Found = {
  number: string
  client: string
  service: string
  contract: string
  askedAt: string
  decidedAt: string | null
  givenAt: string | null
  digest: string | null
  document: { decision: 'released' | 'stopped'; decidedRecord: number } | null
  /** By which it was released, before it was stopped after all. */
  releasedBefore: { decidedAt: string } | null
}

/** Nothing where no answer was ever kept. */
export function PreviewsOf({ services }: { services: readonly Counted[] }) {
  const rows = services.filter(({ previews }) => STATES.some((state) => previews[state] > 0))
  const titleOf = useTitles(rows.map(({ clientId }) => clientId))
  if (rows.length === 0) return null
  return (
    <Part title={text('previews.title')}>
      <HeldTable<Counted>
        caption={text('previews.title')}
        name="previews"
        rows={rows}
        rowKey={({ clientId }) => clientId}
        search="common.searchClient"
        words={({ clientId }) => titleOf(clientId)}
        columns={[
          { title: 'trackers.subsystem', cell: ({ clientId }) => <NamedId of={clientId} /> },
          ...STATES.map((state) => ({
            title: `previews.${state}` as TextKey,
            number: true as const,
            cell: ({ previews }: Counted) => number(previews[state]),
          })),
        ]}
        empty={null}
      />
    </Part>
  )
}

/** As a log record names it. */
export function FindPreview() {
  return (
    <Act<Found>
      operation="getPreviewByNumber"
      button={text('previews.find')}
      title={text('previews.find')}
      consequence={<p>{text('previews.findConsequence')}</p>}
      fields={[{ name: 'number', title: 'previews.number', maxLength: 36 }]}
      send={({ number: of }, call) => call('getPreviewByNumber', { params: { id: String(of).trim() } })}
      result={(one) => <One of={one} />}
    />
  )
}

function One({ of: { document, releasedBefore, ...of } }: { of: Found }) {
  const decided: [TextKey, ComponentChildren][] =
    document === null
      ? []
      : [
          ['common.state', text(`previews.${document.decision}`)],
          ['previews.decidedAt', <Time key="decided" at={of.decidedAt ?? ''} />],
          ['previews.record', number(document.decidedRecord)],
          ['extra.previewDigest', <Id key="digest" of={of.digest ?? ''} />],
        ]
  return (
    <Facts
      of={[
        ['previews.number', <Id key="number" of={of.number} />],
        ['consents.client', <Id key="client" of={of.client} />],
        ['previews.service', <Id key="service" of={of.service} />],
        ['trackers.contract', <Id key="contract" of={of.contract} />],
        ['previews.askedAt', <Time key="asked" at={of.askedAt} />],
        ...(releasedBefore === null
          ? []
          : ([['previews.released', <Time key="released" at={releasedBefore.decidedAt} />]] as [
              TextKey,
              ComponentChildren,
            ][])),
        ...decided,
        ...(of.givenAt === null
          ? []
          : ([['previews.givenAt', <Time key="given" at={of.givenAt} />]] as [TextKey, ComponentChildren][])),
      ]}
    />
  )
}
