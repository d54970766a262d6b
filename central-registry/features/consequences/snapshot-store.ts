/**
 * Reads, within a transaction, what exchanging depends on, and the contracts of subsystems that lose access.
 */
import type { Kysely } from 'kysely'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { readableName } from '#core/certificate/name.ts'
import type { ContractContent, ContractState } from '#schemas/contract.ts'
import { textContains } from '../../changes/store.ts'
import { COLUMNS, contentOf, versionOf } from '../../contract-versions/rows-store.ts'
import { stateAt } from '../../contract-versions/rules.ts'
import { LIVE, namesInstance } from '../../register/live-contracts-store.ts'
import { suspendedIn } from '../../register/suspended-store.ts'
import type { ContractRow, RegisterTables } from '../../register/tables.ts'
import { checkAuthenticationCertificate } from '../../servers/rules.ts'
import type { Snapshot } from './rules.ts'

type Authorities = { sha256: string; is_top: number; certificate: Buffer }[]
/** A snapshot with the approved CAs by which its certificates were validated. */
type Reading = Snapshot & { authorities: Authorities }

/**
 * `before` is the reading to compare with. If the CAs are the same, certificates are not validated again;
 * otherwise each certificate is.
 */
export async function readSnapshot(
  transaction: Kysely<RegisterTables>,
  at: Date,
  before?: Reading,
): Promise<Reading> {
  const authorities = await transaction
    .selectFrom('certification_authority')
    .select(['sha256', 'is_top', 'certificate'])
    .orderBy('sha256')
    .execute()
  const rows = await transaction
    .selectFrom('authentication_certificate')
    .select(['sha256', 'server', 'not_after as notAfter', 'certificate'])
    .where('not_after', '>', at.toISOString())
    .orderBy('sha256')
    .execute()
  const isSame = before === undefined || digestsOf(before.authorities) === digestsOf(authorities)
  const isTrusted = isSame ? () => true : judgeOf(authorities, at)
  const wasTrusted = isSame ? () => true : judgeOf(before.authorities, at)
  return {
    authorities,
    servers: await transaction.selectFrom('security_server').select(['id', 'owner']).execute(),
    // The act cannot take away a certificate that was not trusted before.
    certificates: rows.flatMap(({ certificate, ...facts }) =>
      isTrusted(certificate) || !wasTrusted(certificate) ? [facts] : [],
    ),
    clients: await transaction
      .selectFrom('server_client')
      .select(['server', 'client'])
      .where('is_disabled', '=', 0)
      .execute(),
    suspended: await suspendedIn(transaction),
  }
}

function digestsOf(authorities: Authorities): string {
  return authorities.map(({ sha256 }) => sha256).join()
}

function judgeOf(authorities: Authorities, at: Date): (certificate: Buffer) => boolean {
  const read = (isTop: number): Certificate[] =>
    authorities.filter((one) => Number(one.is_top) === isTop).map((one) => readCertificate(one.certificate))
  const trust = { anchors: read(1), intermediates: read(0) }
  return (certificate) => {
    try {
      checkAuthenticationCertificate(certificate, trust, at)
      return true
    } catch {
      return false
    }
  }
}

/** Values per query; SQLite accepts some thousand. */
const CHUNK = 500
const MOST_CONTRACTS = 5000

export type TouchedContract = {
  contract: string
  version: number
  title: string
  state: ContractState
  content: ContractContent
  /** The consumer subsystems, including those that joined. */
  consumers: string[]
}

/** Contracts, proposed or in force, with one of these subsystems. */
export async function contractsOf(
  transaction: Kysely<RegisterTables>,
  subsystems: string[],
  now: string,
): Promise<TouchedContract[]> {
  const found = new Map<string, TouchedContract>()
  for (let at = 0; at < subsystems.length && found.size < MOST_CONTRACTS; at += CHUNK) {
    const some = subsystems.slice(at, at + CHUNK)
    const rows: ContractRow[] = await transaction
      .selectFrom('contract_version')
      .select(COLUMNS)
      .where('state', 'in', LIVE)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('contract_party')
            .select('contract_party.subsystem')
            .whereRef('contract_party.contract', '=', 'contract_version.contract')
            .whereRef('contract_party.version', '=', 'contract_version.version')
            .where('contract_party.subsystem', 'in', some),
        ),
      )
      .orderBy('contract')
      .limit(MOST_CONTRACTS)
      .execute()
    for (const row of rows) found.set(`${row.contract} ${row.version}`, touched(row, now))
  }
  return withConsumers(transaction, [...found.values()])
}

/** Contracts, proposed or in force, with members of the anchor's instance. */
export async function contractsWithAnchor(
  transaction: Kysely<RegisterTables>,
  sha256: string,
  now: string,
): Promise<TouchedContract[]> {
  const instance = await anchorOf(transaction, sha256)
  if (instance === undefined) return []
  const rows: ContractRow[] = await transaction
    .selectFrom('contract_version')
    .select(COLUMNS)
    .where('state', 'in', LIVE)
    .where(namesInstance(instance))
    .orderBy('contract')
    .limit(MOST_CONTRACTS)
    .execute()
  return withConsumers(
    transaction,
    rows.map((row) => touched(row, now)),
  )
}

/** The instance of an external anchor; undefined when there is no such anchor. */
export async function anchorOf(
  transaction: Kysely<RegisterTables>,
  sha256: string,
): Promise<string | undefined> {
  const anchor = await transaction
    .selectFrom('external_anchor')
    .select('instance')
    .where('sha256', '=', sha256)
    .executeTakeFirst()
  return anchor?.instance
}

/** The contracts with the subsystems that may call under each of them now. */
export async function withConsumers(
  transaction: Kysely<RegisterTables>,
  contracts: TouchedContract[],
): Promise<TouchedContract[]> {
  const found = new Map<string, string[]>()
  for (let at = 0; at < contracts.length; at += CHUNK) {
    const some = contracts.slice(at, at + CHUNK).map(({ contract }) => contract)
    const rows = await transaction
      .selectFrom('contract_party')
      .select(['contract', 'version', 'subsystem'])
      .where('contract', 'in', some)
      .where('role', '=', 'consumer')
      .execute()
    for (const { contract, version, subsystem } of rows) {
      const key = `${contract} ${version}`
      found.set(key, [...(found.get(key) ?? []), subsystem])
    }
  }
  return contracts.map((one) => ({ ...one, consumers: found.get(`${one.contract} ${one.version}`) ?? [] }))
}

export function touched(row: ContractRow, now: string): TouchedContract {
  const { contract, version, title } = row
  const state = stateAt(versionOf(row), now)
  return { contract, version: Number(version), title, state, content: contentOf(row), consumers: [] }
}

/**
 * Members whose signatures in the register were made with certificates of CAs that are no longer approved.
 * The registry does not know other signing certificates.
 */
export async function signersOf(
  transaction: Kysely<RegisterTables>,
  before: Authorities,
  after: Authorities,
): Promise<string[]> {
  const kept = new Set(after.map(({ sha256 }) => sha256))
  const members = new Set<string>()
  for (const { certificate } of before.filter(({ sha256 }) => !kept.has(sha256))) {
    const issuer = `"issuer":${JSON.stringify(readableName(readCertificate(certificate).subject))}`
    const proofs = await transaction
      .selectFrom('management_request_proof')
      .select('signer')
      .distinct()
      .where(textContains('facts', issuer))
      .execute()
    const seals = await transaction
      .selectFrom('contract_seal')
      .select('member')
      .distinct()
      .where(textContains('facts', issuer))
      .execute()
    for (const one of [...proofs.map(({ signer }) => signer), ...seals.map(({ member }) => member)])
      members.add(one)
  }
  return [...members].sort()
}
