/**
 * Circumstances in words for pages and reports: one name and one value per line, in English unless the caller
 * gives other words.
 */
import type { Circumstances, EndpointPattern } from '#schemas/circumstances.ts'
import { fill } from './fill.ts'

/**
 * The words in English. Whoever speaks another language gives its words under the same names, with the same
 * names to fill in.
 */
export const CIRCUMSTANCE_WORDS = {
  contract: 'Contract',
  noContract: 'none',
  hash: 'Contract by hash',
  purpose: 'Purpose',
  legalBasis: 'Legal basis',
  covered: 'Covered as',
  authentication: 'Client proved itself',
  NOSSL: 'by address only, without TLS',
  SSLNOAUTH: 'by TLS without a certificate',
  SSLAUTH: 'by a TLS certificate of its own',
  endpoint: 'Endpoint as declared',
  right: 'Allowed by',
  noRight: 'no access right',
  description: 'Service description',
  inForce: 'SHA-256 {digest}, in force since {since}',
  published: 'As clients get it',
  wholeService: 'the whole service',
  asGroup: '{endpoint}, as a member of the global group {group}',
  granted: '{endpoint}, granted to {grants}',
  SUBSYSTEM: 'the subsystem {subject} since {since}',
  GLOBALGROUP: 'the global group {subject} since {since}',
  LOCALGROUP: 'the local group {subject} since {since}',
} as const
export type CircumstanceWords = Record<keyof typeof CIRCUMSTANCE_WORDS, string>

export function circumstancesInWords(
  held: Circumstances,
  words: CircumstanceWords = CIRCUMSTANCE_WORDS,
): [string, string][] {
  const { side, authentication, contract, endpoint, right, service } = held
  const description = service?.description
  const rows: [string, string | undefined][] = [
    [
      words.contract,
      contract === undefined ? words.noContract : `${contract.title}, ${contract.id}/${contract.version}`,
    ],
    [words.hash, contract?.hash],
    [words.purpose, contract?.purpose],
    [words.legalBasis, contract?.legalBasis],
    [words.covered, contract && covered(contract, words)],
    [words.authentication, authentication && words[authentication]],
    [words.endpoint, endpoint && endpointText(endpoint)],
    [
      words.right,
      side === 'consumer' ? undefined : right === undefined ? words.noRight : rightText(right, words),
    ],
    [
      words.description,
      description && fill(words.inForce, { digest: description.document, since: description.since }),
    ],
    [words.published, description && `SHA-256 ${description.published}`],
  ]
  return rows.filter((row): row is [string, string] => row[1] !== undefined)
}

/** An endpoint with any method and any path is the whole service. */
export function isWholeService({ method, path }: EndpointPattern): boolean {
  return method === '*' && (path === '**' || path === '/**')
}

function inWords(endpoint: EndpointPattern, words: CircumstanceWords): string {
  return isWholeService(endpoint) ? words.wholeService : endpointText(endpoint)
}

export function endpointText({ method, path }: EndpointPattern): string {
  return `${method} ${path}`
}

function covered(
  { endpoint, globalGroup: group }: NonNullable<Circumstances['contract']>,
  words: CircumstanceWords,
): string {
  const said = inWords(endpoint, words)
  return group === undefined ? said : fill(words.asGroup, { endpoint: said, group })
}

function rightText(
  { endpoint, grants }: NonNullable<Circumstances['right']>,
  words: CircumstanceWords,
): string {
  const granted = grants.map(({ subjectType, subject, since }) =>
    fill(words[subjectType], { subject, since }),
  )
  return fill(words.granted, { endpoint: inWords(endpoint, words), grants: granted.join('; ') })
}
