/** What a new document would change, as a person reads it before accepting it. */
import type { ComponentChildren } from 'preact'
import { Link } from '../../kit/address.tsx'
import { contractPath } from '../../kit/contract.tsx'
import { Status } from '../../kit/status.tsx'
import { number, type TextKey, text } from '../../kit/text.ts'
import { type Change, type DocumentPart, serviceName } from './shapes.ts'

/** Each document that was put into another, with its digest. */
export function partsOf(parts: DocumentPart[] = []): ComponentChildren[] {
  return parts.map(({ url, sha256 }) => (
    <>
      <bdi class="id wrap">{url}</bdi> <bdi class="id wrap beside">{sha256}</bdi>
    </>
  ))
}

export function Changes({ of }: { of: Change }) {
  const { document, address, services, endpoints, rightsLost, contracts, warnings, facts, same } = of
  const place = ({ fullServiceId, method, path }: Change['endpoints']['added'][number]) =>
    `${method} ${path} ${text('services.ofService', { service: fullServiceId })}`
  if (same)
    return (
      <p>
        <Status tone="good" word="services.same" /> {text('services.sameWhy')}
      </p>
    )
  return (
    <>
      <h3>{text('services.differs')}</h3>
      <p class="beside">
        {text('services.documentIs', { bytes: number(document.bytes) })}{' '}
        <bdi class="id wrap">{document.sha256}</bdi>
      </p>
      <List
        title="services.fetchedFrom"
        of={address === undefined ? [] : [<Address key="address" of={address} />]}
      />
      <List title="services.parts" of={partsOf(document.parts)} />
      <List
        title="services.warnings"
        of={warnings.map(({ code, text: words }) => (
          <>
            <Status tone="warn" word="services.warning" /> {words} <bdi class="id beside">{code}</bdi>
          </>
        ))}
      />
      <List
        title="services.rightsLost"
        of={rightsLost.map((one) =>
          text('services.mayNoLonger', {
            subject: `${text(`rights.subject.${one.subjectType}`)} ${one.subjectId}`,
            what: place(one),
          }),
        )}
      />
      <List
        title="services.contractsNamed"
        of={contracts.map(({ contract, title, version, goes }) => (
          <>
            <Link to={contractPath(contract)}>
              <bdi>{title}</bdi>
            </Link>{' '}
            {text('contract.version', { version: String(version) })}: <bdi class="id">{goes.join(', ')}</bdi>
          </>
        ))}
      />
      <List
        title="services.documentSays"
        of={facts.map(({ what, from, to }) => text('services.becomes', { what, from, to }))}
      />
      <List
        title="services.servicesAdded"
        of={services.added.map((one) => (
          <>
            <bdi class="id">{serviceName(one)}</bdi> <bdi>{one.title}</bdi>{' '}
            <bdi class="id beside">{one.url}</bdi>
          </>
        ))}
      />
      <List
        title="services.servicesRemoved"
        of={services.removed.map(({ fullServiceId }) => (
          <bdi key={fullServiceId} class="id">
            {fullServiceId}
          </bdi>
        ))}
      />
      <List
        title="services.servicesChanged"
        of={services.changed.map(({ fullServiceId, what, from, to }) =>
          text(what === 'address' ? 'services.addressNamed' : 'services.titleBecomes', {
            ...{ service: fullServiceId, from, to },
          }),
        )}
      />
      <List title="services.endpointsAdded" of={endpoints.added.map(place)} />
      <List title="services.endpointsRemoved" of={endpoints.removed.map(place)} />
      <List title="services.endpointsTaken" of={endpoints.takenOver.map(place)} />
      <p class="inner">{text('services.restStays')}</p>
    </>
  )
}

function Address({ of: { from, to } }: { of: NonNullable<Change['address']> }) {
  return (
    <>
      <bdi class="id wrap">{to}</bdi>{' '}
      <span class="beside wrap">
        {from === '' ? text('services.insteadOfFile') : text('services.insteadOf', { address: from })}
      </span>
    </>
  )
}

/** Nothing where nothing is. */
function List({ title, of }: { title: TextKey; of: ComponentChildren[] }) {
  if (of.length === 0) return null
  return (
    <>
      <h4>{text(title)}</h4>
      <ul class="plain-list">
        {of.map((one, at) => (
          <li key={at}>{typeof one === 'string' ? <bdi class="wrap">{one}</bdi> : one}</li>
        ))}
      </ul>
    </>
  )
}
