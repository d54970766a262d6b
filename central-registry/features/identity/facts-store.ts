/** Reads of the register what DID documents say now, in one snapshot, and collects members' signing certificates from accepted documents. */
import type { Kysely } from 'kysely'
import { readCertificate } from '#core/certificate/certificate.ts'
import { type Database, inSnapshot, tablesOf } from '#platform/database/open-database.ts'
import { suspendedIn } from '../../register/suspended-store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { certificateKey, memberSegments, type Subject, serverSegments, serverService } from './documents.ts'

/** The instance's own keys besides those of its configuration, and its addresses. */
export type Own = Pick<Subject, 'keys' | 'services'>

export type FactsStore = ReturnType<typeof createFactsStore>

const AT_ONCE = 500

export function createFactsStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  return {
    /** Undefined before the instance is initialised. */
    subjects: (own: Own, now: number): Promise<Subject[] | undefined> =>
      inSnapshot(tables, (snapshot) => subjectsIn(snapshot, own, now)),
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
     * Keeps the signing certificates of the documents from request `after` on; returns the newest request read. The registry verified each of
     * these documents when it accepted it.
     */
    async collect(after: number, at: string): Promise<number> {
      let newest = after
      for (;;) {
        const rows = await tables
          .selectFrom('management_request_proof')
          .select(['request', 'signer', 'message'])
          .where('request', '>', newest)
          .orderBy('request')
          .limit(AT_ONCE)
          .execute()
        for (const { signer, message } of rows) {
          const der = signerCertificate(message)
          if (der === undefined) continue
          await tables
            .insertInto('did_certificate')
            .values({ sha256: readCertificate(der).sha256, member: signer, certificate: der, seen_at: at })
            .onConflict((conflict) => conflict.column('sha256').doNothing())
            .execute()
        }
        if (rows.length === 0) return newest
        newest = Number(rows.at(-1)!.request)
      }
    },
  }
}

async function subjectsIn(
  kysely: Kysely<RegisterTables>,
  own: Own,
  now: number,
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
  const [signing, authenticating, configuration] = [
    await kysely
      .selectFrom('did_certificate')
      .select(['sha256', 'member', 'certificate'])
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
      const key = isFree('certificate', sha256)
        ? certificateKey(Buffer.from(certificate), use, now)
        : undefined
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

/** The certificate with which a document in our own form was signed; X-Road's messages have another form, and are left out. */
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
