/** Circumstances in English for pages and reports: one name and one value per line. */
import type { Circumstances, EndpointPattern } from '#schemas/circumstances.ts'

const AUTHENTICATION = {
  NOSSL: 'by address only, without TLS',
  SSLNOAUTH: 'by TLS without a certificate',
  SSLAUTH: 'by a TLS certificate of its own',
} as const
const SUBJECT = {
  SUBSYSTEM: 'the subsystem',
  GLOBALGROUP: 'the global group',
  LOCALGROUP: 'the local group',
} as const

export function circumstancesInWords(held: Circumstances): [string, string][] {
  const { side, authentication, contract, endpoint, right, service } = held
  const description = service?.description
  const rows: [string, string | undefined][] = [
    ['Contract', contract === undefined ? 'none' : `${contract.title}, ${contract.id}/${contract.version}`],
    ['Contract by hash', contract?.hash],
    ['Purpose', contract?.purpose],
    ['Legal basis', contract?.legalBasis],
    ['Covered as', contract && covered(contract)],
    ['Client proved itself', authentication && AUTHENTICATION[authentication]],
    ['Endpoint as declared', endpoint && endpointText(endpoint)],
    [
      'Allowed by',
      side === 'consumer' ? undefined : right === undefined ? 'no access right' : rightText(right),
    ],
    [
      'Service description',
      description && `SHA-256 ${description.document}, in force since ${description.since}`,
    ],
    ['As clients get it', description && `SHA-256 ${description.published}`],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== undefined)
}

/** An endpoint with any method and any path is the whole service. */
export function isWholeService({ method, path }: EndpointPattern): boolean {
  return method === '*' && (path === '**' || path === '/**')
}

function inWords(endpoint: EndpointPattern): string {
  return isWholeService(endpoint) ? 'the whole service' : endpointText(endpoint)
}

export function endpointText({ method, path }: EndpointPattern): string {
  return `${method} ${path}`
}

function covered({ endpoint, globalGroup }: NonNullable<Circumstances['contract']>): string {
  const group = globalGroup === undefined ? '' : `, as a member of the global group ${globalGroup}`
  return `${inWords(endpoint)}${group}`
}

function rightText({ endpoint, grants }: NonNullable<Circumstances['right']>): string {
  const granted = grants.map(
    ({ subjectType, subject, since }) => `${SUBJECT[subjectType]} ${subject} since ${since}`,
  )
  return `${inWords(endpoint)}, granted to ${granted.join('; ')}`
}
