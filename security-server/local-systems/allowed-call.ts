/**
 * Describes an allowed or refused call for its records: by which right, and as which endpoint it is declared.
 */
import { hash } from 'node:crypto'
import type { Circumstances } from '#schemas/circumstances.ts'
import { idText } from '#schemas/identifiers.ts'
import type { AccessQuestion } from './access.ts'
import type { Endpoint } from './endpoints.ts'
import type { ServiceDescription, ServiceView, View } from './view.ts'

/**
 * The most grants in one description, and their most bytes: the rest of the document must fit into 64 KiB as
 * well.
 */
const MAX_GRANTS = 100
const MAX_GRANT_BYTES = 32 * 1024

/** `right` is the endpoint whose rights allow the call; undefined when none does. */
export function describeCall(q: {
  view: View
  service: ServiceView
  right: Endpoint | undefined
  declared: Endpoint | undefined
  asker: Pick<AccessQuestion, 'client' | 'isInGlobalGroup'>
}): Omit<Circumstances, 'version' | 'contract'> {
  const { service, right, declared } = q
  const { type } = service.service
  const description = q.view.descriptions.get(service.description)
  return {
    side: 'provider',
    ...(declared !== undefined && { endpoint: patternOf(declared) }),
    ...(right !== undefined && { right: { endpoint: patternOf(right), grants: grantsOf({ ...q, right }) } }),
    service: {
      type,
      ...(type !== 'REST' && description !== undefined && { description: digestsOf(description, service) }),
    },
  }
}

function grantsOf(q: {
  view: View
  service: ServiceView
  right: Endpoint
  asker: Pick<AccessQuestion, 'client' | 'isInGlobalGroup'>
}): NonNullable<Circumstances['right']>['grants'] {
  const client = idText(q.asker.client)
  const owner = idText({ ...q.service.service.id, serviceCode: undefined })
  const isMember = (code: string): boolean =>
    [...q.view.groups.values()].some(
      (group) =>
        group.code === code &&
        idText(group.client) === owner &&
        group.members.some((member) => idText(member) === client),
    )
  const grants = q.service.accessRights
    .filter(({ endpoint, subjectType, subject }) => {
      if (endpoint !== q.right.id) return false
      if (subjectType === 'SUBSYSTEM') return subject === client
      return subjectType === 'GLOBALGROUP' ? q.asker.isInGlobalGroup(subject) : isMember(subject)
    })
    .slice(0, MAX_GRANTS)
    .map(({ subjectType, subject, createdAt }) => ({ subjectType, subject, since: createdAt }))
  let bytes = 0
  return grants.filter((grant) => {
    bytes += Buffer.byteLength(JSON.stringify(grant))
    return bytes <= MAX_GRANT_BYTES
  })
}

function patternOf({ method, path }: Endpoint): { method: string; path: string } {
  return { method, path }
}

const digests = new WeakMap<ServiceDescription, { document: string; published: string; since: string }>()

/** A description may be megabytes large, so it is hashed once. */
function digestsOf(
  description: ServiceDescription,
  { service }: ServiceView,
): { document: string; published: string; since: string } {
  const known = digests.get(description)
  if (known !== undefined) return known
  const made = {
    document: hash('sha256', description.document, 'base64'),
    published: hash('sha256', service.documentText ?? '', 'base64'),
    since: description.updatedAt,
  }
  digests.set(description, made)
  return made
}
