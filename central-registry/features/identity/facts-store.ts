/**
 * Reads of the register what DID documents say now, in one snapshot, and collects members' signing
 * certificates from accepted documents. Guarantees that a member has only certificates of documents that were
 * filed since it is registered, and only such of CAs that are approved.
 */
import type { Kysely } from 'kysely'
import {
  type Certificate,
  isIssuedBy,
  parseCertificate,
  readCertificate,
} from '#core/certificate/certificate.ts'
import { type Database, inSnapshot, tablesOf } from '#platform/database/open-database.ts'
import { suspendedIn } from '../../register/suspended-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { certificateKey, memberSegments, type Subject, serverSegments, serverService } from './documents.ts'

/** The instance's own keys besides those of its configuration, and its addresses. */
export type Own = Pick<Subject, 'keys' | 'services'>

export type FactsStore = ReturnType<typeof createFactsStore>

const AT_ONCE = 500
/** Who issued a certificate does not change; each pair is looked at once. */
const MOST_PAIRS = 100_000

type Trust = { signing: Certificate[]; authentication: Certificate[] }
type IsIssuedBy = (certificate: Certificate, authorities: Certificate[]) => boolean

export function createFactsStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)
  const issued = new Map<string, boolean>()
  const isOf = (certificate: Certificate, authority: Certificate): boolean => {
    const pair = `${certificate.sha256} ${authority.sha256}`
    const known = issued.get(pair)
    if (known !== undefined) return known
    if (issued.size >= MOST_PAIRS) issued.clear()
    const found = isIssuedBy(certificate, authority)
    issued.set(pair, found)
    return found
  }
  const isApproved: IsIssuedBy = (certificate, authorities) =>
    authorities.some((authority) => isOf(certificate, authority))

  return {
    /** Undefined before the instance is initialised. */
    subjects: (own: Own, now: number): Promise<Subject[] | undefined> =>
      inSnapshot(tables, (snapshot) => subjectsIn(snapshot, { own, now, isApproved })),
    /** When the newest restored register was accepted, in milliseconds; 0 if none ever was. */
    async restoredAt(): Promise<number> {
      const row = await tables
        .selectFrom('restoration')
        .select(({ fn }) => fn.max('accepted_at').as('at'))
        .executeTakeFirst()
      return row?.at == null ? 0 : Date.parse(row.at)
    },
    /** Changes when what documents say may have changed. */
    async mark(): Promise<string> {
      const row = await tables.selectFrom('register_revision').select('revision').executeTakeFirst()
      const proofs = await tables
        .selectFrom('management_request_proof')
        .select(({ fn }) => fn.max('request').as('newest'))
        .executeTakeFirst()
      const suspended = (await suspendedIn(tables)).map(({ kind, subject }) => `${kind} ${subject}`)
      return [row?.revision, proofs?.newest, ...suspended].join('\n')
    },
    /**
     * Keeps the signing certificates of the documents after request `after`, each with when the newest one
     * was filed and by whom; returns the newest request read. The registry verified each of these documents
     * when it accepted it.
     */
    async collect(after: number): Promise<number> {
      let newest = after
      for (;;) {
        const found = await tables
          .selectFrom('management_request_proof')
          .innerJoin('management_request', 'management_request.id', 'management_request_proof.request')
          .select(['request', 'signer', 'message', 'filed_at'])
          .where('request', '>', newest)
          .orderBy('request')
          .limit(AT_ONCE)
          .execute()
        // A request with several signers is not cut: the last one of a full page is read with the next.
        const cut = found.length < AT_ONCE ? undefined : found.at(-1)!.request
        const rows = found.filter(({ request }) => request !== cut)
        for (const { signer, message, filed_at } of rows) {
          const der = signerCertificate(message)
          if (der === undefined) continue
          await tables
            .insertInto('did_certificate')
            .values({
              sha256: readCertificate(der).sha256,
              member: signer,
              certificate: der,
              seen_at: filed_at,
            })
            .onConflict((conflict) =>
              conflict
                .column('sha256')
                .doUpdateSet({ member: signer, seen_at: filed_at })
                .where('did_certificate.seen_at', '<', filed_at),
            )
            .execute()
        }
        if (rows.length === 0) return newest
        newest = Number(rows.at(-1)!.request)
        if (cut === undefined) return newest
      }
    },
  }
}

async function subjectsIn(
  kysely: Kysely<RegisterTables>,
  { own, now, isApproved }: { own: Own; now: number; isApproved: IsIssuedBy },
): Promise<Subject[] | undefined> {
  const instance = await kysely
    .selectFrom('system_parameter')
    .select('value')
    .where('name', '=', 'instance')
    .executeTakeFirst()
  if (instance === undefined) return undefined
  const suspended = await suspendedIn(kysely)
  const isFree = (kind: string, subject: string): boolean =>
    !suspended.some((one) => one.kind === kind && one.subject === subject)
  const members = await kysely.selectFrom('member').select('id').orderBy('id').execute()
  const servers = await kysely
    .selectFrom('security_server')
    .select(['id', 'owner', 'address'])
    .orderBy('id')
    .execute()
  const trust = await trustIn(kysely)
  const [signing, authenticating, configuration] = [
    await kysely
      .selectFrom('did_certificate')
      .innerJoin('member', 'member.id', 'did_certificate.member')
      .select(['sha256', 'member', 'certificate'])
      // Whoever had the same codes before is another member.
      .whereRef('did_certificate.seen_at', '>=', 'member.created_at')
      .orderBy('sha256')
      .execute(),
    await kysely
      .selectFrom('authentication_certificate')
      .select(['sha256', 'server', 'certificate'])
      .orderBy('sha256')
      .execute(),
    await kysely
      .selectFrom('signing_key')
      .select('certificate')
      .orderBy('created_at')
      .orderBy('id')
      .execute(),
  ]
  const ofMember = Map.groupBy(signing, ({ member }) => member)
  const ofServer = Map.groupBy(authenticating, ({ server }) => server)
  const serversOf = Map.groupBy(servers, ({ owner }) => owner)
  const keys = (
    rows: { sha256: string; certificate: Buffer }[] | undefined,
    use: 'assertionMethod' | 'authentication',
  ): Subject['keys'] =>
    (rows ?? []).flatMap(({ sha256, certificate }) => {
      const der = Buffer.from(certificate)
      const authorities = use === 'assertionMethod' ? trust.signing : trust.authentication
      if (!isFree('certificate', sha256) || !isApproved(parseCertificate(der), authorities)) return []
      const key = certificateKey(der, use, now)
      return key === undefined ? [] : [key]
    })
  return [
    {
      ...{ kind: 'instance', id: instance.value, segments: [], controller: undefined },
      keys: [
        ...configuration.flatMap(
          ({ certificate }) => certificateKey(Buffer.from(certificate), 'assertionMethod', now) ?? [],
        ),
        ...own.keys,
      ],
      services: own.services,
    },
    ...members.map(({ id }): Subject => {
      const isSuspended = !isFree('member', id)
      const reachable = isSuspended ? [] : (serversOf.get(id) ?? []).filter((one) => isFree('server', one.id))
      return {
        ...{ kind: 'member', id, segments: memberSegments(id), controller: [] },
        keys: isSuspended ? [] : keys(ofMember.get(id), 'assertionMethod'),
        services: reachable.map((one) => serverService(one.id, one.address)),
      }
    }),
    ...servers.map(({ id, owner, address }): Subject => {
      const isSuspended = !isFree('server', id) || !isFree('member', owner)
      return {
        ...{ kind: 'server', id, segments: serverSegments(id), controller: memberSegments(owner) },
        keys: isSuspended ? [] : keys(ofServer.get(id), 'authentication'),
        services: isSuspended ? [] : [serverService(id, address)],
      }
    }),
  ]
}

/** The certificates of the approved CAs, and which of them may issue for signing. */
async function trustIn(kysely: Kysely<RegisterTables>): Promise<Trust> {
  const rows = await kysely
    .selectFrom('certification_authority')
    .innerJoin('certification_service', 'certification_service.id', 'certification_authority.service')
    .select(['certificate', 'authentication_only'])
    .execute()
  const read = (some: typeof rows): Certificate[] =>
    some.map(({ certificate }) => parseCertificate(Buffer.from(certificate)))
  return {
    signing: read(rows.filter((row) => Number(row.authentication_only) === 0)),
    authentication: read(rows),
  }
}

/**
 * The certificate with which a document in our own form was signed; X-Road's messages have another form, and
 * are left out.
 */
function signerCertificate(message: Buffer): Buffer | undefined {
  try {
    const { signatures } = JSON.parse(message.toString('utf8')) as { signatures: { protected: string }[] }
    const header = JSON.parse(Buffer.from(signatures[0]!.protected, 'base64url').toString()) as {
      x5c: string[]
    }
    return readCertificate(Buffer.from(header.x5c[0]!, 'base64')).der
  } catch {
    return undefined
  }
}
