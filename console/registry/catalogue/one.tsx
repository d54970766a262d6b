/**
 * One service of the catalogue: what its provider says about it, its document as text, changes, and the
 * request for access.
 */
import { useState } from 'preact/hooks'
import { Copyable } from '../../kit/copyable.tsx'
import { Facts, Head, Part } from '../../kit/facts.tsx'
import { HeldTable } from '../../kit/held-table.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { Time } from '../../kit/time.tsx'
import { ClientLink } from '../links.tsx'
import { RequestAccess } from './request-access.tsx'
import { accessText, type Service, ServiceStatus } from './service.tsx'

type Endpoint = { method: string; path: string }
type Change = { at: string; what: string; before: string | null; after: string | null }
type Whole = Service & {
  description: string
  endpoints: Endpoint[]
  contact: { name?: string; email?: string; url?: string }
  providerName: string | null
  member: string | null
  memberName: string | null
  askedAt: string | null
  failure: string | null
  changes: Change[]
  hasOlderChanges: boolean
}

export function OneService({ params }: { params: Record<string, string> }) {
  const id = params['id']!
  const loaded = useAnswer<Whole>('getCatalogueService', { params: { id } })
  return (
    <Show of={loaded} page="catalogue.one">
      {(service) => (
        <>
          <Head
            title={service.title === '' ? service.serviceCode : service.title}
            lead={<Copyable value={service.id} />}
            acts={service.status === 'offered' && <RequestAccess service={service.id} />}
          />
          <Part title={text('common.facts')}>
            <About of={service} />
          </Part>
          <Part title={text('catalogue.description')}>
            {service.description === '' ? (
              <p>{text('catalogue.noDescription')}</p>
            ) : (
              <p class="lines">
                <bdi>{service.description}</bdi>
              </p>
            )}
          </Part>
          <Part title={text('catalogue.endpoints')}>
            <HeldTable<Endpoint>
              caption={text('catalogue.endpoints')}
              name="endpoints"
              rows={service.endpoints}
              rowKey={({ method, path }) => `${method} ${path}`}
              search="common.searchEndpoint"
              words={({ method, path }) => `${method} ${path}`}
              columns={[
                { title: 'catalogue.method', cell: ({ method }) => <bdi class="id">{method}</bdi> },
                { title: 'catalogue.path', cell: ({ path }) => <bdi class="id">{path}</bdi> },
              ]}
              empty={<p>{text('catalogue.noEndpoints')}</p>}
            />
          </Part>
          {service.documentSha256 !== null && <Document id={id} sha256={service.documentSha256} />}
          <Part title={text('catalogue.changes')}>
            <HeldTable<Change>
              caption={text('catalogue.changes')}
              name="changes"
              rows={service.changes}
              rowKey={({ at, what }) => `${at} ${what}`}
              search="catalogue.searchChanges"
              words={({ what, before, after }) => [whatText(what), before, after].join(' ')}
              columns={[
                { title: 'catalogue.changedAt', cell: ({ at }) => <Time at={at} relative /> },
                { title: 'catalogue.what', cell: ({ what }) => whatText(what) },
                { title: 'catalogue.before', cell: ({ before }) => <bdi class="wrap">{before}</bdi> },
                { title: 'catalogue.after', cell: ({ after }) => <bdi class="wrap">{after}</bdi> },
              ]}
              empty={<p>{text('catalogue.noChanges')}</p>}
              isPart={service.hasOlderChanges}
            />
            {service.hasOlderChanges && (
              <p>{text('catalogue.olderChanges', { count: service.changes.length })}</p>
            )}
          </Part>
        </>
      )}
    </Show>
  )
}

const whatText = (what: string): string => text(`catalogue.of.${what}` as TextKey)

function About({ of }: { of: Whole }) {
  const { contact } = of
  const shown = [contact.name, contact.email, contact.url].filter((one) => one !== undefined)
  return (
    <Facts
      of={[
        ['catalogue.provider', <ClientLink key="provider" id={of.provider} />],
        ['catalogue.member', <bdi key="member">{of.memberName ?? text('common.none')}</bdi>],
        ['catalogue.status', <ServiceStatus key="status" of={of.status} />],
        ['catalogue.version', <bdi key="version">{of.version || text('common.none')}</bdi>],
        ['catalogue.type', of.type],
        [
          'catalogue.access',
          <bdi key="access" class="wrap">
            {accessText(of.access)}
          </bdi>,
        ],
        [
          'catalogue.contact',
          // Text of other organisations: shown, never turned into a link.
          <bdi key="contact" class="wrap">
            {shown.join(', ') || text('common.none')}
          </bdi>,
        ],
        ['catalogue.firstSeen', <Time key="first" at={of.firstSeen} relative />],
        ['catalogue.lastSeen', <Time key="last" at={of.lastSeen} relative />],
        ...(of.failure === null
          ? []
          : ([
              [
                'catalogue.failure',
                <bdi key="failure" class="wrap">
                  {of.failure}
                </bdi>,
              ],
            ] as [TextKey, object][])),
      ]}
    />
  )
}

/** Shown as text, so that the browser does not interpret it. */
function Document({ id, sha256 }: { id: string; sha256: string }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <Part title={text('catalogue.document')}>
      <p>
        <Copyable value={sha256} />
      </p>
      <div class="acts">
        <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {text('catalogue.showDocument')}
        </button>
      </div>
      {isOpen && <DocumentText id={id} />}
    </Part>
  )
}

function DocumentText({ id }: { id: string }) {
  const document = useAnswer<string>('getCatalogueDocument', { params: { id } })
  return (
    <Show of={document}>
      {(content) => (
        <textarea class="raw" readOnly rows={24} aria-label={text('catalogue.document')} value={content} />
      )}
    </Show>
  )
}
