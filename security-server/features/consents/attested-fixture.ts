/**
 * For tests only: contracts that demand attested attributes, and what wallets present to portals that do as
 * they should, and that lie.
 */
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { type Agreement, agreementDigest, transactionOf } from '#core/consent/agreement.ts'
import { questionFor } from '#core/consent/ask-attested.ts'
import { readAsked } from '#core/presentation/asked.ts'
import { makeQuery } from '#core/presentation/dcql/make-query.ts'
import type { Query } from '#core/presentation/dcql/query.ts'
import { judge } from '#core/presentation/judge.ts'
import { testRequest, testVerifier } from '#core/presentation/presentation-fixture.ts'
import { writeRecord } from '#core/presentation/record.ts'
import { bindingNonce, hashOfTransaction, writeTransaction } from '#core/presentation/transaction-data.ts'
import { slashForm } from '#schemas/colon-identifiers.ts'
import type { ConsentDemand } from '#schemas/consents.ts'
import type { AttestedAttribute } from '#schemas/contract.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { contentAt, inDays } from '#test/fakes/contracts.ts'
import { authorityOf, NOON, PERSON, statusListOf } from '#test/fakes/wallet/authority.ts'
import { sdJwtOfJose } from '#test/fakes/wallet/sd-jwt-of-jose.ts'
import { openConsents } from './consents-fixture.ts'

const TAX = 'DEV:GOV:5678:client'
export const LICENCE = 'urn:example:licence:1'
const URI = 'https://status.example/1'
const [state, traffic] = [authorityOf('State'), authorityOf('Traffic')]
export const club = authorityOf('Club')
const verifier = testVerifier()
/** As wallets do it, a key of its own holds each credential. */
const holders: Record<string, ReturnType<typeof newKey>> = { [PERSON]: newKey(), [LICENCE]: newKey() }
export const published = ({ name, anchorDer }: typeof state, type: string): PublishedIssuer => ({
  ...{ name, purpose: 'Consents', types: [type], requiresStatus: true, statusHosts: ['status.example'] },
  anchors: [{ certificate: anchorDer.toString('base64') }],
})
export const trustedIssuers = [
  published(state, PERSON),
  published(traffic, LICENCE),
  published(club, LICENCE),
]
export const OF_AGE: AttestedAttribute = {
  ...{ name: 'Of age', values: [true] },
  from: [{ format: 'dc+sd-jwt', type: PERSON, claim: ['age_over_18'], issuers: ['State'] }],
}
export const DRIVES: AttestedAttribute = {
  ...{ name: 'Drives lorries', values: ['C', 'CE'] },
  from: [
    { format: 'mso_mdoc', type: 'org.example.licence', claim: ['org.example', 'category'] },
    { format: 'dc+sd-jwt', type: LICENCE, claim: ['categories', null], issuers: ['Traffic'] },
  ],
}
export const KNOWN = [
  { format: 'dc+sd-jwt' as const, types: [PERSON], issuers: ['State'], code: ['personal_code'] },
  {
    ...{ format: 'dc+sd-jwt' as const, types: [LICENCE], issuers: ['Traffic', 'Club'] },
    ...{ code: ['personal_code'], attestsOnly: true },
  },
]
/** Where the codes are, for whoever judges. */
export const CODES = { [PERSON]: ['personal_code'], [LICENCE]: ['personal_code'] }
const contentOf = (attributes: AttestedAttribute[]) =>
  contentAt(NOON.getTime(), {
    ...{ personalData: true, provider: 'DEV/GOV/1234/population' },
    consumers: { subsystems: ['DEV/GOV/5678/client'] },
    services: [
      {
        ...{ serviceCode: 'persons', endpoints: [{ method: 'GET', path: '/persons/*' }] },
        dataSubject: { in: 'path', name: 'id' },
      },
    ],
    consent: {
      ...{ proof: 'wallet', attributes, kinds: ['standing'], maxDays: 30 },
      dataLife: { unit: 'month', value: 6 },
    },
  })

export async function open(t: Test, attributes = [OF_AGE, DRIVES]) {
  const content = contentOf(attributes)
  const contracts = [{ content, joined: [] as string[] }]
  const consents = await openConsents(t, {
    ...{ now: { at: NOON.getTime() }, trustedIssuers, contracts },
    credentials: KNOWN.map(({ issuers: _, ...one }) => one),
  })
  const told = (await consents.ask('GET /v1/demands')).body as { demands: [ConsentDemand] }
  const give = (body: unknown) => consents.ask('POST /v1/consents', { body })
  return { ...consents, contracts, demand: told.demands[0], give }
}

/** What a portal asks that does as it should. */
export function queryOf(attributes: AttestedAttribute[]): Query {
  return makeQuery({ ...questionFor(attributes, KNOWN)!, isKept: true })
}

export type Changes = {
  attributes?: AttestedAttribute[]
  query?: Query
  /** What the credentials say, by type. */
  says?: Record<string, Record<string, unknown>>
  authorities?: Record<string, typeof state>
  /** The status of each credential. */
  status?: Record<string, number>
  validUntil?: Date
  agreement?: Partial<Agreement>
  isByNonce?: true
  /** One key holds all credentials. */
  isOneKey?: true
  /** The nonce, which each credential's holder signs, commits to nothing. */
  isNonceLoose?: true
}

export const PERSONAL = { personal_code: 'P1', age_over_18: true }
export const LICENSED = { personal_code: 'P1', categories: ['B', 'C'] }

/** What a portal sends when a wallet has answered; `changes` are how it lies, or what the wallet holds. */
export async function presented(demand: ConsentDemand, changes: Changes = {}) {
  const attributes = changes.attributes ?? demand.rule.attributes ?? []
  const query = changes.query ?? queryOf(attributes)
  const { contract, demand: digest } = demand
  const given = {
    ...{ contract: contract.id, client: TAX, demand: digest, kind: 'standing' as const },
    ...{ shown: { language: 'et', textHash: 'ab'.repeat(32) }, validUntil: inDays(NOON.getTime(), 20) },
  }
  const askedAt = NOON.toISOString()
  const agreement: Agreement = {
    ...{ provider: 'DEV/GOV/1234/population', portal: 'DEV/GOV/9999/portal', services: ['persons'], askedAt },
    ...{ client: slashForm(TAX, 4, 4), contract: { id: contract.id, version: contract.version } },
    ...{ demand: digest, kind: given.kind, validUntil: given.validUntil, shown: given.shown, attributes },
    ...changes.agreement,
  }
  const ids = query.credentials.map(({ id }) => id)
  const entry = writeTransaction(transactionOf(agreement, demand), ids)
  const request = await testRequest(verifier, query, NOON, {
    ...(!changes.isNonceLoose && { nonce: bindingNonce(randomBytes(16), agreementDigest(agreement)) }),
    ...(!changes.isByNonce && { transactionData: [entry] }),
  })
  const says: Record<string, Record<string, unknown>> = {
    ...{ [PERSON]: PERSONAL, [LICENCE]: LICENSED },
    ...changes.says,
  }
  const authorities: Record<string, typeof state> = {
    [PERSON]: state,
    [LICENCE]: traffic,
    ...changes.authorities,
  }
  const presentations: Record<string, string[]> = {}
  const lists: Record<string, string> = {}
  for (const { id, meta, claims = [] } of query.credentials) {
    const [type] = (meta as { vct_values: [string] }).vct_values
    const uri = `${URI}/${id}`
    const authority = authorities[type]!
    const holder = holders[changes.isOneKey ? PERSON : type]!
    lists[uri] = await statusListOf(authority, uri, { 1: changes.status?.[type] ?? 0 })
    const held = await sdJwtOfJose.issue({
      ...{ authority, holder, type, attributes: says[type]!, status: { idx: 1, uri } },
      ...(changes.validUntil && { validUntil: changes.validUntil }),
    })
    const one = await sdJwtOfJose.present(held, {
      ...{ request: request.claims, holder, signedAt: NOON },
      disclose: [...new Set(claims.map(({ path: [name] }) => String(name)))].filter(
        (name) => name in says[type]!,
      ),
      ...(changes.isByNonce ? {} : { transactionHashes: [hashOfTransaction(entry)] }),
    })
    presentations[id] = [one]
  }
  const question = { presentations, lists, at: NOON, maxStatusAgeSeconds: 86_400 }
  const issuers = [state, traffic, club].map(({ trusted }) => ({
    ...{ ...trusted, types: trusted.name === 'State' ? [PERSON] : [LICENCE] },
    statusHosts: ['status.example'],
  }))
  // A portal may know its issuers by other names; what is shown are the registry's.
  if (changes.isByNonce) for (const one of issuers) one.name = `${one.name} by the portal`
  const { verdict } = judge({ ...question, asked: readAsked(request.claims), issuers })
  const text = writeRecord({ ...question, request: request.token, verdict })
  return { ...given, proof: { askedAt, presentation: JSON.parse(text) as object } }
}
