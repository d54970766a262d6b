/** How long content is kept, by class, and what was erased by order. */
import { Act } from '../../kit/act.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { Rows } from '../../kit/rows.tsx'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { useWholeServices } from '../pick.ts'
import { Id } from '../words.tsx'
import { ErasureOrders } from './erasure-orders.tsx'
import { AT_END, type EndMode } from './words.ts'

type RetentionClass = {
  name: string
  keepDays: number | null
  atEnd: EndMode
  archive: 'CONTAINERS' | 'TOMBSTONES' | 'NONE'
  services: string[]
}
type Retention = {
  classes: RetentionClass[]
  due: number
  held: number
  nextEnd: string | null
  job: { lastEndedAt: string | null; lastError: string | null } | null
}

const ARCHIVE: Record<RetentionClass['archive'], TextKey> = {
  CONTAINERS: 'retention.containers',
  TOMBSTONES: 'retention.tombstones',
  NONE: 'retention.noArchive',
}

export function RetentionPage() {
  const retention = useAnswer<Retention>('getRetention')
  return (
    <>
      <Head
        title={text('retention.title')}
        lead={text('retention.lead')}
        acts={
          <>
            <PutClass />
            <Assign />
          </>
        }
      />
      <Show of={retention}>
        {(found) => (
          <>
            <Part title={text('common.facts')}>
              <Facts
                of={[
                  ['retention.due', number(found.due)],
                  ['retention.held', number(found.held)],
                  [
                    'retention.nextEnd',
                    found.nextEnd === null ? (
                      text('retention.noEnd')
                    ) : (
                      <Time key="end" at={found.nextEnd} relative />
                    ),
                  ],
                  ['retention.job', <Job key="job" of={found.job} />],
                ]}
              />
            </Part>
            <Part title={text('retention.classes')}>
              <Rows<RetentionClass>
                caption={text('retention.classes')}
                rows={found.classes}
                rowKey={({ name }) => name}
                columns={[
                  { title: 'retention.class', cell: ({ name }) => <bdi>{name}</bdi> },
                  {
                    title: 'retention.keepDays',
                    cell: ({ keepDays }) =>
                      keepDays === null
                        ? text('retention.keeps')
                        : text('retention.days', { count: keepDays }),
                  },
                  { title: 'retention.atEnd', cell: ({ atEnd }) => text(AT_END[atEnd]) },
                  { title: 'retention.archive', cell: ({ archive }) => text(ARCHIVE[archive]) },
                  { title: 'retention.services', cell: (one) => <Services of={one} /> },
                ]}
              />
            </Part>
          </>
        )}
      </Show>
      <ErasureOrders />
    </>
  )
}

function Job({ of }: { of: Retention['job'] }) {
  if (of === null || of.lastEndedAt === null) return text('retention.neverRan')
  return (
    <>
      <Status
        tone={of.lastError === null ? 'good' : 'bad'}
        word={of.lastError === null ? 'retention.ran' : 'retention.jobFailed'}
      />{' '}
      <Time at={of.lastEndedAt} relative />
      {of.lastError !== null && <p class="wrap">{of.lastError}</p>}
    </>
  )
}

function Services({ of: { name, services } }: { of: RetentionClass }) {
  if (services.length > 0)
    return (
      <ul class="plain-list">
        {services.map((one) => (
          <li key={one}>
            <Id of={one} />
          </li>
        ))}
      </ul>
    )
  return text(name === 'default' ? 'retention.allOthers' : 'common.none')
}

const EXISTING = {
  name: 'applies',
  title: 'retention.applies',
  type: 'select',
  initial: 'new',
} as const

function existing() {
  return {
    ...EXISTING,
    options: [
      { value: 'new', title: text('retention.fromNowOn') },
      { value: 'all', title: text('retention.toExisting') },
    ],
  }
}

function PutClass() {
  const options = (of: Record<string, TextKey>) =>
    Object.entries(of).map(([value, title]) => ({ value, title: text(title) }))
  return (
    <Act<unknown>
      operation="putRetentionClass"
      button={text('retention.putClass')}
      title={text('retention.putClass')}
      consequence={<p>{text('retention.putConsequence')}</p>}
      fields={[
        { name: 'name', title: 'retention.class', hint: 'retention.classHint', maxLength: 40 },
        { name: 'keepDays', title: 'retention.keepDays', hint: 'retention.keepDaysHint', required: false },
        {
          name: 'atEnd',
          title: 'retention.atEnd',
          type: 'select',
          initial: 'PROOF_KEPT',
          options: options(AT_END),
        },
        {
          name: 'archive',
          title: 'retention.archive',
          type: 'select',
          initial: 'NONE',
          options: options(ARCHIVE),
        },
        existing(),
      ]}
      send={({ name, keepDays, atEnd, archive, applies }, call) =>
        call('putRetentionClass', {
          params: { name: String(name).trim() },
          body: {
            keepDays: String(keepDays).trim() === '' ? null : Number(keepDays),
            ...{ atEnd: String(atEnd), archive: String(archive), applyToExisting: applies === 'all' },
          },
        })
      }
      result={() => <p>{text('retention.classPut')}</p>}
    />
  )
}

function Assign() {
  const services = useWholeServices()
  return (
    <Act<unknown>
      operation="assignRetentionClass"
      button={text('retention.assign')}
      title={text('retention.assign')}
      consequence={<p>{text('retention.assignConsequence')}</p>}
      fields={[
        {
          ...{ name: 'serviceId', title: 'search.service', hint: 'places.serviceHint' },
          ...{ type: 'pick', find: services, maxLength: 1400 },
        },
        { name: 'class', title: 'retention.class', maxLength: 40 },
        existing(),
      ]}
      send={({ serviceId, class: name, applies }, call) =>
        call('assignRetentionClass', {
          params: { serviceId: String(serviceId).trim() },
          body: { class: String(name).trim(), applyToExisting: applies === 'all' },
        })
      }
      result={() => <p>{text('retention.assigned')}</p>}
    />
  )
}
