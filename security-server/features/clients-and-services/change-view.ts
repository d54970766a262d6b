/**
 * What a new document would change, as the API shows it and people accept it. The digest covers all that is
 * shown, so who accepts it accepts this document for these services, rights and contracts, and no other.
 */
import { canonicalHash } from '#core/canonical/canonical-hash.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'
import {
  changesNothing,
  type DescriptionChange,
  type ServiceEndpoint,
} from '../../local-systems/description-change.ts'
import type { ServiceDescription } from '../../local-systems/view.ts'
import type { AffectedContract } from './affected-contracts.ts'

export type Shown = ReturnType<typeof changeView>

type Warning = { code: string; text: string }

/** The most entries of a list in one record of the audit log. */
const MAX_RECORDED = 50

/** `contracts` is undefined when the registry's list has not come here yet. */
export function changeView(
  { id, client, type }: Pick<ServiceDescription, 'id' | 'client' | 'type'>,
  change: DescriptionChange,
  contracts: AffectedContract[] | undefined,
) {
  const { services, endpoints } = change
  const isSame = changesNothing(change)
  const shown = {
    ...{ id, clientId: colonForm(idText(client)), type },
    document: change.document,
    address: change.address,
    present: { sha256: change.present.sha256 },
    /** Nothing changes at all. */
    same: isSame,
    facts: change.facts,
    services: {
      added: services.added.map(({ code, title, url }) => {
        const [serviceCode, serviceVersion] = code.split('/')
        return { serviceCode, serviceVersion, title, url }
      }),
      removed: services.removed.map(({ service, ...more }) => ({ fullServiceId: fullId(service), ...more })),
      changed: services.changed.map(({ service, ...more }) => ({ fullServiceId: fullId(service), ...more })),
    },
    endpoints: {
      added: endpoints.added.map(endpointView),
      removed: endpoints.removed.map(endpointView),
      takenOver: endpoints.takenOver.map(endpointView),
    },
    rightsLost: change.rightsLost.map(({ subjectType, subject, ...endpoint }) => ({
      ...endpointView(endpoint),
      subjectType,
      subjectId: subjectType === 'SUBSYSTEM' ? colonForm(subject) : subject,
    })),
    contracts: contracts ?? [],
    warnings: isSame ? [] : warningsOf(change, contracts),
  }
  return { ...shown, digest: canonicalHash(shown) }
}

/** The same in short and within bounds, for the audit log. */
export function recorded(shown: Shown) {
  const { digest, document, address, services, endpoints, rightsLost, contracts, warnings } = shown
  const named = ({ method, path, fullServiceId }: Shown['endpoints']['added'][number]) =>
    `${method} ${path} of ${fullServiceId}`
  const { parts = [], ...own } = document
  return {
    ...{ digest, address, document: own },
    ...(parts.length > 0 && { parts: first(parts.map(({ url, sha256 }) => `${url} ${sha256}`)) }),
    services: {
      added: first(
        services.added.map(({ serviceCode, serviceVersion }) =>
          serviceVersion === undefined ? serviceCode : `${serviceCode}:${serviceVersion}`,
        ),
      ),
      removed: first(services.removed.map(({ fullServiceId }) => fullServiceId)),
    },
    endpoints: {
      added: first(endpoints.added.map(named)),
      removed: first(endpoints.removed.map(named)),
      takenOver: first(endpoints.takenOver.map(named)),
    },
    rightsLost: first(rightsLost.map((one) => `${one.subjectType} ${one.subjectId}: ${named(one)}`)),
    // Who reads the audit log may not know of secret contracts.
    contracts: contracts.length,
    ignoredWarnings: warnings,
  }
}

function first<T>(list: T[]): (T | string)[] {
  if (list.length <= MAX_RECORDED) return list
  return [...list.slice(0, MAX_RECORDED), `and ${list.length - MAX_RECORDED} more`]
}

function warningsOf(change: DescriptionChange, contracts: AffectedContract[] | undefined): Warning[] {
  const { services, endpoints, rightsLost, present } = change
  const removes = services.removed.length + endpoints.removed.length > 0
  const moved = services.changed.filter(({ what, to, url }) => what === 'address' && to !== '' && to !== url)
  const found: (Warning | false)[] = [
    services.removed.length > 0 && {
      code: 'deleting_services',
      text: `services that go, with their settings: ${services.removed.length}; calls of them are refused`,
    },
    endpoints.removed.length > 0 && {
      code: 'deleting_endpoints',
      text: `endpoints that go: ${endpoints.removed.length}; rights to the whole service still cover them, rights to them do not come back`,
    },
    rightsLost.length > 0 && {
      code: 'losing_access_rights',
      text: `access rights that are lost: ${rightsLost.length}`,
    },
    contracts !== undefined &&
      contracts.length > 0 && {
        code: 'contracts_affected',
        text: `places where service contracts name what goes: ${contracts.length}; their other parties have to know`,
      },
    contracts === undefined &&
      removes && {
        code: 'contracts_unknown',
        text: 'the registry has not told yet which service contracts there are: they could not be compared',
      },
    moved.length > 0 && {
      code: 'address_kept',
      text: `services for which the document names another address: ${moved.length}; they keep theirs, so change it there if they moved`,
    },
    !present.isRead && {
      code: 'present_not_read',
      text: 'the document in force cannot be read as documents are today: its title, version and addresses could not be compared',
    },
  ]
  return [
    ...found.filter((one) => one !== false),
    ...change.warnings.map((text) => ({ code: 'document', text })),
  ]
}

function endpointView({ service, method, path }: ServiceEndpoint) {
  return { fullServiceId: fullId(service), method, path }
}

function fullId(service: ServiceEndpoint['service']): string {
  return colonForm(idText(service))
}
