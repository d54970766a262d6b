/** What a new document of a service description would change, in lines for a person. Pure. */

type Endpoint = { fullServiceId: string; method: string; path: string }

/** As the management API answers it. */
export type Change = {
  id: number
  clientId: string
  type: string
  document: { sha256: string; bytes: number; parts?: { url: string; sha256: string }[] }
  address?: { from: string; to: string }
  same: boolean
  facts: { what: string; from: string; to: string }[]
  services: {
    added: { serviceCode: string; serviceVersion?: string; title: string; url: string }[]
    removed: { fullServiceId: string; url: string; tlsCertificates: number }[]
    changed: { fullServiceId: string; what: string; from: string; to: string; url: string }[]
  }
  endpoints: { added: Endpoint[]; removed: Endpoint[]; takenOver: Endpoint[] }
  rightsLost: (Endpoint & { subjectType: string; subjectId: string })[]
  contracts: {
    contract: string
    version: number
    title: string
    state: string
    serviceCode: string
    method: string
    path: string
    goes: string[]
  }[]
  warnings: { code: string; text: string }[]
  digest: string
}

export function changeInWords(change: Change): string[] {
  const { id, clientId, type, document, services, endpoints } = change
  const head = `Service description ${id} of ${clientId}, ${type}: document with SHA-256 ${document.sha256}, ${document.bytes} bytes`
  if (change.same) return [head, 'Nothing changes: this is the document in force.']
  const parts = [
    ...part('Where it is fetched from', change.address === undefined ? [] : [movedOf(change.address)]),
    ...part(
      'Put into the document',
      (document.parts ?? []).map(({ url, sha256 }) => `${url} with SHA-256 ${sha256}`),
    ),
    ...part(
      'The document',
      change.facts.map(({ what, from, to }) => `${what} ${quoted(from)} becomes ${quoted(to)}`),
    ),
    ...part('Services', [
      ...services.added.map(
        (one) => `+ ${codeOf(one)} at ${one.url}${one.title === '' ? '' : `, ${quoted(one.title)}`}`,
      ),
      ...services.removed.map((one) => `- ${one.fullServiceId} at ${one.url}${certificatesOf(one)}`),
      ...services.changed.map(changedOf),
    ]),
    ...part('Endpoints', [
      ...endpoints.added.map((one) => `+ ${endpointOf(one)}`),
      ...endpoints.removed.map((one) => `- ${endpointOf(one)}`),
      ...endpoints.takenOver.map(
        (one) => `  ${endpointOf(one)} was added by hand and is the document's from now on`,
      ),
    ]),
    ...part(
      'Access rights that are lost',
      change.rightsLost.map(
        (one) => `- ${one.subjectType} ${one.subjectId} may no longer call ${endpointOf(one)}`,
      ),
    ),
    ...part(
      'Service contracts that name what goes',
      change.contracts.map(
        ({ title, contract, version, state, serviceCode, method, path, goes }) =>
          `  ${quoted(title)} (${contract}/${version}, ${state}) names ${method} ${path} of ${serviceCode}: ${goes.join(', ')}`,
      ),
    ),
    ...part(
      'Warnings',
      change.warnings.map(({ code, text }) => `! ${text} (${code})`),
    ),
  ]
  const rest = 'Everything else stays: settings and rights of services and endpoints that stay are kept.'
  const only = parts.length === 0 ? ['Only the text of the document changes.'] : []
  return [head, ...parts, ...only, rest, `digest ${change.digest}`]
}

function movedOf({ from, to }: NonNullable<Change['address']>): string {
  return from === '' ? `${to} from now on; until now it was a file` : `${to} in place of ${from}`
}

function part(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)]
}

function codeOf({ serviceCode, serviceVersion }: Change['services']['added'][number]): string {
  return serviceVersion === undefined ? serviceCode : `${serviceCode}:${serviceVersion}`
}

function certificatesOf({ tlsCertificates }: Change['services']['removed'][number]): string {
  return tlsCertificates === 0 ? '' : `, with ${tlsCertificates} trusted certificates`
}

function changedOf({ fullServiceId, what, from, to, url }: Change['services']['changed'][number]): string {
  const kept = what === 'address' ? `; the service keeps ${url}` : ''
  return `  ${fullServiceId}: ${what} ${quoted(from)} becomes ${quoted(to)}${kept}`
}

function endpointOf({ fullServiceId, method, path }: Endpoint): string {
  return method === '*' && path === '**' ? `all of ${fullServiceId}` : `${method} ${path} of ${fullServiceId}`
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
